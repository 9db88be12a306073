//! A debug session: the keeper, the process inside the target, and the streams between it and the user.

mod copy;
mod ending;
mod inventory;
mod keeper;
mod keys;
mod leftover;
mod lingering;
mod neighbours;
mod opening;
mod orders;
mod passing;
mod process;
mod registry;
mod removal;
mod streams;
mod vigil;
mod wishes;

use std::time::Duration;

use bollard::models::HostConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};

use self::ending::Secret;
use self::keeper::Keeper;
use self::keys::Typed;
pub use self::lingering::LingeringKeeper;
pub(crate) use self::lingering::keepers_that_wait;
pub use self::neighbours::Neighbour;
use self::passing::Around;
use self::process::Process;
pub use self::registry::{Part, Session, SessionState};
use self::vigil::{Silence, Stall};
use self::wishes::Heeded;
pub use self::wishes::Wish;
use crate::containers::unprivileged;
use crate::error::CommandEnd;
use crate::{ContainerName, Engine, Error, Mode, Plan, State, Target, labels};

/// The client's side of a session. Without a terminal, standard output and standard error stay apart.
#[derive(Debug)]
pub struct Streams<I, O, E> {
    /// Passed on to the command until its end of file. Without one, the command reads an end of file at once.
    pub input: Option<I>,
    /// The command's standard output; with a terminal, all that it shows.
    pub output: O,
    /// The command's standard error.
    pub error: E,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The command ended, with this exit code (128+n for signal n).
    Exited(u8),
    /// The target itself ended, and the session's processes with it.
    TargetEnded {
        /// What the target is doing now.
        state: State,
        /// How it ended, where the engine still knows.
        exit_code: Option<i64>,
    },
    /// The container of the session's own, a sidecar or a copy, ran out of memory, and the command was killed.
    OutOfMemory,
    /// The client wished for the end before the command ended.
    Interrupted,
    /// The user pressed the detach keys. A session lives as long as its client: it is ended too.
    Detached,
    /// Nobody reads the client's standard output any more.
    OutputClosed,
    /// The user wished for the end, and the engine does not answer: what it has of the session is left to it.
    EngineSilent,
}

/// How long a session that is done waits for the look at what others left.
const SWEPT_WITHIN: Duration = Duration::from_millis(200);

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its streams stand: what is typed is for the command.
    Running,
    /// They have ended.
    Ending,
    /// They have ended before their time, it seems: the engine is asked how the command is, and takes its time.
    Unclear,
}

/// What a container has that is to share namespaces with the target, or to signal what does: no privilege, and what the
/// kernel wants processes to have in common for that.
///
/// With the target's rights, it has the target's own seccomp profile too: who may trace it makes system calls in it.
fn beside_target(plan: &Plan, with_its_rights: bool) -> HostConfig {
    let mut config = unprivileged();
    // Beside a copy nobody has a profile that the copy is not given.
    let given = |profile: &&String| plan.mode != Mode::Copy || plan.copy.security_options.contains(profile);
    let seccomp = plan.seccomp.iter().filter(|profile| with_its_rights && given(profile));
    config.security_opt.get_or_insert_default().extend(plan.security_options.iter().chain(seccomp).cloned());
    config.userns_mode.clone_from(&plan.user_namespace);
    config
}

