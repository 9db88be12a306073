//! One session, from its keeper to the last thing that is removed.

use std::cell::Cell;
use std::time::Duration;

use scratchdbg_backend::{
    Error, ErrorKind, Interrupts, Phase, Plan, Probe as _, Process as _, SessionBackend, Start, TargetEnd, Window,
    launcher, session_id,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::control::{self, Control};
use crate::keeper::Keeper;
use crate::keys::Typed;
use crate::pass::{self, Around};
use crate::record::Secret;
use crate::silence::{self, Silence, Stall};
use crate::user::{Stage, Streams};

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The command ended, with this exit code (128+n for signal n).
    Exited(u8),
    /// The target itself ended, and the session's processes with it.
    TargetEnded(TargetEnd),
    /// The container of the session's own, a sidecar or a copy, ran out of memory, and the command was killed.
    OutOfMemory,
    /// The client asked for the end before the command ended.
    Interrupted,
    /// The user pressed the detach keys. A session lives as long as its client: it is ended too.
    Detached,
    /// Nobody reads what the session writes any more: standard output or standard error is closed.
    OutputClosed,
    /// The user asked for the end, and the platform does not answer: what it has of the session is left to it.
    PlatformSilent,
}

/// How long a session that is done waits for the removal of what others left.
const SWEPT_WITHIN: Duration = Duration::from_millis(200);

/// How long a command may go on once the first signal was passed on to it. Without a limit, one that cannot react (it is
/// stopped, or its container is paused) would hold up whoever sent the signal for ever.
pub const AFTER_SIGNAL: Duration = Duration::from_secs(10);

/// How long the platform may take to say why a command did not end.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(1);

/// The exit code of what the kernel killed.
const KILLED: u8 = 137;

/// What came of a session.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// How it ended.
    pub(crate) outcome: Result<Outcome, Error>,
    /// The last signal that came meanwhile, as an exit code, or 0.
    pub(crate) interrupted: u8,
    /// The command did not end after the first one; whether its container was paused.
    pub(crate) overdue: Option<bool>,
}

/// Runs a session to its end, and counts the signals that come meanwhile.
pub(crate) async fn attempt<B, I, O, E>(
    backend: &B,
    plan: &B::Plan,
    streams: Streams<I, O, E>,
    windows: watch::Receiver<Option<Window>>,
    interrupts: &mut Interrupts,
    enter: &dyn Fn(Stage) -> Result<(), Error>,
) -> Attempt
where
    B: SessionBackend,
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
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
    let mut session = Box::pin(whole(backend, plan, streams, windows, requests, &enters));
    let outcome = loop {
        tokio::select! {
            outcome = &mut session => break outcome,
            code = interrupts.next() => {
                // It is ending already: what is left of it is left.
                if backend.scope().is_called_off() {
                    break Ok(Outcome::Interrupted);
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
                // What has ended keeps its own code, however long the platform takes to clear up.
                if is_ending.get() || backend.scope().is_called_off() {
                    continue;
                }
                tokio::select! {
                    outcome = &mut session => break outcome,
                    state = tokio::time::timeout(LOOKED_AT_WITHIN, backend.state(plan)) => {
                        overdue = Some(matches!(state, Ok(Ok(Phase::Paused))));
                    }
                }
                let _ended = sender.send(control::Request::End);
            }
        }
    };
    Attempt { outcome, interrupted, overdue }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What a signal to us means for the session. Without a terminal, what would stop or interrupt a command is the command's
/// affair first: it may want to clean up, and has [`AFTER_SIGNAL`] for it. The second signal ends the session.
fn request(plan: &Plan, code: u8, earlier: u8) -> control::Request {
    const HANGUP: u8 = 128 + 1;
    let ends = plan.tty || earlier != 0 || code == HANGUP;
    if ends { control::Request::End } else { control::Request::Signal(code - 128) }
}

/// Runs a session to its end. Whatever happens, the keeper is gone when this returns, unless it is to linger, or the platform
/// does not say so: then the platform's [`Scope`](scratchdbg_backend::Scope) is not clear.
async fn whole<B, I, O, E>(
    backend: &B,
    plan: &B::Plan,
    streams: Streams<I, O, E>,
    windows: watch::Receiver<Option<Window>>,
    requests: mpsc::UnboundedReceiver<control::Request>,
    enters: &dyn Fn(Stage),
) -> Result<Outcome, Error>
where
    B: SessionBackend,
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    let scope = backend.scope();
    let control = Control::new(enters);
    let outcome = tokio::select! {
        biased;
        outcome = kept(backend, plan, streams, windows, &control) => outcome,
        // There was time to tidy.
        () = scope.over(true) => Ok(Outcome::Interrupted),
        never = control.serve(requests, scope) => match never {},
    };
    match outcome {
        _ if !scope.is_called_off() => outcome,
        // What was known before the end was asked for is still so.
        Ok(known @ (Outcome::Exited(_) | Outcome::OutOfMemory | Outcome::TargetEnded(_))) => Ok(known),
        outcome => {
            backend.tidy().await;
            outcome.or(Ok(Outcome::Interrupted))
        }
    }
}

