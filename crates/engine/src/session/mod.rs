//! A debug session: the keeper, the process inside the target, and the streams between it and the user.

mod keeper;
mod streams;
mod sweep;

use std::convert::Infallible;
use std::time::Duration;

use bollard::models::ExecConfig;
use bollard::query_parameters::ResizeExecOptionsBuilder;
use hyper::Method;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use self::keeper::Keeper;
use self::streams::PumpEnd;
use crate::transport::Hijacked;
use crate::{ContainerName, Engine, Error, Plan, State, Target, labels};

/// The client's side of a session. Without a terminal, standard output and standard error stay apart.
#[derive(Debug)]
pub struct Streams<I, O, E> {
    /// Passed on to the command until its end of file.
    pub input: I,
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
    },
    /// `interrupted` came to pass before the command ended.
    Interrupted,
    /// Nobody reads the client's standard output any more.
    OutputClosed,
}

/// How often the first resize is tried. The engine answers before the process, and with it the terminal, exists.
const RESIZE_ATTEMPTS: u32 = 10;

/// What the engine's log and the exec's own output begin with when the runtime could not start the process.
const RUNTIME_REFUSAL: &[u8] = b"OCI runtime exec failed: ";

impl Engine {
    /// Runs a session to its end. Whatever happens, the keeper is gone when this returns.
    ///
    /// `windows` gives the size of the client's terminal, now and when it changes. `interrupted` ends the session early.
    pub async fn attach<I, O, E>(
        &self,
        plan: &Plan,
        streams: Streams<I, O, E>,
        windows: watch::Receiver<Option<Window>>,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Outcome, Error>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let session = labels::new_session_id();
        let keeper = Keeper::start(self, plan, &session).await?;
        tracing::debug!(%session, keeper = keeper.pid(), "the keeper stands");
        let sweeper = self.clone();
        // Beside the session, so that it costs no time. A failure is the next session's business.
        let sweep = tokio::spawn(async move { sweeper.sweep_abandoned().await });
        let outcome = tokio::select! {
            outcome = self.converse(plan, &session, &keeper, streams, windows) => outcome,
            () = interrupted => Ok(Outcome::Interrupted),
        };
        keeper.end().await?;
        if let Ok(Err(error)) = sweep.await {
            tracing::debug!(%error, "cannot look for abandoned keepers");
        }
        match outcome {
            // 137 is also what is left of a session when the target's PID 1 ends: the kernel kills all of its PID
            // namespace. The engine knows which of the two it was.
            Ok(Outcome::Exited(137)) => match self.inspect(&plan.target_id.parse()?).await {
                Ok(Target { state: State::Running | State::Paused, .. }) => Ok(Outcome::Exited(137)),
                Ok(target) => Ok(Outcome::TargetEnded { state: target.state }),
                Err(Error::NoSuchContainer { .. }) => Ok(Outcome::TargetEnded { state: State::Removing }),
                Err(error) => Err(error),
            },
            outcome => outcome,
        }
    }

    /// Starts the session's process and passes bytes until it ends.
    async fn converse<I, O, E>(
        &self,
        plan: &Plan,
        session: &str,
        keeper: &Keeper,
        streams: Streams<I, O, E>,
        windows: watch::Receiver<Option<Window>>,
    ) -> Result<Outcome, Error>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let exec = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(plan.tty),
            user: plan.exec_user.clone(),
            env: Some(plan.exec_environment(keeper.pid())),
            cmd: Some(plan.exec_command(keeper.pid(), session)),
            // Without this the engine would take ctrl-p ctrl-q out of the input.
            detach_keys: Some(String::new()),
            ..ExecConfig::default()
        };
        let created = self.docker.create_exec(&plan.target_id, exec).await;
        let exec = created.map_err(|error| Error::bollard("create the session's process", error))?.id;
        let Hijacked { reader, writer } = self.start_exec(&exec, plan.tty).await?;
        let resizing = async {
            if plan.tty {
                self.follow_window(&exec, windows).await;
            }
            std::future::pending::<Infallible>().await
        };
        let input = tokio::spawn(streams::forward_input(streams.input, writer));
        let pumped = tokio::select! {
            pumped = streams::pump_output(reader, plan.tty, streams.output, streams.error) => pumped,
            never = resizing => match never {},
        };
        input.abort();
        match pumped? {
            PumpEnd::OutputClosed => Ok(Outcome::OutputClosed),
            PumpEnd::Ended => Ok(Outcome::Exited(self.exit_code(&exec).await?)),
            PumpEnd::Refused(message) => {
                let code = self.exit_code(&exec).await?;
                Err(Error::ExecRefused { message, code })
            }
        }
    }

    /// Runs a command in a container as `docker exec` would, and drops what it prints: its exit code.
    ///
    /// Fails with [`Error::ExecRefused`] when the runtime cannot start it.
    pub async fn exec(&self, container: &ContainerName, command: &[&str]) -> Result<u8, Error> {
        let exec = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            ..ExecConfig::default()
        };
        let created = self.docker.create_exec(container.as_str(), exec).await;
        let exec = created.map_err(|error| Error::bollard("create a process", error))?.id;
        let Hijacked { reader, writer: _writer } = self.start_exec(&exec, false).await?;
        let end = streams::pump_output(reader, false, tokio::io::sink(), tokio::io::sink()).await?;
        let code = self.exit_code(&exec).await?;
        match end {
            PumpEnd::Refused(message) => Err(Error::ExecRefused { message, code }),
            PumpEnd::Ended | PumpEnd::OutputClosed => Ok(code),
        }
    }

    async fn start_exec(&self, exec: &str, tty: bool) -> Result<Hijacked, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct StartExec {
            detach: bool,
            tty: bool,
        }
        let path = format!("/exec/{exec}/start");
        let request = self.transport.json_request(Method::POST, &path, &StartExec { detach: false, tty })?;
        self.transport.hijack(request).await
    }

    async fn exit_code(&self, exec: &str) -> Result<u8, Error> {
        // The stream can end a moment before the engine has noted the exit.
        for attempt in 0..50_u64 {
            let state = self.docker.inspect_exec(exec).await;
            let state = state.map_err(|error| Error::bollard("ask for the exit code", error))?;
            if let (Some(false), Some(code)) = (state.running, state.exit_code) {
                // Codes are eight bits wide; the engine uses others for its own failures.
                return Ok(u8::try_from(code).unwrap_or(u8::MAX));
            }
            tokio::time::sleep(Duration::from_millis(2 * (attempt + 1))).await;
        }
        Err(Error::transport("ask for the exit code", "the engine still takes the session's process for running"))
    }

    /// Gives the exec's terminal the size of the client's, now and at each change.
    async fn follow_window(&self, exec: &str, mut windows: watch::Receiver<Option<Window>>) {
        loop {
            let window = *windows.borrow_and_update();
            // A terminal that says 0×0 does not know its size.
            if let Some(Window { columns, rows }) = window.filter(|window| window.columns > 0 && window.rows > 0) {
                for attempt in 1..=RESIZE_ATTEMPTS {
                    let options = ResizeExecOptionsBuilder::default().w(columns.into()).h(rows.into()).build();
                    match self.docker.resize_exec(exec, options).await {
                        Ok(()) => break,
                        Err(error) => tracing::debug!(%error, attempt, "cannot resize yet"),
                    }
                    tokio::time::sleep(Duration::from_millis(10) * attempt).await;
                }
            }
            if windows.changed().await.is_err() {
                return;
            }
        }
    }
}
