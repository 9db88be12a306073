//! An engine that is killed with all that it runs, as by a power cut, and started again: an engine of the test's own.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Program;
use serde_json::Value;

use super::{Proof, ended, prove};
use crate::fault::{self, executable};

#[test]
fn an_engine_that_was_restarted() {
    prove(PROOFS);
}

pub(super) const PROOFS: &[Proof] = &[Proof {
    code: "daemon-restarted",
    fault: |stage| {
        let mut engine = OwnEngine::start();
        let image = fault::archive(&[executable("app", fault::app(stage))]);
        let path = stage.scratchdbg.home().join("image.tar");
        fs::write(&path, image).expect("a file");
        engine.ask(&["import", "--change", r#"ENTRYPOINT ["/app"]"#, path.to_str().expect("a plain path"), "app:1"]);
        engine.ask(&["run", "--detach", "--network", "none", "--name", "up", "app:1"]);
        let own = ["run", "--detach", "--network", "none", "--name", "own", "app:1", "exit", "3"];
        engine.ask(&own);
        engine.ask(&["wait", "own"]);
        engine.lose_power();
        engine.boot();
        // One that had ended before ended by itself.
        assert_eq!(engine.why("own")["verdict"], "app-exit");
        engine.why("up")
    },
    near_miss: |stage| ended(stage, "by-itself", &[], &stage.image, &["exit", "255"]),
}];

/// An engine beside that of this machine: its own files, its own network.
struct OwnEngine {
    folder: tempfile::TempDir,
    daemon: Child,
}

impl OwnEngine {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let daemon = Self::daemon(folder.path());
        let engine = Self { folder, daemon };
        engine.wait();
        engine
    }

    fn daemon(folder: &std::path::Path) -> Child {
        let log = fs::File::create(folder.join("log")).expect("a file");
        // Not that of the machine's engine.
        fs::write(folder.join("daemon.json"), "{}").expect("a file");
        // In a network namespace of its own, for its bridge. The time of the bridge is that of the engine.
        Command::new("unshare")
            .args(["--net", "dockerd", "--storage-driver", "vfs", "--iptables=false"])
            .arg("--config-file")
            .arg(folder.join("daemon.json"))
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .args(["--host", &format!("unix://{}/docker.sock", folder.display())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("unshare starts; this test needs root")
    }

    fn wait(&self) {
        let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        eventually(
            || format!("the engine to answer; it says (as root?):\n{}", log()),
            || self.docker(&["version"]).status.success().then_some(()),
        );
    }

    fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }

    fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker").args(["--host", &self.host()]).args(arguments).output().expect("docker runs")
    }

    #[track_caller]
    fn ask(&self, arguments: &[&str]) {
        let output = self.docker(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn why(&self, name: &str) -> Value {
        let scratchdbg = Program::new(env!("CARGO_BIN_EXE_scratchdbg")).with_variable("DOCKER_HOST", self.host());
        let finished = scratchdbg.run(["why", "--format", "json", name]);
        finished.expect_code(0);
        serde_json::from_slice(&finished.stdout).expect("one JSON document")
    }

    /// Kills the daemon, its containerd, the shims and what they run.
    fn lose_power(&mut self) {
        let containers = self.docker(&["ps", "--quiet", "--no-trunc"]).stdout;
        let containers = String::from_utf8_lossy(&containers).into_owned();
        let format = "{{.State.Pid}}";
        let pids =
            self.docker(&[&["inspect", "--format", format][..], &containers.lines().collect::<Vec<_>>()].concat());
        self.daemon.kill().expect("it runs");
        self.daemon.wait().expect("it was started here");
        for pid in self.helpers() {
            kill(&pid);
        }
        for pid in String::from_utf8_lossy(&pids.stdout).lines().filter(|pid| *pid != "0") {
            kill(pid);
        }
    }

    fn boot(&mut self) {
        // What a start of the machine finds empty.
        self.unmount();
        let _gone = fs::remove_file(self.folder.path().join("pid"));
        fs::remove_dir_all(self.folder.path().join("exec")).expect("nothing is mounted there");
        self.daemon = Self::daemon(self.folder.path());
        self.wait();
    }

    fn unmount(&self) {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let ours = self.folder.path().to_string_lossy().into_owned();
        for mount in mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|mount| mount.starts_with(&ours)) {
            let _unmounted = Command::new("umount").args(["--lazy", mount]).stderr(Stdio::null()).status();
        }
    }

    /// The process ids of containerd and the shims: they name our folder on their command line.
    fn helpers(&self) -> Vec<String> {
        let ours = self.folder.path().join("exec").to_string_lossy().into_owned();
        let processes = fs::read_dir("/proc").expect("it is mounted");
        let is_helper = |path: PathBuf| {
            let command = fs::read(path.join("cmdline")).ok()?;
            let command = String::from_utf8_lossy(&command).into_owned();
            let pid = path.file_name()?.to_str()?.to_owned();
            (command.contains("containerd") && command.contains(&ours)).then_some(pid)
        };
        processes.filter_map(|entry| is_helper(entry.ok()?.path())).collect()
    }
}

fn kill(pid: &str) {
    // It may have ended with another.
    let _ended = Command::new("kill").args(["-9", pid]).stderr(Stdio::null()).status();
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        let containers = self.docker(&["ps", "--all", "--quiet"]).stdout;
        let containers = String::from_utf8_lossy(&containers).into_owned();
        self.docker(&[&["rm", "--force"][..], &containers.lines().collect::<Vec<_>>()].concat());
        // It ends its containerd with itself.
        kill_gently(self.daemon.id());
        let _ended = self.daemon.wait();
        for pid in self.helpers() {
            kill(&pid);
        }
        self.unmount();
    }
}

fn kill_gently(pid: u32) {
    let _ended = Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status();
}
