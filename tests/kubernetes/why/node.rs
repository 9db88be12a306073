//! Tests pods whose node is gone.

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{Security, pod_spec};

use super::{USER, case, prove, why};
use crate::stage::Stage;

/// The cluster takes most of a minute to notice.
#[test]
fn a_node_that_is_silent() {
    let stage = Stage::alone(Security::Privileged);
    let image = stage.namespace.import_app(USER);
    let pod = stage.namespace.run("web", &pod_spec(&image, &[]));
    prove(&stage, vec![case("pod/web", "running", "ready")]);
    let kubelet = pod.node().kubelet();
    let killed = kubelet.kill();
    prove(&stage, vec![case("pod/web", "node-lost", "does not report")]);
    let answer = why(&stage, "pod/web");
    assert_eq!(answer["target"]["state"], "running", "so the cluster says: {answer:#}");
    drop(killed);
    pod.wait_until("ready again", |pod| {
        let conditions = pod["status"]["conditions"].as_array();
        conditions.is_some_and(|all| {
            all.iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
    });
    prove(&stage, vec![case("pod/web", "running", "ready").after(&["node-lost"])]);
}

/// A kubelet that hangs does not prevent a verdict: the log is only evidence.
#[test]
fn a_kubelet_that_hangs() {
    let stage = Stage::alone(Security::Privileged);
    let image = stage.namespace.import_app(USER);
    let pod = stage.namespace.run("web", &pod_spec(&image, &[]));
    let kubelet = pod.node().kubelet();
    kubelet.signal(Signal::STOP);
    let finished = stage.ask(&["why", "--format", "json", "pod/web"]);
    kubelet.signal(Signal::CONT);
    let answer: serde_json::Value =
        serde_json::from_slice(&finished.stdout).expect("one JSON document");
    assert_eq!(answer["verdict"], "running", "{answer:#}");
    assert!(answer.to_string().contains("no answer within 8 s"), "{answer:#}");
}
