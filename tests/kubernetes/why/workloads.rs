//! Tests workloads without pods, and workloads whose pods fail.

use scratchdbg_testkit::cluster::{ImageSpec, Security, pod_spec};
use serde_json::json;

use super::{USER, case, deployment, prove, why, with};
use crate::stage::Stage;

#[test]
fn pods_that_are_never_made() {
    let stage = Stage::set(Security::Restricted);
    let namespace = &stage.namespace;
    let mut root = pod_spec("nothere.test/app:1", &[]);
    root["securityContext"] = json!({});
    namespace.apply(&deployment("refused", 1, &root));
    namespace.apply(&deployment("none", 0, &pod_spec("nothere.test/app:1", &[])));
    let mut account = pod_spec("nothere.test/app:1", &[]);
    account["serviceAccountName"] = json!("nothere");
    namespace.apply(&deployment("account", 1, &account));
    prove(
        &stage,
        vec![
            case("deploy/refused", "pod-security-refused", "restricted"),
            case("deploy/none", "not-running", "replicas"),
            case("deploy/account", "start-failed", "nothere"),
        ],
    );
    namespace.ask(["create", "quota", "few", "--hard", "pods=0"]);
    let spec = pod_spec("nothere.test/app:1", &[]);
    namespace.apply(&deployment("quota", 1, &spec));
    let mut once = spec;
    once["restartPolicy"] = json!("Never");
    namespace.apply(&json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": {"template": {"spec": once}},
    }));
    prove(
        &stage,
        vec![
            case("deploy/quota", "quota-exceeded", "quota few: pods 0 of 0"),
            case("job/once", "quota-exceeded", "event FailedCreate"),
        ],
    );
}

#[test]
fn pods_of_workloads() {
    let stage = Stage::set(Security::Restricted);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    namespace.apply(&deployment("well", 2, &pod_spec(&image, &[])));
    namespace.apply(&deployment("loops", 1, &pod_spec(&image, &["exit", "3"])));
    let mut stuck = deployment(
        "stuck",
        1,
        &with(&image, &[], &json!({"readinessProbe": {"tcpSocket": {"port": 9}}})),
    );
    stuck["spec"]["progressDeadlineSeconds"] = json!(5);
    namespace.apply(&stuck);
    // A pod with the labels of a deployment need not belong to the deployment.
    let mut stranger = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger", "labels": {"app": "well"}}});
    stranger["spec"] = pod_spec("nothere.test/app:1", &[]);
    namespace.apply(&stranger);
    let mut job = pod_spec(&image, &["exit", "4"]);
    job["restartPolicy"] = json!("Never");
    namespace.apply(&json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "fails"},
        "spec": {"backoffLimit": 0, "template": {"spec": job}},
    }));
    prove(
        &stage,
        vec![
            case("deploy/well", "running", "ready"),
            case("deploy/loops", "crash-loop", "exit code 3").after(&["app-exit"]),
            case("deploy/stuck", "readiness-failing", "Readiness probe failed"),
            case("job/fails", "app-exit", "exit code 4"),
            case("pod/stranger", "image-never-pull", "nothere"),
        ],
    );
    let answer = why(&stage, "deploy/well");
    assert_eq!(answer["verdict"], "running", "{answer:#}");
    // A replica set, and the second finding of the deployment.
    let set = namespace.ask([
        "get",
        "replicasets",
        "--selector",
        "app=loops",
        "--output",
        "jsonpath={.items[0].metadata.name}",
    ]);
    assert_eq!(why(&stage, &format!("rs/{set}"))["verdict"], "crash-loop");
    scratchdbg_testkit::eventually(
        || format!("the rollout to be stuck: {:#}", why(&stage, "deploy/stuck")),
        || super::codes(&why(&stage, "deploy/stuck")).contains(&"rollout-stuck").then_some(()),
    );
}

/// The name of a pod may contain the text of a message.
#[test]
fn names_are_no_words() {
    let stage = Stage::set(Security::Privileged);
    let image = stage.namespace.import_app(ImageSpec::default());
    stage.namespace.run("oom-killed.liveness-killed", &pod_spec_of_root(&image));
    prove(&stage, vec![case("pod/oom-killed.liveness-killed", "running", "ready")]);
}

fn pod_spec_of_root(image: &str) -> serde_json::Value {
    let mut spec = pod_spec(image, &[]);
    spec["securityContext"] = json!({});
    spec
}
