//! Tests the images that `build` creates, in pods.

use scratchdbg_testkit::cluster::{Security, pod_spec};
use scratchdbg_testkit::sample;
use serde_json::json;

use crate::stage::Stage;

/// The pair is pushed to a registry, is pulled by a node, and runs under the profile *restricted*.
/// The twin has a shell there.
#[test]
fn a_pair_is_pulled_from_a_registry() {
    let stage = Stage::set(Security::Restricted);
    sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}:1", stage.namespace.repository());
    stage.run(&["build", "app", "-t", &tag, "-o", "registry"]).expect_code(0);
    let mut spec = pod_spec(&tag, &[]);
    spec["containers"][0]["imagePullPolicy"] = json!("Always");
    let mut twin = spec["containers"][0].clone();
    twin["name"] = json!("twin");
    twin["image"] = json!(format!("{tag}-debug"));
    twin["command"] =
        json!(["/.scratchdbg/bin/busybox", "sh", "-c", "echo from a shell; exec sleep 1000"]);
    spec["containers"].as_array_mut().expect("a list").push(twin);
    let pod = stage.namespace.run("web", &spec);
    assert_eq!(pod.logs("twin"), "from a shell");
    pod.wait_for_processes(&["pause", "app", "sleep"]);
}

/// The pair is imported from an archive, without a registry.
#[test]
fn a_pair_is_imported_from_an_archive() {
    let stage = Stage::set(Security::Restricted);
    sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}/app:1", stage.namespace.image_host());
    stage.run(&["build", "app", "-t", &tag, "-o", "archive:pair.tar"]).expect_code(0);
    let twin = format!("{tag}-debug");
    stage.namespace.import(&stage.scratchdbg.home().join("pair.tar"), &[&tag, &twin]);
    for (name, image) in [("production", &tag), ("twin", &twin)] {
        let pod = stage.namespace.run(name, &pod_spec(image, &[]));
        pod.wait_for_processes(&["pause", "app"]);
    }
}
