//! One test's own corner of the cluster.

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
    /// Nothing is refused.
    Privileged,
    /// What is known to raise rights is refused.
    Baseline,
    /// Pods must give up all that they do not need.
    Restricted,
}

/// A namespace with a name that no other test uses. When it is dropped, after a panic too, all that is in it is removed,
/// and the images that were imported for it.
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
        // Pods are refused before it is there.
        crate::eventually(
            || format!("the service account of {}", namespace.name),
            || namespace.kubectl(["get", "serviceaccount", "default"]).status.success().then_some(()),
        );
        namespace
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster that it is in.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Runs kubectl in it.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.kubectl_command(arguments).stdin(Stdio::null()).output().expect("kubectl runs")
    }

    /// The command for it, to be changed and started by the caller.
    pub fn kubectl_command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.cluster.kubectl_command(["--namespace", &self.name]);
        command.args(arguments);
        command
    }

    /// Runs kubectl in it, which must succeed, and returns what it said without the last line end.
    #[track_caller]
    pub fn ask<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        super::answer(self.kubectl_command(arguments))
    }

    /// Runs kubectl in it, which must succeed and speak JSON.
    #[track_caller]
    pub fn ask_json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        serde_json::from_str(&self.ask(arguments)).expect("kubectl speaks JSON")
    }

    /// Makes or changes an object, by `kubectl apply`.
    #[track_caller]
    pub fn apply(&self, object: &Value) {
        self.send("apply", object);
    }

    /// Makes objects, by `kubectl create`: faster where there are many.
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
        child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("kubectl reads it");
        let output = child.wait_with_output().expect("it can be waited for");
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Imports an image of the sample program into all nodes, and returns its name, for `imagePullPolicy: Never`.
    pub fn import_app(&self, spec: ImageSpec<'_>) -> String {
        let name = format!("{}/app:{}", self.image_host(), unique());
        let archive = self.files.path().join("app.tar");
        image::write_archive(&archive, &name, spec);
        self.import(&archive, &[&name]);
        name
    }

    /// Imports an archive, as `scratchdbg build -o archive:FILE` or `docker save` write it, into all nodes. `names` are
    /// those of its images.
    #[track_caller]
    pub fn import(&self, archive: &Path, names: &[&str]) {
        for node in self.cluster.nodes() {
            node.import(archive);
        }
        self.images.borrow_mut().extend(names.iter().map(|&name| name.to_owned()));
    }

    /// What the names of its images may begin with, for [`Self::import`].
    pub fn image_host(&self) -> String {
        format!("{}.test", self.name)
    }

    /// What the names of its images begin with in the registry of the cluster, for `scratchdbg build -o registry`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.cluster.registry(), self.name)
    }

    /// Makes a pod of that name and waits until its containers run. For the spec, see [`super::pod_spec`].
    #[track_caller]
    pub fn run(&self, name: &str, spec: &Value) -> Pod<'_> {
        let pod = self.create(name, spec);
        pod.wait_until("running", |pod| {
            let statuses = pod["status"]["containerStatuses"].as_array();
            statuses.is_some_and(|all| all.iter().all(|status| status["state"]["running"].is_object()))
        });
        pod
    }

    /// Makes a pod of that name, and waits for nothing.
    #[track_caller]
    pub fn create(&self, name: &str, spec: &Value) -> Pod<'_> {
        let metadata = json!({"name": name, "labels": {"app": name}});
        self.apply(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}));
        self.pod(name)
    }

    /// A pod that is there.
    #[track_caller]
    pub fn pod(&self, name: &str) -> Pod<'_> {
        Pod::find(self, name)
    }

    /// The only pod with these labels, as `app=web`, once there is one.
    #[track_caller]
    pub fn pod_with(&self, labels: &str) -> Pod<'_> {
        let names = || self.ask(["get", "pods", "--selector", labels, "--output", "name"]);
        let name = crate::eventually(
            || format!("one pod with {labels} in {}: {}", self.name, names()),
            || names().strip_prefix("pod/").filter(|name| !name.contains('\n')).map(str::to_owned),
        );
        self.pod(&name)
    }

    /// Makes a user with these rules, as a Role has them, for this namespace alone, and returns their kubeconfig.
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
        // Without waiting: the cluster goes on with it. A complaint is of a cluster that is gone.
        self.cluster.kubectl(["delete", "namespace", &self.name, "--wait=false"]);
        for node in self.cluster.nodes() {
            node.remove_images(&self.images.borrow());
        }
    }
}
