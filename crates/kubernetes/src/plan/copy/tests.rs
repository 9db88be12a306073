//! Table tests of pods and their copies.

use serde_json::json;

use super::*;
use crate::plan::tests::merge;

const SESSION: &str = "0123456789abcdef";
const USER: NumericUser = NumericUser { uid: 65532, gid: 0 };

fn toolkit() -> ToolsImage {
    ToolsImage {
        keeper: "r.example/toolkit:1".to_owned(),
        base: "",
        own: None,
        because: None,
        image_command: None,
    }
}

fn twin() -> ToolsImage {
    ToolsImage {
        keeper: "r.example/app@sha256:2".to_owned(),
        base: TWIN_BASE,
        image_command: Some((vec!["/app".to_owned()], vec!["serve".to_owned()])),
        ..toolkit()
    }
}

/// Returns a pod with everything that a copy must not have.
fn original() -> Value {
    json!({
        "metadata": {
            "name": "web-6d4cf-abcde", "namespace": "shop", "uid": "u1", "resourceVersion": "7",
            "labels": {"app": "web"}, "annotations": {"note": "x"}, "finalizers": ["f"],
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-6d4cf", "uid": "u0"}],
        },
        "spec": {
            "nodeName": "n1", "restartPolicy": "Always", "serviceAccountName": "shop", "priority": 7,
            "priorityClassName": "high", "hostname": "web", "subdomain": "s",
            "securityContext": {"runAsNonRoot": true, "fsGroup": 2000},
            "imagePullSecrets": [{"name": "s"}],
            "affinity": {"nodeAffinity": {"x": 1}, "podAntiAffinity": {"y": 1}},
            "containers": [
                {
                    "name": "app", "image": "r.example/app:1", "imagePullPolicy": "Always",
                    "args": ["--port", "80"], "env": [{"name": "A", "value": "1"}],
                    "ports": [{"containerPort": 80}], "livenessProbe": {}, "readinessProbe": {}, "startupProbe": {},
                    "lifecycle": {}, "resources": {"limits": {"memory": "64Mi"}, "claims": [{"name": "gpu"}]},
                    "volumeMounts": [
                        {"name": "config", "mountPath": "/etc/app"},
                        {"name": "scratch", "mountPath": "/tmp"},
                        {"name": "host", "mountPath": "/host"},
                    ],
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]},
                    },
                },
                {"name": "proxy", "image": "r.example/proxy:1"},
            ],
            "initContainers": [{"name": "migrate", "image": "r.example/app:1"}],
            "ephemeralContainers": [{"name": "scratchdbg-0"}],
            "volumes": [
                {"name": "config", "configMap": {"name": "c"}},
                {"name": "scratch", "emptyDir": {}},
                {"name": "host", "hostPath": {"path": "/var/log"}},
                {"name": "unused", "secret": {"secretName": "s"}},
            ],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [{
                "name": "app", "image": "r.example/app:1", "imageID": "r.example/app@sha256:1",
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            }],
        },
    })
}

fn planned(raw: &Value, tools: &ToolsImage, request: &PlanRequest) -> CopyPlan {
    let pod: Pod = serde_json::from_value(raw.clone()).unwrap();
    plan(&pod, raw, "app", USER, tools, request).unwrap()
}

fn without(plan: &CopyPlan) -> Vec<&str> {
    plan.left_out.iter().map(|each| &*each.what).collect()
}

