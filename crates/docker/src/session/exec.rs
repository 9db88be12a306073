//! Execs, and the state of processes whose streams have ended.

use std::time::{Duration, Instant};

use bollard::models::ExecConfig;
use hyper::Method;
use serde::Serialize;

use super::opening::NotExecuted;
use super::output::ProcessOutput;
use crate::transport::{Hijacked, Kind};
use crate::{ContainerName, Engine, Error};

/// How long the engine may take to note the end of a process after its streams ended without a
/// record. Usually the engine notes the end at once; a busy engine takes seconds.
pub(super) const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The engine's view of a process whose streams have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExecState {
    /// The process exited with this code.
    Exited(u8),
    /// The process is still running; only the connection to it ended.
    StillRunning,
    /// The engine could not start the process, and reports this code in place of a program's.
    NotStarted(u8),
}

impl Engine {
    /// Runs a command in a container as `docker exec` would, discards its output, and returns its
    /// exit code.
    ///
    /// Returns [`Error::ExecRefused`] if the runtime cannot start the command.
    pub async fn exec(&self, container: &ContainerName, command: &[&str]) -> Result<u8, Error> {
        use scratchdbg_backend::Output as _;
        let exec = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            ..ExecConfig::default()
        };
        let created =
            self.transport.ask(Kind::CreateExec, self.docker.create_exec(container.as_str(), exec));
        let exec = created.await?.id;
        let Hijacked { reader, writer: _writer } = self.start_exec(&exec, false).await?;
        let mut output = ProcessOutput::of(reader, false, NotExecuted::none());
        while let Some(_dropped) =
            output.next().await.map_err(|error| Error::transport("exec", error))?
        {}
        match self.exec_end(&exec, EXIT_TIMEOUT).await? {
            ExecState::Exited(code) => Ok(code),
            ExecState::StillRunning => Ok(u8::MAX),
            ExecState::NotStarted(code) => Err(output.end().refusal(code)),
        }
    }

    pub(super) async fn start_exec(&self, exec: &str, tty: bool) -> Result<Hijacked, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct StartExec {
            detach: bool,
            tty: bool,
        }
        let path = format!("/exec/{exec}/start");
        let request =
            self.transport.json_request(Method::POST, &path, &StartExec { detach: false, tty })?;
        self.transport.hijack(request).await
    }

    /// Determines the state of an exec whose streams have ended.
    pub(super) async fn exec_end(&self, exec: &str, timeout: Duration) -> Result<ExecState, Error> {
        let mut polls = Polls::until(timeout);
        loop {
            let state = self.transport.ask(Kind::Question, self.docker.inspect_exec(exec)).await?;
            if let (Some(false), Some(code)) = (state.running, state.exit_code) {
                // Exit codes have eight bits; the engine uses other values for its own failures.
                let code = u8::try_from(code).unwrap_or(u8::MAX);
                // Docker keeps the process id of an exec that has ended. Podman forgets it.
                let began = self.is_podman() || state.pid != Some(0);
                return Ok(if began {
                    ExecState::Exited(code)
                } else {
                    ExecState::NotStarted(code)
                });
            }
            if !polls.again().await {
                return Ok(ExecState::StillRunning);
            }
        }
    }

    /// Whether a container runs, and keeps running for this time.
    pub(super) async fn keeps_running(
        &self,
        container: &ContainerName,
        timeout: Duration,
    ) -> Result<bool, Error> {
        let mut polls = Polls::until(timeout);
        loop {
            match self.inspect(container).await {
                Ok(target) if target.state.has_processes() => {}
                Ok(_) | Err(Error::NoSuchContainer { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
            if !polls.again().await {
                return Ok(true);
            }
        }
    }
}

/// The backoff for polling a process whose streams have ended. The delay is short at first, as most
/// ends are noted at once.
pub(super) struct Polls {
    deadline: Instant,
    pause: Duration,
}

impl Polls {
    const LONGEST_PAUSE: Duration = Duration::from_millis(60);

    pub(super) fn until(timeout: Duration) -> Self {
        Self { deadline: Instant::now() + timeout, pause: Duration::from_millis(2) }
    }

    /// Waits for the next poll. Returns `false` when the time is over.
    pub(super) async fn again(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause + Duration::from_millis(2)).min(Self::LONGEST_PAUSE);
        true
    }
}
