//! Table tests of pods and requests.

mod keeper;

use scratchdbg_backend::{Mode, NumericUser, Phase, PlanRequest, ToolsImage};
use serde_json::{Value, json};

use super::ids::{self, Source};
use super::{session, target};
use crate::model::Pod;

const IMAGE: &str = "registry.example/toolkit:1";

/// Returns a toolkit image with this name.
fn tools(image: &str) -> ToolsImage {
    ToolsImage { keeper: image.to_owned(), base: "", own: None, because: None, image_command: None }
}

/// Returns a pod with one running container, changed by a merge patch (RFC 7386).
fn pod(change: Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1"},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "app", "image": "app:1"}],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [{
                "name": "app",
                "containerID": "containerd://c1",
                "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                "user": {"linux": {"uid": 65532, "gid": 65532}},
            }],
        },
    });
    merge(&mut pod, change);
    serde_json::from_value(pod).unwrap()
}

pub(super) fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change,
    }
}

/// Returns the same pod with a security context of the pod and of the container, and without ids in
/// the status.
fn confined(of_pod: Value, own: Value) -> Pod {
    pod(json!({
        "spec": {
            "securityContext": of_pod,
            "containers": [{"name": "app", "image": "app:1", "securityContext": own}],
        },
        "status": {"containerStatuses": [{"name": "app", "containerID": "containerd://c1", "state": {"running": {}}}]},
    }))
}

fn with_state(state: Value) -> Pod {
    pod(json!({"status": {"containerStatuses": [{"name": "app", "state": state}]}}))
}

#[test]
fn what_cannot_work_is_refused_with_the_reason() {
    let refused = |pod: &Pod, container: &str| {
        let error = target::find(pod, container).unwrap_err();
        (error.message, error.hints.len())
    };
    for (pod, reason) in [
        (
            pod(json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}})),
            "a static pod of node `n1`",
        ),
        (pod(json!({"spec": {"os": {"name": "windows"}}})), "runs on Windows"),
        (
            pod(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})),
            "is being deleted",
        ),
        (pod(json!({"status": {"phase": "Succeeded"}})), "has completed"),
        (pod(json!({"status": {"phase": "Failed"}})), "has failed"),
        (pod(json!({"spec": {"nodeName": ""}})), "not scheduled"),
        (pod(json!({"status": {"containerStatuses": []}})), "was not started yet"),
        (with_state(json!({"terminated": {"exitCode": 3}})), "has ended with exit code 3"),
        (
            with_state(json!({"waiting": {"reason": "CrashLoopBackOff"}})),
            "does not run: CrashLoopBackOff",
        ),
        (with_state(json!({})), "does not run"),
    ] {
        let (message, _) = refused(&pod, "app");
        assert!(message.contains(reason), "{message}: {reason}");
    }
    let (message, hints) = refused(&pod(json!({})), "other");
    assert_eq!((&*message, hints), ("pod `web` has no container `other`", 1));
    let debugged = pod(json!({"spec": {"ephemeralContainers": [{"name": "e"}]}}));
    assert!(refused(&debugged, "e").0.contains("is an ephemeral container"));
    assert!(target::find(&debugged, "app").is_ok());
    let sidecar = pod(json!({
        "spec": {"initContainers": [{"name": "proxy"}]},
        "status": {"initContainerStatuses": [{"name": "proxy", "state": {"running": {}}}]},
    }));
    assert!(target::find(&sidecar, "proxy").is_ok(), "an init container that goes on");
}

#[test]
fn options_that_pods_have_not_are_refused() {
    let own = NumericUser { uid: 1000, gid: 2000 };
    let check = |request: PlanRequest| target::check(&request, own).map_err(|error| error.message);
    let user = |user: &str| PlanRequest { user: Some(user.to_owned()), ..PlanRequest::default() };
    for request in [
        PlanRequest::default(),
        PlanRequest { mode: Some(Mode::Exec), ..PlanRequest::default() },
        user("1000"),
        user("1000:2000"),
    ] {
        assert_eq!(check(request.clone()), Ok(()), "{request:?}");
    }
    for (request, reason) in [
        (PlanRequest { mode: Some(Mode::Sidecar), ..PlanRequest::default() }, "--mode sidecar"),
        (
            PlanRequest { capabilities: vec!["NET_ADMIN".to_owned()], ..PlanRequest::default() },
            "--cap-add",
        ),
        (
            PlanRequest { security_options: vec!["label=x".to_owned()], ..PlanRequest::default() },
            "--security-opt",
        ),
        (PlanRequest { same_rights: true, ..PlanRequest::default() }, "--same-rights"),
        (user("0"), "the container's own user, 1000:2000"),
        (user("1000:0"), "the container's own user"),
        (user("root"), "the container's own user"),
    ] {
        assert!(check(request).unwrap_err().contains(reason), "{reason}");
    }
}

