//! Table tests of keepers: their rights, how they are known again, and how their start is judged.

use std::time::Duration;

use scratchdbg_backend::{ErrorKind, NumericUser, PlanRequest};
use serde_json::{Value, json};

use super::super::keeper::{self, Confinement, Keeper};
use super::super::waiting::{self, Progress};
use super::super::{ids, session, target};
use super::{IMAGE, confined, merge, pod, tools};
use crate::model::Pod;

fn security_context(pod: &Pod) -> Value {
    let found = target::find(pod, "app").unwrap();
    let ids = ids::of(pod, found.container, Some(found.status));
    let confinement = Confinement::of(pod, found.container);
    let keeper =
        Keeper { image: IMAGE.to_owned(), base: "", user: ids.user, linger: None, confinement };
    keeper.container("0123456789abcdef", "scratchdbg-0123456789abcdef", "app")["securityContext"]
        .clone()
}

#[test]
fn a_keeper_has_what_its_target_has_and_nothing_more() {
    let default = json!({"type": "RuntimeDefault"});
    for (of_pod, own, expected) in [
        (
            json!({"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "seccompProfile": default, "fsGroup": 2000}),
            json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true}),
            json!({
                "runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": true, "seccompProfile": default,
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            }),
        ),
        (
            json!({}),
            json!({}),
            json!({
                "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false, "seccompProfile": default,
                "allowPrivilegeEscalation": false, "capabilities": {},
            }),
        ),
        (
            json!({"seccompProfile": {"type": "Unconfined"}}),
            json!({
                "capabilities": {"add": ["NET_ADMIN"], "drop": ["NET_RAW"]},
                "seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"},
                "appArmorProfile": {"type": "Unconfined"}, "seLinuxOptions": {"level": "s0:c1,c2"},
            }),
            json!({
                "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false,
                "seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"},
                "allowPrivilegeEscalation": false, "capabilities": {"add": ["NET_ADMIN"], "drop": ["NET_RAW"]},
                "appArmorProfile": {"type": "Unconfined"}, "seLinuxOptions": {"level": "s0:c1,c2"},
            }),
        ),
        // The keeper is never privileged. The API rejects `CAP_SYS_ADMIN` together with
        // `allowPrivilegeEscalation: false`.
        (
            json!({}),
            json!({"privileged": true, "capabilities": {"drop": ["NET_RAW"]}}),
            json!({
                "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false, "seccompProfile": default,
                "allowPrivilegeEscalation": false, "capabilities": {"add": ["ALL"]},
            }),
        ),
        (
            json!({}),
            json!({"capabilities": {"add": ["CAP_SYS_ADMIN"]}}),
            json!({
                "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false, "seccompProfile": default,
                "capabilities": {"add": ["CAP_SYS_ADMIN"]},
            }),
        ),
    ] {
        assert_eq!(security_context(&confined(of_pod, own.clone())), expected, "{own}");
    }
}

#[test]
fn a_keeper_is_an_ephemeral_container_that_is_known_again() {
    let pod = pod(json!({}));
    let found = target::find(&pod, "app").unwrap();
    let confinement = Confinement::of(&pod, found.container);
    let user = NumericUser { uid: 65532, gid: 65532 };
    let mut keeper = Keeper { image: IMAGE.to_owned(), base: "", user, linger: None, confinement };
    let (session, name) = ("0123456789abcdef", "scratchdbg-0123456789abcdef");
    assert_eq!(keeper::name(session), name);
    let container = keeper.container(session, name, "app");
    assert_eq!(
        (&container["stdin"], &container["stdinOnce"], &container["tty"]),
        (&json!(true), &json!(true), &json!(false))
    );
    let known = |container: &Value| {
        let container = serde_json::from_value(container.clone()).unwrap();
        keeper::recognize(&container)
            .map(|known| (known.session.to_owned(), known.linger, known.target.to_owned()))
    };
    assert_eq!(known(&container), Some((session.to_owned(), None, "app".to_owned())));
    keeper.linger = Some(Duration::from_secs(90));
    let lingering = keeper.container(session, name, "app");
    assert_eq!(lingering["stdinOnce"], json!(false), "it has several clients");
    assert_eq!(
        known(&lingering),
        Some((session.to_owned(), Some(Duration::from_secs(90)), "app".to_owned()))
    );
    for (field, value) in [
        ("name", json!("scratchdbg-x")),
        ("name", json!("other-0123456789abcdef")),
        ("command", json!(["/bin/sh"])),
        ("command", json!([])),
        ("args", json!(["keep", session])),
        ("args", json!(["keep", "--asked", "x"])),
        ("args", json!(["keep", "--asked", session, "soon"])),
        ("targetContainerName", json!("")),
    ] {
        let mut other = lingering.clone();
        other[field] = value.clone();
        assert_eq!(known(&other), None, "{field}: {value}");
    }
    let patch = keeper.patch(session, name, "u1", "app");
    assert_eq!(patch["metadata"], json!({"uid": "u1"}));
}

