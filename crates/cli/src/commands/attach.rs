//! `attach`: a shell, or a single command, inside a container that may have no shell.

mod consent;
mod explain;
mod terminal;
#[cfg(feature = "kubernetes")]
mod toolkit;
mod words;

use scratchdbg_backend::{Interrupts, Mode, PlanRequest, SessionBackend, SessionTarget, ToolSource, ToolStore};
use scratchdbg_console::terminal::is_interactive;
use scratchdbg_session::tools::SessionTools;
use scratchdbg_session::{Audit, Notice, Request};

use self::terminal::TerminalUser;
use crate::args::AttachArgs;
#[cfg(feature = "kubernetes")]
use crate::args::ModeArg;
use crate::blocking::blocking;
use crate::context::Context;
use crate::env::Environment;
use crate::error::{CommandError, Outcome};
use crate::platform::{self, Location, Platform, Probed, is_image_reference};

pub(crate) async fn attach(args: AttachArgs, context: &Context, mut interrupts: Interrupts) -> Outcome {
    // Before anything is created: a session must not run without its audit record.
    let audit = args.audit.as_deref().filter(|_| !args.explain).map(Audit::open).transpose()?;
    // An image may have a slash in its name.
    if !args.image && platform::location(std::slice::from_ref(&args.target), &args.kubernetes)? == Location::Cluster {
        return Box::pin(attach_to_pod(args, audit, context, &mut interrupts)).await;
    }
    let prepared = async {
        let request = request(&args, target(&args)?, context).await?;
        let (platform, probed) = context.platform_with_probe(&request.target).await?;
        Ok::<_, CommandError>((request, platform, probed))
    };
    let (request, platform, probed) = match interrupts.race(&context.scope, Box::pin(prepared)).await {
        Ok(prepared) => prepared?,
        Err(code) => return Ok(code),
    };
    match platform {
        Platform::Docker(engine) => {
            let probed = probed.and_then(|Probed::Docker(probed)| probed);
            Box::pin(attach_on(engine, args, request, probed, audit, context, &mut interrupts)).await
        }
        #[cfg(feature = "kubernetes")]
        Platform::Kubernetes(_) => Err(platform::not_for_pods("attach")),
    }
}