#[test]
fn ids_are_known_or_guessed() {
    let of = |pod: &Pod| {
        let found = target::find(pod, "app").unwrap();
        let ids = ids::of(pod, found.container, Some(found.status));
        (ids.user.uid, ids.user.gid, ids.source)
    };
    assert_eq!(of(&pod(json!({}))), (65532, 65532, Source::Status));
    assert_eq!(
        of(&pod(json!({"spec": {"securityContext": {"runAsUser": 7, "runAsGroup": 7}}}))),
        (65532, 65532, Source::Status),
        "the kubelet knows best"
    );
    let none = || json!({});
    for (of_pod, own, expected) in [
        (none(), none(), (0, 0, Source::Guess)),
        (json!({"runAsNonRoot": true}), none(), (65532, 0, Source::Guess)),
        (json!({"runAsNonRoot": true}), json!({"runAsNonRoot": false}), (0, 0, Source::Guess)),
        // If `runAsGroup` is missing, the group is the image's, or 0.
        (json!({"runAsUser": 1000}), none(), (1000, 0, Source::Guess)),
        (none(), json!({"runAsUser": 1000, "runAsGroup": 1000}), (1000, 1000, Source::Spec)),
        (json!({"runAsUser": 1, "runAsGroup": 2}), json!({"runAsUser": 3}), (3, 2, Source::Spec)),
        (json!({"runAsUser": -1, "runAsGroup": 99_999_999_999_i64}), none(), (0, 0, Source::Guess)),
    ] {
        assert_eq!(of(&confined(of_pod.clone(), own.clone())), expected, "{of_pod} {own}");
    }
}

#[test]
fn phases_are_those_of_all_platforms() {
    let phase = |pod: &Pod| target::phase(pod, pod.container_status("app"));
    let state = |state: Value| phase(&with_state(state));
    assert_eq!(phase(&pod(json!({}))), Phase::Running);
    assert_eq!(state(json!({"terminated": {}})), Phase::Exited);
    assert_eq!(state(json!({"waiting": {}})), Phase::Created);
    assert_eq!(state(json!({})), Phase::Created);
    let again = pod(json!({"status": {"containerStatuses": [
        {"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}},
    ]}}));
    assert_eq!(phase(&again), Phase::Restarting);
    let mut going = with_state(json!({"terminated": {}}));
    going.metadata.deletion_timestamp = Some("2026-01-01T00:00:00Z".to_owned());
    assert_eq!(phase(&going), Phase::Removing);
}

#[test]
fn a_plan_says_what_is_done_and_why() {
    let request = PlanRequest { tty: true, ..PlanRequest::default() };
    let plan = session::plan(
        &pod(json!({})),
        "app",
        "shop_web_app_u1".to_owned(),
        &request,
        &tools(IMAGE),
    )
    .unwrap();
    let view = &plan.view;
    assert_eq!(
        (&*view.target_name, view.keeper_network, view.mode()),
        ("pod/web/app", "pod", Mode::Exec)
    );
    assert_eq!(view.environment, ["TERM=xterm", "PS1=web:$PWD \\$ "]);
    assert_eq!(
        (&*plan.container_id, &*plan.pod_uid, &*plan.node, plan.ids_are_guessed),
        ("c1", "u1", "n1", false)
    );
    let decisions: Vec<_> = view.reasons.iter().map(|reason| &*reason.decision).collect();
    assert_eq!(
        decisions,
        [
            "mode exec",
            "user 65532:65532",
            "the keeper has the session's rights",
            "seccomp profile RuntimeDefault",
            "an ephemeral container"
        ]
    );
    let shared = pod(json!({"spec": {"shareProcessNamespace": true}}));
    let shared =
        session::plan(&shared, "app", String::new(), &PlanRequest::default(), &tools(IMAGE))
            .unwrap();
    assert!(shared.view.reasons.iter().any(|reason| reason.because.contains("one PID namespace")));
    assert!(shared.view.environment.is_empty());
}
