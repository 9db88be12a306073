//! Tests pods whose programs end, or whose probes fail.

use scratchdbg_testkit::cluster::{Security, pod_spec};
use serde_json::{Value, json};

use super::{USER, case, codes, prove, why, with};
use crate::stage::Stage;

const PANIC: &[&str] = &[
    "fail",
    "2",
    "panic: boom",
    "",
    "goroutine 1 [running]:",
    "main.main()",
    "\t/src/main.go:5 +0x1",
];

fn once(mut spec: Value) -> Value {
    spec["restartPolicy"] = json!("Never");
    spec
}

#[test]
fn programs_that_end() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let limited = json!({"resources": {"limits": {"memory": "20Mi"}}});
    let mut init = pod_spec(&image, &[]);
    init["initContainers"] =
        json!([with(&image, PANIC, &json!({"name": "prepare"}))["containers"][0]]);
    let mut deadline = pod_spec(&image, &[]);
    deadline["activeDeadlineSeconds"] = json!(3);
    let mut full = with(
        &image,
        &["fill", "/v/file", "30"],
        &json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}], "resources": {"limits": {"ephemeral-storage": "10Mi"}}}),
    );
    full["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    for (name, spec) in [
        ("exits", once(pod_spec(&image, &["exit", "3"]))),
        ("done", once(pod_spec(&image, &["exit", "0"]))),
        ("loops", pod_spec(&image, &["exit", "3"])),
        ("succeeds", pod_spec(&image, &["exit", "0"])),
        ("go", once(pod_spec(&image, PANIC))),
        ("rust", once(pod_spec(&image, &["panic"]))),
        ("faults", once(pod_spec(&image, &["segfault"]))),
        ("memory", with(&image, &["eat"], &limited)),
        ("child", once(with(&image, &["child-eat"], &limited))),
        ("init", init),
        ("deadline", deadline),
        ("full", full),
        ("well", pod_spec(&image, &[])),
    ] {
        namespace.create(name, &spec);
    }
    prove(
        &stage,
        vec![
            case("pod/exits", "app-exit", "last log line: "),
            case("pod/done", "app-exit", "success"),
            case("pod/loops", "crash-loop", "exit code 3").after(&["app-exit"]),
            case("pod/succeeds", "completed-restart-loop", "Job").after(&["app-exit"]),
            case("pod/go", "go-panic", "boom"),
            case("pod/rust", "rust-panic", "panicked at"),
            case("pod/faults", "segfault-or-abort", "139"),
            case("pod/memory", "oom-killed", "20 MiB"),
            case("pod/child", "child-oom-killed", "20 MiB"),
            case("pod/init", "init-failed", "prepare"),
            case("pod/deadline", "deadline-exceeded", "activeDeadlineSeconds")
                .after(&["killed-from-outside"]),
            case("pod/full", "evicted-disk", "ephemeral").after(&["killed-from-outside"]),
            case("pod/well", "running", "ready"),
        ],
    );
    assert_eq!(
        codes(&why(&stage, "pod/init"))[..2],
        ["init-failed", "go-panic"],
        "and why it fails"
    );
    // The main container waits for the init container.
    assert_eq!(codes(&why(&stage, "pod/init/app"))[0], "init-failed");
    let target = &why(&stage, "pod/well")["target"];
    assert_eq!((&target["namespace"], &target["pod"]), (&json!(namespace.name()), &json!("well")));
    assert!(target["node"].is_string() && target["state"] == "running", "{target}");
}

#[test]
fn probes_that_fail() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let port = |period: u32, threshold: u32| json!({"tcpSocket": {"port": 9}, "periodSeconds": period, "failureThreshold": threshold});
    let shell = json!({"exec": {"command": ["sh", "-c", "true"]}, "periodSeconds": 1});
    for (name, probe, value) in [
        ("live", "livenessProbe", port(1, 1)),
        ("slow", "startupProbe", port(1, 2)),
        ("ready", "readinessProbe", port(1, 1)),
        ("failing", "livenessProbe", port(1, 100)),
        ("shell-live", "livenessProbe", shell.clone()),
        ("shell-ready", "readinessProbe", shell),
    ] {
        namespace.create(name, &with(&image, &[], &json!({probe: value})));
    }
    prove(
        &stage,
        vec![
            case("pod/live", "liveness-killed", "failed liveness probe")
                .after(&["running-unhealthy"]),
            case("pod/slow", "startup-probe-too-tight", "within 2 s"),
            case("pod/ready", "readiness-failing", "Readiness probe failed"),
            case("pod/failing", "running-unhealthy", "Liveness probe failed"),
            case("pod/shell-live", "probe-needs-shell", "runs sh"),
            case("pod/shell-ready", "probe-needs-shell", "never ready"),
        ],
    );
}

/// Each container has its own verdict. The container with the worst state comes first.
#[test]
fn several_containers() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let mut spec = pod_spec(&image, &[]);
    let second = with(&image, &["exit", "3"], &json!({"name": "second"}))["containers"][0].clone();
    let third = with(
        &image,
        &["eat"],
        &json!({"name": "third", "resources": {"limits": {"memory": "20Mi"}}}),
    );
    spec["containers"] = json!([spec["containers"][0], second, third["containers"][0]]);
    namespace.create("web", &spec);
    prove(
        &stage,
        vec![
            case("pod/web/app", "running", "ready").after(&[
                "oom-killed",
                "crash-loop",
                "app-exit",
            ]),
            case("pod/web/second", "crash-loop", "second").after(&["app-exit"]),
            case("pod/web/third", "oom-killed", "third"),
        ],
    );
    let answer = why(&stage, "pod/web");
    assert_ne!(answer["verdict"], "running", "{answer:#}");
    let text = answer["findings"].to_string();
    assert!(text.contains("second") && text.contains("third"), "{answer:#}");
}
