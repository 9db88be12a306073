//! The Kubernetes cluster under test. It is queried with kubectl, so that the assertions of tests
//! do not depend on the code under test.
//!
//! The cluster is one that `scripts/cluster up` created. The directory of its kubeconfig contains
//! the programs and the sockets of its nodes, which this module uses to import images and to
//! inspect processes.

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

/// The variable that names the kubeconfig of the cluster that tests use.
/// `scripts/test --kubernetes` sets it.
pub const VARIABLE: &str = "SCRATCHDBG_TEST_KUBECONFIG";

/// A cluster of `scripts/cluster up`.
#[derive(Clone, Debug)]
pub struct Cluster {
    folder: PathBuf,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// Returns the cluster that [`VARIABLE`] names. Fails the test without one: a skipped test
    /// proves nothing.
    #[expect(
        clippy::disallowed_methods,
        reason = "the cluster is an outer condition of a test run, as the engine is"
    )]
    pub fn required() -> Self {
        let hint = "run ./scripts/test --kubernetes, or set it to what ./scripts/cluster up prints";
        let kubeconfig = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
        let kubeconfig =
            PathBuf::from(kubeconfig.unwrap_or_else(|| panic!("{VARIABLE} is not set: {hint}")));
        let folder = kubeconfig
            .parent()
            .unwrap_or_else(|| panic!("{VARIABLE} is no path of a file: {hint}"))
            .to_owned();
        let cluster = Self { folder, kubeconfig };
        let ready = cluster.kubectl(["get", "--raw", "/readyz"]);
        let complaint = String::from_utf8_lossy(&ready.stderr);
        assert!(
            ready.status.success(),
            "no cluster answers at {}: {hint}\n{complaint}",
            cluster.kubeconfig.display()
        );
        cluster
    }

    /// Returns the kubeconfig of a user who has all permissions.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns the kubeconfig of the user `restricted`, who has no permissions.
    pub fn restricted_kubeconfig(&self) -> PathBuf {
        self.folder.join("restricted.kubeconfig")
    }

    /// Returns the host and port of a registry that this machine and the nodes reach.
    pub fn registry(&self) -> String {
        fs::read_to_string(self.folder.join("registry/name"))
            .expect("the cluster has a registry")
            .trim()
            .to_owned()
    }

    /// Returns the host and port of a registry that requires [`crate::registry::USER`].
    pub fn registry_with_password(&self) -> String {
        let name = self.registry();
        let (host, port) = name.rsplit_once(':').expect("a port");
        format!("{host}:{}", port.parse::<u16>().expect("a number") + 1)
    }

    /// Returns the path of the certificate of the registries' authority, a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("pki/ca.crt")
    }

    /// Returns the nodes, sorted by name.
    pub fn nodes(&self) -> Vec<Node> {
        (1..=9).map(|number| Node::new(&self.folder, number)).take_while(Node::is_there).collect()
    }

    /// Returns a program of the control plane.
    pub fn service(&self, name: &str) -> Service {
        Service::new(&self.folder, name)
    }

    /// Runs kubectl with these arguments.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.kubectl_command(arguments).stdin(Stdio::null()).output().expect("kubectl runs")
    }

    /// Returns the kubectl command, to be changed and started by the caller.
    pub fn kubectl_command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(self.folder.join("bin/kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        command
    }

    /// Runs kubectl, which must succeed, and returns its output without the last line ending.
    #[track_caller]
    pub fn ask<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        answer(self.kubectl_command(arguments))
    }

    /// Runs kubectl, which must succeed and print JSON.
    #[track_caller]
    pub fn ask_json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        serde_json::from_str(&self.ask(arguments)).expect("kubectl speaks JSON")
    }

    /// Creates a namespace for one test. On drop, the namespace is removed with all its objects.
    pub fn namespace(&self, security: Security) -> Namespace {
        Namespace::make(self.clone(), security)
    }
}

/// Runs a command, which must succeed, and returns its output without the last line ending.
#[track_caller]
fn answer(mut command: Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).expect("it speaks UTF-8").trim_end().to_owned()
}
