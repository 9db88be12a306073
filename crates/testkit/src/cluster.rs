//! The Kubernetes cluster under test, asked by kubectl: what a test asserts about the cluster is not what the code under
//! test says about it.
//!
//! It is one that `scripts/cluster up` made: beside its kubeconfig stand the programs and the sockets of its nodes, which
//! this module uses to import images and to look at processes.

mod image;
mod namespace;
mod node;
mod pod;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub use image::ImageSpec;
pub use namespace::{Namespace, Security};
pub use node::{Killed, Node, Process, Service};
pub use pod::{Pod, pod_spec};

/// Names the kubeconfig of the cluster that tests use. `scripts/test --kubernetes` sets it.
pub const VARIABLE: &str = "SCRATCHDBG_TEST_KUBECONFIG";

/// A cluster of `scripts/cluster up`.
#[derive(Clone, Debug)]
pub struct Cluster {
    folder: PathBuf,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// The cluster that [`VARIABLE`] names. Without one the test fails: a test that is skipped proves nothing.
    #[expect(clippy::disallowed_methods, reason = "the cluster is an outer condition of a test run, as the engine is")]
    pub fn required() -> Self {
        let hint = "run ./scripts/test --kubernetes, or set it to what ./scripts/cluster up prints";
        let kubeconfig = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
        let kubeconfig = PathBuf::from(kubeconfig.unwrap_or_else(|| panic!("{VARIABLE} is not set: {hint}")));
        let folder =
            kubeconfig.parent().unwrap_or_else(|| panic!("{VARIABLE} is no path of a file: {hint}")).to_owned();
        let cluster = Self { folder, kubeconfig };
        let ready = cluster.kubectl(["get", "--raw", "/readyz"]);
        let complaint = String::from_utf8_lossy(&ready.stderr);
        assert!(ready.status.success(), "no cluster answers at {}: {hint}\n{complaint}", cluster.kubeconfig.display());
        cluster
    }

    /// The kubeconfig of a user who may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The kubeconfig of the user `restricted`, who may do nothing.
    pub fn restricted_kubeconfig(&self) -> PathBuf {
        self.folder.join("restricted.kubeconfig")
    }

    /// The host and port of a registry that this machine and the nodes reach.
    pub fn registry(&self) -> String {
        fs::read_to_string(self.folder.join("registry/name")).expect("the cluster has a registry").trim().to_owned()
    }

    /// The same registry, for [`crate::registry::USER`] alone.
    pub fn registry_with_password(&self) -> String {
        let name = self.registry();
        let (host, port) = name.rsplit_once(':').expect("a port");
        format!("{host}:{}", port.parse::<u16>().expect("a number") + 1)
    }

    /// The authority of the registries' certificates, as a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("pki/ca.crt")
    }

    /// Its nodes, in the order of their names.
    pub fn nodes(&self) -> Vec<Node> {
        (1..=9).map(|number| Node::new(&self.folder, number)).take_while(Node::is_there).collect()
    }

    /// A program of the control plane.
    pub fn service(&self, name: &str) -> Service {
        Service::new(&self.folder, name)
    }

    /// Runs kubectl with these arguments.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.kubectl_command(arguments).stdin(Stdio::null()).output().expect("kubectl runs")
    }

    /// The command for it, to be changed and started by the caller.
    pub fn kubectl_command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(self.folder.join("bin/kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        command
    }

    /// Runs kubectl, which must succeed, and returns what it said without the last line end.
    #[track_caller]
    pub fn ask<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        answer(self.kubectl_command(arguments))
    }

    /// Runs kubectl, which must succeed and speak JSON.
    #[track_caller]
    pub fn ask_json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        serde_json::from_str(&self.ask(arguments)).expect("kubectl speaks JSON")
    }

    /// Makes a namespace for one test. It is removed, with all that is in it, when it is dropped.
    pub fn namespace(&self, security: Security) -> Namespace {
        Namespace::make(self.clone(), security)
    }
}

/// What a command that must succeed said, without the last line end.
#[track_caller]
fn answer(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).expect("it speaks UTF-8").trim_end().to_owned()
}
