//! Tests each code of pods with data that a cluster (Kubernetes 1.37) reported: a fault that gets
//! the code as its verdict, and a near miss that does not get the code at all.
//! `tests/kubernetes/why.rs` causes most of the faults in a cluster.

mod proofs;

use scratchdbg_diagnose::pod::{NodeState, PodEvent, PodFacts};
use scratchdbg_diagnose::{Code, why};
use serde_json::{Value, json};

use super::blame::ailing_container;
use super::convert::{
    node_state, pod_events, pod_facts, record, record_without_pod, workload_facts,
};
use crate::kind::Kind;
use crate::model::{Event, Node, Pod, Workload};

/// An event: its reason, its message, its container if the event is about one, and its time in
/// seconds after four o'clock.
type EventRow<'a> = (&'a str, &'a str, Option<&'a str>, u32);

/// Returns the codes of a pod with one container, this status and these events.
fn pod(phase: &str, status: Value, events: &[EventRow<'_>]) -> Vec<Code> {
    judge(json!({ "phase": phase, "containerStatuses": [status] }), json!({}), events)
}

/// Returns the codes of a pod with this status and these parts of its specification, the verdict
/// first.
fn judge(status: Value, spec: Value, events: &[EventRow<'_>]) -> Vec<Code> {
    judge_with(status, spec, json!({}), events, |_| {})
}

fn judge_with(
    status: Value,
    spec: Value,
    metadata: Value,
    events: &[EventRow<'_>],
    change: impl FnOnce(&mut PodFacts),
) -> Vec<Code> {
    let mut whole = json!({
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "restartPolicy": "Always", "containers": [{ "name": "app", "image": "shop/app:1" }] },
        "status": status,
    });
    for (part, fields) in [("spec", spec), ("metadata", metadata)] {
        for (key, value) in fields.as_object().expect("an object") {
            whole[part][key] = value.clone();
        }
    }
    let is_pending = whole["status"]["conditions"][0]["type"] == "PodScheduled";
    if !is_pending {
        whole["spec"]["nodeName"] = json!("node1");
    }
    let pod: Pod = serde_json::from_value(whole).expect("a pod");
    let container = ailing_container(&pod).expect("a container").clone();
    let mut facts = pod_facts(&pod, &container.name);
    facts.events = Some(read(events));
    change(&mut facts);
    let mut record = record(&pod, &container, "shop_web_app".to_owned(), "web".to_owned(), facts);
    record.facts.now = nanoseconds(90);
    codes(&record.facts)
}

fn time(second: u32) -> String {
    format!("2026-11-27T04:{:02}:{:02}Z", second / 60, second % 60)
}

fn nanoseconds(second: u32) -> Option<i64> {
    let at: jiff::Timestamp = time(second).parse().expect("a time");
    at.as_nanosecond().try_into().ok()
}

fn read(events: &[EventRow<'_>]) -> Vec<PodEvent> {
    let events: Vec<Event> = events
        .iter()
        .map(|(reason, message, container, second)| {
            let path = container.map(|name| format!("spec.containers{{{name}}}")).unwrap_or_default();
            let event = json!({
                "reason": reason, "message": message, "lastTimestamp": time(*second), "involvedObject": { "fieldPath": path },
            });
            serde_json::from_value(event).expect("an event")
        })
        .collect();
    pod_events(&events)
}

/// Returns the codes of a workload without pods.
fn without_pods(kind: Kind, spec: Value, status: Value, events: &[EventRow<'_>]) -> Vec<Code> {
    let workload = json!({ "spec": spec, "status": status });
    let workload: Workload = serde_json::from_value(workload).expect("a workload");
    let mut facts = workload_facts(kind, &workload, 0);
    facts.name = "deploy/web".to_owned();
    facts.events = Some(read(events));
    codes(&record_without_pod("shop", "deploy/web", facts).facts)
}

fn codes(facts: &scratchdbg_diagnose::container::ContainerFacts<'_>) -> Vec<Code> {
    let verdict = why(facts);
    for finding in &verdict.findings {
        assert!(
            !finding.message.is_empty() && finding.fix.as_ref().is_none_or(|fix| !fix.is_empty()),
            "{finding:?}"
        );
        assert!(!finding.evidence.is_empty(), "{finding:?}");
    }
    verdict.findings.iter().map(|finding| finding.code).collect()
}

fn words(codes: &[Code]) -> Vec<&'static str> {
    codes.iter().map(|code| code.as_str()).collect()
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({ "name": "app", "state": { "waiting": { "reason": reason, "message": message } } })
}

/// The state of a container that runs since second 10.
fn running(ready: bool) -> Value {
    json!({ "name": "app", "ready": ready, "started": true, "state": { "running": { "startedAt": time(10) } } })
}

/// The state of a container that ran from second 60 to second 70.
fn ended(code: i64, reason: &str) -> Value {
    json!({ "exitCode": code, "reason": reason, "startedAt": time(60), "finishedAt": time(70) })
}

fn over_with(code: i64, reason: &str) -> Value {
    json!({ "name": "app", "state": { "terminated": ended(code, reason) } })
}

fn looping(code: i64, reason: &str) -> Value {
    json!({
        "name": "app", "restartCount": 4,
        "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container" } },
        "lastState": { "terminated": ended(code, reason) },
    })
}

fn config(message: &str) -> Vec<Code> {
    pod("Pending", waiting("CreateContainerConfigError", message), &[])
}

fn pull(message: &str) -> Vec<Code> {
    pod("Pending", waiting("ErrImagePull", message), &[])
}

fn unscheduled(message: &str) -> Vec<Code> {
    let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message });
    judge(json!({ "phase": "Pending", "conditions": [condition] }), json!({}), &[])
}

