//! The process of a session: started by exec inside the target, or the main process of a container
//! of its own.

use std::time::Duration;

use bollard::models::ExecConfig;
use scratchdbg_backend::launcher::{self, TOOLS_FOLDER_STEM};
use scratchdbg_backend::{ProcessEnd, Start};
use tokio::io::WriteHalf;

use super::container::{interactive, sidecar, start_container};
use super::copy::Copy;
use super::exec::{EXIT_TIMEOUT, ExecState, Polls};
use super::exit_waiter::ExitWaiter;
use super::opening::NotExecuted;
use super::output::{OutputEnd, ProcessOutput};
use super::probe::{ProbeTarget, ProcessProbe};
use super::{copy, detach};
use crate::ours::Role;
use crate::plan::ModePlan;
use crate::transport::{Hijacked, Kind, Upgraded};
use crate::{ContainerName, Engine, Error, SessionPlan, labels};

/// How long the engine may take to remove the container of a command that was killed, which reveals
/// the reason.
const OOM_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a session's container may take to end after its keeper is gone, before its removal is
/// requested.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the engine may take to confirm that removal. A container that is not known to be
/// removed is reported.
const REMOVAL_CONFIRM_TIMEOUT: Duration = Duration::from_secs(6);

/// How long the engine may take to remove an ended container before its record is read instead.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(20);

/// The limit if the user has pressed the detach keys and waits for the client to exit.
const EXIT_TIMEOUT_TERMINAL: Duration = Duration::from_secs(3);

/// The limit if the engine has reported that the user detached.
const EXIT_TIMEOUT_DETACHED: Duration = Duration::from_secs(1);

/// The exit code that the engine reports for an exec that it could not serve, if the runtime
/// reported no better one. Docker also reports this code if the connection to the client broke, and
/// then never reports how the process ended.
const ENGINE_EXIT_CODE: u8 = 126;

/// A process, and its streams until they are taken.
#[derive(Debug)]
pub struct Process {
    engine: Engine,
    runs: RunsIn,
    detach_keys: Vec<u8>,
    streams: Option<(ProcessOutput, WriteHalf<Upgraded>)>,
}

/// The container in which a process runs.
#[derive(Debug)]
enum RunsIn {
    /// The process runs inside the target.
    Exec {
        /// The exec's id.
        id: String,
    },
    /// The process runs in a container of its own, which the engine removes at its end.
    Container {
        /// The container.
        container: ContainerName,
        /// Waits for the end of the container.
        exit_waiter: ExitWaiter,
        /// The image that was created for the container.
        copy: Copy,
    },
}

impl Process {
    /// Starts the planned process. Without input, an exec needs no input stream. Awaits `ready`
    /// immediately before the start.
    pub(super) async fn start(
        engine: &Engine,
        plan: &SessionPlan,
        session: &str,
        mut start: Start<'_>,
        ready: impl Future<Output = Result<(), scratchdbg_backend::Error>> + Send,
    ) -> Result<Self, scratchdbg_backend::Error> {
        let not_executed = NotExecuted::of(&launcher::path(&plan.view, start.keeper, session));
        let tty = plan.view.tty;
        start.environment.extend(plan.allowed_ids.clone());
        let (runs, Hijacked { reader, writer }) = match &plan.mode_plan {
            ModePlan::Exec { user, .. } => {
                let exec = ExecConfig {
                    attach_stdin: Some(start.has_input),
                    attach_stdout: Some(true),
                    attach_stderr: Some(true),
                    tty: Some(tty),
                    detach_keys: plan.detach_keys.clone(),
                    user: user.clone(),
                    env: Some(start.environment),
                    cmd: Some(start.command),
                    ..ExecConfig::default()
                };
                let target = plan.view.target_id.parse().map_err(Error::from)?;
                let created = engine.docker.create_exec(&plan.view.target_id, exec);
                let created = async {
                    let id = engine.transport.ask(Kind::CreateExec, created).await?.id;
                    ready.await?;
                    Ok::<_, scratchdbg_backend::Error>(id)
                };
                // While the keeper starts.
                let checked = async { Ok(engine.expect_no_blocking_file(&target).await?) };
                let (id, ()) = futures_util::future::try_join(created, checked).await?;
                let streams = engine.start_exec(&id, tty).await?;
                (RunsIn::Exec { id }, streams)
            }
            ModePlan::Sidecar { .. } | ModePlan::Copy { .. } => {
                Self::in_container(engine, plan, session, start).await?
            }
        };
        let streams = Some((ProcessOutput::of(reader, tty, not_executed), writer));
        Ok(Self {
            engine: engine.clone(),
            runs,
            detach_keys: detach::keys(plan.detach_keys.as_deref()),
            streams,
        })
    }

