//! Tests programs that imitate a kubelet's messages, or write very much.

use scratchdbg_testkit::cluster::{Security, pod_spec};
use serde_json::{Value, json};

use super::{USER, case, prove, why, with};
use crate::stage::Stage;

const MISSING: &str = "Readiness probe errored and resulted in unknown state: failed to exec in container: exec: \"sh\": executable file \
    not found in $PATH";

#[test]
fn a_program_cannot_speak_for_the_kubelet() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let once = |arguments: &[&str], settings: &Value| {
        let mut spec = with(&image, arguments, settings);
        spec["restartPolicy"] = json!("Never");
        spec
    };
    // With this policy, the end of the log is the termination message.
    let message = json!({"terminationMessagePolicy": "FallbackToLogsOnError"});
    let probe = json!({
        "livenessProbe": {"exec": {"command": ["/app", "fail", "1", MISSING]}, "periodSeconds": 1, "failureThreshold": 1000},
    });
    let ready = json!({
        "readinessProbe": {
            "exec": {"command": ["/app", "fail", "1", "Container app failed liveness probe, will be restarted"]}, "periodSeconds": 1,
        },
    });
    for (name, spec) in [
        (
            "message",
            once(
                &[
                    "fail",
                    "7",
                    "OOMKilled",
                    "configmap \"x\" not found",
                    "Back-off pulling image \"x\"",
                ],
                &message,
            ),
        ),
        (
            "start",
            once(
                &[
                    "fail",
                    "128",
                    "failed to create shim task: OCI runtime create failed: exec: \"/x\": no such file",
                ],
                &message,
            ),
        ),
        ("output", with(&image, &[], &probe)),
        ("output-ready", with(&image, &[], &ready)),
        ("escapes", once(&["fail", "7", "\\e]0;owned\\a\\e[2J\\e[31mred"], &message)),
        ("long", once(&["fail", "7", &"x".repeat(100_000)], &message)),
    ] {
        namespace.create(name, &spec);
    }
    prove(
        &stage,
        vec![
            case("pod/message", "app-exit", "termination message"),
            case("pod/start", "app-exit", "exit code 128"),
            case("pod/output", "running-unhealthy", "Liveness probe failed"),
            case("pod/output-ready", "readiness-failing", "Readiness probe failed"),
            case("pod/escapes", "app-exit", "exit code 7"),
            case("pod/long", "app-exit", "exit code 7"),
        ],
    );
    let said = stage.ask(&["why", "pod/escapes"]);
    assert!(!said.stdout.contains(&0x1b) && said.text().contains("red"), "{said}");
    assert!(why(&stage, "pod/long").to_string().len() < 40_000, "it is cut");
}

/// Only the status and the events of the pod's own containers count.
#[test]
fn a_mount_that_came_late_is_no_verdict() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let mut spec = with(&image, &[], &json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}));
    spec["volumes"] = json!([{"name": "v", "configMap": {"name": "late"}}]);
    namespace.create("web", &spec);
    prove(&stage, vec![case("pod/web", "config-map-missing", "late")]);
    namespace.ask(["create", "configmap", "late"]);
    namespace
        .pod("web")
        .wait_until("ready", |pod| pod["status"]["containerStatuses"][0]["ready"] == true);
    let answer = why(&stage, "pod/web");
    assert_eq!(answer["verdict"], "running", "{answer:#}");
}

/// A pod that restarts repeatedly gets new events all the time.
#[test]
fn many_events_are_bounded() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let pod = namespace.run("web", &pod_spec(&image, &[]));
    let events: Vec<Value> = (0..2100)
        .map(|number| {
            json!({
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("web.{number}"), "namespace": namespace.name()},
                "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": namespace.name(), "uid": pod.uid()},
                "type": "Warning", "reason": "Noise", "message": "x".repeat(900), "lastTimestamp": "2026-01-01T00:00:00Z",
            })
        })
        .collect();
    namespace.create_all(&json!({"apiVersion": "v1", "kind": "List", "items": events}));
    let answer = why(&stage, "pod/web");
    assert_eq!(answer["verdict"], "running", "{answer:#}");
    assert!(answer.to_string().contains("more than 2000 events"), "{answer:#}");
}
