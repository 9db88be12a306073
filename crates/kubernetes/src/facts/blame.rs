//! Selects the pod of a workload, and the container of a pod, that a question is about. Pure.

use crate::kind::Kind;
use crate::model::{Container, ContainerStatus, Pod, Workload};
use crate::pods::Role;

/// The label with which a deployment marks its pods by template.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// Rates the state of a container. The worst state has the highest number.
fn badness(role: Role, status: Option<&ContainerStatus>) -> u8 {
    let Some(status) = status else { return 0 };
    let state = &status.state;
    let has_failed = |end: &crate::model::Terminated| end.exit_code != 0;
    let is_failing = state.terminated.as_ref().is_some_and(has_failed);
    match (role, &state.waiting) {
        (Role::Ephemeral, _) => 0,
        // The container waits for others.
        (_, Some(waiting))
            if matches!(waiting.reason.as_str(), "PodInitializing" | "ContainerCreating" | "") =>
        {
            1
        }
        (_, Some(_)) => 6,
        _ if is_failing => 5,
        _ if status.last_state.terminated.as_ref().is_some_and(has_failed) && !status.ready => 4,
        _ if status.last_state.terminated.is_some() && !status.ready => 3,
        (Role::Main, None) if !status.ready && state.running.is_some() => 2,
        _ => u8::from(status.restart_count > 0),
    }
}

/// Returns the container of a pod with the worst state. If all are healthy, returns the container
/// that kubectl selects.
pub(super) fn ailing_container(pod: &Pod) -> Option<&Container> {
    let rated = pod.all_containers().map(|(role, container)| {
        let order = match role {
            // The other containers wait for this one.
            Role::Init => 2_u8,
            Role::Main => 1,
            Role::Ephemeral => 0,
        };
        ((badness(role, pod.container_status(&container.name)), order), container)
    });
    // Of containers with the same rating, the first is selected.
    let worst = rated.reduce(|worst, next| if next.0 > worst.0 { next } else { worst });
    worst
        .filter(|((badness, _), _)| *badness > 1)
        .map(|(_, container)| container)
        .or_else(|| pod.default_container())
}

/// Returns the pod of a workload with the worst state, and of equal pods the youngest. Pods that
/// have ended are ignored if the workload has all the pods that it should have. Pods that are being
/// deleted are only returned if there is no other.
pub(super) fn ailing_pod(pods: Vec<Pod>, has_all: bool) -> Option<Pod> {
    let rate = |pod: &Pod| {
        let worst = pod
            .all_containers()
            .map(|(role, container)| badness(role, pod.container_status(&container.name)));
        let has_ended = matches!(pod.status.phase.as_str(), "Failed" | "Succeeded");
        let of_pod = if pod.status.phase == "Failed" { 5 } else { 0 };
        let pending = if pod.status.phase == "Pending" { 2 } else { 0 };
        let badness = worst.max().unwrap_or_default().max(of_pod).max(pending);
        (pod.metadata.deletion_timestamp.is_none(), !(has_all && has_ended), badness)
    };
    pods.into_iter().max_by_key(|pod| (rate(pod), pod.metadata.creation_timestamp.clone()))
}

/// Whether a pod belongs to a workload. Labels alone do not prove it: other pods may have the same
/// ones.
pub(super) fn belongs(pod: &Pod, kind: Kind, workload: &Workload) -> bool {
    let owner = pod.metadata.owner_references.iter().find(|owner| owner.controller);
    let Some(owner) = owner else { return false };
    if kind != Kind::Deployment {
        return owner.uid == workload.metadata.uid;
    }
    // The replica set between deployment and pod is named after the deployment and the template.
    let hash = pod.metadata.labels.get(TEMPLATE_HASH);
    owner.kind == "ReplicaSet"
        && hash.is_some_and(|hash| owner.name == format!("{}-{hash}", workload.metadata.name))
}

