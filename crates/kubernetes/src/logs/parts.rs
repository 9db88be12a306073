//! Determines which runs of a container exist, and where their logs are. Pure.
//!
//! A kubelet returns the log of the *current* run and of the *previous* one. The kubelet decides
//! which run is the current one from its own state, and the status of the API server lags behind by
//! some seconds. The previous log is therefore requested wherever there may be one. Lines that it
//! shares with the current log are dropped by their times.

use jiff::Timestamp;
use scratchdbg_backend::Phase;

use crate::model::{ContainerState, ContainerStatus, Pod, Terminated};
use crate::pods::Role;

/// The state of a container, as far as its logs are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) phase: Phase,
    pub(crate) restart_count: i64,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    /// The known runs that have ended, in order.
    pub(crate) ended: Vec<Terminated>,
    /// Why a container that never ran does not run: a reason such as `ImagePullBackOff`, and a
    /// message.
    pub(crate) waits_for: Option<String>,
}

impl Facts {
    /// Reads the state of a container from the pod's status.
    pub(crate) fn of(pod: &Pod, container: &str) -> Self {
        let Some(status) = pod.container_status(container) else {
            let phase = if is_over(pod) { Phase::Exited } else { Phase::Created };
            return Self { phase, waits_for: Some(unscheduled(pod)), ..Self::default() };
        };
        let ContainerState { waiting, running, terminated } = &status.state;
        let last = status.last_state.terminated.as_ref();
        let ended: Vec<Terminated> = last.into_iter().chain(terminated).cloned().collect();
        let started = running.as_ref().map(|running| &running.started_at);
        let started =
            started.or_else(|| Some(&ended.last()?.started_at)).and_then(|at| time(at.as_deref()));
        let waits_for = waiting.as_ref().filter(|_| ended.is_empty());
        Self {
            phase: phase(pod, status),
            restart_count: status.restart_count,
            started_at: started,
            finished_at: ended.last().and_then(|run| time(run.finished_at.as_deref())),
            waits_for: waits_for.map(|waiting| reason(&waiting.reason, &waiting.message)),
            ended,
        }
    }

    /// Whether the container has a log: it runs, or it ran.
    pub(crate) fn has_log(&self) -> bool {
        self.phase.has_processes() || !self.ended.is_empty()
    }

    /// Returns the phase for a reader that follows the log. A container before its first run counts
    /// as one before its next run.
    pub(crate) fn log_phase(&self) -> Phase {
        if self.phase == Phase::Created { Phase::Restarting } else { self.phase }
    }

    /// Whether the node may still have the log of a run before the current one.
    pub(crate) fn may_have_previous(&self) -> bool {
        self.restart_count > 0 || self.ended.len() > 1
    }
}

/// Parses a time of the API.
pub(crate) fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

fn phase(pod: &Pod, status: &ContainerStatus) -> Phase {
    let state = &status.state;
    if state.running.is_some() {
        return Phase::Running;
    }
    let end = state.terminated.as_ref().or(status.last_state.terminated.as_ref());
    let goes_on = !is_over(pod) && end.is_none_or(|end| restarts(pod, &status.name, end.exit_code));
    match (goes_on, end) {
        (true, Some(_)) => Phase::Restarting,
        (true, None) => Phase::Created,
        (false, _) => Phase::Exited,
    }
}

/// Whether no container of the pod is started any more.
fn is_over(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
        || pod.metadata.deletion_timestamp.is_some()
}

/// Whether a container that ended with this exit code is started again.
fn restarts(pod: &Pod, container: &str, exit_code: i64) -> bool {
    let policy = pod.spec.restart_policy.as_str();
    match pod.container(container) {
        Some((Role::Ephemeral, _)) => false,
        Some((_, container)) if container.restart_policy == "Always" => true,
        Some((Role::Init, _)) => exit_code != 0 && policy != "Never",
        _ => policy == "Always" || policy == "OnFailure" && exit_code != 0,
    }
}

fn unscheduled(pod: &Pod) -> String {
    let condition = pod.status.conditions.iter().find(|condition| condition.kind == "PodScheduled");
    match condition.filter(|condition| condition.status == "False") {
        Some(condition) => reason(&condition.reason, &condition.message),
        None if pod.status.reason.is_empty() => "the node has not told of it yet".to_owned(),
        None => reason(&pod.status.reason, &pod.status.message),
    }
}

fn reason(reason: &str, message: &str) -> String {
    match (reason, message) {
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(policy: &str, pod_phase: &str, status: serde_json::Value) -> Facts {
        let pod = json!({
            "spec": { "restartPolicy": policy, "containers": [{ "name": "app" }] },
            "status": { "phase": pod_phase, "containerStatuses": [status] },
        });
        Facts::of(&serde_json::from_value(pod).unwrap(), "app")
    }

    fn ended(code: i64, second: u32) -> serde_json::Value {
        let at = |second| format!("2026-11-27T03:00:{second:02}Z");
        json!({ "terminated": { "exitCode": code, "startedAt": at(second), "finishedAt": at(second + 1), "containerID": "c" } })
    }

    #[test]
    fn containers_between_their_runs() {
        let running = json!({ "name": "app", "state": { "running": { "startedAt": "2026-11-27T03:00:30Z" } } });
        let found = facts("Always", "Running", running);
        assert_eq!(
            (found.phase, found.has_log(), found.may_have_previous()),
            (Phase::Running, true, false)
        );
        let looping = json!({
            "name": "app", "restartCount": 3, "lastState": ended(3, 10),
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off" } },
        });
        let found = facts("Always", "Running", looping.clone());
        assert_eq!(
            (found.phase, found.has_log(), found.may_have_previous()),
            (Phase::Restarting, true, true)
        );
        assert_eq!(found.waits_for, None, "it ran");
        assert_eq!(found.finished_at, time(Some("2026-11-27T03:00:11Z")));
        assert_eq!(facts("Always", "Failed", looping).phase, Phase::Exited, "the pod is over");
        for (policy, code, phase) in [
            ("Always", 0, Phase::Restarting),
            ("OnFailure", 0, Phase::Exited),
            ("OnFailure", 1, Phase::Restarting),
            ("Never", 1, Phase::Exited),
        ] {
            let found =
                facts(policy, "Running", json!({ "name": "app", "state": ended(code, 10) }));
            assert_eq!(found.phase, phase, "{policy} {code}");
        }
    }

    #[test]
    fn containers_that_never_ran_say_why() {
        let waiting = json!({
            "name": "app", "state": { "waiting": { "reason": "ErrImageNeverPull", "message": "not present" } },
        });
        let found = facts("Always", "Pending", waiting);
        assert_eq!((found.phase, found.has_log()), (Phase::Created, false));
        assert_eq!(found.waits_for.as_deref(), Some("ErrImageNeverPull: not present"));
        let pod = json!({
            "spec": { "containers": [{ "name": "app" }] },
            "status": { "phase": "Pending", "conditions": [
                { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes" },
            ] },
        });
        let found = Facts::of(&serde_json::from_value(pod).unwrap(), "app");
        assert_eq!(found.waits_for.as_deref(), Some("Unschedulable: 0/1 nodes"));
    }
}