/// A session and its keeper. What earlier sessions left is removed beside it, so that it costs no time.
async fn kept<B, I, O, E>(
    backend: &B,
    plan: &B::Plan,
    streams: Streams<I, O, E>,
    windows: watch::Receiver<Option<Window>>,
    control: &Control<'_>,
) -> Result<Outcome, Error>
where
    B: SessionBackend,
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    let session = session_id();
    let keeper = match Keeper::of(backend, plan, &session).await {
        Ok(keeper) => keeper,
        Err(error) => return instead_of(error, backend, plan).await,
    };
    tracing::debug!(%session, keeper = keeper.address.pid, "the keeper stands");
    let sweeper = backend.clone();
    // The session that left a keeper standing has looked. A failure is the next session's business.
    let is_swept = plan.as_ref().has_keeper();
    let mut sweep = tokio::spawn(async move { if is_swept { Ok(0) } else { sweeper.collect_garbage().await } });
    let outcome = with_process(backend, plan, &session, keeper, streams, windows, control).await;
    match tokio::time::timeout(SWEPT_WITHIN, &mut sweep).await {
        Ok(Ok(Err(error))) => tracing::debug!(%error, "cannot remove what earlier sessions left"),
        Ok(_) => {}
        Err(_) => sweep.abort(),
    }
    match outcome {
        // 137 is also what is left of a session when the target's PID 1 ends: the kernel kills all of its PID
        // namespace. The platform knows which of the two it was.
        Ok(Outcome::Exited(KILLED)) => {
            let end = backend.target_end(plan).await.ok().flatten();
            Ok(end.map_or(Outcome::Exited(KILLED), Outcome::TargetEnded))
        }
        // A runtime's words for a target that ends while it is joined are many, and none is clear.
        Err(error) => instead_of(error, backend, plan).await,
        outcome => outcome,
    }
}

/// What a failure comes from: the end of the target, where it has ended, or itself.
async fn instead_of<B: SessionBackend>(error: Error, backend: &B, plan: &B::Plan) -> Result<Outcome, Error> {
    // A platform that does not answer is not asked more.
    if matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Unreachable | ErrorKind::Local) {
        return Err(error);
    }
    backend.target_end(plan).await.ok().flatten().map(Outcome::TargetEnded).ok_or(error)
}

/// Starts the session's process, passes bytes until it ends, and lets go of the keeper.
async fn with_process<B, I, O, E>(
    backend: &B,
    plan: &B::Plan,
    session: &str,
    mut keeper: Keeper<B::Keeper>,
    streams: Streams<I, O, E>,
    windows: watch::Receiver<Option<Window>>,
    control: &Control<'_>,
) -> Result<Outcome, Error>
where
    B: SessionBackend,
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    let view: &Plan = plan.as_ref();
    let started = async {
        let secret =
            Secret::new().map_err(|error| Error::new(ErrorKind::Local, format!("no random bytes: {error}")))?;
        let start = Start {
            keeper: &keeper.address,
            command: launcher::run(view, &keeper.address, session),
            environment: [launcher::environment(view), vec![secret.variable()]].concat(),
            has_input: streams.input.is_some(),
        };
        let mut process = backend.start(plan, session, start, keeper.orders.opened()).await?;
        let taken = process.streams().ok_or_else(|| Error::new(ErrorKind::Broken, "the session has no streams"))?;
        Ok((secret, process, taken))
    };
    let (secret, mut process, taken) = match started.await {
        Ok(started) => started,
        Err(error) => {
            if let Err(error) = keeper.end(session).await {
                tracing::debug!(%error, "the keeper may be left");
            }
            return Err(error);
        }
    };
    let (silence, typed) = (Silence::default(), Typed::default());
    control.is_running();
    let probe = process.probe();
    let outcome = {
        let around = Around { secret: &secret, silence: &silence, typed: &typed, control };
        tokio::select! {
            outcome = pass::pass_bytes(view, around, &mut process, taken, streams, windows) => outcome,
            () = control.pass_on(|number| {
                if probe.can_signal() {
                    // Its first process is the launcher.
                    let probe = probe.clone();
                    tokio::spawn(async move { probe.signal(number).await });
                } else {
                    keeper.signal(session, number);
                }
                typed.ask();
            }) => Ok(Outcome::Interrupted),
            () = backend.scope().called_off() => Ok(Outcome::Interrupted),
            stall = silence::watch(backend, &probe, &silence, &typed, view.tty) => match stall {
                Stall::Ended => Err(pass::cut("; how the command ended is not known")),
                Stall::PlatformSilent => {
                    backend.scope().set_silent(true);
                    Ok(Outcome::PlatformSilent)
                }
            },
        }
    };
    control.is_ending();
    let outcome = match outcome {
        Ok(Outcome::Exited(KILLED)) if process.ran_out_of_memory().await => Ok(Outcome::OutOfMemory),
        outcome => outcome,
    };
    if matches!(outcome, Ok(Outcome::PlatformSilent)) {
        // It would not hear of the end. When it goes on, it finds the keeper's input closed.
        return outcome;
    }
    // The launcher sees the keeper go, and ends what is left of the session. How the command ended is known: that the platform
    // does not say that all is gone does not change it.
    for ended in [keeper.end(session).await, process.end().await] {
        if let Err(error) = ended {
            tracing::debug!(%error, "something may be left");
        }
    }
    outcome
}