fn volume(reason: &str, message: &str) -> Vec<Code> {
    pod("Pending", waiting("ContainerCreating", ""), &[(reason, message, None, 20)])
}

fn over(reason: &str, message: &str) -> Vec<Code> {
    let status = json!({
        "phase": "Failed", "reason": reason, "message": message, "containerStatuses": [over_with(137, "Error")],
    });
    judge(status, json!({}), &[])
}

fn init(code: i64) -> Vec<Code> {
    let status = json!({
        "phase": "Pending",
        "initContainerStatuses": [
            { "name": "prepare", "restartCount": 3, "state": { "terminated": ended(code, "Error") }, "ready": code == 0 },
        ],
        "containerStatuses": [waiting("PodInitializing", "")],
    });
    judge(status, json!({ "initContainers": [{ "name": "prepare" }] }), &[])
}

fn refused(message: &str) -> Vec<Code> {
    let failure = json!([{ "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message }]);
    without_pods(Kind::Deployment, json!({ "replicas": 1 }), json!({ "conditions": failure }), &[])
}

/// Returns the codes of a pod whose deletion was requested in second 55 with a grace period, and
/// which ended by second 70.
fn deleted(code: i64, grace: i64) -> Vec<Code> {
    let status = json!({ "phase": "Running", "containerStatuses": [over_with(code, "Error")] });
    let metadata = json!({
        "deletionTimestamp": time(55 + u32::try_from(grace).unwrap()), "deletionGracePeriodSeconds": grace,
        "finalizers": ["example.com/keep"],
    });
    judge_with(status, json!({}), metadata, &[], |_| {})
}

fn probed(probe: &str, status: Value, events: &[EventRow<'_>]) -> Vec<Code> {
    let probe =
        json!({ probe: { "exec": { "command": ["sh", "-c", "true"] }, "periodSeconds": 1 } });
    let mut container = json!({ "name": "app", "image": "shop/app:1" });
    for (key, value) in probe.as_object().unwrap() {
        container[key] = value.clone();
    }
    judge(
        json!({ "phase": "Running", "containerStatuses": [status] }),
        json!({ "containers": [container] }),
        events,
    )
}

fn with_node(status: &str) -> Vec<Code> {
    let node: Node = serde_json::from_value(json!({
        "status": { "conditions": [{ "type": "Ready", "status": status, "message": "Kubelet stopped posting node status." }] },
    }))
    .unwrap();
    let status = json!({ "phase": "Running", "containerStatuses": [running(true)] });
    judge_with(status, json!({}), json!({}), &[], |facts| {
        facts.node_state = Some(node_state(&node));
    })
}

const ERRORED: &str = "Liveness probe errored and resulted in unknown state: rpc error: code = Unknown desc = failed to exec in \
    container: failed to start exec \"22705d\": OCI runtime exec failed: exec failed: unable to start container process: exec: \
    \"sh\": executable file not found in $PATH";
const LIVENESS: &str = "Liveness probe failed: Get \"http://203.0.113.47:9999/\": dial tcp 203.0.113.47:9999: connect: connection refused";
const KILLING: &str = "Container app failed liveness probe, will be restarted";
const READINESS: &str =
    "Readiness probe failed: dial tcp 203.0.113.13:9999: connect: connection refused";

#[test]
fn what_engines_know_too_has_the_same_code() {
    let runtime = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable \
        to start container process: error during container init: exec: \"/nosuch\": stat /nosuch: no such file or directory";
    let mut start = looping(128, "StartError");
    start["lastState"]["terminated"]["message"] = json!(runtime);
    for (found, wanted) in [
        (pull("failed to resolve image: shop/app:1: not found"), "image-not-found"),
        (pull("429 Too Many Requests"), "registry-rate-limited"),
        (pull("something else"), "image-pull-failed"),
        (
            pod("Pending", waiting("InvalidImageName", "Failed to apply default image tag"), &[]),
            "image-name-invalid",
        ),
        (pod("Running", waiting("RunContainerError", runtime), &[]), "entrypoint-missing"),
        (pod("Running", start, &[]), "entrypoint-missing"),
        (pod("Running", looping(137, "OOMKilled"), &[]), "oom-killed"),
        (pod("Running", looping(1, "OOMKilled"), &[]), "child-oom-killed"),
        (pod("Running", looping(3, "Error"), &[]), "crash-loop"),
        (pod("Failed", over_with(3, "Error"), &[]), "app-exit"),
        (pod("Failed", over_with(139, "Error"), &[]), "segfault-or-abort"),
        (pod("Failed", over_with(137, "Error"), &[]), "killed-from-outside"),
        (pod("Succeeded", over_with(0, "Completed"), &[]), "app-exit"),
        (pod("Running", running(true), &[]), "running"),
        (
            probed("livenessProbe", running(true), &[("Unhealthy", LIVENESS, Some("app"), 80)]),
            "running-unhealthy",
        ),
        (pod("Pending", waiting("ContainerCreating", ""), &[]), "never-started"),
        (without_pods(Kind::Deployment, json!({ "replicas": 0 }), json!({}), &[]), "not-running"),
        (without_pods(Kind::Job, json!({ "suspend": true }), json!({}), &[]), "not-running"),
        (without_pods(Kind::Deployment, json!({ "replicas": 1 }), json!({}), &[]), "never-started"),
        (deleted(143, 20), "stopped"),
    ] {
        assert_eq!(words(&found).first(), Some(&wanted), "{:?}", words(&found));
    }
}

/// Text that a program, the name of an image or an earlier run controls.
#[test]
fn words_of_others_are_not_believed() {
    let first = |found: Vec<Code>| words(&found).first().copied().unwrap_or_default();
    // The name of an image.
    let named = |image: &str, message: &str| {
        let spec = json!({ "containers": [{ "name": "app", "image": image }] });
        let message = message.replace("IMAGE", image);
        first(judge(
            json!({ "phase": "Pending", "containerStatuses": [waiting("ErrImagePull", &message)] }),
            spec,
            &[],
        ))
    };
    let missing =
        "failed to pull and unpack image \"IMAGE\": failed to resolve image: IMAGE: not found";
    for image in [
        "shop/401-unauthorized:1",
        "x509:dial",
        "r.test/toomanyrequests/denied:1",
        "shop/not-found@sha256:0",
    ] {
        assert_eq!(named(image, missing), "image-not-found", "{image}");
    }
    // The output of a probe.
    for lie in [
        format!("Readiness probe failed: {ERRORED}"),
        "Readiness probe failed: Container app failed liveness probe, will be restarted".to_owned(),
    ] {
        let found =
            probed("readinessProbe", running(false), &[("Unhealthy", &lie, Some("app"), 80)]);
        assert_eq!(first(found), "readiness-failing", "{lie}");
    }
    // A program that exists and reports that another one is missing.
    let other = ERRORED.replace("\"sh\"", "\"curl\"");
    assert_eq!(
        first(probed("livenessProbe", running(true), &[("Unhealthy", &other, Some("app"), 80)])),
        "running"
    );
    // A termination message that lies.
    let mut lying = looping(3, "Error");
    for lie in [
        "OCI runtime create failed: exec: \"/x\": no such file or directory",
        "OOMKilled",
        "configmap \"x\" not found",
    ] {
        lying["lastState"]["terminated"]["message"] = json!(lie);
        assert_eq!(first(pod("Running", lying.clone(), &[])), "crash-loop", "{lie}");
    }
    // Events of another run, or of another container.
    let killing = |container, second| {
        pod("Running", looping(137, "Error"), &[("Killing", KILLING, Some(container), second)])
    };
    assert_eq!(first(killing("app", 59)), "killed-from-outside", "the run before");
    assert_eq!(first(killing("side", 66)), "killed-from-outside", "another container");
    let unready = |second| {
        probed("readinessProbe", running(true), &[("Unhealthy", READINESS, Some("app"), second)])
    };
    assert_eq!(first(unready(20)), "running", "it is ready now");
    let mounted = [
        ("FailedMount", "MountVolume.SetUp failed for volume \"v\" : timed out", None, 20),
        ("Pulling", "Pulling image \"shop/app:1\"", Some("app"), 30),
    ];
    assert_eq!(
        first(pod("Pending", waiting("ContainerCreating", ""), &mounted)),
        "never-started",
        "it was mounted since"
    );
}

/// Several containers have several causes, and each cause is reported.
#[test]
fn each_container_has_its_own_cause() {
    let side = json!({
        "name": "side", "state": { "waiting": { "reason": "CreateContainerConfigError", "message": "secret \"x\" not found" } },
    });
    let spec = json!({ "containers": [{ "name": "app", "image": "shop/app:1" }, { "name": "side", "image": "shop/side:1" }] });
    let found = |app: Value| {
        judge(
            json!({ "phase": "Running", "containerStatuses": [app, side.clone()] }),
            spec.clone(),
            &[],
        )
    };
    assert_eq!(
        words(&found(looping(137, "OOMKilled"))),
        ["oom-killed", "crash-loop", "secret-missing"]
    );
    assert_eq!(words(&found(running(true))), ["secret-missing"]);
    // The main container waits for the init container that fails.
    let status = json!({
        "phase": "Pending",
        "initContainerStatuses": [{ "name": "prepare", "state": { "terminated": ended(1, "Error") } }],
        "containerStatuses": [waiting("PodInitializing", "")],
    });
    let whole = json!({ "initContainers": [{ "name": "prepare" }] });
    let of_main =
        judge_with(status, whole, json!({}), &[], |facts| facts.container = "app".to_owned());
    assert_eq!(words(&of_main), ["init-failed", "app-exit"]);
}

#[test]
fn a_pod_whose_node_is_gone_is_not_said_to_run() {
    let status = json!({ "phase": "Running", "containerStatuses": [running(true)] });
    let found = judge_with(status, json!({}), json!({}), &[], |facts| {
        facts.node_state = Some(NodeState::Gone);
    });
    assert_eq!(words(&found), ["node-lost"]);
}
