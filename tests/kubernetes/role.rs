//! Tests the least role, as `scratchdbg kubernetes role` prints it: the role is sufficient, and
//! each of its verbs is necessary.

use std::fs;

use scratchdbg_testkit::cluster::Security;
use scratchdbg_testkit::program::Program;
use serde_json::{Value, json};

use crate::attach::{PROCESSES, attach, set, web};
use crate::stage::{Stage, as_user};

/// Returns the rules of the role that is printed for these purposes.
fn printed(stage: &Stage, purposes: &[&str]) -> Value {
    let options: Vec<&str> = purposes.iter().flat_map(|purpose| ["--for", purpose]).collect();
    let said = stage.run(&[&["kubernetes", "role"], &options[..]].concat());
    said.expect_code(0);
    let file = stage.scratchdbg.home().join("role.yaml");
    fs::write(&file, said.text().as_bytes()).expect("a file");
    let file = file.to_str().expect("a path");
    let role = stage.namespace.ask_json([
        "create",
        "--dry-run=server",
        "--output",
        "json",
        "--filename",
        file,
    ]);
    role["rules"].clone()
}

/// Returns the same rules without a verb on a resource.
fn without(rules: &Value, resource: &str, verb: &str) -> Value {
    let mut kept = Vec::new();
    for rule in rules.as_array().expect("rules") {
        for name in rule["resources"].as_array().expect("resources") {
            let mut rule = rule.clone();
            rule["resources"] = json!([name]);
            if name == resource {
                rule["verbs"].as_array_mut().expect("verbs").retain(|each| each != verb);
            }
            if rule["verbs"] != json!([]) {
                kept.push(rule);
            }
        }
    }
    kept.into()
}

fn user(stage: &Stage, name: &str, rules: &Value) -> Program {
    as_user(&stage.namespace.user(name, rules))
}

#[test]
fn the_role_of_attach_is_enough_and_no_verb_of_it_is_too_much() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let rules = printed(&stage, &["attach"]);
    user(&stage, "all", &rules).run(attach(&toolkit, &["sh", "-c", "exit 5"])).expect_code(5);
    pod.wait_for_processes(PROCESSES);
    for (number, (resource, verb)) in [
        ("pods", "get"),
        ("pods/ephemeralcontainers", "patch"),
        ("pods/attach", "get"),
        ("pods/attach", "create"),
        ("pods/exec", "get"),
        ("pods/exec", "create"),
    ]
    .into_iter()
    .enumerate()
    {
        let some = user(&stage, &format!("some{number}"), &without(&rules, resource, verb));
        let said = some.run(attach(&toolkit, &["true"]));
        said.expect_clear_failure(125, &[resource, verb, "apiGroups"]);
    }
    let some = user(&stage, "lists", &without(&rules, "pods", "list"));
    let said = some.run(["sessions", "ls", "--namespace", stage.namespace.name()]);
    said.expect_clear_failure(1, &["pods", "list"]);
    let some = user(&stage, "deploys", &without(&rules, "deployments", "get"));
    some.run(["attach", "deploy/web", "--", "true"])
        .expect_clear_failure(125, &["deployments", "get"]);
    let some = user(&stage, "jobs", &without(&rules, "jobs", "get"));
    some.run(["attach", "job/web", "--", "true"]).expect_clear_failure(125, &["jobs", "get"]);
    // Users who may not start a session have added no container to the pod.
    assert_eq!(pod.get()["spec"]["ephemeralContainers"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_command_in_a_hint_asks_the_same_cluster() {
    let stage = Stage::set(Security::Restricted);
    let kubeconfig = stage.namespace.cluster().kubeconfig().to_str().expect("a path").to_owned();
    let said = stage.ask(&["attach", "pod/none", "--kubeconfig", &kubeconfig, "--", "true"]);
    said.expect_clear_failure(125, &["--kubeconfig"]);
}
