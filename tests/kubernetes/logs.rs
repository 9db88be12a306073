//! Tests `logs` of pods and workloads.

use std::fs;

use scratchdbg_testkit::cluster::{ImageSpec, Pod, Security, pod_spec};
use serde_json::{Value, json};

use crate::stage::{Stage, as_user};

const USER: ImageSpec<'static> = ImageSpec { user: "65532:65532", files: &[] };

/// Returns the spec of a pod whose container runs once.
fn once(image: &str, arguments: &[&str]) -> Value {
    let mut spec = pod_spec(image, arguments);
    spec["restartPolicy"] = json!("Never");
    spec
}

fn wait_for_end(pod: &Pod<'_>) {
    pod.wait_until("ended", |pod| {
        matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
    });
}

/// Returns a Deployment of one pod, with the label `app=NAME`.
fn deployment(name: &str, spec: &Value) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    })
}

#[test]
fn every_line_of_a_pod_comes_in_order() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    let pod = stage.namespace.create("web", &once(&image, &["numbers", "100000"]));
    wait_for_end(&pod);
    let lines: Vec<String> = (1..=100_000).map(|line| line.to_string()).collect();
    let lines = lines.join("\n");
    assert_eq!(pod.logs("app"), lines, "kubectl's");
    stage.ask(&["logs", "pod/web"]).expect(0, &format!("{lines}\n"));
    stage.ask(&["logs", "pod/web/app", "--tail", "2"]).expect(0, "99999\n100000\n");
}

#[test]
fn a_crashing_deployment_tells_what_it_said() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    stage.namespace.apply(&deployment("crash", &pod_spec(&image, &["exit", "3"])));
    let pod = stage.namespace.pod_with("app=crash");
    pod.wait_until("crashing", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"].as_u64() >= Some(1) && status["state"]["waiting"].is_object()
    });
    let said = stage.ask(&["logs", "deploy/crash"]);
    said.expect_code(0);
    assert!(said.text().contains("out") && said.text().contains("err"), "{said}");
}

/// The node keeps the log of the previous run while the next run lasts.
#[test]
fn the_run_before_is_there_too() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    let pod = stage.namespace.run("web", &pod_spec(&image, &[]));
    pod.process("app").kill();
    pod.wait_until("running again", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"] == 1 && status["state"]["running"].is_object()
    });
    let said = stage.ask(&["logs", "pod/web", "--run", "all"]);
    said.expect_code(0);
    assert_eq!(said.text().matches("out 2").count(), 2, "{said}");
}

#[test]
fn following_goes_on_over_a_restart_of_the_container() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    let pod = stage.namespace.create("web", &pod_spec(&image, &["numbers", "3"]));
    pod.wait_until("started", |pod| {
        pod["status"]["containerStatuses"][0]["containerID"].is_string()
    });
    let running = stage.start(&["logs", "--follow", "pod/web"]);
    running.wait_for_stdout("two runs", |stdout| {
        String::from_utf8_lossy(stdout).lines().collect::<String>().contains("123123")
    });
    stage.namespace.ask(["delete", "pod", "web", "--wait=false"]);
    let finished = running.finish();
    finished.expect_code(0);
    let lines: String = finished.text().lines().collect();
    assert_eq!(lines.replace("123", ""), "", "{finished}");
}

#[test]
fn following_goes_on_over_a_rollout() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    stage.namespace.apply(&deployment("web", &pod_spec(&image, &["lines", "5"])));
    stage.namespace.ask(["rollout", "status", "deployment/web"]);
    let running = stage.start(&["logs", "--follow", "deploy/web"]);
    running.wait_for_stdout("the first pod", |stdout| {
        String::from_utf8_lossy(stdout).contains("xxxxx\n")
    });
    stage.namespace.apply(&deployment("web", &pod_spec(&image, &["lines", "7"])));
    running.wait_for_stdout("the next pod", |stdout| {
        String::from_utf8_lossy(stdout).contains("xxxxxxx\n")
    });
}

/// When the kubelet restarts, the stream ends as if the container had ended. The log stays below
/// the size at which the kubelet rotates it.
#[test]
fn following_goes_on_over_a_restart_of_the_kubelet() {
    let stage = Stage::alone(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    let pod = stage.namespace.run("web", &once(&image, &["flood", "80"]));
    let running = stage.start(&["logs", "--follow", "pod/web"]);
    running.wait_for_stdout("some lines", |stdout| stdout.len() > 100_000);
    drop(pod.node().kubelet().kill());
    let finished = running.finish();
    finished.expect_code(0);
    let text = finished.text();
    let lines: Vec<&str> = text.lines().collect();
    let wanted: Vec<String> = (1..=160_000).map(|line| line.to_string()).collect();
    let first_wrong = lines.iter().zip(&wanted).position(|(line, wanted)| line != wanted);
    assert_eq!((first_wrong, lines.len()), (None, wanted.len()), "{}", finished.stderr);
}

#[test]
fn what_cannot_be_read_is_said() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    stage.namespace.run("web", &pod_spec(&image, &[]));
    let name = stage.namespace.name();
    stage.ask(&["logs", "pod/wob"]).expect_clear_failure(1, &["wob", name]);
    stage.ask(&["logs", "pod/web/none"]).expect_clear_failure(1, &["none", "web"]);
    stage.ask(&["logs", "deploy/web"]).expect_clear_failure(1, &["web", name]);
    // A user who may read pods, but not their logs.
    let sees =
        json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]);
    let user = as_user(&stage.namespace.user("sees", &sees));
    user.run(["logs", "pod/web"]).expect_clear_failure(1, &["pods/log", "get"]);
    // A user without permissions.
    let nobody = as_user(&stage.namespace.cluster().restricted_kubeconfig());
    nobody.run(["logs", "pod/web", "--namespace", name]).expect_clear_failure(1, &["pods", "get"]);
    // A cluster that cannot be reached.
    let file = stage.scratchdbg.home().join("nobody.kubeconfig");
    let config = fs::read_to_string(stage.namespace.cluster().kubeconfig()).expect("a kubeconfig");
    let server = config.lines().find(|line| line.contains("server:")).expect("a server");
    fs::write(&file, config.replace(server, "    server: https://127.0.0.1:1"))
        .expect("it can be written");
    as_user(&file).run(["logs", "pod/web"]).expect_clear_failure(1, &["127.0.0.1:1"]);
}

#[test]
fn the_least_role_is_enough() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    let pod = stage.namespace.create("web", &once(&image, &["say", "hello"]));
    wait_for_end(&pod);
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]);
    as_user(&stage.namespace.user("reader", &rules)).run(["logs", "pod/web"]).expect(0, "hello\n");
}

/// A node makes and removes the files of a log while a container restarts. It makes a new file for
/// a container that runs, so this one has ended.
#[test]
fn a_file_that_is_not_there_yet_is_waited_for() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    let pod = stage.namespace.create("web", &once(&image, &["say", "hello"]));
    wait_for_end(&pod);
    let folder = format!("{}_web_{}/app", stage.namespace.name(), pod.uid());
    let folder = pod.node().logs().join(folder);
    let (file, elsewhere) = (folder.join("0.log"), folder.join("away"));
    fs::rename(&file, &elsewhere).expect("the log");
    let said = stage.ask(&["logs", "pod/web"]);
    said.expect_code(1);
    assert!(said.stderr.contains("the node has no file of this log"), "{said}");
    let running = stage.start(&["logs", "-vv", "pod/web"]);
    running.wait_for_stderr("the file of the log is not there");
    fs::rename(&elsewhere, &file).expect("the log");
    running.finish().expect(0, "hello\n");
}
