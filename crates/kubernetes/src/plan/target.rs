//! Finds the container of a session, and refuses what cannot work before anything is created.

use scratchdbg_backend::{Error, ErrorKind, Mode, Phase, PlanRequest};

use crate::model::{Container, ContainerState, ContainerStatus, Pod};
use crate::pods::Role;

/// A container that sessions can be run in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) container: &'a Container,
    pub(crate) status: &'a ContainerStatus,
}

/// The annotation of a mirror pod: the API shows such a pod but does not control it.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Finds a running container, and checks that its pod accepts ephemeral containers.
pub(crate) fn find<'a>(pod: &'a Pod, container: &str) -> Result<Target<'a>, Error> {
    let name = &pod.metadata.name;
    let found = match pod.container(container) {
        Some((Role::Main | Role::Init, found)) => found,
        Some((Role::Ephemeral, _)) => {
            return Err(unsupported(format!(
                "`{container}` of pod `{name}` is an ephemeral container: Kubernetes lets none be the target of another"
            )));
        }
        None => pod.chosen_container(Some(container)).map_err(Error::from)?,
    };
    let status = pod.container_status(container);
    if pod.metadata.annotations.contains_key(MIRROR) {
        let node = &pod.spec.node_name;
        return Err(unsupported(format!(
            "pod `{name}` is a static pod of node `{node}`: Kubernetes adds no ephemeral container to those"
        )));
    }
    if pod.spec.os.name == "windows" {
        return Err(unsupported(format!("pod `{name}` runs on Windows: sessions need Linux")));
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return Err(Error::new(ErrorKind::Gone, format!("pod `{name}` is being deleted")));
    }
    if matches!(&*pod.status.phase, "Succeeded" | "Failed") {
        let how = if pod.status.phase == "Failed" { "has failed" } else { "has completed" };
        return Err(see_why(
            pod,
            unsupported(format!("pod `{name}` {how}: none of its containers runs")),
        ));
    }
    if pod.spec.node_name.is_empty() {
        return Err(see_why(
            pod,
            unsupported(format!("pod `{name}` is not scheduled to a node yet")),
        ));
    }
    let Some(status) = status else {
        return Err(see_why(
            pod,
            unsupported(format!("container `{container}` of pod `{name}` was not started yet")),
        ));
    };
    let state = &status.state;
    if state.running.is_some() {
        return Ok(Target { container: found, status });
    }
    let how = if let Some(ended) = &state.terminated {
        format!("has ended with exit code {}", ended.exit_code)
    } else if let Some(waiting) =
        state.waiting.as_ref().filter(|waiting| !waiting.reason.is_empty())
    {
        format!("does not run: {}", waiting.reason)
    } else {
        "does not run".to_owned()
    };
    Err(see_why(pod, unsupported(format!("container `{container}` of pod `{name}` {how}"))))
}

/// Refuses options that need features that pods do not have.
pub(crate) fn check(
    request: &PlanRequest,
    own_user: scratchdbg_backend::NumericUser,
) -> Result<(), Error> {
    let what = match request {
        PlanRequest { mode: Some(Mode::Sidecar), .. } => {
            return Err(unsupported("--mode sidecar is not there for pods".to_owned())
                .hint("without --mode, the session runs inside the target"));
        }
        PlanRequest { capabilities, .. } if !capabilities.is_empty() => "--cap-add",
        PlanRequest { security_options, .. } if !security_options.is_empty() => "--security-opt",
        PlanRequest { same_rights: true, .. } => "--same-rights",
        PlanRequest { user: Some(user), .. } if !is_user(user, own_user) => {
            return Err(unsupported(format!(
                "--user {user}: Kubernetes starts processes in a container as the container's own user, {own_user}, alone"
            )));
        }
        _ => return Ok(()),
    };
    Err(unsupported(format!("{what} needs a container of the session's own"))
        .hint("--mode copy runs the session in a copy of the pod"))
}

/// Refuses a copy that cannot work.
pub(crate) fn check_copy(pod: &Pod, container: &str, request: &PlanRequest) -> Result<(), Error> {
    let name = &pod.metadata.name;
    match pod.container(container) {
        Some((Role::Main | Role::Init, _)) => {}
        Some((Role::Ephemeral, _)) => {
            return Err(unsupported(format!(
                "`{container}` of pod `{name}` is an ephemeral container: it has no copy"
            )));
        }
        None => drop(pod.chosen_container(Some(container)).map_err(Error::from)?),
    }
    if pod.spec.os.name == "windows" {
        return Err(unsupported(format!("pod `{name}` runs on Windows: sessions need Linux")));
    }
    let what = match request {
        PlanRequest { linger: Some(_), .. } => "--linger",
        PlanRequest { security_options, .. } if !security_options.is_empty() => "--security-opt",
        _ => return Ok(()),
    };
    Err(unsupported(format!("{what} cannot be used with --mode copy on pods")))
}

/// Whether a numeric `USER[:GROUP]` is this user.
fn is_user(text: &str, user: scratchdbg_backend::NumericUser) -> bool {
    let (uid, gid) = text.split_once(':').map_or((text, None), |(uid, gid)| (uid, Some(gid)));
    uid.parse() == Ok(user.uid) && gid.is_none_or(|gid| gid.parse() == Ok(user.gid))
}

/// Returns the phase of a container, in the terms that all platforms share.
pub(crate) fn phase(pod: &Pod, status: Option<&ContainerStatus>) -> Phase {
    let Some(status) = status else { return Phase::Created };
    let ContainerState { running, waiting, terminated } = &status.state;
    match (running, terminated, waiting) {
        _ if pod.metadata.deletion_timestamp.is_some() && running.is_none() => Phase::Removing,
        (Some(_), ..) => Phase::Running,
        (None, Some(_), _) => Phase::Exited,
        // The container ran before, and will run again.
        (None, None, Some(_)) if status.last_state.terminated.is_some() => Phase::Restarting,
        (None, None, _) => Phase::Created,
    }
}

fn unsupported(message: String) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}

fn see_why(pod: &Pod, error: Error) -> Error {
    let Pod { metadata, .. } = pod;
    error
        .hint("--mode copy runs the session in a copy of the pod, which is removed afterwards")
        .hint(format!(
            "`kubectl describe pod {} --namespace {}` shows why",
            metadata.name, metadata.namespace
        ))
}