async fn attach_on<B: SessionBackend + ToolStore>(
    platform: &B,
    args: AttachArgs,
    request: Request,
    probed: Option<B::Target>,
    audit: Option<Audit>,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Outcome {
    let on_load = |image: &str, origin: &str| words::tell(Notice::LoadsTools { image, origin }, context.printer);
    let tools = SessionTools::new(platform.clone(), &context.host_toolkit, args.toolkit.clone(), &on_load);
    attach_with(platform, &tools, &args, request, probed, audit, context, interrupts).await
}

/// Runs a session in a container of a pod.
#[cfg(feature = "kubernetes")]
async fn attach_to_pod(
    args: AttachArgs,
    audit: Option<Audit>,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Outcome {
    let prepared = async {
        let connected = context.platform_of(std::slice::from_ref(&args.target), &args.kubernetes).await?;
        let sessions = platform::pod_sessions(connected, context.printer)?;
        let chosen =
            platform::choose_container(&sessions, &args.target, &args.kubernetes, args.mode == ModeArg::Copy).await?;
        let request = request(&args, chosen.target, context).await?;
        chosen.note.iter().for_each(|note| context.printer.note(note));
        Ok::<_, CommandError>((sessions, request, chosen.seen))
    };
    let (sessions, request, seen) = match interrupts.race(&context.scope, Box::pin(prepared)).await {
        Ok(prepared) => prepared?,
        Err(code) => return Ok(code),
    };
    let tools = toolkit::of_cluster(&args, &seen, context).await?;
    attach_with(&sessions, &tools, &args, request, Some(seen), audit, context, interrupts).await
}

/// Reports that this program was built without Kubernetes.
#[cfg(not(feature = "kubernetes"))]
async fn attach_to_pod(
    args: AttachArgs,
    _audit: Option<Audit>,
    context: &Context,
    _interrupts: &mut Interrupts,
) -> Outcome {
    context.platform_of(&[args.target], &args.kubernetes).await?;
    Err(platform::not_for_pods("attach"))
}

#[expect(clippy::too_many_arguments, reason = "all that a session takes, from two callers")]
async fn attach_with<B: SessionBackend>(
    platform: &B,
    tools: &impl ToolSource,
    args: &AttachArgs,
    request: Request,
    probed: Option<B::Target>,
    audit: Option<Audit>,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Outcome {
    if args.explain {
        let planned = Box::pin(scratchdbg_session::plan(platform, &request, probed, tools));
        return match interrupts.race(&context.scope, planned).await {
            Ok(plan) => {
                explain::print(plan?.as_ref(), args.format, context.printer)?;
                Ok(0)
            }
            Err(code) => Ok(code),
        };
    }
    let mut user = TerminalUser::new(context.printer, audit);
    Ok(scratchdbg_session::run(platform, request, probed, tools, &mut user, interrupts).await?)
}

/// Returns the engine's container or image that the command line names.
fn target(args: &AttachArgs) -> Result<SessionTarget, CommandError> {
    if !args.image {
        return Ok(SessionTarget::Container(args.target.parse()?));
    }
    if !is_image_reference(&args.target) {
        return Err(CommandError::usage(format!("`{}` cannot be the name of an image", args.target))
            .hint("--image takes NAME[:TAG], NAME@DIGEST or an id, as `docker images` lists them"));
    }
    Ok(SessionTarget::Image(args.target.clone()))
}

/// Turns the command line into a request.
async fn request(args: &AttachArgs, target: SessionTarget, context: &Context) -> Result<Request, CommandError> {
    let tty = !args.no_tty && is_interactive();
    args.user.as_deref().map_or(Ok(()), check_user)?;
    args.workdir.as_deref().map_or(Ok(()), check_workdir)?;
    args.capabilities.iter().try_for_each(|name| check_capability(name))?;
    // Keys are typed only on a terminal.
    let folder = context.environment.docker_config.clone().filter(|_| tty);
    let keys = args.detach_keys.clone();
    let detach_keys = blocking(move || Ok(platform::detach_keys(keys, folder.as_deref())?)).await?;
    let plan = PlanRequest {
        command: args.command.clone(),
        mode: if args.image { Some(Mode::Copy) } else { args.mode.into() },
        user: if args.root { Some("0".to_owned()) } else { args.user.as_deref().map(with_numeric_root) },
        tty,
        term: context.environment.term.clone(),
        environment: environment(&args.env)?,
        workdir: args.workdir.clone(),
        capabilities: args.capabilities.clone(),
        security_options: args.security_options.clone(),
        linger: args.linger,
        detach_keys,
        same_rights: args.same_rights,
        dry_run: args.explain,
        ..PlanRequest::default()
    };
    Ok(Request { target, plan, trust_neighbors: args.trust_neighbors, follow_restarts: args.follow_restarts })
}

/// Refuses an empty part. Depending on the engine, it would stand for root or for the target's own
/// user, so an unset variable would grant rights that nobody requested.
fn check_user(text: &str) -> Result<(), CommandError> {
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let missing = match (user.trim(), group.map(str::trim)) {
        ("", _) => "user",
        (_, Some("")) => "group",
        _ => return Ok(()),
    };
    Err(CommandError::usage(format!("--user `{text}` names no {missing}"))
        .hint("-u USER or -u USER:GROUP; without -u the session is the target's own user"))
}

/// Replaces the name `root` with 0, which is root in every container, even if no file defines the
/// name.
fn with_numeric_root(user: &str) -> String {
    let number = |name: &str| if name == "root" { "0".to_owned() } else { name.to_owned() };
    match user.split_once(':') {
        Some((user, group)) => format!("{}:{}", number(user), number(group)),
        None => number(user),
    }
}

/// Returns the variables for the command. As in docker, a name alone takes its value from the
/// environment of this process, if it is set there.
fn environment(entries: &[String]) -> Result<Vec<String>, CommandError> {
    let mut variables = Vec::new();
    for entry in entries {
        let (name, value) = entry.split_once('=').map_or((entry.as_str(), None), |(name, value)| (name, Some(value)));
        if name.is_empty() {
            return Err(CommandError::usage(format!("--env `{entry}` names no variable")).hint("it is NAME=VALUE"));
        }
        if name == "PATH" || name.starts_with("SCRATCHDBG_") {
            return Err(CommandError::usage(format!("--env {name}: scratchdbg sets this variable itself"))
                .hint(format!("`attach TARGET env {name}=VALUE COMMAND` sets it for the command alone")));
        }
        match value {
            Some(_) => variables.push(entry.clone()),
            None => variables.extend(Environment::named(name).map(|value| format!("{name}={value}"))),
        }
    }
    Ok(variables)
}

fn check_workdir(path: &str) -> Result<(), CommandError> {
    if path.starts_with('/') {
        return Ok(());
    }
    Err(CommandError::usage(format!("--workdir `{path}` is not an absolute path"))
        .hint("it is a directory of the target, such as /srv"))
}

/// Refuses an unknown capability. Some engines would ignore it, others would refuse it halfway
/// through.
fn check_capability(name: &str) -> Result<(), CommandError> {
    if scratchdbg_diagnose::capability::is_known(name) {
        return Ok(());
    }
    Err(CommandError::usage(format!("--cap-add `{name}`: there is no such capability")).hint(
        "one a time, as in --cap-add NET_ADMIN --cap-add SYS_PTRACE; capabilities(7) lists them, ALL is all of them",
    ))
}

#[cfg(test)]
mod tests {
    use super::{check_capability, check_user, environment, with_numeric_root};

    #[test]
    fn root_is_a_number_everywhere() {
        for (user, expected) in
            [("root", "0"), ("root:root", "0:0"), ("root:7", "0:7"), ("app", "app"), ("rooted:x", "rooted:x")]
        {
            assert_eq!(with_numeric_root(user), expected);
        }
    }

    #[test]
    fn variables_are_those_of_the_command_line() {
        let of = |entries: &[&str]| {
            environment(&entries.iter().map(|&entry| entry.to_owned()).collect::<Vec<_>>())
                .map_err(|error| error.message)
        };
        assert_eq!(of(&["A=b=c", "B=", "NOT_SET_ANYWHERE"]), Ok(vec!["A=b=c".to_owned(), "B=".to_owned()]));
        for bad in ["=x", "", "PATH=/x", "PATH", "SCRATCHDBG_RECORD=x"] {
            assert!(of(&[bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_empty_part_of_a_user_is_refused() {
        for text in ["root", "0", "0:0", "app:staff", "1000:50"] {
            assert!(check_user(text).is_ok(), "{text}");
        }
        for (text, missing) in
            [("", "user"), (" ", "user"), (":", "user"), (":5", "user"), ("5:", "group"), ("a: ", "group")]
        {
            let error = check_user(text).unwrap_err();
            assert!(error.message.ends_with(missing) && !error.hints.is_empty(), "{text:?}: {}", error.message);
        }
    }

    #[test]
    fn only_capabilities_can_be_added() {
        for name in ["NET_ADMIN", "CAP_NET_ADMIN", "net_admin", "ALL", "all"] {
            assert!(check_capability(name).is_ok(), "{name}");
        }
        for name in ["", " ", "GARBAGE", "NET_ADMIN,SYS_PTRACE", "CAP_ALL", "CAP_", "NET_ADMIN "] {
            assert!(check_capability(name).is_err(), "{name:?}");
        }
    }
}
