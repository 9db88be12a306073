//! Podman's Docker-compatible API: a service of a test's own, with a folder of its own.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::engine::Engine;
use crate::{PATIENCE, eventually};

/// What Podman needs to be told where there is no systemd, or control groups are of both versions: crun refuses those. It
/// would raise the limits on open files and processes, which not every root may.
const SETTINGS: &str = r#"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
# Seconds that Podman remembers an exec for, with a process for each.
exit_command_delay = 2
"#;

/// A Podman that is ended, with all that it has, when it is dropped.
#[derive(Debug)]
pub struct Podman {
    service: Child,
    folder: TempDir,
}

impl Podman {
    /// Starts it. Without the program, or without root, the test fails: a test that is skipped proves nothing.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary directory can be made");
        fs::write(folder.path().join("containers.conf"), SETTINGS).expect("it can be written");
        let log = fs::File::create(folder.path().join("log")).expect("it can be made");
        let socket = format!("unix://{}/podman.sock", folder.path().display());
        let service = podman(&folder)
            .args(["system", "service", "--time", "0", &socket])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs podman ({error}): run ./scripts/test"));
        let podman = Self { service, folder };
        let engine = podman.engine();
        let log = || fs::read_to_string(podman.folder.path().join("log")).unwrap_or_default();
        eventually(
            || format!("podman to answer; it says (as root?):\n{}", log()),
            || engine.docker(["version"]).status.success().then_some(()),
        );
        podman
    }

    /// A test's corner in it, asked by the docker CLI.
    pub fn engine(&self) -> Engine {
        Engine::at(format!("unix://{}/podman.sock", self.folder.path().display()))
    }
}

impl Podman {
    /// Whether a process watches over one of its containers or execs.
    fn has_monitors(&self) -> bool {
        let ours = self.folder.path().to_string_lossy();
        let command = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let watches = |line: &str| line.starts_with("/usr/bin/conmon\0") && line.contains(&*ours);
        processes.map(command).any(|line| watches(&String::from_utf8_lossy(&line)))
    }
}

/// Podman, with all its files in a folder.
fn podman(folder: &TempDir) -> Command {
    let mut command = Command::new("podman");
    command.env("CONTAINERS_CONF", folder.path().join("containers.conf"));
    command.arg("--root").arg(folder.path().join("root")).arg("--runroot").arg(folder.path().join("run"));
    command.args(["--storage-driver", "vfs"]);
    command
}

impl Drop for Podman {
    fn drop(&mut self) {
        // A complaint is of things that are gone.
        let _removed = podman(&self.folder).args(["rm", "--all", "--force", "--time", "0"]).output();
        // What it has still running makes its files anew at the end.
        let deadline = Instant::now() + PATIENCE / 10;
        while self.has_monitors() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _gone = self.service.kill();
        let _ended = self.service.wait();
        // It mounts its own folder on itself.
        for name in ["root/vfs", "root"] {
            let _unmounted = Command::new("umount").arg(self.folder.path().join(name)).stderr(Stdio::null()).status();
        }
    }
}
