//! Tests `attach --mode copy` for pods that do not run.

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{ImageSpec, Pod, Security, pod_spec};
use scratchdbg_testkit::eventually;
use serde_json::{Value, json};

use crate::stage::{Stage, as_user};
use crate::toolkit::push_pair;

/// Returns the copies in the namespace.
fn copies(stage: &Stage) -> Vec<Value> {
    let pods = stage.namespace.ask_json([
        "get",
        "pods",
        "--selector",
        "io.scratchdbg.session",
        "--output",
        "json",
    ]);
    pods["items"].as_array().cloned().unwrap_or_default()
}

/// Creates a pod `web` that crashes repeatedly.
fn crashing<'a>(stage: &'a Stage, image: &str, policy: &str) -> Pod<'a> {
    let mut spec = pod_spec(image, &["exit", "3"]);
    spec["containers"][0]["imagePullPolicy"] = json!(policy);
    let pod = stage.namespace.create("web", &spec);
    pod.wait_until("crashing", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        // Between two runs, the container waits or is still reported as terminated.
        status["restartCount"].as_u64() >= Some(1) && status["state"]["running"].is_null()
    });
    pod
}

fn copy<'a>(command: &[&'a str]) -> Vec<&'a str> {
    ["attach", "--mode", "copy", "pod/web", "--"]
        .into_iter()
        .chain(command.iter().copied())
        .collect()
}

#[test]
fn a_crashing_pod_is_looked_into_in_a_copy_of_its_twin() {
    let stage = Stage::set(Security::Restricted);
    let tag = push_pair(&stage);
    let pod = crashing(&stage, &tag, "Always");
    let before = pod.get();
    // No pod is created unless the user requests a copy.
    stage.ask(&["attach", "pod/web", "--", "true"]).expect_clear_failure(125, &["--mode copy"]);
    assert!(copies(&stage).is_empty());
    let said = stage.ask(&copy(&["sh", "-c", "id -u; ls -d /app; exit 7"]));
    said.expect(7, "65532\n/app\n");
    assert!(said.stderr.contains("no labels, owner, probes"), "what differs is said: {said}");
    eventually(
        || format!("the copy to be removed: {:?}", copies(&stage)),
        || copies(&stage).is_empty().then_some(()),
    );
    // Run the original's command line.
    stage.ask(&copy(&["run-entrypoint"])).expect_code(3);
    assert_eq!(pod.get()["metadata"]["uid"], before["metadata"]["uid"]);
    assert!(pod.get()["spec"]["ephemeralContainers"].is_null());
}

#[test]
fn a_completed_pod_has_a_copy_with_the_tools_of_a_toolkit_image() {
    let stage = Stage::set(Security::Restricted);
    let image = stage
        .namespace
        .import_app(ImageSpec { user: "65532:65532", files: &[("data", 0o644, b"of the image")] });
    let mut spec = pod_spec(&image, &["exit", "0"]);
    spec["restartPolicy"] = json!("Never");
    let pod = stage.namespace.create("web", &spec);
    pod.wait_until("completed", |pod| pod["status"]["phase"] == "Succeeded");
    let toolkit = format!("{}:toolkit", stage.namespace.repository());
    stage
        .run(&["build", "--toolkit-only", "--tag", &toolkit, "--output", "registry"])
        .expect_code(0);
    let arguments =
        ["attach", "--mode", "copy", "--toolkit", &toolkit, "pod/web", "--", "cat", "/data"];
    stage.ask(&arguments).expect(0, "of the image");
    assert!(copies(&stage).is_empty());
}

#[test]
fn the_command_line_of_the_original_is_expanded_as_a_kubelet_does() {
    let stage = Stage::set(Security::Restricted);
    let tag = push_pair(&stage);
    let mut spec = pod_spec(&tag, &["fail", "$(CODE)", "$(CODE) $$(CODE) $(NOTHING)"]);
    spec["containers"][0]["imagePullPolicy"] = json!("Always");
    spec["containers"][0]["env"] = json!([{"name": "CODE", "value": "7"}]);
    spec["restartPolicy"] = json!("Never");
    let pod = stage.namespace.create("web", &spec);
    pod.wait_until("over", |pod| pod["status"]["phase"] == "Failed");
    assert_eq!(pod.logs("app"), "7 $(CODE) $(NOTHING)");
    stage.ask(&copy(&["run-entrypoint"])).expect(7, "7 $(CODE) $(NOTHING)\n");
}

#[test]
fn a_copy_whose_client_is_killed_is_removed_by_gc() {
    let stage = Stage::set(Security::Restricted);
    let tag = push_pair(&stage);
    crashing(&stage, &tag, "Always");
    let running = stage.start(&copy(&["sleep", "1000"]));
    let phase = |wanted: &'static str| {
        eventually(
            || format!("a copy that is {wanted}: {:?}", copies(&stage)),
            || copies(&stage).iter().any(|copy| copy["status"]["phase"] == wanted).then_some(()),
        );
    };
    phase("Running");
    let namespace = stage.namespace.name();
    // A copy whose client is running is not removed.
    stage.run(&["sessions", "gc", "--namespace", namespace]).expect_code(0);
    assert_eq!(copies(&stage).len(), 1);
    running.signal(Signal::KILL);
    phase("Succeeded");
    let listed = stage.run(&["sessions", "ls", "--namespace", namespace]);
    assert!(listed.text().contains("left over") && listed.text().contains("copy"), "{listed}");
    stage.run(&["sessions", "gc", "--namespace", namespace]).expect_code(0);
    assert!(copies(&stage).is_empty());
}

#[test]
fn what_the_cluster_refuses_of_a_copy_is_said() {
    let stage = Stage::set(Security::Restricted);
    let tag = push_pair(&stage);
    crashing(&stage, &tag, "Always");
    // The profile of the namespace rejects the copy.
    let said = stage.ask(&["attach", "--mode", "copy", "-u", "0", "pod/web", "--", "true"]);
    said.expect_clear_failure(125, &["PodSecurity", "restricted"]);
    // A quota rejects the copy.
    stage.namespace.apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}},
    }));
    eventually(
        || "the quota to be counted".to_owned(),
        || {
            let quota =
                stage.namespace.ask_json(["get", "resourcequota", "few", "--output", "json"]);
            (quota["status"]["used"]["pods"] == "1").then_some(())
        },
    );
    stage.ask(&copy(&["true"])).expect_clear_failure(125, &["exceeded quota: few"]);
    // The user's role does not permit a copy.
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create"]},
        {"apiGroups": [""], "resources": ["pods/exec", "pods/attach"], "verbs": ["get", "create"]},
    ]);
    let user = as_user(&stage.namespace.user("copier", &rules));
    user.run(copy(&["true"])).expect_clear_failure(125, &["delete pods"]);
    assert!(copies(&stage).is_empty());
}
