//! The candidates for the last word of a command line.

use std::ffi::OsString;

use clap::Command;
use clap_complete::engine;
use scratchdbg_logs::escape;

use crate::Candidate;

/// What a command line may go on with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The candidates for the last word.
    pub candidates: Vec<Candidate>,
    /// A blank may follow the word: it is complete.
    pub ends_word: bool,
}

/// Completes the last of these words, which follow the program's name.
pub fn candidates(mut command: Command, words: &[String]) -> Answer {
    let program = OsString::from(command.get_name());
    let typed = words.last().map_or("", String::as_str);
    let mut line: Vec<OsString> =
        std::iter::once(program).chain(words.iter().map(OsString::from)).collect();
    if words.is_empty() {
        line.push(OsString::new());
    }
    let last = line.len() - 1;
    // Its errors are those of the current directory, which no candidate needs.
    let found = engine::complete(&mut command, line, last, None).unwrap_or_default();
    let mut candidates: Vec<Candidate> = found.iter().filter_map(readable).collect();
    if typed.is_empty() && candidates.iter().any(|each| !each.value.starts_with('-')) {
        // Options are offered where they are asked for.
        candidates.retain(|each| !each.value.starts_with('-'));
    }
    // The command `help` and the options `--help` and `--version` need no explanation.
    candidates.retain(|each| each.value != "help" || typed.starts_with('h'));
    candidates.dedup_by(|left, right| left.value == right.value);
    let ends_word = !candidates.iter().any(|each| each.value.ends_with(['/', '=', ':']));
    Answer { candidates, ends_word }
}

/// Returns a candidate as text, if a line of a terminal can show it.
fn readable(candidate: &engine::CompletionCandidate) -> Option<Candidate> {
    if candidate.is_hide_set() {
        return None;
    }
    let value = candidate.get_value().to_str()?;
    let about = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    let about = about.lines().next().unwrap_or_default().to_owned();
    (escape::label(value) == value).then(|| Candidate { value: value.to_owned(), about })
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction};

    use super::*;

    fn completed(line: &str) -> Vec<String> {
        let mode = Arg::new("mode").long("mode").help("How to run").value_parser(["exec", "copy"]);
        let linger = Arg::new("linger").long("linger").action(ArgAction::SetTrue);
        let hidden = Arg::new("root").long("root").hide(true).action(ArgAction::SetTrue);
        let inner = ["ls", "rm"].map(Command::new);
        let command = Command::new("scratchdbg")
            .subcommand(Command::new("attach").about("Open a shell").args([mode, linger, hidden]))
            .subcommand(Command::new("sessions").subcommands(inner));
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let answer = candidates(command, &words);
        answer.candidates.into_iter().map(|each| format!("{}:{}", each.value, each.about)).collect()
    }

    #[test]
    fn words_are_completed() {
        assert_eq!(completed("att"), ["attach:Open a shell"]);
        assert_eq!(completed(""), ["attach:Open a shell", "sessions:"]);
        assert_eq!(completed("sessions "), ["ls:", "rm:"]);
        assert_eq!(completed("attach --mo"), ["--mode:How to run"]);
        assert_eq!(completed("attach --mode "), ["exec:", "copy:"]);
        assert_eq!(completed("attach --mode c"), ["copy:"]);
        assert_eq!(completed("attach --ro"), Vec::<String>::new());
        assert_eq!(completed("nothing"), Vec::<String>::new());
        assert_eq!(candidates(Command::new("scratchdbg"), &[]).candidates[0].value, "--help");
    }
}
