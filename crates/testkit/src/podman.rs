//! Podman's Docker-compatible API: a service of a test's own, with its own directory.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::engine::Engine;
use crate::{TIMEOUT, eventually};

/// Settings for a machine without systemd, or with control groups of both versions, which crun
/// rejects. By default, Podman would also raise the limits on open files and processes, which
/// requires rights that root may lack.
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

/// A Podman service. On drop, the service is ended and everything it created is removed.
#[derive(Debug)]
pub struct Podman {
    service: Child,
    folder: TempDir,
}

impl Podman {
    /// Starts the service. Fails the test without the program or without root: a skipped test
    /// proves nothing.
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

    /// Returns a test's view of the service, with the docker CLI.
    pub fn engine(&self) -> Engine {
        Engine::at(format!("unix://{}/podman.sock", self.folder.path().display()))
    }
}

impl Podman {
    /// Reports whether a monitor process of one of its containers or execs is running.
    fn has_monitors(&self) -> bool {
        let ours = self.folder.path().to_string_lossy();
        let command =
            |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let watches = |line: &str| line.starts_with("/usr/bin/conmon\0") && line.contains(&*ours);
        processes.map(command).any(|line| watches(&String::from_utf8_lossy(&line)))
    }
}

/// Returns a Podman command with all its files in a directory.
fn podman(folder: &TempDir) -> Command {
    let mut command = Command::new("podman");
    command.env("CONTAINERS_CONF", folder.path().join("containers.conf"));
    command
        .arg("--root")
        .arg(folder.path().join("root"))
        .arg("--runroot")
        .arg(folder.path().join("run"));
    command.args(["--storage-driver", "vfs"]);
    command
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Errors are about objects that are gone.
        let _removed =
            podman(&self.folder).args(["rm", "--all", "--force", "--time", "0"]).output();
        // Processes that are still running create its files again at their end.
        let deadline = Instant::now() + TIMEOUT / 10;
        while self.has_monitors() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _gone = self.service.kill();
        let _ended = self.service.wait();
        // Podman mounts its own directory on itself.
        for name in ["root/vfs", "root"] {
            let _unmounted = Command::new("umount")
                .arg(self.folder.path().join(name))
                .stderr(Stdio::null())
                .status();
        }
    }
}
