//! The process of a session: the launcher, which an exec starts inside the target's container.

use scratchdbg_backend::{
    Error, ErrorKind, Phase, Probe, Process, ProcessEnd, Start, Window, launcher,
};
use tokio::io::{AsyncWriteExt as _, DuplexStream};

use super::PodSessions;
use super::channel::Status;
use super::output::{PodOutput, StreamEnd};
use super::socket::{Control, Socket};
use crate::call::Call;
use crate::plan::session::SessionPlan;
use crate::plan::target;

/// A process, with its streams until they are taken.
pub struct PodProcess {
    probe: PodProbe,
    streams: Option<(PodOutput, DuplexStream)>,
}

impl std::fmt::Debug for PodProcess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PodProcess").field("probe", &self.probe).finish_non_exhaustive()
    }
}

/// Queries about a process. The API has no query for processes, so the state of the container is
/// read.
#[derive(Debug, Clone)]
pub struct PodProbe {
    sessions: PodSessions,
    control: Control,
    place: Place,
}

/// The container of a process.
#[derive(Debug, Clone)]
struct Place {
    namespace: String,
    pod: String,
    /// `None` for a copy, whose name no other pod has.
    pod_uid: Option<String>,
    container: String,
    /// `None` for a copy, which runs once.
    container_id: Option<String>,
}

impl Place {
    /// Returns the container of a session's process.
    fn of(plan: &SessionPlan, session: &str) -> Self {
        let (pod, is_copy) = match &plan.copy {
            Some(copy) => (copy.name(session), true),
            None => (plan.pod.clone(), false),
        };
        Self {
            namespace: plan.namespace.clone(),
            pod,
            pod_uid: (!is_copy).then(|| plan.pod_uid.clone()),
            container: plan.container.clone(),
            container_id: (!is_copy).then(|| plan.container_id.clone()),
        }
    }
}

impl PodProcess {
    /// Starts the launcher, and sends the data that its command line does not contain.
    pub(super) async fn start(
        sessions: &PodSessions,
        plan: &SessionPlan,
        session: &str,
        start: Start<'_>,
    ) -> Result<Self, Error> {
        let Start { command, environment, has_input, window, .. } = start;
        let tty = plan.view.tty;
        let command = launcher::with_preamble(command, &environment, has_input);
        let place = Place::of(plan, session);
        let call = exec(&place, &command, tty);
        let mut socket =
            Socket::open(&sessions.cluster.client, &call, true).await.map_err(no_other_mode)?;
        if has_input && !tty && !socket.has_end_of_input {
            let message = "the API server speaks version 4 of the protocol for streams, in which input has no end";
            return Err(Error::new(ErrorKind::Unsupported, message)
                .hint("Kubernetes 1.30 and later speak version 5; without input, `< /dev/null`, it works here too"));
        }
        if let Some(window) = window {
            socket.control.resize(window);
        }
        let preamble = launcher::preamble(&environment, window);
        let sent = socket.input.write_all(preamble.as_bytes()).await;
        sent.map_err(|error| {
            Error::new(ErrorKind::Broken, format!("the session's connection is gone: {error}"))
        })?;
        let (reader, input, control) = socket.split();
        let output = PodOutput::of(reader, if tty { &preamble } else { "" });
        let probe = PodProbe { sessions: sessions.clone(), control, place };
        Ok(Self { probe, streams: Some((output, input)) })
    }
}

fn exec(place: &Place, command: &[String], tty: bool) -> Call {
    let mut call =
        Call::connect(&place.namespace, &place.pod, "exec").with("container", &*place.container);
    for word in command {
        call = call.with("command", &**word);
    }
    // The launcher always reads a line. A terminal merges both output streams.
    call = call.with("stdin", "true").with("stdout", "true");
    call.with(if tty { "tty" } else { "stderr" }, "true")
}

/// Keeps a missing permission from leading to another mode.
fn no_other_mode(error: crate::error::Error) -> Error {
    let error = Error::from(error);
    if error.is_exec_refusal() { Error { kind: ErrorKind::Refused, ..error } } else { error }
}

