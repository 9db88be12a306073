//! The kubectl plugin: the same program, run under the name `kubectl-scratchdbg` or
//! `kubectl_complete-scratchdbg`.
//!
//! In the plugin, a plain name is the name of a pod, `-n` is the namespace in all commands, and
//! `--context` is a context of the Kubernetes configuration.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::args::{Cli, Command, KubernetesArgs};

/// The file name of the plugin `kubectl scratchdbg`, which kubectl searches in `PATH`.
const NAME: &str = "kubectl-scratchdbg";

/// The file name of the program that kubectl runs for completions.
const COMPLETION: &str = "kubectl_complete-scratchdbg";

/// How this program was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    /// By the user, under its own name.
    Alone,
    /// By kubectl, as a plugin.
    AsPlugin,
    /// By kubectl, to complete a command line.
    ForCompletion,
}

/// Returns how this program was run, according to its first argument.
pub(crate) fn called(program: Option<&OsStr>) -> Called {
    match program.and_then(|program| Path::new(program).file_name()) {
        Some(name) if name == NAME => Called::AsPlugin,
        Some(name) if name == COMPLETION => Called::ForCompletion,
        _ => Called::Alone,
    }
}

/// Returns the definition of the plugin's command line.
fn command() -> clap::Command {
    Cli::command().bin_name("kubectl scratchdbg").mut_subcommand("logs", |logs| {
        let logs = logs.mut_arg("tail", |tail| tail.short(None));
        logs.mut_arg("namespace", |namespace| namespace.short('n'))
    })
}

/// Parses the plugin's command line.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut cli = Cli::from_arg_matches(&command().try_get_matches_from(arguments)?)?;
    let context = cli.global.context.take();
    let adapt = |options: &mut KubernetesArgs| {
        options.is_plugin = true;
        options.kube_context = options.kube_context.take().or(context.clone());
    };
    match &mut cli.command {
        Command::Attach(args) => {
            adapt(&mut args.kubernetes);
            if !args.image {
                as_pod(&mut args.target);
            }
        }
        Command::Logs(args) => {
            adapt(&mut args.kubernetes);
            args.targets.iter_mut().for_each(as_pod);
        }
        Command::Why(args) => {
            adapt(&mut args.kubernetes);
            args.target.iter_mut().for_each(as_pod);
        }
        Command::Ps(args) => adapt(&mut args.kubernetes),
        Command::Sessions(command) => {
            let cluster = command.cluster_mut();
            cluster.is_plugin = true;
            cluster.kube_context = cluster.kube_context.take().or(context.clone());
        }
        _ => {}
    }
    Ok(cli)
}

/// Turns a plain name into the name of a pod.
fn as_pod(target: &mut String) {
    if !target.contains('/') {
        target.insert_str(0, "pod/");
    }
}

/// Returns the completions of a command line in kubectl's protocol: one per line, and a last line
/// that disables the completion of file names. The last argument is the word to complete.
pub(crate) fn completions(arguments: &[OsString]) -> String {
    const NO_FILES: &str = ":4\n";
    let mut command = command();
    command.build();
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (typed, before) = words.split_last().map_or(("", &[][..]), |(typed, before)| (&**typed, before));
    let mut at = &command;
    for word in before {
        at = at.find_subcommand(word).unwrap_or(at);
    }
    let options = at.get_arguments().filter_map(|argument| argument.get_long()).map(|name| format!("--{name}"));
    let commands = at.get_subcommands().map(|command| command.get_name().to_owned()).filter(|name| name != "help");
    let candidates: Vec<String> = if typed.starts_with('-') { options.collect() } else { commands.collect() };
    let fitting = candidates.into_iter().filter(|candidate| candidate.starts_with(typed));
    fitting.map(|candidate| candidate + "\n").collect::<String>() + NO_FILES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Command {
        parse(line.split_whitespace().map(OsString::from)).unwrap().command
    }

    #[test]
    fn the_plugin_is_known_by_its_name() {
        for (program, expected) in [
            ("scratchdbg", Called::Alone),
            ("/usr/bin/scratchdbg", Called::Alone),
            ("/usr/local/bin/kubectl-scratchdbg", Called::AsPlugin),
            ("kubectl_complete-scratchdbg", Called::ForCompletion),
            ("", Called::Alone),
        ] {
            assert_eq!(called(Some(OsStr::new(program))), expected, "{program}");
        }
        assert_eq!(called(None), Called::Alone);
    }

    #[test]
    fn a_plain_name_is_a_pod_there() {
        let Command::Attach(args) = parsed("kubectl-scratchdbg attach web -n shop --context prod -- ls -n") else {
            panic!("attach")
        };
        assert_eq!(
            (&*args.target, args.kubernetes.namespace.as_deref(), args.kubernetes.kube_context.as_deref()),
            ("pod/web", Some("shop"), Some("prod"))
        );
        assert_eq!(args.command, ["ls", "-n"]);
        let Command::Logs(args) = parsed("kubectl-scratchdbg logs web deploy/db -n shop --tail 5") else {
            panic!("logs")
        };
        assert_eq!(args.targets, ["pod/web", "deploy/db"]);
        assert_eq!(args.kubernetes.namespace.as_deref(), Some("shop"));
        let Command::Sessions(command) = parsed("kubectl-scratchdbg sessions ls") else { panic!("sessions") };
        assert!(KubernetesArgs::from(command.cluster()).given().is_some(), "the cluster's sessions are meant");
        assert!(parse(["kubectl-scratchdbg", "attach"].map(OsString::from).into_iter()).is_err());
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn words_are_completed_by_kubectls_protocol() {
        let words = |line: &str| completions(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(words("att"), "attach\n:4\n");
        assert_eq!(words("sessions "), "ls\nrm\ngc\n:4\n");
        assert_eq!(words("attach --kube-"), "--kube-context\n:4\n");
        assert_eq!(words("nothing"), ":4\n");
        assert!(completions(&[]).ends_with(":4\n"));
    }
}
