//! Completions in the protocol of cobra, which docker and kubectl share.

use clap::Command;

/// The last line: complete no file names (cobra's directive `ShellCompDirectiveNoFileComp`).
const NO_FILES: &str = ":4\n";

/// Returns the completions of a command line: one per line with its description, and a last line
/// that tells how to go on. The last word is the one to complete.
pub fn completions(mut command: Command, words: &[String]) -> String {
    command.build();
    let (typed, before) =
        words.split_last().map_or(("", &[][..]), |(typed, before)| (&**typed, before));
    let mut at = &command;
    for word in before {
        at = at.find_subcommand(word).unwrap_or(at);
    }
    let mut candidates: Vec<(String, String)> = Vec::new();
    let last = before.last().map(String::as_str);
    let awaits_value = at.get_arguments().find(|argument| {
        let is_last = last.is_some_and(|last| {
            argument.get_long().is_some_and(|long| last == format!("--{long}"))
        });
        is_last && argument.get_action().takes_values()
    });
    if let Some(argument) = awaits_value {
        let values = argument.get_possible_values();
        candidates.extend(
            values.iter().map(|value| (value.get_name().to_owned(), first_line(value.get_help()))),
        );
    } else if typed.starts_with('-') {
        for argument in at.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let long = argument.get_long().map(|name| format!("--{name}"));
            candidates.extend(long.map(|long| (long, first_line(argument.get_help()))));
        }
    } else {
        let commands = at
            .get_subcommands()
            .filter(|command| command.get_name() != "help" && !command.is_hide_set());
        candidates.extend(
            commands
                .map(|command| (command.get_name().to_owned(), first_line(command.get_about()))),
        );
    }
    let fitting = candidates.into_iter().filter(|(candidate, _)| candidate.starts_with(typed));
    let line = |(candidate, about): (String, String)| match &*about {
        "" => format!("{candidate}\n"),
        about => format!("{candidate}\t{about}\n"),
    };
    fitting.map(line).collect::<String>() + NO_FILES
}

fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction};

    use super::*;

    fn completed(line: &str) -> String {
        let sessions =
            Command::new("sessions").subcommand(Command::new("ls")).subcommand(Command::new("rm"));
        let attach = Command::new("attach")
            .about("Open a shell\n\nInside")
            .arg(Arg::new("linger").long("linger"));
        let mode = Arg::new("mode").long("mode").value_parser(["exec", "copy"]).help("How to run");
        let root = Arg::new("root").long("root").action(ArgAction::SetTrue);
        let command =
            Command::new("scratchdbg").subcommand(sessions).subcommand(attach.arg(mode).arg(root));
        completions(command, &line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_completed() {
        assert_eq!(completed("att"), "attach\tOpen a shell\n:4\n");
        assert_eq!(completed("sessions "), "ls\nrm\n:4\n");
        assert_eq!(completed("attach --mo"), "--mode\tHow to run\n:4\n");
        assert_eq!(completed("attach --mode "), "exec\ncopy\n:4\n");
        assert_eq!(completed("attach --mode c"), "copy\n:4\n");
        assert_eq!(completed("attach --linger "), ":4\n");
        assert_eq!(completed("attach --root "), ":4\n");
        assert_eq!(completed("nothing"), ":4\n");
        assert_eq!(completions(Command::new("scratchdbg"), &[]), ":4\n");
    }
}