    async fn in_container(
        engine: &Engine,
        plan: &SessionPlan,
        session: &str,
        start: Start<'_>,
    ) -> Result<(RunsIn, Hijacked), Error> {
        let (mut body, copy, tools) = match &plan.mode_plan {
            ModePlan::Copy { user, image, settings, tools } => {
                let like = copy::CopyOptions { user: user.as_deref(), image, settings };
                let (body, copy) =
                    copy::container(engine, plan, session, start.keeper, like, &start.environment)
                        .await?;
                (body, copy, tools)
            }
            ModePlan::Sidecar { tools } => {
                (sidecar(plan, start.environment), Copy::default(), tools)
            }
            ModePlan::Exec { .. } => {
                return Err(Error::transport("start a session", "it has no container of its own"));
            }
        };
        body.entrypoint = Some(start.command);
        body.cmd = Some(Vec::new());
        body.labels = Some(labels::session_labels(session, plan, engine.now()));
        let name = Role::Shell.name(session);
        let detach_keys = plan.detach_keys.as_deref();
        let tools =
            tools.as_deref().map(|archive| (format!("{TOOLS_FOLDER_STEM}{session}"), archive));
        let body =
            interactive(body, plan.view.tty, tools.as_ref().map(|(folder, _)| folder.as_str()));
        match start_container(engine, &name, body, tools, detach_keys).await {
            Ok((container, exit_waiter, streams)) => {
                Ok((RunsIn::Container { container, exit_waiter, copy }, streams))
            }
            Err(error) => {
                copy.remove(engine).await?;
                Err(match copy::missing_source(plan, &error) {
                    Some(path) => Error::MountSourceGone { path },
                    None => error,
                })
            }
        }
    }

    /// Determines the state of the process after its streams ended. The engine may note the end up
    /// to `timeout` later.
    async fn state(&mut self, timeout: Duration) -> Result<ExecState, Error> {
        let Self { engine, runs, .. } = self;
        match runs {
            RunsIn::Exec { id } => engine.exec_end(id, timeout).await,
            RunsIn::Container { container, exit_waiter, .. } => {
                if !exit_waiter.is_over() && engine.keeps_running(container, timeout).await? {
                    return Ok(ExecState::StillRunning);
                }
                // The engine may be busy before it removes the container.
                let code =
                    match tokio::time::timeout(REMOVAL_TIMEOUT, exit_waiter.exit_code()).await {
                        Ok(code) => code?,
                        // The engine does not answer. Its record may contain the code.
                        Err(_) => match engine.recorded_exit_code(container).await {
                            Some(code) => code,
                            None => return Err(Error::ConnectionEnded),
                        },
                    };
                Ok(ExecState::Exited(u8::try_from(code).unwrap_or(u8::MAX)))
            }
        }
    }
}

impl scratchdbg_backend::Process for Process {
    type Probe = ProcessProbe;
    type Output = ProcessOutput;
    type Input = WriteHalf<Upgraded>;

    fn streams(&mut self) -> Option<(Self::Output, Self::Input)> {
        self.streams.take()
    }

    fn probe(&self) -> ProcessProbe {
        let of = match &self.runs {
            RunsIn::Exec { id } => ProbeTarget::Exec(id.clone()),
            RunsIn::Container { container, .. } => ProbeTarget::Container(container.clone()),
        };
        ProcessProbe { engine: self.engine.clone(), of }
    }

    fn detach_keys(&self) -> Vec<u8> {
        self.detach_keys.clone()
    }

    async fn end_of(
        &mut self,
        output: ProcessOutput,
        is_detached: bool,
    ) -> Result<ProcessEnd, scratchdbg_backend::Error> {
        let end = output.end();
        if let OutputEnd::NotExecuted(_) = end {
            return Ok(ProcessEnd::NotStarted(end.refusal(ENGINE_EXIT_CODE).into()));
        }
        let timeout = match end {
            _ if !is_detached => EXIT_TIMEOUT,
            OutputEnd::Escaped { .. } => EXIT_TIMEOUT_DETACHED,
            _ => EXIT_TIMEOUT_TERMINAL,
        };
        let state = self.state(timeout).await?;
        Ok(process_end(state, end, is_detached, matches!(self.runs, RunsIn::Exec { .. })))
    }

