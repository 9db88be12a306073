//! scratchdbg as a plugin of docker and kubectl.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};
use scratchdbg_completion::Caller;
use scratchdbg_logs::escape;
use scratchdbg_plugin::Called;
use scratchdbg_plugin::docker::{self, DockerFlags, Request};

use crate::commands::complete::answer;
use crate::env::Environment;
use scratchdbg_args::{Cli, kubectl};

/// What this program was run for.
pub(crate) enum Asked {
    /// A command, with the flags that docker took for it.
    Run(Box<Cli>, DockerFlags),
    /// A text for docker or kubectl.
    Text(String),
}

/// Parses the command line of the program, or of the plugin that it was run as.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Asked, clap::Error> {
    let called = scratchdbg_plugin::called(arguments.first().map(OsString::as_os_str));
    let rest = arguments.get(1..).unwrap_or_default();
    match called {
        Called::Alone => {
            if let Some((shell, words)) = scratchdbg_completion::asked(rest) {
                return Ok(Asked::Text(complete(shell, Cli::command(), &words)));
            }
            Ok(Asked::Run(Box::new(Cli::try_parse_from(&arguments)?), DockerFlags::default()))
        }
        Called::ByKubectl => {
            Ok(Asked::Run(Box::new(kubectl::parse(arguments)?), DockerFlags::default()))
        }
        Called::ForCompletion => {
            let words: Vec<String> =
                rest.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            Ok(Asked::Text(complete(Caller::Cobra, kubectl::command(), &words)))
        }
        Called::ByDocker => {
            if let Some(metadata) =
                docker::metadata(rest, env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION"))
            {
                return Ok(Asked::Text(metadata));
            }
            let mut command = Cli::command().bin_name("docker scratchdbg");
            match docker::read(rest) {
                Ok((flags, Request::Run(ours))) => {
                    let ours =
                        ["docker scratchdbg".into()].into_iter().chain(flags.as_ours()).chain(ours);
                    let cli = Cli::from_arg_matches(&command.try_get_matches_from(ours)?)?;
                    Ok(Asked::Run(Box::new(cli), flags))
                }
                Ok((flags, Request::Complete(words))) => {
                    let ours = flags.as_ours().into_iter();
                    let ours = ours.map(|flag| flag.to_string_lossy().into_owned());
                    let words: Vec<String> = ours.chain(words).collect();
                    let environment = Environment::read().with(flags);
                    Ok(Asked::Text(answer(Caller::Cobra, command, &words, environment)))
                }
                Err(error) => {
                    Err(command
                        .error(ErrorKind::UnknownArgument, escape::label(&error.to_string())))
                }
            }
        }
    }
}

fn complete(caller: Caller, command: clap::Command, words: &[String]) -> String {
    answer(caller, command, words, Environment::read())
}

#[cfg(test)]
mod tests {
    use scratchdbg_args::Command;

    use super::*;

    fn asked(line: &str) -> Asked {
        parse(line.split(' ').map(OsString::from).collect()).unwrap()
    }

    #[test]
    fn docker_runs_us_with_its_own_flags_first() {
        let line = "/p/docker-scratchdbg -D -H unix:///a --config /c scratchdbg exec web -- ls -l";
        let Asked::Run(cli, flags) = asked(line) else { panic!("run") };
        assert_eq!((cli.global.host.as_deref(), cli.global.verbose), (Some("unix:///a"), 2));
        assert_eq!(flags.config, Some("/c".into()));
        let Command::Attach(args) = cli.command else { panic!("attach") };
        assert_eq!(
            (args.target(), &args.command[..]),
            ("web", &["ls".to_owned(), "-l".to_owned()][..])
        );
        for line in ["docker-scratchdbg --nope scratchdbg ps", "docker-scratchdbg scratchdbg nope"]
        {
            let error =
                parse(line.split(' ').map(OsString::from).collect()).err().expect(line).to_string();
            assert!(error.contains("nope"), "{error}");
        }
        let help =
            parse(["docker-scratchdbg", "help", "scratchdbg", "ps"].map(OsString::from).to_vec());
        let help = help.err().expect("a help is an error of clap").to_string();
        assert!(help.contains("Usage: docker scratchdbg ps"), "{help}");
    }

    #[test]
    fn clients_get_texts() {
        let text = |line: &str| match asked(line) {
            Asked::Text(text) => text,
            Asked::Run(..) => panic!("{line}"),
        };
        assert!(
            text("docker-scratchdbg docker-cli-plugin-metadata")
                .contains("\"SchemaVersion\":\"0.1.0\"")
        );
        assert!(
            text("docker-scratchdbg __complete scratchdbg att").starts_with("attach\tOpen a shell")
        );
        assert!(text("kubectl_complete-scratchdbg att").starts_with("attach\tOpen a shell"));
        assert_eq!(text("kubectl_complete-scratchdbg attach --kube-").lines().count(), 2);
        assert_eq!(text("kubectl_complete-scratchdbg sessions ").lines().count(), 4);
    }
}
