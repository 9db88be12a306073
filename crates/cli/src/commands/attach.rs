//! `attach`: a shell, or one command, inside a container that may have no shell.

mod audit;
mod consent;
mod explain;
mod preparation;
mod restart;

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use scratchdbg_docker::{Engine, Error as EngineError, Mode, Outcome as SessionOutcome, Plan, Stage, Streams, Wish};
use tokio::sync::mpsc;

use self::audit::Audit;
use self::consent::Consent;
use self::preparation::{connect, look_around, prepare, prepare_again};
use self::restart::Runs;
use crate::args::{AttachArgs, ModeArg};
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::interrupt::{Interrupts, PassedOn};
use crate::printer::Printer;
use crate::terminal::{self, RawMode};

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
    if let Some(code) = allow(engine, &args, &plan, None, context, &mut interrupts).await? {
        return Ok(code);
    }
    introduce(engine, &plan, context.printer);
    let mut runs = Runs::default();
    loop {
        let started = jiff::Timestamp::now();
        if let Some(audit) = &mut audit {
            audit.start(&plan, started)?;
        }
        let ended = session(engine, &plan, &mut interrupts, context).await;
        if let Some(audit) = &mut audit {
            audit.end(&plan, started, &ended)?;
        }
        let next = match ended? {
            Ended::Code(code) => return Ok(code),
            Ended::WithoutSource(path) => {
                args.missing_sources.push(path);
                Next::Again
            }
            // The keeper that was found may be the one whose time was up in between.
            Ended::Refused(refusal) if plan.standing.is_some() => {
                tracing::debug!(refusal = refusal.message, "once more, with a keeper of our own");
                Next::Again
            }
            Ended::Refused(refusal) if args.mode != ModeArg::Auto || plan.mode != Mode::Exec => return Err(refusal),
            Ended::Refused(refusal) => Next::Beside(refusal),
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
            Ended::WithTarget(end) => {
                restart::report(&plan, &end, args.follow_restarts, context.printer);
                match (args.follow_restarts, end.interrupted) {
                    (false, _) => return Ok(KILLED),
                    // It was for the command, which is gone. What was wished for is an end.
                    (true, Some(code)) => return Ok(code),
                    (true, None) => Next::Run(runs.after(&plan, end.lasted)?),
                }
            }
        };
        plan = match again(engine, &mut args, &plan, next, &mut interrupts, context).await? {
            Ok(plan) => plan,
            Err(code) => return Ok(code),
        };
    }
}

/// What a further session is to be, after one that ended before its command did.
#[derive(Debug)]
enum Next {
    /// The same, with what has been learnt.
    Again,
    /// Beside the target, which refuses to be joined for this reason.
    Beside(CommandError),
    /// In the target's next run, looked for after so long.
    Run(Duration),
}

/// Plans a further session. It goes through all that the first one went through: what was allowed then may be another thing now. A
/// signal ends it: the exit code that it stands for.
async fn again(
    engine: &Engine,
    args: &mut AttachArgs,
    last: &Plan,
    next: Next,
    interrupts: &mut Interrupts,
    context: &Context,
) -> Result<Result<Plan, u8>, CommandError> {
    let (mut mode, mut refusal) = (args.mode.into(), None);
    let is_other = !matches!(next, Next::Again);
    let follows = match next {
        Next::Again => None,
        Next::Beside(why) => {
            mode = Some(Mode::Sidecar);
            refusal = Some(why);
            None
        }
        Next::Run(pause) => {
            // Its name may be another's by now.
            args.target.clone_from(&last.target_id);
            Some(pause)
        }
    };
    let planned = async {
        let Some(pause) = follows else {
            return prepare_again(engine, args, mode, refusal.is_some(), context).await;
        };
        tokio::time::sleep(pause).await;
        restart::wait(engine, last, context.printer, async || prepare_again(engine, args, mode, false, context).await)
            .await
    };
    let plan = match interrupts.race(&context.scope, Box::pin(planned)).await {
        Ok(plan) => plan?,
        Err(code) => return Ok(Err(code)),
    };
    if let Some(refusal) = refusal.as_ref().filter(|_| plan.unasked.is_empty()) {
        context.printer.warning(&refusal.message);
        context.printer.note("trying a sidecar, which has no capability either");
    }
    if let Some(code) = allow(engine, args, &plan, refusal, context, interrupts).await? {
        return Ok(Err(code));
    }
    if is_other || plan.mode != last.mode {
        introduce(engine, &plan, context.printer);
    } else if plan.mode == Mode::Copy {
        say_what_is_gone(&plan, context.printer);
    }
    Ok(Ok(plan))
}

/// Has all agreed to and looked for that a session of this plan takes, each time one begins. A signal ends it: the exit code that it
/// stands for.
async fn allow(
    engine: &Engine,
    args: &AttachArgs,
    plan: &Plan,
    refusal: Option<CommandError>,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Result<Option<u8>, CommandError> {
    if let Consent::Interrupted(code) = consent::obtain(plan, refusal, context.printer, interrupts).await? {
        return Ok(Some(code));
    }
    let looked = consent::neighbours(engine, plan, args.trust_neighbours, context.printer);
    match interrupts.race(&context.scope, Box::pin(looked)).await {
        Ok(looked) => looked.map(|()| None),
        Err(code) => Ok(Some(code)),
    }
}

/// Says what is not as a user would expect of "inside".
fn introduce(engine: &Engine, plan: &Plan, printer: Printer) {
    let name = &plan.target_name;
    match plan.mode {
        Mode::Exec => {}
        Mode::Sidecar => {
            // Docker keeps those of other users for a change to root, which nothing in a sidecar can do.
            let is_empty = plan.capabilities.is_empty() || (plan.user.uid != 0 && !engine.is_podman());
            let capabilities = if is_empty { "no capability".to_owned() } else { plan.capabilities.join(", ") };
            printer.note(&format!(
                "a sidecar of `{name}`, as {} with {capabilities}: its processes and network; its files are below \
                 /proc/<pid>/root, where the session starts",
                plan.user
            ));
            if is_empty && !plan.capabilities.is_empty() {
                let asked = plan.capabilities.join(", ");
                printer.warning(&format!("the engine gives {asked} to root alone, and the session is {}", plan.user));
                printer.hint("-u 0 --cap-add gives it");
            }
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
    let (began, lasted) = (Cell::new(None), Cell::new(Duration::ZERO));
    let enter = |stage| match stage {
        Stage::Running => {
            began.set(Some(Instant::now()));
            if plan.tty {
                let raw = RawMode::enable();
                if raw.is_err() {
                    let _ended = sender.send(Wish::End);
                }
                *raw_mode.borrow_mut() = raw.map(Some);
            }
        }
        Stage::Ending => {
            lasted.set(began.get().map(|began: Instant| began.elapsed()).unwrap_or_default());
            *raw_mode.borrow_mut() = Ok(None);
        }
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
            let interrupted = (interrupted != 0).then_some(interrupted);
            Ok(Ended::WithTarget(restart::TargetEnd { state, exit_code, interrupted, lasted: lasted.get() }))
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
