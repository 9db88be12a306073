//! `attach`: a shell, or one command, inside a container that may have no shell.

mod audit;
mod consent;
mod explain;
mod restart;

use std::cell::RefCell;

use scratchdbg_engine::{
    AttachRequest, ContainerName, Engine, Error as EngineError, FirstLook, Mode, Outcome as SessionOutcome, Plan,
    Reach, Stage, State, Streams, Target, Wish, of_session_inside, plan,
};

use tokio::sync::mpsc;

use self::audit::Audit;
use self::consent::Consent;
use crate::args::{AttachArgs, ModeArg};
use crate::blocking::blocking;
use crate::context::Context;
use crate::docker_config;
use crate::error::{CommandError, Outcome};
use crate::interrupt::{Interrupts, PassedOn};
use crate::printer::Printer;
use crate::terminal::{self, RawMode};
use crate::toolkit;

/// Ctrl-C, in a terminal where it is a key.
const BY_CTRL_C: u8 = 130;

/// What is left of a session that was killed with its target.
const KILLED: u8 = 137;

pub(crate) async fn attach(mut args: AttachArgs, context: &Context, mut interrupts: Interrupts) -> Outcome {
    // Before anything is made: a session that was to be recorded does not go unrecorded.
    let mut audit = args.audit.as_deref().filter(|_| !args.explain).map(Audit::open).transpose()?;
    let prepared = async {
        let (engine, look) = connect(&args, context).await?;
        let look = match look {
            Some(look) => look,
            None => look_around(engine, &args).await?,
        };
        let plan = Box::pin(prepare(engine, &args, args.mode.into(), false, look, context)).await?;
        Ok::<_, CommandError>((engine, plan))
    };
    let (engine, mut plan) = match interrupts.race(&context.scope, Box::pin(prepared)).await {
        Ok(prepared) => prepared?,
        Err(code) => return Ok(code),
    };
    if args.explain {
        explain::print(&plan, args.format, context.printer)?;
        return Ok(0);
    }
    if let Consent::Interrupted(code) = consent::obtain(&plan, None, context.printer, &mut interrupts).await? {
        return Ok(code);
    }
    consent::neighbours(engine, &plan, args.trust_neighbours, context.printer).await?;
    introduce(&plan, context.printer);
    loop {
        let started = jiff::Timestamp::now();
        if let Some(audit) = &mut audit {
            audit.start(&plan, started)?;
        }
        let ended = session(engine, &plan, &mut interrupts, context).await;
        if let Some(audit) = &mut audit {
            audit.end(&plan, started, &ended)?;
        }
        match ended? {
            Ended::Code(code) => return Ok(code),
            Ended::WithoutSource(path) => {
                args.missing_sources.push(path);
                let again = prepare_again(engine, &args, args.mode.into(), false, context);
                plan = match interrupts.race(&context.scope, Box::pin(again)).await {
                    Ok(again) => again?,
                    Err(code) => return Ok(code),
                };
                say_what_is_gone(&plan, context.printer);
                continue;
            }
            // The keeper that was found may be the one whose time was up in between.
            Ended::Refused(refusal) if plan.standing.is_some() => {
                tracing::debug!(refusal = refusal.message, "once more, with a keeper of our own");
                let again = prepare_again(engine, &args, args.mode.into(), false, context);
                plan = match interrupts.race(&context.scope, Box::pin(again)).await {
                    Ok(again) => again?,
                    Err(code) => return Ok(code),
                };
                continue;
            }
            Ended::Refused(refusal) if args.mode != ModeArg::Auto || plan.mode != Mode::Exec => return Err(refusal),
            Ended::Refused(refusal) => {
                let again = prepare_again(engine, &args, Some(Mode::Sidecar), true, context);
                plan = match interrupts.race(&context.scope, Box::pin(again)).await {
                    Ok(again) => again?,
                    Err(code) => return Ok(code),
                };
                if plan.unasked.is_empty() {
                    context.printer.warning(&refusal.message);
                    context.printer.note("trying a sidecar, which has no capability either");
                }
                let consent = consent::obtain(&plan, Some(refusal), context.printer, &mut interrupts).await?;
                if let Consent::Interrupted(code) = consent {
                    return Ok(code);
                }
                consent::neighbours(engine, &plan, args.trust_neighbours, context.printer).await?;
                introduce(&plan, context.printer);
                continue;
            }
            Ended::OutOfMemory => {
                let own = if plan.mode == Mode::Copy { "the copy, which has the original's" } else { "the sidecar" };
                context.printer.warning(&format!("out of memory: the kernel killed the command at the limit of {own}"));
                context.printer.note(&format!("`{}` itself was not touched", plan.target_name));
                return Ok(KILLED);
            }
            Ended::Detached => {
                context.printer.note("detached: the session is ended");
                return Ok(0);
            }
            Ended::WithTarget(target_end) => {
                restart::report(&plan, &target_end, args.follow_restarts, context.printer);
                if !args.follow_restarts {
                    return Ok(KILLED);
                }
            }
        }
        tokio::select! {
            back = restart::wait(engine, &plan, context.printer) => back?,
            code = interrupts.next() => return Ok(code),
        }
    }
}

