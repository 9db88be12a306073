//! Interprets the state of an ephemeral container after it was added to a pod.

use scratchdbg_backend::{Error, ErrorKind};

use crate::model::{Condition, ContainerStatus, Pod, PodStatus, Terminated, Waiting};

/// The state of a new ephemeral container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The container runs.
    Running,
    /// The container does not run yet, for this reason if the kubelet reports one.
    Waits(Option<String>),
}

/// Determines whether the container runs. Fails if the container will never run. The kubelet's
/// reasons count as final, also if the kubelet retries.
pub(crate) fn judge(pod: &Pod, name: &str, image: &str) -> Result<Progress, Error> {
    let pod_name = &pod.metadata.name;
    if pod.metadata.deletion_timestamp.is_some() {
        return Err(Error::new(ErrorKind::Gone, format!("pod `{pod_name}` is being deleted")));
    }
    let Some(status) = pod.container_status(name) else { return Ok(Progress::Waits(None)) };
    let state = &status.state;
    if state.running.is_some() {
        return Ok(Progress::Running);
    }
    if let Some(ended) = &state.terminated {
        return Err(ended_at_once(ended));
    }
    let Some(waiting) = &state.waiting else { return Ok(Progress::Waits(None)) };
    match &*waiting.reason {
        "" | "ContainerCreating" | "PodInitializing" => Ok(Progress::Waits(None)),
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "RegistryUnavailable"
        | "ImageInspectError"
        | "SignatureValidationFailed" => Err(no_image(waiting, image)),
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "CreatePodSandboxError"
        | "CrashLoopBackOff" => Err(not_started(waiting, image)),
        _ => Ok(Progress::Waits(Some(words(waiting)))),
    }
}

/// Determines whether the container of a copy runs, including all that must happen before.
pub(crate) fn judge_copy(pod: &Pod, name: &str, image: &str) -> Result<Progress, Error> {
    let PodStatus { phase, reason, message, conditions, init_container_statuses, .. } = &pod.status;
    if phase == "Failed" && !reason.is_empty() {
        // The node rejected or evicted the pod.
        return Err(Error::new(
            ErrorKind::Refused,
            format!("the copy cannot run: {message} ({reason})"),
        ));
    }
    for status in init_container_statuses {
        if let Some(waiting) = &status.state.waiting {
            let told = Pod { status: of_one(status), ..pod.clone() };
            if let waits @ Progress::Waits(Some(_)) = judge(&told, &status.name, image)? {
                return Ok(waits);
            }
            tracing::trace!(reason = waiting.reason, "the tools are on their way");
        }
        if let Some(ended) = status.state.terminated.as_ref().filter(|ended| ended.exit_code != 0) {
            return Err(ended_at_once(ended));
        }
    }
    let scheduled = conditions
        .iter()
        .find(|condition| condition.kind == "PodScheduled" && condition.status == "False");
    if let Some(Condition { message, .. }) = scheduled {
        return Ok(Progress::Waits(Some(message.clone())));
    }
    judge(pod, name, image)
}

/// Returns the status of a pod with this container alone.
fn of_one(status: &ContainerStatus) -> PodStatus {
    PodStatus { container_statuses: vec![status.clone()], ..PodStatus::default() }
}

fn words(waiting: &Waiting) -> String {
    let Waiting { reason, message } = waiting;
    if message.is_empty() { reason.clone() } else { format!("{message} ({reason})") }
}

fn no_image(waiting: &Waiting, image: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the node cannot use the toolkit image {image}: {}", words(waiting))).hint(
        "the image must be in a registry that the node reaches; the pod's own imagePullSecrets are used for it. `scratchdbg \
         build --toolkit-only --tag REGISTRY/NAME:TAG --output registry` pushes one, and --toolkit names it",
    )
}

fn not_started(waiting: &Waiting, image: &str) -> Error {
    let error =
        Error::new(ErrorKind::Refused, format!("the keeper cannot be started: {}", words(waiting)));
    let is_absent = ["no such file or directory", "not found in $PATH"]
        .iter()
        .any(|text| waiting.message.contains(text));
    if waiting.message.contains("is not running")
        || waiting.message.contains("unable to find target container")
    {
        error.hint("the target has ended meanwhile: a session needs one that stays for a while")
    } else if is_absent {
        error.hint(format!(
            "{image} is no toolkit image: `scratchdbg build --toolkit-only` makes one"
        ))
    } else {
        error
    }
}

fn ended_at_once(ended: &Terminated) -> Error {
    let Terminated { exit_code, reason, message, .. } = ended;
    let mut text =
        format!("the keeper ended as soon as it had started, with exit code {exit_code}");
    for words in [reason, message] {
        if !words.is_empty() {
            text.push_str(": ");
            text.push_str(words.trim_end());
        }
    }
    Error::new(ErrorKind::Keeper, text)
}
