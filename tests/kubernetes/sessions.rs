//! Tests `sessions` on pods.

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{Pod, Security};
use scratchdbg_testkit::eventually;
use serde_json::Value;

use crate::attach::{PROCESSES, attach, set, start_sleep, web};
use crate::stage::{Stage, as_user};

/// Returns the sessions that `sessions ls` lists in the namespace of the test.
fn list(stage: &Stage) -> Vec<Value> {
    let said =
        stage.run(&["sessions", "ls", "--namespace", stage.namespace.name(), "--format", "json"]);
    said.expect_code(0);
    serde_json::from_str(&said.text()).expect("a list")
}

fn wait_for_sessions(stage: &Stage, count: usize) -> Vec<Value> {
    eventually(
        || format!("{count} sessions: {:?}", list(stage)),
        || {
            let found = list(stage);
            (found.len() == count).then_some(found)
        },
    )
}

/// Returns the number of keepers in a pod's record.
fn entries(pod: &Pod<'_>) -> usize {
    pod.get()["spec"]["ephemeralContainers"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_session_is_listed_as_long_as_it_runs() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    assert_eq!(list(&stage), [Value::Null; 0]);
    let running = start_sleep(&stage, &toolkit, &pod);
    let found = wait_for_sessions(&stage, 1);
    let node = pod.node().name();
    for (field, value) in [
        ("namespace", stage.namespace.name()),
        ("pod", "web"),
        ("node", &node),
        ("target_name", "pod/web/app"),
        ("mode", "exec"),
        ("state", "running"),
    ] {
        assert_eq!(found[0][field], value, "{field} in {found:?}");
    }
    let table = stage.run(&["sessions", "ls", "-n", stage.namespace.name()]);
    assert!(table.text().contains("pod/web/app") && table.text().contains(&node), "{table}");
    running.signal(Signal::INT);
    running.finish().expect_code(130);
    // The keeper's entry in the pod's record remains.
    wait_for_sessions(&stage, 0);
    assert_eq!(entries(&pod), 1);
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn a_lingering_keeper_is_used_again_and_ended_by_rm() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let arguments = ["attach", "--linger", "10m", "--toolkit", &toolkit, "pod/web", "--", "true"];
    stage.ask(&arguments).expect_code(0);
    let found = wait_for_sessions(&stage, 1);
    let id = found[0]["id"].as_str().expect("an id").to_owned();
    stage.ask(&attach(&toolkit, &["true"])).expect_code(0);
    stage.ask(&arguments).expect_code(0);
    assert!(entries(&pod) <= 2, "the keeper that is there serves those that linger");
    let namespace = stage.namespace.name();
    stage.run(&["sessions", "rm", "--namespace", namespace, &id]).expect_code(0);
    wait_for_sessions(&stage, 0);
    pod.wait_for_processes(PROCESSES);
    stage.run(&["sessions", "rm", "-n", namespace, &id]).expect_clear_failure(1, &["no session"]);
    stage.run(&["sessions", "gc", "-n", namespace]).expect_code(0);
}

#[test]
fn a_session_that_is_ended_from_elsewhere_says_so() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let running = start_sleep(&stage, &toolkit, &pod);
    wait_for_sessions(&stage, 1);
    stage.run(&["sessions", "rm", "--all", "--namespace", stage.namespace.name()]).expect_code(0);
    let said = running.finish();
    assert_eq!(said.status.code(), Some(137), "{said}");
    assert!(said.stderr.contains("ended from elsewhere"), "{said}");
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn who_may_not_list_pods_is_told_the_rule() {
    let stage = Stage::set(Security::Restricted);
    let nobody = as_user(&stage.namespace.cluster().restricted_kubeconfig());
    let said = nobody.run(["sessions", "ls", "--namespace", stage.namespace.name()]);
    said.expect_clear_failure(1, &["pods", "list"]);
}
