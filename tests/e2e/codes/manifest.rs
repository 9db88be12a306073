//! Manifests of Kubernetes whose pods would not work with their images.

use serde_json::Value;

use super::program::bare;
use super::{Proof, check};
use crate::fault::{self, executable};
use crate::stage::Stage;

/// Returns the report on a manifest of one pod, whose container has these lines in addition. Its
/// image has one program, and a user by number.
fn of(stage: &Stage, name: &str, more: &str) -> Value {
    let files = [executable("app", bare(stage, "leave(0);"))];
    let image = fault::image(stage, &files, &[r#"ENTRYPOINT ["/app"]"#, "USER 65532:65532"]);
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  volumes:\n    - {{name: data, \
         persistentVolumeClaim: {{claimName: data}}}}\n    - {{name: own, emptyDir: {{}}}}\n  containers:\n    - name: app\n      \
         image: {image}\n{more}"
    );
    std::fs::write(stage.scratchdbg.home().join(name), text).expect("a file");
    check(stage, name)
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "manifest-invalid",
        fault: |stage| of(stage, "number.yaml", "      args: [--port, 8080]\n"),
        near_miss: |stage| of(stage, "quoted.yaml", "      args: [--port, \"8080\"]\n"),
    },
    Proof {
        code: "hook-needs-shell",
        fault: |stage| {
            of(
                stage,
                "sh.yaml",
                "      lifecycle: {preStop: {exec: {command: [sh, -c, sleep 5]}}}\n",
            )
        },
        near_miss: |stage| {
            of(stage, "own.yaml", "      lifecycle: {preStop: {exec: {command: [/app, --stop]}}}\n")
        },
    },
    Proof {
        code: "port-name-unknown",
        fault: |stage| of(stage, "unnamed.yaml", "      livenessProbe: {httpGet: {port: http}}\n"),
        near_miss: |stage| {
            let ports = "      ports: [{name: http, containerPort: 8080}]\n      livenessProbe: {httpGet: {port: http}}\n";
            of(stage, "named.yaml", ports)
        },
    },
    Proof {
        code: "fs-group-missing",
        fault: |stage| {
            of(stage, "claim.yaml", "      volumeMounts: [{name: data, mountPath: /data}]\n")
        },
        near_miss: |stage| {
            of(stage, "empty.yaml", "      volumeMounts: [{name: own, mountPath: /data}]\n")
        },
    },
];

one_test_each! { manifest_invalid hook_needs_shell port_name_unknown fs_group_missing }
