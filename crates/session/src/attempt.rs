//! One session, from the start of its keeper to the removal of everything it created.

use std::cell::Cell;
use std::time::Duration;

use scratchdbg_backend::{
    Error, ErrorKind, Interrupts, Phase, Plan, Probe as _, Process as _, SessionBackend, Start,
    TargetEnd, Window, launcher, session_id, sleep_until,
};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::control::{self, Control};
use crate::keeper::Keeper;
use crate::keys::Typed;
use crate::pass::{self, StreamContext};
use crate::record::Secret;
use crate::silence::{self, Silence, Stall};
use crate::user::{Stage, StreamsOf, User};

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptEnd {
    /// The command exited with this code (128+n for signal n), as the launcher recorded.
    Exited(u8),
    /// The launcher ended with this code (128+n for signal n) and recorded nothing, so how the
    /// command ended is not known.
    Unrecorded(u8),
    /// The target ended, and the session's processes with it.
    TargetEnded(TargetEnd),
    /// The session's own container (a sidecar or a copy) ran out of memory, and the command was
    /// killed.
    OutOfMemory,
    /// The keeper was removed or killed by somebody else, and the command was killed with it.
    Removed,
    /// The client ended the session before the command exited.
    Interrupted,
    /// The user pressed the detach keys. A session lives only as long as its client, so it ended
    /// too.
    Detached,
    /// Standard output or standard error of the client was closed.
    OutputClosed,
    /// The user asked for the end, and the platform does not answer. The platform keeps what it has
    /// of the session.
    PlatformSilent,
    /// The platform is out of reach, which the error tells. It keeps what it has of the session.
    Lost(Error),
}

/// How long a finished session waits for the removal of what earlier sessions left behind.
const SWEEP_TIMEOUT: Duration = Duration::from_millis(200);

/// How long a command may keep running after the first signal was forwarded to it. Without a limit,
/// a command that cannot react (it is stopped, or its container is paused) would block the sender
/// of the signal forever.
pub const AFTER_SIGNAL: Duration = Duration::from_secs(10);

/// How long the platform may take to notice the end of a target that its runtime has failed on, and
/// how often to ask.
const END_TIMEOUT: Duration = Duration::from_secs(1);
const END_PAUSE: Duration = Duration::from_millis(50);

/// How long the platform may take to report why a command did not end.
const STATE_TIMEOUT: Duration = Duration::from_secs(1);

/// The exit code of a process that was killed with SIGKILL.
const KILLED: u8 = 137;

/// The result of a session.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// How the session ended.
    pub(crate) outcome: Result<AttemptEnd, Error>,
    /// The last signal that arrived meanwhile, as an exit code, or 0.
    pub(crate) interrupted: u8,
    /// Set if the command did not end after the first signal: whether its container was paused.
    pub(crate) overdue: Option<bool>,
}

/// Runs a session to its end, and forwards the signals that arrive meanwhile.
pub(crate) async fn attempt<B: SessionBackend, U: User>(
    backend: &B,
    plan: &B::Plan,
    streams: StreamsOf<U>,
    windows: watch::Receiver<Option<Window>>,
    interrupts: &mut Interrupts,
    enter: &dyn Fn(Stage) -> Result<(), Error>,
) -> Attempt {
    let (sender, requests) = mpsc::unbounded_channel();
    let to_end = sender.clone();
    let is_ending = Cell::new(false);
    let enters = |stage| {
        is_ending.set(is_ending.get() || stage == Stage::Ending);
        if enter(stage).is_err() {
            let _ended = to_end.send(control::Request::End);
        }
    };
    let (mut interrupted, mut limit, mut overdue) = (0, None, None);
    let mut session =
        Box::pin(run_to_end::<B, U>(backend, plan, streams, windows, requests, &enters));
    let outcome = loop {
        tokio::select! {
            outcome = &mut session => break outcome,
            code = interrupts.next() => {
                // The session is already ending. Do not wait for it any longer.
                if backend.scope().is_canceled() {
                    break Ok(AttemptEnd::Interrupted);
                }
                let request = request(plan.as_ref(), code, interrupted);
                if matches!(request, control::Request::Signal(_)) {
                    limit = Some(Instant::now() + AFTER_SIGNAL);
                }
                let _ended = sender.send(request);
                interrupted = code;
            }
            () = sleep_until(limit) => {
                limit = None;
                // A session that has ended keeps its exit code, however long the platform takes to
                // clean up.
                if is_ending.get() || backend.scope().is_canceled() {
                    continue;
                }
                tokio::select! {
                    outcome = &mut session => break outcome,
                    state = tokio::time::timeout(STATE_TIMEOUT, backend.state(plan)) => {
                        overdue = Some(matches!(state, Ok(Ok(Phase::Paused))));
                    }
                }
                let _ended = sender.send(control::Request::End);
            }
        }
    };
    Attempt { outcome, interrupted, overdue }
}