#[test]
fn a_lingering_keeper_serves_those_that_it_could_have_been_made_for() {
    let bare = pod(json!({}));
    let request = PlanRequest { linger: Some(Duration::from_mins(10)), ..PlanRequest::default() };
    let plan = |pod: &Pod, image: &str| {
        session::plan(pod, "app", "id".to_owned(), &request, &tools(image)).unwrap()
    };
    let first = plan(&bare, IMAGE);
    assert_eq!((first.lingering.as_deref(), first.earlier), (None, 0));
    let name = "scratchdbg-0123456789abcdef";
    let with = |change: Value, state: Value| {
        let mut container = first.keeper.container("0123456789abcdef", name, "app");
        merge(&mut container, change);
        pod(json!({
            "spec": {"ephemeralContainers": [container]},
            "status": {"ephemeralContainerStatuses": [{"name": name, "state": state}]},
        }))
    };
    let running = || json!({"running": {}});
    let found = plan(&with(json!({}), running()), IMAGE);
    assert_eq!((found.lingering.as_deref(), found.earlier), (Some(name), 1));
    assert!(found.view.has_keeper());
    for (change, state, image) in [
        (json!({}), json!({"terminated": {"exitCode": 0}}), IMAGE),
        (json!({}), running(), "registry.example/toolkit:2"),
        (json!({"args": ["keep", "--asked", "0123456789abcdef"]}), running(), IMAGE),
        (json!({"targetContainerName": "other"}), running(), IMAGE),
        (json!({"securityContext": {"runAsGroup": 0}}), running(), IMAGE),
        (json!({"securityContext": {"capabilities": {"drop": ["ALL"]}}}), running(), IMAGE),
        (json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}), running(), IMAGE),
    ] {
        assert_eq!(plan(&with(change.clone(), state), image).lingering, None, "{change}");
    }
}

#[test]
fn what_becomes_of_a_keeper_is_told_as_it_comes() {
    let judge = |state: Value| {
        let statuses =
            if state.is_null() { json!([]) } else { json!([{"name": "k", "state": state}]) };
        waiting::judge(
            &pod(json!({"status": {"ephemeralContainerStatuses": statuses}})),
            "k",
            IMAGE,
        )
    };
    let waits = |reason: &str, message: &str| {
        judge(json!({"waiting": {"reason": reason, "message": message}}))
    };
    assert_eq!(judge(json!({"running": {}})), Ok(Progress::Running));
    for state in [
        Value::Null,
        json!({}),
        json!({"waiting": {"reason": "ContainerCreating"}}),
        json!({"waiting": {"reason": "PodInitializing"}}),
    ] {
        assert_eq!(judge(state.clone()), Ok(Progress::Waits(None)), "{state}");
    }
    assert_eq!(waits("Odd", "a word"), Ok(Progress::Waits(Some("a word (Odd)".to_owned()))));
    for (reason, message, words, hint) in [
        (
            "ErrImagePull",
            "not found",
            "cannot use the toolkit image registry.example/toolkit:1: not found (ErrImagePull)",
            "--toolkit-only",
        ),
        ("ImagePullBackOff", "Back-off", "cannot use", "imagePullSecrets"),
        (
            "ErrImageNeverPull",
            "",
            "cannot use the toolkit image registry.example/toolkit:1: ErrImageNeverPull",
            "imagePullSecrets",
        ),
        (
            "RunContainerError",
            "exec: \"/bin/scratchdbg-launcher\": stat …: no such file or directory",
            "cannot be started",
            "is no toolkit image",
        ),
        (
            "CreateContainerError",
            "invalid target container: container \"x\" is not running - in state CONTAINER_EXITED",
            "cannot be started",
            "has ended meanwhile",
        ),
        (
            "CreateContainerConfigError",
            "unable to find target container app",
            "cannot be started",
            "has ended meanwhile",
        ),
    ] {
        let error = waits(reason, message).unwrap_err();
        assert!(error.message.contains(words), "{reason}: {}", error.message);
        assert!(error.hints.concat().contains(hint), "{reason}: {:?}", error.hints);
        assert!(!error.is_exec_refusal(), "no other mode is tried");
    }
    let error = judge(
        json!({"terminated": {"exitCode": 125, "reason": "Error", "message": "keeper: x\n"}}),
    )
    .unwrap_err();
    assert_eq!(
        error.message,
        "the keeper ended as soon as it had started, with exit code 125: Error: keeper: x"
    );
    assert_eq!(error.kind, ErrorKind::Keeper);
}
