//! The process of a session, wherever it runs: started by exec inside the target, or the main process of a container
//! of its own.

use std::time::Duration;

use bollard::models::ExecConfig;
use scratchdbg_backend::launcher::{self, TOOLS_FOLDER_STEM};
use scratchdbg_backend::{ProcessEnd, Start};
use tokio::io::WriteHalf;

use super::container::{interactive, sidecar, start_container};
use super::copy::Copy;
use super::exec::{NOTED_WITHIN, Noted, Polls};
use super::opening::NotExecuted;
use super::output::{OutputEnd, ProcessOutput};
use super::probe::{Of, ProcessProbe};
use super::removal::Removal;
use super::{copy, detach};
use crate::ours::Role;
use crate::plan::Way;
use crate::transport::{Hijacked, Kind, Upgraded};
use crate::{ContainerName, Engine, Error, SessionPlan, labels};

/// How long after a command was killed the engine may take to remove its container, and so to hear why.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

/// How long the container of a session may take to go once its keeper is gone, before its removal is asked for.
const GOES_WITHIN: Duration = Duration::from_secs(4);

/// How long the engine may take to say that it removes it then. What is not known to be gone is told.
const REMOVAL_ANSWERED_WITHIN: Duration = Duration::from_secs(6);

/// How long after the end of a container the engine may take to remove it. After that its record is read.
const REMOVED_WITHIN: Duration = Duration::from_secs(20);

/// The user has pressed the detach keys, and waits for the client to leave.
const NOTED_WITHIN_TERMINAL: Duration = Duration::from_secs(3);

/// The engine has said that the user detached.
const NOTED_WITHIN_DETACHED: Duration = Duration::from_secs(1);

/// What the engine gives as the exit code of an exec that it could not serve, if the runtime named no better one. Docker gives it
/// where the streams to us broke, too, and then never tells how the process ended.
const ENGINES_OWN: u8 = 126;

/// A started process, and its streams until they are taken.
#[derive(Debug)]
pub struct Process {
    engine: Engine,
    runs: Runs,
    detach_keys: Vec<u8>,
    streams: Option<(ProcessOutput, WriteHalf<Upgraded>)>,
}

/// Where a process runs.
#[derive(Debug)]
enum Runs {
    /// Inside the target.
    Exec {
        /// The exec's id.
        id: String,
    },
    /// In a container of its own, which the engine removes when it ends.
    Container {
        /// That container.
        container: ContainerName,
        /// Its end.
        removal: Removal,
        /// The image that was made for it.
        copy: Copy,
    },
}

impl Process {
    /// Starts what the plan says. Without input, an exec need not have a stream for it. `ready` is waited for right before.
    pub(super) async fn start(
        engine: &Engine,
        plan: &SessionPlan,
        session: &str,
        start: Start<'_>,
        ready: impl Future<Output = Result<(), scratchdbg_backend::Error>> + Send,
    ) -> Result<Self, scratchdbg_backend::Error> {
        let not_executed = NotExecuted::of(&launcher::path(&plan.view, start.keeper, session));
        let tty = plan.view.tty;
        let (runs, Hijacked { reader, writer }) = match &plan.way {
            Way::Exec { user, .. } => {
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
                let created = engine.docker.create_exec(&plan.view.target_id, exec);
                let id = engine.transport.ask(Kind::CreateExec, created).await?.id;
                ready.await?;
                let streams = engine.start_exec(&id, tty).await?;
                (Runs::Exec { id }, streams)
            }
            Way::Sidecar { .. } | Way::Copy { .. } => Self::in_container(engine, plan, session, start).await?,
        };
        let streams = Some((ProcessOutput::of(reader, tty, not_executed), writer));
        Ok(Self { engine: engine.clone(), runs, detach_keys: detach::keys(plan.detach_keys.as_deref()), streams })
    }

    async fn in_container(
        engine: &Engine,
        plan: &SessionPlan,
        session: &str,
        start: Start<'_>,
    ) -> Result<(Runs, Hijacked), Error> {
        let (mut body, copy, tools) = match &plan.way {
            Way::Copy { user, image, settings, tools } => {
                let like = copy::Like { user: user.as_deref(), image, settings };
                let (body, copy) =
                    copy::container(engine, plan, session, start.keeper, like, &start.environment).await?;
                (body, copy, tools)
            }
            Way::Sidecar { tools } => (sidecar(plan, start.environment), Copy::default(), tools),
            Way::Exec { .. } => return Err(Error::transport("start a session", "it has no container of its own")),
        };
        body.entrypoint = Some(start.command);
        body.cmd = Some(Vec::new());
        body.labels = Some(labels::session_labels(session, plan, engine.now()));
        let name = Role::Shell.name(session);
        let detach_keys = plan.detach_keys.as_deref();
        let tools = tools.as_deref().map(|archive| (format!("{TOOLS_FOLDER_STEM}{session}"), archive));
        let body = interactive(body, plan.view.tty, tools.as_ref().map(|(folder, _)| folder.as_str()));
        match start_container(engine, &name, body, tools, detach_keys).await {
            Ok((container, removal, streams)) => Ok((Runs::Container { container, removal, copy }, streams)),
            Err(error) => {
                copy.remove(engine).await?;
                Err(match copy::missing_source(plan, &error) {
                    Some(path) => Error::MountSourceGone { path },
                    None => error,
                })
            }
        }
    }

