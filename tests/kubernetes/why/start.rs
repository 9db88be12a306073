//! Tests pods that do not start.

use scratchdbg_testkit::cluster::{ImageSpec, Security, pod_spec};
use scratchdbg_testkit::sample;
use serde_json::{Value, json};

use super::{USER, case, prove, with};
use crate::stage::Stage;

#[test]
fn images_that_cannot_be_had() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let cluster = namespace.cluster();
    let registry = cluster.registry();
    let host = registry.split(':').next().expect("a host").to_owned();
    // An image for other platforms only.
    let folder = tempfile::tempdir().expect("a folder");
    let foreign = format!("{}/foreign:1", namespace.repository());
    let (one, other) = match std::env::consts::ARCH {
        "aarch64" => (62, 243),
        _ => (183, 243),
    };
    let programs = [
        sample::write_foreign_app(folder.path(), "one", one),
        sample::write_foreign_app(folder.path(), "other", other),
    ];
    let programs: Vec<&str> = programs.iter().map(|path| path.to_str().expect("a path")).collect();
    let build =
        [&["build", "--no-debug", "--tag", &foreign, "--output", "registry"], &programs[..]]
            .concat();
    stage.run(&build).expect_code(0);
    let pulled = |image: &str, policy: &str| with(image, &[], &json!({"imagePullPolicy": policy}));
    let missing = format!("{registry}/nothere:1");
    let named_badly = format!("{registry}/401-unauthorized-x509:1");
    let private = format!("{}/private:1", cluster.registry_with_password());
    let unreachable = format!("{host}:1/app:1");
    for (name, spec) in [
        ("never", pulled("nothere.test/app:1", "Never")),
        ("missing", pulled(&missing, "Always")),
        ("named-badly", pulled(&named_badly, "Always")),
        ("private", pulled(&private, "Always")),
        ("unreachable", pulled(&unreachable, "Always")),
        ("foreign", pulled(&foreign, "Always")),
        ("invalid", pulled("UPPER/App:1", "Always")),
    ] {
        namespace.create(name, &spec);
    }
    prove(
        &stage,
        vec![
            case("pod/never", "image-never-pull", "nothere.test/app:1"),
            case("pod/missing", "image-not-found", "nothere:1"),
            case("pod/named-badly", "image-not-found", "401-unauthorized"),
            case("pod/private", "image-auth", "imagePullSecrets"),
            case("pod/unreachable", "image-registry-unreachable", ":1/app:1"),
            case("pod/foreign", "image-platform-missing", "platform"),
            case("pod/invalid", "image-name-invalid", "UPPER"),
        ],
    );
}

