//! The command line of kubectl's plugin: a plain name is the name of a pod, `-n` is the namespace in
//! all commands, and `--context` is a context of the Kubernetes configuration.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{Cli, Command, KubernetesArgs};

/// Returns the definition of the command line of kubectl's plugin.
pub fn command() -> clap::Command {
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
///
/// # Errors
///
/// Fails where clap does: with a usage error, or a help text.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
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
        parse(line.split_whitespace().map(OsString::from).collect()).unwrap().command
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
        command().debug_assert();
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
}