#[test]
fn a_copy_is_not_taken_for_its_original() {
    let copy = planned(&original(), &twin(), &PlanRequest::default()).manifest(SESSION);
    let metadata = &copy["metadata"];
    assert_eq!(metadata["name"], "web-6d4cf-abcde-scratchdbg-0123456789abcdef");
    assert_eq!(metadata["labels"], json!({LABEL_SESSION: SESSION, "io.scratchdbg.mode": "copy"}));
    assert_eq!(metadata["annotations"], json!({TARGET: "pod/web-6d4cf-abcde/app"}));
    for field in ["ownerReferences", "finalizers", "uid", "resourceVersion"] {
        assert!(metadata.get(field).is_none(), "{field}");
    }
    let spec = &copy["spec"];
    for field in [
        "ephemeralContainers",
        "initContainers",
        "priority",
        "priorityClassName",
        "hostname",
        "subdomain",
        "nodeName",
    ] {
        assert!(spec.get(field).is_none(), "{field}");
    }
    assert_eq!(
        (&spec["restartPolicy"], &spec["serviceAccountName"]),
        (&json!("Never"), &json!("shop"))
    );
    assert_eq!(spec["affinity"], json!({"nodeAffinity": {"x": 1}}));
    assert!(spec["activeDeadlineSeconds"].is_u64(), "it ends, whatever happens to its client");
    let container = &spec["containers"][0];
    assert_eq!(spec["containers"].as_array().map(Vec::len), Some(1));
    for field in ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] {
        assert!(container.get(field).is_none(), "{field}");
    }
    assert_eq!(container["command"], json!(["/.scratchdbg/bin/scratchdbg-launcher"]));
    assert_eq!(container["args"], json!(["keep", "--asked", SESSION]));
    assert_eq!((&container["stdin"], &container["stdinOnce"]), (&json!(true), &json!(true)));
    assert_eq!(container["env"], json!([{"name": "A", "value": "1"}]));
    assert_eq!(container["resources"], json!({"limits": {"memory": "64Mi"}}));
    let known = serde_json::from_value(copy).unwrap();
    let known = recognize(&known).map(|known| (known.session.to_owned(), known.target.to_owned()));
    assert_eq!(known, Some((SESSION.to_owned(), "pod/web-6d4cf-abcde/app".to_owned())));
}

#[test]
fn the_tools_are_in_the_twin_or_come_from_a_toolkit_image() {
    let copy = planned(&original(), &twin(), &PlanRequest::default());
    assert_eq!(copy.entrypoint, ["/app", "--port", "80"], "args replace those of the image");
    let mut own = original();
    own["spec"]["containers"][0]["args"] = json!(["$(A)"]);
    let mut tools = twin();
    tools.image_command = Some((vec!["/a$b".to_owned()], Vec::new()));
    assert_eq!(
        planned(&own, &tools, &PlanRequest::default()).entrypoint,
        ["/a$$b", "$(A)"],
        "those of the image stay"
    );
    let copy = copy.manifest(SESSION);
    assert_eq!(copy["spec"]["containers"][0]["image"], "r.example/app@sha256:2");
    let mounts = copy["spec"]["containers"][0]["volumeMounts"].as_array().unwrap();
    assert!(
        mounts.iter().any(|mount| mount["mountPath"] == "/.scratchdbg/session"),
        "the root may be read-only"
    );

    let copy = planned(&original(), &toolkit(), &PlanRequest::default());
    assert!(
        copy.entrypoint.is_empty()
            && copy.differences.iter().any(|words| words.contains("run-entrypoint"))
    );
    let copy = copy.manifest(SESSION);
    let (container, init) = (&copy["spec"]["containers"][0], &copy["spec"]["initContainers"][0]);
    assert_eq!(
        container["image"], "r.example/app@sha256:1",
        "what ran, whatever its tag names now"
    );
    assert_eq!(init["image"], "r.example/toolkit:1");
    assert_eq!(init["command"], json!(["/bin/scratchdbg-launcher"]));
    assert_eq!(init["args"], json!(["install", "/.scratchdbg"]));
    assert_eq!(init["securityContext"]["runAsUser"], 65532);
    assert_eq!(init["securityContext"]["capabilities"], json!({"drop": ["ALL"]}));
    let has_tools = |container: &Value| {
        let mounts = container["volumeMounts"].as_array().unwrap();
        mounts.iter().any(|mount| {
            mount["mountPath"] == "/.scratchdbg" && mount["name"] == "scratchdbg-tools"
        })
    };
    assert!(has_tools(container) && has_tools(init));
}