#[test]
fn configurations_that_are_not_there() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let root = namespace.import_app(ImageSpec::default());
    let passwd: &[u8] = b"app:x:1000:1000::/:/app\n";
    let named =
        namespace.import_app(ImageSpec { user: "app", files: &[("etc/passwd", 0o644, passwd)] });
    namespace.ask(["create", "configmap", "there", "--from-literal", "key=value"]);
    let env = |from: Value| with(&image, &[], &json!({"env": [{"name": "A", "valueFrom": from}]}));
    let volume = |source: Value| {
        let mut spec =
            with(&image, &[], &json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}));
        let mut volume = source;
        volume["name"] = json!("v");
        spec["volumes"] = json!([volume]);
        spec
    };
    let key = |kind: &str, name: &str, key: &str| env(json!({kind: {"name": name, "key": key}}));
    let mut zero = pod_spec(&image, &[]);
    zero["containers"][0]["securityContext"]["runAsUser"] = json!(0);
    let mut handler = pod_spec(&image, &[]);
    handler["runtimeClassName"] = json!(namespace.name());
    namespace.cluster().ask(["delete", "runtimeclass", namespace.name(), "--ignore-not-found"]);
    namespace.apply(&json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": namespace.name()}, "handler": "nothere",
    }));
    for (name, spec) in [
        ("config", key("configMapKeyRef", "nothere", "key")),
        ("secret", key("secretKeyRef", "nothere", "key")),
        ("key", key("configMapKeyRef", "there", "nothere")),
        ("config-volume", volume(json!({"configMap": {"name": "nothere"}}))),
        ("secret-volume", volume(json!({"secret": {"secretName": "nothere"}}))),
        (
            "key-volume",
            volume(
                json!({"configMap": {"name": "there", "items": [{"key": "nothere", "path": "a"}]}}),
            ),
        ),
        ("folder", volume(json!({"hostPath": {"path": "/nothere", "type": "Directory"}}))),
        ("root", pod_spec(&root, &[])),
        ("named", pod_spec(&named, &[])),
        ("zero", zero),
        ("program", with(&image, &[], &json!({"command": ["/nosuch"]}))),
        ("handler", handler),
    ] {
        namespace.create(name, &spec);
    }
    prove(
        &stage,
        vec![
            case("pod/config", "config-map-missing", "ConfigMap nothere"),
            case("pod/secret", "secret-missing", "Secret nothere"),
            case("pod/key", "config-key-missing", "couldn't find key nothere"),
            case("pod/config-volume", "config-map-missing", "ConfigMap nothere"),
            case("pod/secret-volume", "secret-missing", "Secret nothere"),
            case("pod/key-volume", "config-key-missing", "nothere"),
            case("pod/folder", "volume-mount-failed", "volume v"),
            case("pod/root", "run-as-non-root-root-image", "runAsUser"),
            case("pod/named", "run-as-non-root-named-user", "runAsUser"),
            case("pod/zero", "run-as-non-root-root-image", "runAsUser"),
            case("pod/program", "entrypoint-missing", "/nosuch"),
            case("pod/handler", "sandbox-failed", "FailedCreatePodSandBox"),
        ],
    );
    namespace.cluster().ask(["delete", "runtimeclass", namespace.name()]);
}

#[test]
fn pods_that_no_node_takes() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    // A node without a kubelet, with a taint that keeps pods away.
    let node = namespace.name();
    namespace.apply(&json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": {"corner": node}},
        "spec": {"taints": [{"key": "corner", "effect": "NoSchedule"}]},
    }));
    let spec = |key: &str, value: Value| {
        let mut spec = pod_spec(&image, &[]);
        spec[key] = value;
        spec
    };
    let only = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]},
    ]}}});
    let mut claim = with(&image, &[], &json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}));
    claim["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "nothere"}}]);
    for (name, spec) in [
        ("large", with(&image, &[], &json!({"resources": {"requests": {"cpu": "500"}}}))),
        ("choosy", spec("nodeSelector", json!({"corner": "nothere"}))),
        ("tainted", spec("affinity", only)),
        ("claim", claim),
        ("gated", spec("schedulingGates", json!([{"name": "example.com/later"}]))),
    ] {
        namespace.create(name, &spec);
    }
    prove(
        &stage,
        vec![
            case("pod/large", "unschedulable-resources", "Insufficient cpu"),
            case("pod/choosy", "unschedulable-affinity", "node affinity"),
            case("pod/tainted", "unschedulable-taint", "taint"),
            case("pod/claim", "pvc-unbound", "nothere"),
            case("pod/gated", "never-started", "gates"),
        ],
    );
    namespace.cluster().ask(["delete", "node", node]);
}

#[test]
fn the_image_is_looked_into_in_its_registry() {
    let stage = Stage::set(Security::Privileged);
    let tag = crate::toolkit::push_pair(&stage);
    let settings = json!({"imagePullPolicy": "Always", "command": ["/usr/bin/app"]});
    stage.namespace.create("web", &with(&tag, &[], &settings));
    prove(&stage, vec![case("pod/web", "entrypoint-missing", "a file of that name is at /app")]);
}
