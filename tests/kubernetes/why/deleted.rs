//! Tests pods that are being deleted, and other pods of the same name.

use scratchdbg_testkit::cluster::{Security, pod_spec};
use serde_json::{Value, json};

use super::{USER, case, codes, prove, why, with};
use crate::stage::Stage;

/// Returns a pod that remains after its end until its finalizer is removed.
fn kept(name: &str, spec: &Value) -> Value {
    let metadata = json!({"name": name, "finalizers": ["example.com/keep"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

#[test]
fn a_program_that_heeds_no_signal_is_told_from_one_that_does() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    for (name, argument) in [("deaf", "talk"), ("obeys", "obey")] {
        let mut spec = pod_spec(&image, &[argument]);
        spec["terminationGracePeriodSeconds"] = json!(3);
        namespace.apply(&kept(name, &spec));
        namespace
            .pod(name)
            .wait_until("running", |pod| pod["status"]["containerStatuses"][0]["ready"] == true);
    }
    namespace.ask(["delete", "pod", "deaf", "obeys", "--wait=false"]);
    prove(
        &stage,
        vec![
            case("pod/deaf", "sigkill-after-grace", "SIGTERM").after(&["not-running"]),
            case("pod/obeys", "stopped", "exit code 0").after(&["not-running"]),
        ],
    );
    for name in ["deaf", "obeys"] {
        namespace.ask([
            "patch",
            "pod",
            name,
            "--type",
            "merge",
            "--patch",
            r#"{"metadata": {"finalizers": null}}"#,
        ]);
    }
}

/// The events of a pod outlive the pod, and are found by its name.
#[test]
fn another_pod_of_the_name_has_its_own_events() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let probe = json!({"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 1});
    namespace.create("web", &with(&image, &[], &json!({"livenessProbe": probe})));
    prove(
        &stage,
        vec![case("pod/web", "liveness-killed", "liveness").after(&["running-unhealthy"])],
    );
    namespace.ask(["delete", "pod", "web", "--grace-period", "0", "--force"]);
    let pod = namespace.run("web", &pod_spec(&image, &[]));
    pod.wait_until("ready", |pod| pod["status"]["containerStatuses"][0]["ready"] == true);
    let events = namespace.ask([
        "get",
        "events",
        "--field-selector",
        "involvedObject.name=web,reason=Killing",
    ]);
    assert!(
        events.contains("failed liveness probe"),
        "the events of the first are there: {events}"
    );
    let answer = why(&stage, "pod/web");
    assert_eq!(codes(&answer), ["running"], "{answer:#}");
    // The process is killed on the node. The verdict uses the log of the run that ended.
    pod.process("app").kill();
    prove(&stage, vec![case("pod/web", "killed-from-outside", "137")]);
}