    /// How it is, once its streams have ended. The engine may hear of the end itself `patience` later.
    async fn noted(&mut self, patience: Duration) -> Result<Noted, Error> {
        let Self { engine, runs, .. } = self;
        match runs {
            Runs::Exec { id } => engine.exec_end(id, patience).await,
            Runs::Container { container, removal, .. } => {
                if !removal.is_over() && engine.keeps_running(container, patience).await? {
                    return Ok(Noted::StillRunning);
                }
                // The engine may have much to do before the container is removed.
                let code = match tokio::time::timeout(REMOVED_WITHIN, removal.exit_code()).await {
                    Ok(code) => code?,
                    // It does not tell. What it wrote down, it may.
                    Err(_) => match engine.recorded_exit_code(container).await {
                        Some(code) => code,
                        None => return Err(Error::ConnectionEnded),
                    },
                };
                Ok(Noted::Exited(u8::try_from(code).unwrap_or(u8::MAX)))
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
            Runs::Exec { id } => Of::Exec(id.clone()),
            Runs::Container { container, .. } => Of::Container(container.clone()),
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
            return Ok(ProcessEnd::NotStarted(end.refusal(ENGINES_OWN).into()));
        }
        let patience = match end {
            _ if !is_detached => NOTED_WITHIN,
            OutputEnd::Escaped { .. } => NOTED_WITHIN_DETACHED,
            _ => NOTED_WITHIN_TERMINAL,
        };
        let noted = self.noted(patience).await?;
        Ok(process_end(noted, end, is_detached, matches!(self.runs, Runs::Exec { .. })))
    }

    /// By the word of the engine or of the kernel: the engine drops what it hears of a container that it has removed. A process
    /// inside the target counts against the target's limits.
    async fn ran_out_of_memory(&mut self) -> bool {
        let Runs::Container { container, removal, .. } = &self.runs else { return false };
        // The launcher may have told of the end before the engine has heard of it.
        let mut polls = Polls::until(HEARD_WITHIN);
        while !removal.is_over() && polls.again().await {}
        let Ok(host) = self.engine.host_facts().await else { return false };
        let events = self.engine.events_of(container.as_str(), &host).await.unwrap_or_default();
        events.iter().any(|event| event.action == "oom") || crate::facts::saw_memory_kill(&host, container.as_str())
    }

    async fn end(self) -> Result<(), scratchdbg_backend::Error> {
        let Self { engine, runs, .. } = self;
        if let Runs::Container { container, mut removal, copy } = runs {
            // The engine removes it by itself, and until then says of a further removal that one is in progress. What the
            // container was made from can only go after it.
            let mut removed = Ok(());
            if !removal.is_over() && tokio::time::timeout(GOES_WITHIN, removal.exit_code()).await.is_err() {
                removed = engine.remove_within(&container, REMOVAL_ANSWERED_WITHIN).await;
                if removed.is_ok() {
                    let _gone = tokio::time::timeout(REMOVED_WITHIN, removal.exit_code()).await;
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

/// What streams mean that ended without a record. `is_detached`: the detach keys were pressed.
fn process_end(noted: Noted, end: OutputEnd, is_detached: bool, is_exec: bool) -> ProcessEnd {
    match noted {
        Noted::NotStarted(code) => ProcessEnd::NotStarted(end.refusal(code).into()),
        Noted::StillRunning | Noted::Exited(0) if is_detached => ProcessEnd::Detached,
        Noted::Exited(ENGINES_OWN) if is_detached && matches!(end, OutputEnd::Escaped { .. }) => ProcessEnd::Detached,
        Noted::StillRunning => ProcessEnd::StillRunning(end.held()),
        Noted::Exited(ENGINES_OWN) if is_exec => ProcessEnd::Unknown,
        Noted::Exited(code) => ProcessEnd::Exited(code, end.held()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_detached_has_what_was_asked_for() {
        use Noted::{Exited, StillRunning};
        use OutputEnd::Plain;
        const ESCAPED: OutputEnd = OutputEnd::Escaped { is_held: true };
        for (noted, end, is_detached, expected) in [
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
            let found = process_end(noted, end.clone(), is_detached, true);
            assert_eq!(found, expected, "{noted:?} {end:?} {is_detached}");
        }
        assert_eq!(process_end(Exited(126), Plain, false, false), ProcessEnd::Exited(126, Vec::new()));
        let line = OutputEnd::OneLine(b"a line\r\n".to_vec());
        assert_eq!(process_end(Exited(3), line.clone(), false, true), ProcessEnd::Exited(3, b"a line\r\n".to_vec()));
        let ProcessEnd::NotStarted(error) = process_end(Noted::NotStarted(127), line, false, true) else {
            panic!("it never began");
        };
        assert!(error.message.contains("a line") && error.is_exec_refusal(), "{error:?}");
    }
}