    /// Whether the engine or the kernel reports that the process ran out of memory. The engine
    /// drops the reason once it has removed the container. A process inside the target counts
    /// against the target's limits.
    async fn ran_out_of_memory(&mut self) -> bool {
        let RunsIn::Container { container, exit_waiter, .. } = &self.runs else { return false };
        // The launcher may have reported the end before the engine notes it.
        let mut polls = Polls::until(OOM_TIMEOUT);
        while !exit_waiter.is_over() && polls.again().await {}
        let Ok(host) = self.engine.host_facts().await else { return false };
        let events = self.engine.events_of(container.as_str(), &host).await.unwrap_or_default();
        events.iter().any(|event| event.action == "oom")
            || crate::facts::saw_memory_kill(&host, container.as_str())
    }

    async fn end(self) -> Result<(), scratchdbg_backend::Error> {
        let Self { engine, runs, .. } = self;
        if let RunsIn::Container { container, mut exit_waiter, copy } = runs {
            // The engine removes the container by itself, and until then answers that a removal is
            // in progress. The copy's image can be removed only after that.
            let mut removed = Ok(());
            if !exit_waiter.is_over()
                && tokio::time::timeout(STOP_TIMEOUT, exit_waiter.exit_code()).await.is_err()
            {
                removed = engine.remove_within(&container, REMOVAL_CONFIRM_TIMEOUT).await;
                if removed.is_ok() {
                    let _gone =
                        tokio::time::timeout(REMOVAL_TIMEOUT, exit_waiter.exit_code()).await;
                }
            }
            if removed.is_ok() {
                engine.transport.scope().gone(container.as_str());
            }
            copy.remove(&engine).await?;
            removed?;
        }
        Ok(())
    }
}

/// Interprets the end of streams without a record. `is_detached` states that the user pressed the
/// detach keys.
fn process_end(state: ExecState, end: OutputEnd, is_detached: bool, is_exec: bool) -> ProcessEnd {
    match state {
        ExecState::NotStarted(code) => ProcessEnd::NotStarted(end.refusal(code).into()),
        ExecState::StillRunning | ExecState::Exited(0) if is_detached => ProcessEnd::Detached,
        ExecState::Exited(ENGINE_EXIT_CODE)
            if is_detached && matches!(end, OutputEnd::Escaped { .. }) =>
        {
            ProcessEnd::Detached
        }
        ExecState::StillRunning => ProcessEnd::StillRunning(end.held()),
        ExecState::Exited(ENGINE_EXIT_CODE) if is_exec => ProcessEnd::Unknown,
        ExecState::Exited(code) => ProcessEnd::Exited(code, end.held()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_detached_has_what_was_asked_for() {
        use ExecState::{Exited, StillRunning};
        use OutputEnd::Plain;
        const ESCAPED: OutputEnd = OutputEnd::Escaped { is_held: true };
        for (state, end, is_detached, expected) in [
            (StillRunning, Plain, true, ProcessEnd::Detached),
            (StillRunning, ESCAPED, true, ProcessEnd::Detached),
            (Exited(0), Plain, true, ProcessEnd::Detached),
            (Exited(126), ESCAPED, true, ProcessEnd::Detached),
            (Exited(126), Plain, true, ProcessEnd::Unknown),
            (Exited(126), ESCAPED, false, ProcessEnd::Unknown),
            (Exited(1), Plain, true, ProcessEnd::Exited(1, Vec::new())),
            (Exited(0), Plain, false, ProcessEnd::Exited(0, Vec::new())),
            (StillRunning, Plain, false, ProcessEnd::StillRunning(Vec::new())),
        ] {
            let found = process_end(state, end.clone(), is_detached, true);
            assert_eq!(found, expected, "{state:?} {end:?} {is_detached}");
        }
        assert_eq!(
            process_end(Exited(126), Plain, false, false),
            ProcessEnd::Exited(126, Vec::new())
        );
        let line = OutputEnd::OneLine(b"a line\r\n".to_vec());
        assert_eq!(
            process_end(Exited(3), line.clone(), false, true),
            ProcessEnd::Exited(3, b"a line\r\n".to_vec())
        );
        let ProcessEnd::NotStarted(error) =
            process_end(ExecState::NotStarted(127), line, false, true)
        else {
            panic!("it never began");
        };
        assert!(error.message.contains("a line") && error.is_exec_refusal(), "{error:?}");
    }
}