/// Connects. A container is looked at in the same breath.
async fn connect<'a>(args: &AttachArgs, context: &'a Context) -> Result<(&'a Engine, Option<FirstLook>), CommandError> {
    if args.image {
        return Ok((context.engine().await?, None));
    }
    context.engine_looking_at(&args.target.parse()?).await
}

/// Looks at the target, and for keepers that linger.
async fn look_around(engine: &Engine, args: &AttachArgs) -> Result<FirstLook, CommandError> {
    let (target, keepers) = tokio::join!(find_target(engine, args), engine.lingering_keepers());
    Ok(FirstLook { target: target?, keepers: keepers? })
}

/// Looks at the target once more, and plans a session with a keeper of its own.
async fn prepare_again(
    engine: &Engine,
    args: &AttachArgs,
    mode: Option<Mode>,
    is_fallback: bool,
    context: &Context,
) -> Result<Plan, CommandError> {
    let look = FirstLook { target: find_target(engine, args).await?, keepers: Vec::new() };
    Box::pin(prepare(engine, args, mode, is_fallback, look, context)).await
}

/// Makes a plan, and has the toolkit's image at hand.
async fn prepare(
    engine: &Engine,
    args: &AttachArgs,
    mode: Option<Mode>,
    is_fallback: bool,
    FirstLook { target, keepers }: FirstLook,
    context: &Context,
) -> Result<Plan, CommandError> {
    let folder = context.environment.docker_config.clone();
    let is_own_toolkit = args.toolkit.is_none();
    let (detach_keys, stamp) = blocking(move || {
        let keys = docker_config::detach_keys(folder.as_deref());
        Ok((keys, if is_own_toolkit { toolkit::host_stamp() } else { None }))
    })
    .await?;
    let mut request = AttachRequest {
        command: args.command.clone(),
        mode: if args.image { Some(Mode::Copy) } else { mode },
        is_fallback,
        user: args.user.clone(),
        tty: !args.no_tty && terminal::is_interactive(),
        term: context.environment.term.clone(),
        capabilities: args.capabilities.clone(),
        same_rights: args.same_rights,
        security_options: args.security_options.clone(),
        linger: args.linger,
        detach_keys,
        podman: engine.is_podman(),
        ..AttachRequest::default()
    };
    let user = engine.resolve_user(&target, request.user.as_deref()).await?;
    let user =
        user.map_err(|error| CommandError::new(error.to_string()).hint("give the user in numbers: -u UID:GID"))?;
    // The tools of this machine are known by their files: those that a keeper has need not be read again.
    let rights = of_session_inside(&target, user, request.user.as_deref(), request.podman);
    let standing = |tools: &str| keepers.iter().find(|keeper| keeper.serves(&target, user, tools, &rights)).cloned();
    if let Some(stamp) = &stamp
        && let Some(keeper) = standing(stamp)
    {
        keeper.image().clone_into(&mut request.toolkit_image);
        request.tools.clone_from(stamp);
        request.standing = Some(keeper);
        let plan = plan(&target, user, &request)?;
        if plan.standing.is_some() {
            return Ok(plan);
        }
        request.standing = None;
    }
    let mut tools = Box::pin(toolkit::for_session(args.toolkit.as_deref(), context)).await?;
    if !args.explain {
        tools.load(context).await?;
    }
    let mut reach = Reach::default();
    // Only a copy can be made from the twin: a session inside the target is not to wait for the look-up.
    if args.image || args.mode == ModeArg::Copy || target.state != State::Running {
        reach = engine.look_at_reach(&target, &args.missing_sources).await?;
        let image = target.image_id.as_str();
        request.twin = engine.twins_of(&[image], async || tools.twin_layer().await).await?.remove(image);
    }
    if args.toolkit.is_some() {
        request.standing = standing(&tools.image);
    }
    // Only a container of the session's own that is made from another image has the tools brought along.
    let brings = request.mode == Some(Mode::Copy) || target.state != State::Running || tools.own_image.is_some();
    if brings && !args.explain {
        request.tools_archive = Some(tools.archive()?.into());
    }
    request.tools = stamp.unwrap_or_else(|| tools.image.clone());
    request.toolkit_image = tools.image;
    request.tools_image = tools.own_image;
    Ok(plan(&Target { reach, ..target }, user, &request)?)
}