/// Whether the status of a pod may be outdated because its node no longer reports. The caller then
/// requests the state of the node.
pub(super) fn may_be_lost(pod: &Pod, has_lost_event: bool) -> bool {
    let status = &pod.status;
    let not_ready = status
        .conditions
        .iter()
        .any(|condition| condition.kind == "Ready" && condition.status != "True");
    let claims = !status.container_statuses.is_empty()
        && status
            .container_statuses
            .iter()
            .all(|container| container.ready && container.state.running.is_some());
    // The kubelet has not reported the pod yet, or is not running.
    let is_unknown = status.container_statuses.is_empty() && status.phase == "Pending";
    let is_over = matches!(status.phase.as_str(), "Succeeded" | "Failed");
    let is_leaving = pod.metadata.deletion_timestamp.is_some();
    !pod.spec.node_name.is_empty()
        && !is_over
        && (has_lost_event
            || is_leaving
            || status.phase == "Unknown"
            || is_unknown
            || (not_ready && claims))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, status: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": { "containers": [{ "name": "a" }, { "name": "b" }], "initContainers": [{ "name": "i" }], "nodeName": "n" },
            "status": status,
        }))
        .unwrap()
    }

    fn running(name: &str) -> Value {
        json!({ "name": name, "ready": true, "state": { "running": {} } })
    }

    fn waiting(name: &str, reason: &str) -> Value {
        json!({ "name": name, "state": { "waiting": { "reason": reason } } })
    }

    #[test]
    fn the_container_that_is_worst_off_is_meant() {
        let well = pod("well", &json!({ "containerStatuses": [running("a"), running("b")] }));
        assert_eq!(ailing_container(&well).unwrap().name, "a");
        let second = pod(
            "x",
            &json!({ "containerStatuses": [running("a"), waiting("b", "CrashLoopBackOff")] }),
        );
        assert_eq!(ailing_container(&second).unwrap().name, "b");
        let init = json!({
            "initContainerStatuses": [{ "name": "i", "state": { "terminated": { "exitCode": 4 } } }],
            "containerStatuses": [waiting("a", "PodInitializing"), waiting("b", "PodInitializing")],
        });
        assert_eq!(ailing_container(&pod("x", &init)).unwrap().name, "i");
    }

    #[test]
    fn the_pod_that_is_worst_off_is_meant() {
        let well = || {
            pod(
                "well",
                &json!({ "phase": "Running", "containerStatuses": [running("a"), running("b")] }),
            )
        };
        let looping = || {
            pod(
                "x",
                &json!({ "phase": "Running", "containerStatuses": [waiting("b", "CrashLoopBackOff")] }),
            )
        };
        let evicted = || pod("old", &json!({ "phase": "Failed", "reason": "Evicted" }));
        let leaving = || {
            let mut pod = looping();
            pod.metadata.name = "leaving".to_owned();
            pod.metadata.deletion_timestamp = Some("2026-11-27T04:00:00Z".to_owned());
            pod
        };
        let name = |pods: Vec<Pod>, has_all| ailing_pod(pods, has_all).map(|pod| pod.metadata.name);
        assert_eq!(name(vec![well(), looping()], false).as_deref(), Some("x"));
        assert_eq!(name(vec![leaving(), well()], false).as_deref(), Some("well"));
        assert_eq!(name(vec![leaving()], false).as_deref(), Some("leaving"));
        assert_eq!(name(vec![evicted(), well()], true).as_deref(), Some("well"), "it was replaced");
        assert_eq!(name(vec![evicted(), well()], false).as_deref(), Some("old"));
        assert_eq!(name(Vec::new(), false), None);
    }

    #[test]
    fn pods_with_the_same_labels_may_belong_to_nobody() {
        let workload: Workload =
            serde_json::from_value(json!({ "metadata": { "name": "web", "uid": "w" } })).unwrap();
        let owned = |kind: &str, name: &str, uid: &str| {
            let mut pod = pod("web-5f-abc", &json!({}));
            pod.metadata.labels.insert(TEMPLATE_HASH.to_owned(), "5f".to_owned());
            let owner = json!([{ "kind": kind, "name": name, "uid": uid, "controller": true }]);
            pod.metadata.owner_references = serde_json::from_value(owner).unwrap();
            pod
        };
        assert!(belongs(&owned("ReplicaSet", "web-5f", "r"), Kind::Deployment, &workload));
        assert!(!belongs(&owned("ReplicaSet", "other-5f", "r"), Kind::Deployment, &workload));
        assert!(belongs(&owned("StatefulSet", "web", "w"), Kind::StatefulSet, &workload));
        assert!(
            !belongs(&owned("StatefulSet", "web", "x"), Kind::StatefulSet, &workload),
            "an older one of that name"
        );
        assert!(!belongs(&pod("bare", &json!({})), Kind::Deployment, &workload));
    }

    #[test]
    fn a_node_is_asked_for_if_the_pod_contradicts_itself() {
        let status = |ready: &str| {
            json!({
                "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }],
                "containerStatuses": [running("a"), running("b")],
            })
        };
        assert!(!may_be_lost(&pod("x", &status("True")), false));
        assert!(may_be_lost(&pod("x", &status("False")), false));
        assert!(may_be_lost(&pod("x", &status("True")), true));
        let unready = json!({
            "phase": "Running", "conditions": [{ "type": "Ready", "status": "False" }],
            "containerStatuses": [running("a"), waiting("b", "CrashLoopBackOff")],
        });
        assert!(!may_be_lost(&pod("x", &unready), false));
    }
}
