//! A namespace of the cluster for one test.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Cluster, ImageSpec, Pod, image};
use crate::unique;

/// The profile of the pod security standards that a namespace enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing is rejected.
    Privileged,
    /// Known privilege escalations are rejected.
    Baseline,
    /// Pods must give up all rights that they do not need.
    Restricted,
}

/// A namespace with a name that no other test uses. On drop, also after a panic, all its objects
/// are removed, and the images that were imported for it.
#[derive(Debug)]
pub struct Namespace {
    cluster: Cluster,
    name: String,
    files: TempDir,
    images: RefCell<Vec<String>>,
}

impl Namespace {
    pub(super) fn make(cluster: Cluster, security: Security) -> Self {
        let name = format!("sdbgtest-{}", unique());
        let profile = match security {
            Security::Privileged => "privileged",
            Security::Baseline => "baseline",
            Security::Restricted => "restricted",
        };
        let files = TempDir::new().expect("a temporary directory can be made");
        let namespace = Self { cluster, name, files, images: RefCell::default() };
        namespace.apply(&json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": namespace.name,
                "labels": {"pod-security.kubernetes.io/enforce": profile},
            },
        }));
        // Pods are rejected before the service account exists.
        crate::eventually(
            || format!("the service account of {}", namespace.name),
            || {
                namespace
                    .kubectl(["get", "serviceaccount", "default"])
                    .status
                    .success()
                    .then_some(())
            },
        );
        namespace
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the cluster of the namespace.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Runs kubectl in the namespace.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.kubectl_command(arguments).stdin(Stdio::null()).output().expect("kubectl runs")
    }

    /// Returns the kubectl command, to be changed and started by the caller.
    pub fn kubectl_command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = self.cluster.kubectl_command(["--namespace", &self.name]);
        command.args(arguments);
        command
    }

    /// Runs kubectl in the namespace, which must succeed, and returns its output without the last
    /// line ending.
    #[track_caller]
    pub fn ask<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        super::answer(self.kubectl_command(arguments))
    }

    /// Runs kubectl in the namespace, which must succeed and print JSON.
    #[track_caller]
    pub fn ask_json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        serde_json::from_str(&self.ask(arguments)).expect("kubectl speaks JSON")
    }

    /// Creates or changes an object with `kubectl apply`.
    #[track_caller]
    pub fn apply(&self, object: &Value) {
        self.send("apply", object);
    }

    /// Creates objects with `kubectl create`, which is faster for many objects.
    #[track_caller]
    pub fn create_all(&self, objects: &Value) {
        self.send("create", objects);
    }

    #[track_caller]
    fn send(&self, command: &str, object: &Value) {
        let mut child = self
            .kubectl_command([command, "--filename", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl runs");
        let text = object.to_string();
        child
            .stdin
            .take()
            .expect("it is piped")
            .write_all(text.as_bytes())
            .expect("kubectl reads it");
        let output = child.wait_with_output().expect("it can be waited for");
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Imports an image of the sample program into all nodes, and returns its name. Use it with
    /// `imagePullPolicy: Never`.
    pub fn import_app(&self, spec: ImageSpec<'_>) -> String {
        let name = format!("{}/app:{}", self.image_host(), unique());
        let archive = self.files.path().join("app.tar");
        image::write_archive(&archive, &name, spec);
        self.import(&archive, &[&name]);
        name
    }

    /// Imports an archive, as `scratchdbg build -o archive:FILE` or `docker save` write it, into
    /// all nodes. `names` are the names of its images.
    #[track_caller]
    pub fn import(&self, archive: &Path, names: &[&str]) {
        for node in self.cluster.nodes() {
            node.import(archive);
        }
        self.images.borrow_mut().extend(names.iter().map(|&name| name.to_owned()));
    }

    /// Returns a prefix for image names of this test, for [`Self::import`].
    pub fn image_host(&self) -> String {
        format!("{}.test", self.name)
    }

    /// Returns a prefix for image names of this test in the registry of the cluster, for
    /// `scratchdbg build -o registry`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.cluster.registry(), self.name)
    }

    /// Creates a pod with this name, and waits until its containers run. For the spec, see
    /// [`super::pod_spec`].
    #[track_caller]
    pub fn run(&self, name: &str, spec: &Value) -> Pod<'_> {
        let pod = self.create(name, spec);
        pod.wait_until("running", |pod| {
            let statuses = pod["status"]["containerStatuses"].as_array();
            statuses
                .is_some_and(|all| all.iter().all(|status| status["state"]["running"].is_object()))
        });
        pod
    }

    /// Creates a pod with this name without waiting for its containers.
    #[track_caller]
    pub fn create(&self, name: &str, spec: &Value) -> Pod<'_> {
        let metadata = json!({"name": name, "labels": {"app": name}});
        self.apply(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}));
        self.pod(name)
    }

    /// Returns an existing pod.
    #[track_caller]
    pub fn pod(&self, name: &str) -> Pod<'_> {
        Pod::find(self, name)
    }

    /// Returns the only pod with these labels, such as `app=web`. Waits until the pod exists.
    #[track_caller]
    pub fn pod_with(&self, labels: &str) -> Pod<'_> {
        let names = || self.ask(["get", "pods", "--selector", labels, "--output", "name"]);
        let name = crate::eventually(
            || format!("one pod with {labels} in {}: {}", self.name, names()),
            || names().strip_prefix("pod/").filter(|name| !name.contains('\n')).map(str::to_owned),
        );
        self.pod(&name)
    }

    /// Creates a user with these rules of a Role, for this namespace only. Returns the user's
    /// kubeconfig.
    #[track_caller]
    pub fn user(&self, name: &str, rules: &Value) -> PathBuf {
        let metadata = json!({"name": name, "namespace": self.name});
        let group = "rbac.authorization.k8s.io";
        let version = format!("{group}/v1");
        self.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": rules},
            {"apiVersion": version, "kind": "RoleBinding", "metadata": metadata,
             "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": self.name}],
             "roleRef": {"apiGroup": group, "kind": "Role", "name": name}},
        ]}));
        let token = self.ask(["create", "token", name]);
        let admin = self.cluster.ask_json(["config", "view", "--raw", "--output", "json"]);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": admin["clusters"],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {
                "cluster": admin["clusters"][0]["name"], "user": name, "namespace": self.name}}],
        });
        let path = self.files.path().join(format!("{name}.kubeconfig"));
        fs::write(&path, config.to_string()).expect("it can be written");
        path
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The cluster completes the deletion later. An error means that the cluster is gone.
        self.cluster.kubectl(["delete", "namespace", &self.name, "--wait=false"]);
        for node in self.cluster.nodes() {
            node.remove_images(&self.images.borrow());
        }
    }
}