async fn find_target(engine: &Engine, args: &AttachArgs) -> Result<Target, CommandError> {
    if args.image {
        return engine.inspect_image(&args.target).await?.ok_or_else(|| {
            CommandError::new(format!("no image `{}` in the engine", args.target))
                .hint("`docker images` lists the images; no registry is asked")
        });
    }
    let name: ContainerName = args.target.parse()?;
    Ok(engine.inspect(&name).await?)
}

/// Says what is not as a user would expect of "inside".
fn introduce(plan: &Plan, printer: Printer) {
    let name = &plan.target_name;
    match plan.mode {
        Mode::Exec => {}
        Mode::Sidecar => {
            let capabilities = match &plan.capabilities[..] {
                [] => "no capability".to_owned(),
                given => given.join(", "),
            };
            printer.note(&format!(
                "a sidecar of `{name}`, as {} with {capabilities}: its processes and network; its files are below \
                 /proc/<pid>/root, where the session starts",
                plan.user
            ));
        }
        Mode::Copy => {
            let line = plan.entrypoint.join(" ");
            printer.note(&format!("a copy of `{name}` ({}); `run-entrypoint` runs: {line}", plan.target_kind()));
            if let Some(list) = plan.copy.without(false) {
                let more = if plan.copy.as_original { "" } else { "; --same-rights asks for it" };
                printer
                    .note(&format!("the copy goes without {list}: what the program needs of it, it will miss{more}"));
            }
            say_what_is_gone(plan, printer);
        }
    }
}

/// Says what a copy cannot have any more.
fn say_what_is_gone(plan: &Plan, printer: Printer) {
    if let Some(list) = plan.copy.without(true) {
        printer.note(&format!("the copy is made without what is gone: {list}"));
    }
}

/// How a session ended, for the command.
#[derive(Debug)]
enum Ended {
    Code(u8),
    /// The session's own container ran out of memory.
    OutOfMemory,
    Detached,
    /// A copy could not be made with a folder of the engine's machine that is not there.
    WithoutSource(String),
    WithTarget(restart::TargetEnd),
    /// The engine or its runtime did not start it.
    Refused(CommandError),
}

