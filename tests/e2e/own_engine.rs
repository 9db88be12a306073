//! An engine for a single test, which the test can restart or kill.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Program;
use serde_json::{Value, json};

use crate::fault::{self, executable};
use crate::stage::Stage;

/// An engine beside that of this machine, with its own files and its own network.
pub(crate) struct OwnEngine {
    folder: tempfile::TempDir,
    users: Users,
    daemon: Child,
}

/// The user ids of containers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Users {
    /// The machine's: root is root.
    Own,
    /// Remapped by `--userns-remap`.
    Remapped,
}

/// Sixty-five thousand unused user ids of the machine, in the format of `/etc/subuid`. Root of a
/// container is the first of them.
const SUBORDINATE: &str = "nobody:1234000000:65536\nnogroup:1234000000:65536\n";

/// A runtime named `late`: after starting a program, it waits a second before the engine learns
/// that the program runs, as on a busy machine.
const LATE_RUNTIME: &str = r#"#!/bin/sh
runc "$@"
code=$?
case " $* " in *" start "*) sleep 1 ;; esac
exit "$code"
"#;

impl OwnEngine {
    pub(crate) fn start() -> Self {
        Self::start_with(Users::Own)
    }

    /// Starts an engine with user remapping.
    pub(crate) fn start_remapped() -> Self {
        Self::start_with(Users::Remapped)
    }

    fn start_with(users: Users) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // The root of a container must have access to its files.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("it is ours");
        let daemon = Self::daemon(folder.path(), users);
        let engine = Self { folder, users, daemon };
        engine.wait();
        engine
    }

    fn daemon(folder: &std::path::Path, users: Users) -> Child {
        let log = fs::File::create(folder.join("log")).expect("a file");
        let late = folder.join("late");
        fs::write(&late, LATE_RUNTIME).expect("a file");
        fs::set_permissions(&late, fs::Permissions::from_mode(0o755)).expect("it is ours");
        // Ignore the settings of the machine's engine.
        let settings = json!({"runtimes": {"late": {"path": late}}});
        fs::write(folder.join("daemon.json"), settings.to_string()).expect("a file");
        // In a network namespace of its own, for its bridge. The bridge is as old as the engine.
        let mut unshare = Command::new("unshare");
        unshare.arg("--net");
        if users == Users::Remapped {
            // The machine's own tables of users stay unchanged.
            let table = folder.join("subordinate");
            fs::write(&table, SUBORDINATE).expect("a file");
            let bind =
                r#"mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && exec "$@""#;
            unshare.args(["--mount", "sh", "-c", bind]).arg(table);
            unshare.args(["dockerd", "--userns-remap", "nobody:nogroup"]);
        } else {
            unshare.arg("dockerd");
        }
        unshare
            .args(["--storage-driver", "vfs", "--iptables=false"])
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

    /// Returns its address in the form of `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }

    /// Runs the docker CLI with this engine.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .args(["--host", &self.host()])
            .args(arguments)
            .output()
            .expect("docker runs")
    }

    /// Runs the docker CLI, which must succeed, and returns its output.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let output = self.docker(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }

    /// Returns scratchdbg, configured for this engine.
    pub(crate) fn scratchdbg(&self) -> Program {
        Program::new(env!("CARGO_BIN_EXE_scratchdbg")).with_variable("DOCKER_HOST", self.host())
    }

    /// Runs `why` for a container.
    #[track_caller]
    pub(crate) fn why(&self, name: &str) -> Value {
        let finished = self.scratchdbg().run(["why", "--format", "json", name]);
        finished.expect_code(0);
        serde_json::from_slice(&finished.stdout).expect("one JSON document")
    }

    /// Loads an image of the sample program, named `app:1`.
    #[track_caller]
    pub(crate) fn import_app(&self, stage: &Stage) {
        let image = fault::archive(&[executable("app", fault::app(stage))]);
        let path = stage.scratchdbg.home().join("image.tar");
        fs::write(&path, image).expect("a file");
        self.ask(&[
            "import",
            "--change",
            r#"ENTRYPOINT ["/app"]"#,
            path.to_str().expect("a plain path"),
            "app:1",
        ]);
    }

    /// Starts the container `web` of the sample program, with a policy that always restarts it.
    #[track_caller]
    pub(crate) fn run_web(&self, stage: &Stage, command: &str) {
        self.import_app(stage);
        let flags = ["--detach", "--network", "none", "--restart", "always", "--name", "web"];
        self.ask(&[&["run"][..], &flags, &["app:1", command]].concat());
    }

    /// Signals the daemon alone: while stopped, it accepts connections and does not respond.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid =
            i32::try_from(self.daemon.id()).ok().and_then(Pid::from_raw).expect("process ids fit");
        kill_process(pid, signal).expect("it runs");
    }

    /// Restarts it as an update does.
    pub(crate) fn restart(&mut self) {
        kill_gently(self.daemon.id());
        self.daemon.wait().expect("it was started here");
        self.daemon = Self::daemon(self.folder.path(), self.users);
        self.wait();
    }

    /// Kills the daemon, its containerd, the shims and their processes; then starts it again, as
    /// after a power cut.
    pub(crate) fn lose_power(&mut self) {
        let containers = self.docker(&["ps", "--quiet", "--no-trunc"]).stdout;
        let containers = String::from_utf8_lossy(&containers).into_owned();
        let format = "{{.State.Pid}}";
        let pids = self.docker(
            &[&["inspect", "--format", format][..], &containers.lines().collect::<Vec<_>>()]
                .concat(),
        );
        self.daemon.kill().expect("it runs");
        self.daemon.wait().expect("it was started here");
        for pid in self.helpers() {
            kill(&pid);
        }
        for pid in String::from_utf8_lossy(&pids.stdout).lines().filter(|pid| *pid != "0") {
            kill(pid);
        }
        // Directories that are empty after a boot.
        self.unmount();
        let _gone = fs::remove_file(self.folder.path().join("pid"));
        fs::remove_dir_all(self.folder.path().join("exec")).expect("nothing is mounted there");
        self.daemon = Self::daemon(self.folder.path(), self.users);
        self.wait();
    }

    fn unmount(&self) {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let ours = self.folder.path().to_string_lossy().into_owned();
        for mount in mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter(|mount| mount.starts_with(&ours))
        {
            let _unmounted =
                Command::new("umount").args(["--lazy", mount]).stderr(Stdio::null()).status();
        }
    }

    /// Returns the process ids of containerd and the shims: their command lines contain our
    /// directory.
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
    // It may have ended together with another process.
    let _ended = Command::new("kill").args(["-9", pid]).stderr(Stdio::null()).status();
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
        let containers = self.docker(&["ps", "--all", "--quiet"]).stdout;
        let containers = String::from_utf8_lossy(&containers).into_owned();
        self.docker(&[&["rm", "--force"][..], &containers.lines().collect::<Vec<_>>()].concat());
        // The daemon also ends its containerd.
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
