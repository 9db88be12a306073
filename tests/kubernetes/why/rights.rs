//! Tests the least role for `why` and `ps`, and the effect of each missing permission.

use scratchdbg_testkit::cluster::{Security, pod_spec};
use scratchdbg_testkit::eventually;
use serde_json::{Value, json};

use super::{USER, deployment, prove};
use crate::stage::{Stage, as_user};

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

#[test]
fn the_least_role_is_enough() {
    let stage = Stage::set(Security::Restricted);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    namespace.apply(&deployment("web", 1, &pod_spec(&image, &["exit", "3"])));
    namespace.create("alone", &pod_spec(&image, &["exit", "3"]));
    prove(
        &stage,
        vec![
            super::case("deploy/web", "crash-loop", "").after(&["app-exit"]),
            super::case("pod/alone", "crash-loop", "").after(&["app-exit"]),
        ],
    );
    let needed = [
        rule("", &["pods"], &["get", "list"]),
        rule("", &["pods/log"], &["get"]),
        rule("", &["events"], &["list"]),
        rule("apps", &["deployments"], &["get"]),
    ];
    let user = as_user(&namespace.user("enough", &json!(needed)));
    for arguments in [["why", "pod/alone"], ["why", "deploy/web"]] {
        // Between two waits, the program runs for a moment.
        eventually(
            || format!("a crash loop in {arguments:?}: {}", user.run(arguments)),
            || {
                let said = user.run(arguments);
                said.expect_code(0);
                assert!(!said.text().contains("apiGroups"), "{said}");
                said.text().contains("crash-loop").then_some(())
            },
        );
    }
    let listed = user.run(["ps", "--namespace", namespace.name()]);
    listed.expect_code(0);
    assert!(listed.text().contains("alone") && listed.stderr.is_empty(), "{listed}");
    // Data that a verdict does not depend on is reported as missing.
    let user = as_user(&namespace.user("no-events", &json!([needed[0], needed[1], needed[3]])));
    let said = user.run(["why", "pod/alone"]);
    said.expect_code(0);
    assert!(["crash-loop", "app-exit"].iter().any(|code| said.text().contains(code)), "{said}");
    assert!(said.text().contains(r#"resources: ["events"], verbs: ["list"]"#), "{said}");
    let listed = user.run(["ps", "--namespace", namespace.name()]);
    listed.expect_code(0);
    assert!(listed.text().contains("alone") && listed.stderr.contains("events"), "{listed}");
    let user = as_user(&namespace.user("no-log", &json!([needed[0], needed[2], needed[3]])));
    let said = user.run(["why", "pod/alone"]);
    said.expect_code(0);
    assert!(said.text().contains(r#"resources: ["pods/log"], verbs: ["get"]"#), "{said}");
    // Data that a verdict depends on is an error that names the rule.
    let user = as_user(&namespace.user("no-pods", &json!([needed[1], needed[2], needed[3]])));
    user.run(["why", "pod/alone"])
        .expect_clear_failure(1, &[r#"resources: ["pods"], verbs: ["get"]"#]);
    user.run(["why", "deploy/web"])
        .expect_clear_failure(1, &[r#"resources: ["pods"], verbs: ["list"]"#]);
    let user = as_user(&namespace.user("no-deployments", &json!([needed[0]])));
    user.run(["why", "deploy/web"]).expect_clear_failure(1, &["apps", "deployments", "get"]);
}

#[test]
fn what_does_not_exist_is_said() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    stage.namespace.run("web", &pod_spec(&image, &[]));
    stage.ask(&["why", "pod/wbe"]).expect_clear_failure(1, &["wbe", stage.namespace.name()]);
    stage.ask(&["why", "pod/web/none"]).expect_clear_failure(1, &["none", "app"]);
    stage.ask(&["why", "deploy/web"]).expect_clear_failure(1, &["deployment", "web"]);
    stage
        .ask(&["why", "pod/web", "--selector", "a=b"])
        .expect_clear_failure(2, &["--selector", "scratchdbg ps"]);
}