/// Decides what a signal to the client does to the session. Without a terminal, the command
/// receives the first signal that would stop or interrupt it, because it may want to clean up. It
/// has [`AFTER_SIGNAL`] to do so. The second signal ends the session.
fn request(plan: &Plan, code: u8, earlier: u8) -> control::Request {
    const INTERRUPT: u8 = 128 + 2;
    const QUIT: u8 = 128 + 3;
    const TERMINATE: u8 = 128 + 15;
    let is_passed_on = matches!(code, INTERRUPT | QUIT | TERMINATE);
    let ends = plan.tty || earlier != 0 || !is_passed_on;
    if ends { control::Request::End } else { control::Request::Signal(code - 128) }
}

/// Runs a session to its end. The keeper is removed before this returns, except in two cases: it
/// lingers, or the platform did not confirm the removal. In the second case the platform's
/// [`Scope`](scratchdbg_backend::Scope) is not clear.
async fn run_to_end<B: SessionBackend, U: User>(
    backend: &B,
    plan: &B::Plan,
    streams: StreamsOf<U>,
    windows: watch::Receiver<Option<Window>>,
    requests: mpsc::UnboundedReceiver<control::Request>,
    enters: &dyn Fn(Stage),
) -> Result<AttemptEnd, Error> {
    let scope = backend.scope();
    let control = Control::new(enters);
    let outcome = tokio::select! {
        biased;
        outcome = with_keeper::<B, U>(backend, plan, streams, windows, &control) => outcome,
        // The time for cleaning up is over.
        () = scope.expired(true) => Ok(AttemptEnd::Interrupted),
        never = control.serve(requests, scope) => match never {},
    };
    match outcome {
        _ if !scope.is_canceled() => outcome,
        // A result that was known before the session was canceled stays valid.
        Ok(
            known @ (AttemptEnd::Exited(_)
            | AttemptEnd::OutOfMemory
            | AttemptEnd::Removed
            | AttemptEnd::TargetEnded(_)),
        ) => Ok(known),
        outcome => {
            backend.clean_up().await;
            match outcome {
                Ok(AttemptEnd::Unrecorded(_)) | Err(_) => Ok(AttemptEnd::Interrupted),
                outcome => outcome,
            }
        }
    }
}

/// Runs a session with its keeper. Removes what earlier sessions left behind at the same time, so
/// that this costs no time.
async fn with_keeper<B: SessionBackend, U: User>(
    backend: &B,
    plan: &B::Plan,
    streams: StreamsOf<U>,
    windows: watch::Receiver<Option<Window>>,
    control: &Control<'_>,
) -> Result<AttemptEnd, Error> {
    let session = session_id();
    let keeper = match Keeper::start(backend, plan, &session).await {
        Ok(keeper) => keeper,
        Err(error) => return late_target_end_or(error, backend, plan).await,
    };
    tracing::debug!(%session, keeper = keeper.address.pid, "the keeper is running");
    let sweeper = backend.clone();
    // A lingering keeper was left by a session that has already cleaned up. Ignore failures: the
    // next session tries again.
    let is_swept = plan.as_ref().has_keeper();
    let mut sweep =
        tokio::spawn(async move { if is_swept { Ok(0) } else { sweeper.collect_garbage().await } });
    let outcome =
        run_process::<B, U>(backend, plan, &session, keeper, streams, windows, control).await;
    match tokio::time::timeout(SWEEP_TIMEOUT, &mut sweep).await {
        Ok(Ok(Err(error))) => tracing::debug!(%error, "cannot remove what earlier sessions left"),
        Ok(_) => {}
        Err(_) => sweep.abort(),
    }
    match outcome {
        // Code 137 also results from the end of the target's PID 1: the kernel then kills all
        // processes of its PID namespace. The platform can tell the two apart.
        Ok(
            killed @ (AttemptEnd::Exited(KILLED) | AttemptEnd::Removed | AttemptEnd::Unrecorded(_)),
        ) => {
            let end = backend.target_end(plan).await.ok().flatten();
            Ok(end.map_or(killed, AttemptEnd::TargetEnded))
        }
        // When the target ends while the session's process starts, runtimes report many different
        // errors, none of them clear.
        Err(error) => target_end_or(error, backend, plan).await,
        outcome => outcome,
    }
}

/// Replaces an error by the end of the target, if the target has ended.
async fn target_end_or<B: SessionBackend>(
    error: Error,
    backend: &B,
    plan: &B::Plan,
) -> Result<AttemptEnd, Error> {
    // Do not query a platform that does not answer.
    if matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Unreachable | ErrorKind::Local) {
        return Err(error);
    }
    backend.target_end(plan).await.ok().flatten().map(AttemptEnd::TargetEnded).ok_or(error)
}