#[test]
fn a_copy_has_no_right_over_its_node_that_nobody_asked_for() {
    let mut raw = original();
    merge(&mut raw["spec"], json!({"hostNetwork": true, "hostPID": true}));
    raw["spec"]["containers"][0]["securityContext"] = json!({"privileged": true, "procMount": "Unmasked", "capabilities": {"add": ["NET_ADMIN"], "drop": ["NET_RAW"]}});
    let copy = planned(&raw, &twin(), &PlanRequest::default());
    assert_eq!(
        without(&copy),
        ["privileged", "capability NET_ADMIN", "hostNetwork", "hostPID", "/var/log"]
    );
    let manifest = copy.manifest(SESSION);
    assert!(
        manifest["spec"].get("hostNetwork").is_none() && manifest["spec"].get("hostPID").is_none()
    );
    assert_eq!(
        manifest["spec"]["containers"][0]["securityContext"],
        json!({"capabilities": {"drop": ["NET_RAW"]}})
    );
    let mounts = manifest["spec"]["containers"][0]["volumeMounts"].to_string();
    assert!(
        !mounts.contains("/host") && !manifest["spec"]["volumes"].to_string().contains("/var/log"),
        "{mounts}"
    );

    let same = planned(&raw, &twin(), &PlanRequest { same_rights: true, ..PlanRequest::default() });
    assert_eq!(without(&same), ["privileged"], "never");
    let manifest = same.manifest(SESSION);
    let context = &manifest["spec"]["containers"][0]["securityContext"];
    assert_eq!(context, &json!({"capabilities": {"add": ["NET_ADMIN"], "drop": ["NET_RAW"]}}));
    assert_eq!(manifest["spec"]["hostPID"], true);
    assert_eq!(manifest["spec"]["nodeName"], "n1", "the folder is on that node");

    let asked = PlanRequest {
        user: Some("0:5".to_owned()),
        capabilities: vec!["cap_sys_ptrace".to_owned()],
        ..PlanRequest::default()
    };
    let context = &planned(&original(), &twin(), &asked).manifest(SESSION)["spec"]["containers"][0]
        ["securityContext"];
    assert_eq!(context["capabilities"], json!({"add": ["SYS_PTRACE"], "drop": ["ALL"]}));
    assert_eq!((&context["runAsUser"], &context["runAsGroup"]), (&json!(0), &json!(5)));
    assert_eq!(context["runAsNonRoot"], false);
    let pod: Pod = serde_json::from_value(original()).unwrap();
    let named = PlanRequest { user: Some("root".to_owned()), ..PlanRequest::default() };
    assert!(
        plan(&pod, &original(), "app", USER, &twin(), &named).is_err(),
        "Kubernetes knows no names"
    );
}

#[test]
fn what_differs_is_said() {
    let mut raw = original();
    raw["spec"]["volumes"][0] =
        json!({"name": "config", "persistentVolumeClaim": {"claimName": "web-data"}});
    let copy = planned(&raw, &twin(), &PlanRequest::default());
    let said = copy.differences.join("\n");
    for words in [
        "labels",
        "what the original wrote",
        "`proxy`, `migrate`",
        "`scratch` is empty",
        "claim `web-data`",
        "twin",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert_eq!(
        copy.manifest(SESSION)["spec"]["nodeName"],
        "n1",
        "only one node may mount the claim"
    );
}

#[test]
fn names_are_host_names() {
    for (original, expected) in [
        ("web", "web-scratchdbg-0123456789abcdef"),
        ("a.b", "a.b-scratchdbg-0123456789abcdef"),
        (
            "a-very-long-name-of-a-pod-in-a-deployment-abcde",
            "a-very-long-name-of-a-pod-in-a-depl-scratchdbg-0123456789abcdef",
        ),
        (
            "a-very-long-name-of-a-pod-in-a-de.-loyment",
            "a-very-long-name-of-a-pod-in-a-de-scratchdbg-0123456789abcdef",
        ),
    ] {
        let name = name(original, SESSION);
        assert_eq!(name, expected);
        assert!(name.len() <= 63);
    }
}

#[test]
fn what_only_looks_like_a_copy_is_none() {
    let copy = planned(&original(), &twin(), &PlanRequest::default()).manifest(SESSION);
    for (path, value) in [
        ("/metadata/name", json!("web")),
        ("/metadata/name", json!("web-scratchdbg-0123456789abcdee")),
        ("/metadata/labels", json!({"io.scratchdbg.session": "0123456789abcdee"})),
        ("/metadata/labels", json!({})),
        ("/metadata/annotations", json!({})),
        ("/spec/containers/0/command", json!(["/app"])),
        ("/spec/containers/0/args", json!(["keep", "--asked", "0123456789abcdee"])),
        ("/spec/containers/0/args", json!(["keep", "--asked", SESSION, "60"])),
        ("/spec/restartPolicy", json!("Always")),
        ("/spec/containers", json!([])),
    ] {
        let mut other = copy.clone();
        *other.pointer_mut(path).unwrap() = value.clone();
        assert_eq!(recognize(&serde_json::from_value(other).unwrap()), None, "{path} {value}");
    }
}
