//! `cp`: copies files out of a container or into it.

use std::io::IsTerminal as _;

use scratchdbg_args::{CopyArgs, ViaArg};
use scratchdbg_backend::{Interrupts, Phase, SessionBackend, SessionTarget, ToolSource, asked};
use scratchdbg_console::streams::{self, WaitingStream};
use scratchdbg_copy::{Copy, Direction, Place, Streams, by_archive, by_session};
use scratchdbg_dialog::tell;
use scratchdbg_session::tools::SessionTools;
use scratchdbg_session::{Notice, PipedOptions};
use scratchdbg_settings::Key;

#[cfg(feature = "kubernetes")]
use super::attach;
use super::inside::{self, Inside};
use crate::context::Context;
use crate::error::{CommandError, Outcome};

pub(crate) async fn cp(args: CopyArgs, context: &Context, mut interrupts: Interrupts) -> Outcome {
    let copy = Copy::parse(&args.source, &args.destination)
        .map_err(|error| CommandError::usage(error.to_string()).hint(error.hint()))?;
    let copy = Copy { follow: args.follow_link, keeps_owner: args.archive, ..copy };
    if matches!(copy.direction, Direction::Out(_, Place::Stream)) && std::io::stdout().is_terminal()
    {
        return Err(CommandError::usage("a tar stream is nothing for a terminal")
            .hint("give a folder, or send the stream to a program: `… - | tar -t`"));
    }
    args.user.as_deref().map_or(Ok(()), asked::check_user)?;
    let found = Box::pin(inside::find(&copy.target, &args.kubernetes, context));
    let found = match interrupts.race(&context.scope, found).await {
        Ok(found) => found?,
        Err(code) => return Ok(code),
    };
    let outcome = match found {
        Inside::Engine(engine, name, phase) => {
            let has_session = match args.via {
                ViaArg::Auto => phase == Phase::Running,
                via => via == ViaArg::Session,
            };
            let streams = standard_streams();
            if has_session {
                let on_load = inside::on_load(context.printer);
                let wanted = inside::tools(args.toolkit.as_deref(), &[], context)?;
                let tools =
                    SessionTools::new(engine.clone(), &context.host_toolkit, wanted, &on_load);
                let copied = Box::pin(by_session_of(
                    engine,
                    SessionTarget::Container(name.clone()),
                    &tools,
                    &copy,
                    &args,
                    streams,
                    context,
                    &mut interrupts,
                ));
                return match copied.await? {
                    Ok(outcome) => Ok(finish(outcome, &copy, context)),
                    Err(error) if args.via == ViaArg::Session || args.user.is_some() => {
                        Err(error.into())
                    }
                    Err(error) => Err(CommandError::from(error)
                        .hint("--via engine copies without a session: as root, as `docker cp`")),
                };
            }
            let is_root = |user: &str| matches!(&*asked::with_numeric_root(user), "0" | "0:0");
            if args.user.as_deref().is_some_and(|user| !is_root(user)) {
                return Err(CommandError::usage("-u is for sessions, and there is none here")
                    .hint("start the container; or leave out -u: the engine copies as root"));
            }
            if phase == Phase::Restarting && matches!(copy.direction, Direction::In(..)) {
                return Err(CommandError::new(format!("`{name}` restarts by itself"))
                    .hint(format!("`docker stop {name}` first: the engine writes as root, and the container could make a link on the way")));
            }
            if args.user.is_none() && !args.root && context.settings.get(Key::User).is_some() {
                let printer = context.printer;
                printer.warning("the engine copies as root: the setting `user` is for sessions");
            }
            let copied = Box::pin(by_archive(engine, &name, &copy, streams));
            match interrupts.race(&context.scope, copied).await {
                Ok(outcome) => outcome?,
                Err(code) => return Ok(code),
            }
        }
        #[cfg(feature = "kubernetes")]
        Inside::Pod(pod) => {
            let (sessions, chosen) = &*pod;
            if args.via == ViaArg::Engine {
                return Err(CommandError::usage("--via engine is for the containers of an engine"));
            }
            let toolkit = attach::toolkit::named(args.toolkit.as_deref(), &[], context)?;
            let tools = attach::toolkit::of_cluster(toolkit, sessions, &chosen.seen, context)?;
            let (target, streams) = (chosen.target.clone(), standard_streams());
            let copied = Box::pin(by_session_of(
                sessions,
                target,
                &tools,
                &copy,
                &args,
                streams,
                context,
                &mut interrupts,
            ));
            copied.await??
        }
    };
    Ok(finish(outcome, &copy, context))
}

/// Copies through a session.
#[expect(clippy::too_many_arguments, reason = "all that a copy takes, from two callers")]
async fn by_session_of<B: SessionBackend>(
    backend: &B,
    target: SessionTarget,
    tools: &impl ToolSource,
    copy: &Copy,
    args: &CopyArgs,
    streams: Streams,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Result<Result<scratchdbg_copy::Outcome, scratchdbg_backend::Error>, CommandError> {
    let user = inside::user(args.user.as_deref(), args.root, context);
    let options = PipedOptions { user, trust_neighbors: args.trust_neighbors };
    let printer = context.printer;
    let tell = |notice: Notice<'_>| tell(notice, printer);
    Ok(Box::pin(by_session(backend, target, tools, copy, options, streams, &tell, interrupts))
        .await?)
}

fn standard_streams() -> Streams {
    Streams {
        input: Box::new(WaitingStream(std::io::stdin())),
        output: Box::new(streams::stdout()),
    }
}

/// Says what was copied, and what was not.
fn finish(outcome: scratchdbg_copy::Outcome, copy: &Copy, context: &Context) -> u8 {
    for warning in &outcome.warnings {
        context.printer.warning(warning);
    }
    if let Some(count) = outcome.count
        && !matches!(copy.direction, Direction::Out(_, Place::Stream))
    {
        let (files, size) = (count.files, scratchdbg_format::size(count.bytes));
        let word = if files == 1 { "file" } else { "files" };
        context.printer.note(&format!("copied {files} {word}, {size}"));
    }
    outcome.code
}