/// Runs the session on the user's own streams.
async fn session(
    engine: &Engine,
    plan: &Plan,
    interrupts: &mut Interrupts,
    context: &Context,
) -> Result<Ended, CommandError> {
    let cannot = |what: &str, error: std::io::Error| CommandError::new(format!("cannot {what}: {error}"));
    let windows = terminal::windows().map_err(|error| cannot("watch the terminal's size", error))?;
    // To read it takes a thread of its own.
    let input = (!terminal::input_is_null()).then(terminal::Input::open);
    let streams = Streams { input, output: tokio::io::stdout(), error: tokio::io::stderr() };
    let (sender, wishes) = mpsc::unbounded_channel();
    let passed_on = (!plan.tty).then(PassedOn::begin);
    // Only while the session has the terminal: before and after, Ctrl-C is a signal to us.
    let raw_mode = RefCell::new(Ok(None));
    let enter = |stage| match stage {
        Stage::Running if plan.tty => {
            let raw = RawMode::enable();
            if raw.is_err() {
                let _ended = sender.send(Wish::End);
            }
            *raw_mode.borrow_mut() = raw.map(Some);
        }
        Stage::Running => {}
        Stage::Ending => *raw_mode.borrow_mut() = Ok(None),
        Stage::Unclear => context
            .printer
            .note("the session's stream ended without a word from the launcher; asking the engine how the command did"),
    };
    let mut interrupted = 0;
    let outcome = {
        let mut attached = Box::pin(engine.attach(plan, streams, windows, wishes, enter));
        loop {
            tokio::select! {
                outcome = &mut attached => break outcome,
                // It is ending already: what is left of it is left.
                code = interrupts.next() => {
                    if context.scope.is_called_off() {
                        break Ok(SessionOutcome::Interrupted);
                    }
                    let _ended = sender.send(wish(plan, code, interrupted));
                    interrupted = code;
                }
            }
        }
    };
    drop(passed_on);
    // Before anything is printed.
    drop(raw_mode.into_inner().map_err(|error| cannot("switch the terminal to raw mode", error))?);
    let by_interrupt = if interrupted == 0 { BY_CTRL_C } else { interrupted };
    let outcome = match outcome {
        Err(EngineError::MountSourceGone { path }) if plan.copies_mount(&path) => {
            return Ok(Ended::WithoutSource(path));
        }
        Err(error) if error.is_exec_refusal() => return Ok(Ended::Refused(error.into())),
        // What the user wished for comes first; that it was not done well is said.
        Err(error) if interrupted != 0 => {
            context.printer.warning(&CommandError::from(error).message);
            return Ok(Ended::Code(interrupted));
        }
        // One that lingered may be gone, or be none.
        Err(error @ EngineError::Keeper { .. }) if plan.standing.is_some() => return Ok(Ended::Refused(error.into())),
        outcome => outcome?,
    };
    match outcome {
        SessionOutcome::Exited(code) => Ok(Ended::Code(code)),
        SessionOutcome::Interrupted => Ok(Ended::Code(by_interrupt)),
        SessionOutcome::EngineSilent => {
            context.printer.warning(&format!(
                "the engine at {} does not answer: the session is ended without it",
                engine.endpoint()
            ));
            Ok(Ended::Code(by_interrupt))
        }
        SessionOutcome::OutputClosed => Ok(Ended::Code(0)),
        SessionOutcome::OutOfMemory => Ok(Ended::OutOfMemory),
        SessionOutcome::Detached => Ok(Ended::Detached),
        SessionOutcome::TargetEnded { state, exit_code } => {
            Ok(Ended::WithTarget(restart::TargetEnd { state, exit_code }))
        }
        _ => Err(CommandError::new("the session ended in a way that this version does not know")),
    }
}

/// What a signal to us means for the session. Without a terminal, what would stop or interrupt a command is the
/// command's affair first: it may want to clean up. The second signal ends the session.
fn wish(plan: &Plan, code: u8, earlier: u8) -> Wish {
    const HANGUP: u8 = 128 + 1;
    if plan.tty || earlier != 0 || code == HANGUP { Wish::End } else { Wish::Signal(code - 128) }
}