/// Like [`target_end_or`], but waits for a platform to notice the end: its runtime fails to start a
/// keeper at once when the target's first process is gone.
async fn late_target_end_or<B: SessionBackend>(
    error: Error,
    backend: &B,
    plan: &B::Plan,
) -> Result<AttemptEnd, Error> {
    let is_of_the_start =
        matches!(error.kind, ErrorKind::Broken | ErrorKind::NotStarted | ErrorKind::Keeper);
    let deadline = Instant::now() + END_TIMEOUT;
    let mut outcome = target_end_or(error, backend, plan).await;
    while is_of_the_start && Instant::now() < deadline {
        let Err(error) = outcome else { break };
        tokio::time::sleep(END_PAUSE).await;
        outcome = target_end_or(error, backend, plan).await;
    }
    outcome
}

/// Returns the error for a session that did not start because its keeper had ended.
fn keeper_ended(refusal: &Error) -> Error {
    Error::new(ErrorKind::Keeper, format!("the keeper ended before the session began: {}", refusal.message))
        .hint("something ended it: another client (`scratchdbg sessions rm`), a lack of memory, or a process beside it")
}

/// Starts the session's process, copies its streams until it ends, and releases the keeper.
async fn run_process<B: SessionBackend, U: User>(
    backend: &B,
    plan: &B::Plan,
    session: &str,
    mut keeper: Keeper<B::Keeper>,
    streams: StreamsOf<U>,
    windows: watch::Receiver<Option<Window>>,
    control: &Control<'_>,
) -> Result<AttemptEnd, Error> {
    let view: &Plan = plan.as_ref();
    let started = async {
        let secret = Secret::new()?;
        let start = Start {
            keeper: &keeper.address,
            command: launcher::run(view, &keeper.address, session),
            environment: [launcher::environment(view), vec![secret.variable()]].concat(),
            has_input: streams.input.is_some(),
            window: view.tty.then(|| *windows.borrow()).flatten(),
        };
        let mut process = backend.start(plan, session, start, keeper.orders.opened()).await?;
        let taken = process
            .streams()
            .ok_or_else(|| Error::new(ErrorKind::Broken, "the session has no streams"))?;
        Ok::<_, Error>((secret, process, taken))
    };
    let (secret, mut process, taken) = match started.await {
        Ok(started) => started,
        Err(error) => {
            let is_gone = error.is_exec_refusal() && keeper.is_gone().await;
            if let Err(error) = keeper.end(session).await {
                tracing::debug!(%error, "the keeper may be left");
            }
            return Err(if is_gone { keeper_ended(&error) } else { error });
        }
    };
    let (silence, typed) = (Silence::default(), Typed::default());
    control.is_running();
    let probe = process.probe();
    let outcome = {
        let context = StreamContext { secret: &secret, silence: &silence, typed: &typed, control };
        tokio::select! {
            outcome = pass::pass_bytes::<_, U>(view, context, &mut process, taken, streams, windows) => outcome,
            () = control.pass_on(|number| {
                if probe.can_signal() {
                    // The first process of the session's container is the launcher.
                    let probe = probe.clone();
                    tokio::spawn(async move { probe.signal(number).await });
                } else {
                    keeper.signal(session, number);
                }
                typed.ask();
            }) => Ok(AttemptEnd::Interrupted),
            () = backend.scope().canceled() => Ok(AttemptEnd::Interrupted),
            stall = silence::watch(backend, plan, &probe, &silence, &typed) => match stall {
                Stall::Ended => Err(pass::cut(view.platform, "; how the command ended is not known")),
                Stall::TargetEnded(end) => Ok(AttemptEnd::TargetEnded(end)),
                Stall::PlatformSilent => {
                    backend.scope().set_silent(true);
                    Ok(AttemptEnd::PlatformSilent)
                }
            },
        }
    };
    control.is_ending();
    let outcome = match outcome {
        Ok(AttemptEnd::Exited(KILLED) | AttemptEnd::Unrecorded(KILLED))
            if process.ran_out_of_memory().await =>
        {
            Ok(AttemptEnd::OutOfMemory)
        }
        // The launcher kills the command when the keeper is gone.
        Ok(AttemptEnd::Exited(KILLED) | AttemptEnd::Unrecorded(KILLED))
            if keeper.is_gone().await =>
        {
            if keeper.has_ended_by_itself().await {
                Ok(AttemptEnd::Unrecorded(KILLED))
            } else {
                Ok(AttemptEnd::Removed)
            }
        }
        // Without the keeper, there is nothing to start. No other mode is offered, because one with
        // more rights would reward who ended the keeper.
        Err(error) if error.is_exec_refusal() && keeper.is_gone().await => {
            Err(keeper_ended(&error))
        }
        outcome => outcome,
    };
    if matches!(outcome, Ok(AttemptEnd::PlatformSilent | AttemptEnd::Lost(_))) {
        // The platform would not receive the request to end. When it answers again, it finds the
        // keeper's input closed.
        return outcome;
    }
    // The launcher notices that the keeper is gone, and ends the rest of the session. The exit code
    // is already known, so a failed removal does not change the result.
    for ended in [keeper.end(session).await, process.end().await] {
        if let Err(error) = ended {
            tracing::debug!(%error, "something may be left");
        }
    }
    outcome
}
