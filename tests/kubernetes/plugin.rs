//! Tests scratchdbg as a plugin of the real kubectl.

use std::path::PathBuf;
use std::process::Command;

use scratchdbg_testkit::cluster::Security;
use scratchdbg_testkit::program::{Finished, Running};

use crate::attach::{PROCESSES, set, web};
use crate::stage::Stage;

/// kubectl with the plugin in its PATH.
struct Kubectl<'a> {
    stage: &'a Stage,
    folder: PathBuf,
}

impl<'a> Kubectl<'a> {
    fn with_plugin(stage: &'a Stage) -> Self {
        let folder = stage.scratchdbg.home().join("bin");
        let shown = folder.display().to_string();
        stage.run(&["plugin", "install", "--kubectl", "--dir", &shown]).expect_code(0);
        Self { stage, folder }
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let cluster = self.stage.namespace.cluster();
        let programs = cluster.kubeconfig().parent().expect("a folder").join("bin");
        // The plugin is given no more than a user's shell gives it.
        let mut command = Command::new(programs.join("kubectl"));
        command.args(arguments).env_clear();
        command.env("HOME", self.stage.scratchdbg.home()).env("KUBECONFIG", cluster.kubeconfig());
        command.env("SSL_CERT_FILE", cluster.authority());
        command
            .env("PATH", format!("{}:{}:/usr/bin:/bin", self.folder.display(), programs.display()));
        Running::start(command).finish()
    }
}

#[test]
fn a_plain_name_is_a_pod_for_kubectls_plugin() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let kubectl = Kubectl::with_plugin(&stage);
    let namespace = stage.namespace.name();
    let listed = kubectl.run(&["plugin", "list", "--name-only"]);
    assert!(listed.text().lines().any(|line| line == "kubectl-scratchdbg"), "{listed}");
    let said = kubectl.run(&[
        "scratchdbg",
        "attach",
        "web",
        "-n",
        namespace,
        "--toolkit",
        &toolkit,
        "--",
        "sh",
        "-c",
        "ls -d /app; exit 42",
    ]);
    said.expect(42, "/app\n");
    pod.wait_for_processes(PROCESSES);
    let listed = kubectl.run(&["scratchdbg", "ps", "-n", namespace]);
    listed.expect_code(0);
    assert!(listed.text().contains("web"), "{listed}");
    let said = kubectl.run(&["scratchdbg", "why", "web", "-n", namespace, "--format", "json"]);
    said.expect_code(0);
    assert!(said.text().contains("\"running\""), "{said}");
    let logs = kubectl.run(&["scratchdbg", "logs", "web", "-n", namespace]);
    logs.expect_code(0);
    assert_eq!(logs.text().trim_end(), pod.logs("app"));
    kubectl
        .run(&["scratchdbg", "logs", "nothere", "-n", namespace])
        .expect_clear_failure(1, &["nothere"]);
}

#[test]
fn kubectl_completes_what_the_plugin_takes() {
    let stage = Stage::set(Security::Restricted);
    let kubectl = Kubectl::with_plugin(&stage);
    let completed = |words: &[&str]| {
        let said = kubectl.run(&[&["__complete", "scratchdbg"], words].concat());
        said.expect_code(0);
        said.text()
    };
    let commands = completed(&["att"]);
    assert!(commands.starts_with("attach\t") && commands.trim_end().ends_with(":4"), "{commands}");
    assert!(completed(&["attach", "--mode", ""]).contains("copy"));
    assert!(completed(&["sessions", ""]).contains("gc\t"));
    // Without descriptions, as some shells ask.
    let bare = kubectl.run(&["__completeNoDesc", "scratchdbg", "att"]);
    assert!(bare.text().starts_with("attach\n"), "{bare}");
}
