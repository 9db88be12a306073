//! scratchdbg as a plugin of docker and kubectl.
//!
//! In kubectl's plugin, a plain name is the name of a pod, `-n` is the namespace in all commands,
//! and `--context` is a context of the Kubernetes configuration.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};
use scratchdbg_completion::Caller;
use scratchdbg_logs::escape;
use scratchdbg_plugin::Called;
use scratchdbg_plugin::docker::{self, DockerFlags, Request};

use crate::commands::complete::answer;
use crate::env::Environment;
use scratchdbg_args::{Cli, Command, KubernetesArgs};

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
            Ok(Asked::Run(Box::new(of_kubectl(arguments)?), DockerFlags::default()))
        }
        Called::ForCompletion => {
            let words: Vec<String> =
                rest.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            Ok(Asked::Text(complete(Caller::Cobra, kubectl_command(), &words)))
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

/// Returns the definition of the command line of kubectl's plugin.
fn kubectl_command() -> clap::Command {
    let namespace = |namespace: clap::Arg| namespace.short('n');
    let command = Cli::command().bin_name("kubectl scratchdbg");
    let command = command.mut_subcommand("logs", |logs| {
        logs.mut_arg("tail", |tail| tail.short(None)).mut_arg("namespace", namespace)
    });
    command.mut_subcommand("ps", |ps| {
        let ps =
            ps.mut_arg("n", |n| n.short(None).long("n").hide(true)).mut_arg("namespace", namespace);
        ps.mut_arg("latest", |latest| latest.short(None))
            .mut_arg("pod_selector", |labels| labels.short('l'))
    })
}

/// Parses the command line of kubectl's plugin.
fn of_kubectl(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut cli = Cli::from_arg_matches(&kubectl_command().try_get_matches_from(arguments)?)?;
    let context = cli.global.context.take();
    let adapt = |options: &mut KubernetesArgs| {
        options.is_plugin = true;
        options.kube_context = options.kube_context.take().or(context.clone());
    };
    match &mut cli.command {
        Command::Attach(args) => {
            adapt(&mut args.kubernetes);
            if !args.image {
                args.target.iter_mut().for_each(as_pod);
            }
        }
        Command::Logs(args) => {
            adapt(&mut args.kubernetes);
            args.targets.iter_mut().for_each(as_pod);
        }
        Command::Why(args) => {
            adapt(&mut args.kubernetes);
            args.targets.iter_mut().filter(|target| target.parse::<u8>().is_err()).for_each(as_pod);
        }
        Command::Cp(args) => {
            adapt(&mut args.kubernetes);
            for side in [&mut args.source, &mut args.destination] {
                // What begins so is a path of this machine.
                if side.find(':').is_some_and(|at| at > 0 && !side[..at].contains('/'))
                    && !side.starts_with('.')
                {
                    side.insert_str(0, "pod/");
                }
            }
        }
        Command::Forward(args) => {
            adapt(&mut args.kubernetes);
            as_pod(&mut args.target);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Command {
        of_kubectl(line.split_whitespace().map(OsString::from).collect()).unwrap().command
    }

    #[test]
    fn a_plain_name_is_a_pod_there() {
        let Command::Attach(args) =
            parsed("kubectl-scratchdbg attach web -n shop --context prod -- ls -n")
        else {
            panic!("attach")
        };
        assert_eq!(
            (
                args.target(),
                args.kubernetes.namespace.as_deref(),
                args.kubernetes.kube_context.as_deref()
            ),
            ("pod/web", Some("shop"), Some("prod"))
        );
        assert_eq!(args.command, ["ls", "-n"]);
        let Command::Logs(args) = parsed("kubectl-scratchdbg logs web deploy/db -n shop --tail 5")
        else {
            panic!("logs")
        };
        assert_eq!(args.targets, ["pod/web", "deploy/db"]);
        assert_eq!(args.kubernetes.namespace.as_deref(), Some("shop"));
        let Command::Forward(args) = parsed("kubectl-scratchdbg forward 80 8080:81 web -n shop")
        else {
            panic!("forward")
        };
        assert_eq!((&*args.target, args.forwards.len()), ("pod/web", 2));
        let Command::Cp(args) = parsed("kubectl-scratchdbg cp web:/a ./b:c -n shop") else {
            panic!("cp")
        };
        assert_eq!((&*args.source, &*args.destination), ("pod/web:/a", "./b:c"));
        let Command::Cp(args) = parsed("kubectl-scratchdbg cp /a:b deploy/db:/x") else {
            panic!("cp")
        };
        assert_eq!((&*args.source, &*args.destination), ("/a:b", "deploy/db:/x"));
        let Command::Sessions(command) = parsed("kubectl-scratchdbg sessions ls") else {
            panic!("sessions")
        };
        assert!(
            KubernetesArgs::from(command.cluster()).given().is_some(),
            "the cluster's sessions are meant"
        );
        let Command::Attach(args) = parsed("kubectl-scratchdbg attach") else { panic!("attach") };
        assert!(args.kubernetes.is_plugin && args.target().is_empty(), "a pod is chosen");
    }

    #[test]
    fn the_command_lines_are_sound() {
        kubectl_command().debug_assert();
    }

    #[test]
    fn kubectls_letters_are_kubectls() {
        let Command::Ps(args) = parsed("kubectl-scratchdbg ps -n 5 -l app=web") else {
            panic!("ps")
        };
        assert_eq!((args.n, args.latest), (None, false));
        let cluster = args.kubernetes;
        assert_eq!(
            (cluster.namespace.as_deref(), cluster.selector.as_deref()),
            (Some("5"), Some("app=web"))
        );
        let Command::Why(args) = parsed("kubectl-scratchdbg why 137 web") else { panic!("why") };
        assert_eq!(args.targets, ["137", "pod/web"]);
    }

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