impl Engine {
    /// Runs a session to its end. Whatever happens, the keeper is gone when this returns, unless it is to linger, or the engine
    /// does not say so: then this engine's [`Scope`](crate::Scope) is not clear.
    ///
    /// `windows` gives the size of the client's terminal, now and when it changes. `wishes` are what the client wants
    /// done besides. Before the command runs and after it has ended, each of them ends the session, as does the end of the
    /// scope that this engine is [within](Self::within). `enters` is told as the command begins, and as it has ended.
    pub async fn attach<I, O, E>(
        &self,
        plan: &Plan,
        streams: Streams<I, O, E>,
        windows: watch::Receiver<Option<Window>>,
        wishes: mpsc::UnboundedReceiver<Wish>,
        enters: impl Fn(Stage),
    ) -> Result<Outcome, Error>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let scope = self.transport.scope();
        let heeded = Heeded::new(&enters);
        let outcome = tokio::select! {
            biased;
            outcome = self.whole_session(plan, streams, windows, &heeded) => outcome,
            // There was time to tidy.
            () = scope.over(true) => Ok(Outcome::Interrupted),
            never = heeded.heed(wishes, scope) => match never {},
        };
        match outcome {
            _ if !scope.is_called_off() => outcome,
            // What was known before the end was wished for is still so.
            Ok(known @ (Outcome::Exited(_) | Outcome::OutOfMemory | Outcome::TargetEnded { .. })) => Ok(known),
            outcome => {
                self.tidy().await;
                outcome.or(Ok(Outcome::Interrupted))
            }
        }
    }

    /// Removes what is left of a session that was called off, as far as there is time for it.
    async fn tidy(&self) {
        let scope = self.transport.scope();
        let removals = scope.left().into_iter().map(async |made| {
            let removed = match made.parse::<ContainerName>() {
                Ok(container) => self.remove(&container).await,
                Err(_) => self.remove_image(&made).await,
            };
            if let Err(error) = removed {
                tracing::debug!(%error, made, "it may be left");
            }
        });
        futures_util::future::join_all(removals).await;
    }

    /// A session from its beginning to its end.
    async fn whole_session<I, O, E>(
        &self,
        plan: &Plan,
        streams: Streams<I, O, E>,
        windows: watch::Receiver<Option<Window>>,
        heeded: &Heeded<'_>,
    ) -> Result<Outcome, Error>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let session = labels::new_session_id();
        let keeper = match Keeper::for_session(self, plan, &session).await {
            Ok(keeper) => keeper,
            Err(error) => return self.instead_of(error, plan).await,
        };
        tracing::debug!(%session, keeper = keeper.address().pid, "the keeper stands");
        let sweeper = self.clone();
        // Beside the session, so that it costs no time. A failure is the next session's business.
        // The session that left a keeper standing has looked.
        let is_swept = plan.standing.is_some();
        let mut sweep = tokio::spawn(async move { if is_swept { Ok(0) } else { sweeper.collect_garbage().await } });
        let outcome = self.session(plan, &session, keeper, streams, windows, heeded).await;
        // A session that is done does not wait for it.
        match tokio::time::timeout(SWEPT_WITHIN, &mut sweep).await {
            Ok(Ok(Err(error))) => tracing::debug!(%error, "cannot remove what earlier sessions left"),
            Ok(_) => {}
            Err(_) => sweep.abort(),
        }
        match outcome {
            // 137 is also what is left of a session when the target's PID 1 ends: the kernel kills all of its PID
            // namespace. The engine knows which of the two it was.
            Ok(Outcome::Exited(137)) => Ok(self.target_end(plan).await.ok().flatten().unwrap_or(Outcome::Exited(137))),
            // The runtime's words for a target that ends while it is joined are many, and none is clear.
            Err(error) => self.instead_of(error, plan).await,
            outcome => outcome,
        }
    }

    /// What a failure comes from: the end of the target, where it has ended, or itself.
    async fn instead_of(&self, error: Error, plan: &Plan) -> Result<Outcome, Error> {
        // An engine that does not answer is not asked more.
        if matches!(error, Error::CalledOff { .. } | Error::Silent(_) | Error::Input(_) | Error::Streams(_)) {
            return Err(error);
        }
        self.target_end(plan).await.ok().flatten().ok_or(error)
    }

    /// How the target ended, if it did since the plan was made, and the session depends on it.
    async fn target_end(&self, plan: &Plan) -> Result<Option<Outcome>, Error> {
        if plan.mode == Mode::Copy {
            return Ok(None);
        }
        match self.inspect(&plan.target_id.parse()?).await {
            Ok(Target { state: State::Running | State::Paused, started_at, .. })
                if started_at == plan.target_started_at =>
            {
                Ok(None)
            }
            Ok(target) => {
                // Of one that runs again, the code is that of the run that began.
                let runs_again = target.state.has_processes();
                let exit_code =
                    if runs_again { self.last_exit_code(&plan.target_id).await } else { Some(target.exit_code) };
                Ok(Some(Outcome::TargetEnded { state: target.state, exit_code }))
            }
            Err(Error::NoSuchContainer { .. }) => {
                Ok(Some(Outcome::TargetEnded { state: State::Removing, exit_code: None }))
            }
            Err(error) => Err(error),
        }
    }

    /// How the last run of a container ended that is over, where the engine still knows.
    async fn last_exit_code(&self, container: &str) -> Option<i64> {
        let host = self.host_facts().await.ok()?;
        let events = self.events_of(container, &host).await?;
        events.iter().rev().find(|event| event.action == "die").and_then(|event| event.exit_code)
    }

    /// Starts the session's process, passes bytes until it ends, and lets go of the keeper.
    async fn session<I, O, E>(
        &self,
        plan: &Plan,
        session: &str,
        mut keeper: Keeper,
        streams: Streams<I, O, E>,
        windows: watch::Receiver<Option<Window>>,
        heeded: &Heeded<'_>,
    ) -> Result<Outcome, Error>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let has_input = streams.input.is_some();
        let started = async {
            let secret = Secret::new().map_err(|error| Error::transport("random bytes for a session", error))?;
            let (process, connection) = Process::start(self, plan, session, &mut keeper, &secret, has_input).await?;
            Ok((secret, process, connection))
        };
        let (secret, mut process, connection) = match started.await {
            Ok(started) => started,
            Err(error) => {
                if let Err(error) = keeper.end(session).await {
                    tracing::debug!(%error, "the keeper may be left");
                }
                return Err(error);
            }
        };
        let (silence, typed) = (Silence::default(), Typed::default());
        heeded.is_running();
        let container = process.container().cloned();
        let launcher = plan.launcher(keeper.address(), session);
        let outcome = {
            let watched = process.to_ask();
            let around = Around { secret: &secret, launcher: &launcher, silence: &silence, typed: &typed, heeded };
            tokio::select! {
                outcome = self.pass_bytes(plan, around, &mut process, connection, streams, windows) => {
                    outcome
                }
                () = heeded.pass_on(|number| {
                    match container.clone() {
                        None => keeper.signal(session, number),
                        // Its first process is the launcher.
                        Some(container) => {
                            let engine = self.clone();
                            tokio::spawn(async move { engine.kill(&container, number).await });
                        }
                    }
                    typed.ask();
                }) => Ok(Outcome::Interrupted),
                () = self.transport.scope().called_off() => Ok(Outcome::Interrupted),
                stall = vigil::watch(self, &watched, &silence, &typed, plan.tty) => match stall {
                    Stall::Ended => Err(Error::ConnectionEnded { command: CommandEnd::Unknown }),
                    Stall::EngineSilent => {
                        self.transport.scope().set_silent(true);
                        Ok(Outcome::EngineSilent)
                    }
                },
            }
        };
        heeded.is_ending();
        let outcome = match outcome {
            Ok(Outcome::Exited(137)) if process.ran_out_of_memory(self).await => Ok(Outcome::OutOfMemory),
            outcome => outcome,
        };
        if matches!(outcome, Ok(Outcome::EngineSilent)) {
            // It would not hear of the end. When it goes on, it finds the keeper's input closed.
            return outcome;
        }
        // The launcher sees the keeper go, and ends what is left of the session. How the command ended is known: that the engine
        // does not say that all is gone does not change it.
        for ended in [keeper.end(session).await, process.end(self).await] {
            if let Err(error) = ended {
                tracing::debug!(%error, "something may be left");
            }
        }
        outcome
    }
}
