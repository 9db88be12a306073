//! The table of codes: each has a fault and a near miss.

use std::collections::BTreeSet;

use scratchdbg_diagnose::codes_of_pods;

use super::*;

/// Returns each code, the codes of its fault, and the codes of its near miss.
#[expect(clippy::too_many_lines, reason = "a table")]
fn proofs() -> Vec<(&'static str, Vec<Code>, Vec<Code>)> {
    let stuck = |reason: &str| {
        let conditions = json!([{ "type": "Progressing", "status": "False", "reason": reason, "message": "timed out progressing" }]);
        let workload = json!({ "spec": { "replicas": 2 }, "status": { "conditions": conditions, "readyReplicas": 1 } });
        let workload: Workload = serde_json::from_value(workload).expect("a workload");
        let status = json!({ "phase": "Running", "containerStatuses": [running(true)] });
        judge_with(status, json!({}), json!({}), &[], |facts| {
            facts.workload = Some(workload_facts(Kind::Deployment, &workload, 2));
        })
    };
    let startup = "Container app failed startup probe, will be restarted";
    vec![
        (
            "image-never-pull",
            pod(
                "Pending",
                waiting(
                    "ErrImageNeverPull",
                    "Container image \"shop/app:1\" is not present with pull policy of Never",
                ),
                &[],
            ),
            pull(
                "failed to pull and unpack image \"shop/app:1\": failed to resolve image: shop/app:1: not found",
            ),
        ),
        (
            "image-platform-missing",
            pull(
                "failed to pull and unpack image \"shop/app:1\": no match for platform in manifest: not found",
            ),
            pull(
                "failed to pull and unpack image \"shop/app:1\": failed to resolve image: shop/app:1: not found",
            ),
        ),
        (
            "image-auth",
            pull(
                "failed to resolve image: unexpected status from HEAD request to https://r/v2/app/manifests/1: 401 Unauthorized",
            ),
            pull(
                "failed to resolve image: unexpected status from HEAD request to https://r/v2/401/manifests/1: 500 Server Error",
            ),
        ),
        (
            "image-registry-unreachable",
            pull(
                "failed to do request: Head \"https://198.51.100.9:5000/v2/app/manifests/1\": dial tcp 198.51.100.9:5000: connect: no route to host",
            ),
            pull("failed to resolve image: shop/app:1: not found"),
        ),
        (
            "config-map-missing",
            config("configmap \"settings\" not found"),
            config("secret \"settings\" not found"),
        ),
        (
            "secret-missing",
            config("secret \"keys\" not found"),
            config("configmap \"keys\" not found"),
        ),
        (
            "config-key-missing",
            config("couldn't find key zz in ConfigMap shop/cm"),
            config("configmap \"cm\" not found"),
        ),
        (
            "run-as-non-root-root-image",
            config(
                "container has runAsNonRoot and image will run as root (pod: \"web_shop(1)\", container: app)",
            ),
            config(
                "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
            ),
        ),
        (
            "run-as-non-root-named-user",
            config(
                "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
            ),
            config("container has runAsNonRoot and image will run as root"),
        ),
        (
            "unschedulable-resources",
            unscheduled(
                "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
            ),
            unscheduled(
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
            ),
        ),
        (
            "unschedulable-affinity",
            unscheduled(
                "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector.",
            ),
            unscheduled(
                "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector.",
            ),
        ),
        (
            "unschedulable-taint",
            unscheduled(
                "0/2 nodes are available: 2 node(s) had untolerated taint {a: x, 9 Insufficient cpu}.",
            ),
            unscheduled("0/2 nodes are available: 2 Insufficient memory."),
        ),
        (
            "pvc-unbound",
            unscheduled(
                "0/2 nodes are available: persistentvolumeclaim \"data\" not found. not found",
            ),
            unscheduled("0/2 nodes are available: 2 Insufficient memory."),
        ),
        (
            "volume-mount-failed",
            volume(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : hostPath type check failed: /data is not a directory",
            ),
            volume(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : configmap \"cm\" not found",
            ),
        ),
        (
            "sandbox-failed",
            volume(
                "FailedCreatePodSandBox",
                "Failed to create pod sandbox: plugin type=\"bridge\" failed (add): no IP addresses",
            ),
            volume(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : no such file or directory",
            ),
        ),
        ("init-failed", init(4), init(0)),
        (
            "liveness-killed",
            pod(
                "Running",
                looping(137, "Error"),
                &[("Unhealthy", LIVENESS, Some("app"), 65), ("Killing", KILLING, Some("app"), 66)],
            ),
            pod("Running", looping(137, "OOMKilled"), &[("Unhealthy", LIVENESS, Some("app"), 65)]),
        ),
        (
            "startup-probe-too-tight",
            pod("Running", looping(137, "Error"), &[("Killing", startup, Some("app"), 66)]),
            pod("Running", looping(137, "Error"), &[("Killing", KILLING, Some("app"), 66)]),
        ),
        (
            "readiness-failing",
            probed("readinessProbe", running(false), &[("Unhealthy", READINESS, Some("app"), 80)]),
            probed("readinessProbe", running(true), &[("Unhealthy", READINESS, Some("app"), 20)]),
        ),
        (
            "probe-needs-shell",
            probed("livenessProbe", running(true), &[("Unhealthy", ERRORED, Some("app"), 80)]),
            probed("livenessProbe", running(true), &[("Unhealthy", LIVENESS, Some("app"), 80)]),
        ),
        ("sigkill-after-grace", deleted(137, 15), deleted(137, 40)),
        (
            "evicted-memory",
            over(
                "Evicted",
                "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi.",
            ),
            over(
                "Evicted",
                "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ",
            ),
        ),
        (
            "evicted-disk",
            over(
                "Evicted",
                "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ",
            ),
            over("Evicted", "The node was low on resource: memory."),
        ),
        (
            "deadline-exceeded",
            over(
                "DeadlineExceeded",
                "Pod was active on the node longer than the specified deadline",
            ),
            pod("Failed", over_with(137, "Error"), &[]),
        ),
        ("node-lost", with_node("Unknown"), with_node("False")),
        (
            "status-unknown",
            pod("Failed", over_with(137, "ContainerStatusUnknown"), &[]),
            pod("Failed", over_with(137, "Error"), &[]),
        ),
        (
            "pod-security-refused",
            refused(
                "pods \"web-1\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true (pod or container)",
            ),
            refused(
                "pods \"web-1\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0",
            ),
        ),
        (
            "quota-exceeded",
            without_pods(
                Kind::Job,
                json!({}),
                json!({}),
                &[(
                    "FailedCreate",
                    "Error creating: pods \"web-1\" is forbidden: exceeded quota: few, requested: pods=1",
                    None,
                    5,
                )],
            ),
            refused("pods \"web-1\" is forbidden: violates PodSecurity \"restricted:latest\": x"),
        ),
        (
            "completed-restart-loop",
            pod("Running", looping(0, "Completed"), &[]),
            pod("Running", looping(3, "Error"), &[]),
        ),
        ("rollout-stuck", stuck("ProgressDeadlineExceeded"), stuck("ReplicaSetUpdated")),
    ]
}

#[test]
fn every_code_of_pods_has_a_fault_and_a_near_miss() {
    let mut wrong = Vec::new();
    let proofs = proofs();
    for (code, fault, near_miss) in &proofs {
        if fault.first().map(|first| first.as_str()) != Some(*code) {
            wrong.push(format!("{code} is not the first of {:?}", words(fault)));
        }
        if near_miss.iter().any(|found| found.as_str() == *code) {
            wrong.push(format!("{code} was found in a near miss: {:?}", words(near_miss)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let proven: BTreeSet<&str> = proofs.iter().map(|(code, ..)| *code).collect();
    let all: BTreeSet<&str> = codes_of_pods().map(Code::as_str).collect();
    assert_eq!(proven, all);
}