impl Process for PodProcess {
    type Probe = PodProbe;
    type Output = PodOutput;
    type Input = DuplexStream;

    fn streams(&mut self) -> Option<(PodOutput, DuplexStream)> {
        self.streams.take()
    }

    fn probe(&self) -> PodProbe {
        self.probe.clone()
    }

    fn detach_keys(&self) -> Vec<u8> {
        Vec::new()
    }

    async fn end_of(&mut self, output: PodOutput, _is_detached: bool) -> Result<ProcessEnd, Error> {
        let (end, is_heard) = output.end();
        Ok(interpret(end, is_heard))
    }

    async fn ran_out_of_memory(&mut self) -> bool {
        false
    }

    async fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

/// Interprets the end of the streams if the launcher left no record.
fn interpret(end: StreamEnd, is_heard: bool) -> ProcessEnd {
    match end {
        StreamEnd::Status(Status::Code(code)) => ProcessEnd::Exited(code, Vec::new()),
        StreamEnd::Status(Status::Failure(reason)) if !is_heard => {
            ProcessEnd::NotStarted(not_started(&reason))
        }
        // A restarted runtime reports success while the process still runs.
        StreamEnd::Status(Status::Success | Status::Failure(_)) | StreamEnd::Cut(_) => {
            ProcessEnd::Unknown
        }
        StreamEnd::Dead(reason) => {
            let message = format!(
                "the connection to the cluster is dead: {reason}; how the command ended is not known"
            );
            ProcessEnd::Lost(Error::new(ErrorKind::Unreachable, message))
        }
    }
}

fn not_started(reason: &str) -> Error {
    let message = format!("the container runtime did not start the session: {reason}");
    let error = Error::new(ErrorKind::Refused, message);
    if reason.contains("permission denied") {
        return error.hint(
            "the runtime may not follow the keeper's path: the user, group, capabilities or confinement of the target's \
             processes are others than the pod's record tells",
        );
    }
    error
}

impl Probe for PodProbe {
    async fn is_running(&self) -> Result<bool, Error> {
        let Place { namespace, pod, pod_uid, container, container_id } = &self.place;
        match self.sessions.pod(namespace, pod, pod_uid.as_deref()).await {
            Ok(pod) => {
                let status = pod.container_status(container);
                let is_same = container_id
                    .as_ref()
                    .is_none_or(|id| status.is_some_and(|status| status.runtime_id() == id));
                Ok(is_same && target::phase(&pod, status) == Phase::Running)
            }
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn can_signal(&self) -> bool {
        false
    }

    async fn signal(&self, _number: u8) -> Result<(), Error> {
        Ok(())
    }

    async fn resize(&self, window: Window) -> Result<(), Error> {
        self.control.resize(window);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_of_the_platform_proves_nothing() {
        let status = StreamEnd::Status;
        for (end, is_heard, expected) in [
            (status(Status::Success), true, ProcessEnd::Unknown),
            (status(Status::Success), false, ProcessEnd::Unknown),
            (status(Status::Code(137)), true, ProcessEnd::Exited(137, Vec::new())),
            (status(Status::Failure("x".to_owned())), true, ProcessEnd::Unknown),
            (StreamEnd::Cut(None), false, ProcessEnd::Unknown),
        ] {
            assert_eq!(interpret(end.clone(), is_heard), expected, "{end:?}");
        }
        let dead = interpret(StreamEnd::Dead("silence".to_owned()), true);
        assert!(matches!(dead, ProcessEnd::Lost(error) if error.kind == ErrorKind::Unreachable));
        let ProcessEnd::NotStarted(error) =
            interpret(status(Status::Failure("permission denied".to_owned())), false)
        else {
            panic!("it never began");
        };
        assert!(
            !error.is_exec_refusal() && error.hints.len() == 1,
            "no other mode is tried: {error:?}"
        );
    }
}
