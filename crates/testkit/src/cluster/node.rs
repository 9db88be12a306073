//! The cluster as this machine sees it: images on the nodes, processes of pods, and the programs of
//! the cluster.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::answer;

/// A node of the cluster.
#[derive(Clone, Debug)]
pub struct Node {
    folder: PathBuf,
    number: u32,
}

impl Node {
    pub(super) fn new(folder: &Path, number: u32) -> Self {
        Self { folder: folder.to_owned(), number }
    }

    pub(super) fn is_there(&self) -> bool {
        self.socket().exists()
    }

    fn socket(&self) -> PathBuf {
        self.folder.join(self.name()).join("containerd.sock")
    }

    /// Returns the name of the node in the cluster.
    pub fn name(&self) -> String {
        format!("node{}", self.number)
    }

    /// Returns the node's kubelet.
    pub fn kubelet(&self) -> Service {
        Service::new(&self.folder, &format!("kubelet{}", self.number))
    }

    /// Returns the node's containerd.
    pub fn containerd(&self) -> Service {
        Service::new(&self.folder, &format!("containerd{}", self.number))
    }

    /// Returns the folder that has the logs of pods, in a folder `NAMESPACE_POD_UID/CONTAINER`.
    pub fn logs(&self) -> PathBuf {
        self.folder.join(self.name()).join("logs")
    }

    /// Returns a command of containerd's own client, in the containerd namespace of the kubelet.
    pub fn ctr(&self) -> Command {
        let mut command = Command::new(self.folder.join("bin/ctr"));
        command.arg("--address").arg(self.socket()).args(["--namespace", "k8s.io"]);
        command
    }

    #[track_caller]
    pub(super) fn import(&self, archive: &Path) {
        let mut command = self.ctr();
        command.args(["images", "import", "--local"]).arg(archive);
        answer(command);
    }

    pub(super) fn remove_images(&self, names: &[String]) {
        if !names.is_empty() {
            // An error means that the images or the node are gone.
            let _removed = self.ctr().args(["images", "rm"]).args(names).output();
        }
    }
}

/// A program of the cluster. A test may end it and start it again if no other test runs in the
/// meantime.
#[derive(Clone, Debug)]
pub struct Service {
    starter: PathBuf,
}

impl Service {
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        Self { starter: folder.join("run").join(name) }
    }

    /// Returns the process id.
    pub fn id(&self) -> rustix::process::Pid {
        let text = fs::read_to_string(self.starter.with_extension("pid")).expect("it was started");
        text.trim().parse().ok().and_then(rustix::process::Pid::from_raw).expect("a process id")
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.id(), signal).expect("it runs");
    }

    /// Ends the program with SIGKILL. The program is started again when the returned value is
    /// dropped, also after a panic.
    #[must_use]
    pub fn kill(&self) -> Killed {
        let id = self.id();
        self.signal(rustix::process::Signal::KILL);
        // The program is not a child of this process: its new parent reaps it.
        let folder = PathBuf::from(format!("/proc/{}", id.as_raw_nonzero()));
        crate::eventually(
            || format!("the end of {}", self.starter.display()),
            || process(&folder).is_none_or(|process| process.state == 'Z').then_some(()),
        );
        Killed { service: self.clone() }
    }
}

/// A program of the cluster that was killed.
#[derive(Debug)]
pub struct Killed {
    service: Service,
}

impl Drop for Killed {
    fn drop(&mut self) {
        // If this fails, the tests after this one fail.
        let _started = Command::new(&self.service.starter).status();
    }
}

/// A process, as this machine sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// The process id on this machine.
    pub id: u32,
    /// The process id in the innermost PID namespace.
    pub inner_id: u32,
    /// The state as one letter of `/proc/PID/stat`: `Z` for a zombie.
    pub state: char,
    /// The name in `/proc/PID/comm`.
    pub name: String,
}

impl Process {
    /// Kills the process with SIGKILL, like an administrator of the node.
    pub fn kill(&self) {
        let id = i32::try_from(self.id)
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .expect("process ids fit");
        rustix::process::kill_process(id, rustix::process::Signal::KILL).expect("it runs");
    }
}

/// Returns the processes in control groups whose path contains `mark`, and all others of their PID
/// namespaces, including zombies.
pub(super) fn processes(mark: &str) -> Vec<Process> {
    let all: Vec<PathBuf> = fs::read_dir("/proc")
        .expect("there is /proc")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit))
        })
        .collect();
    let is_marked = |path: &PathBuf| {
        fs::read_to_string(path.join("cgroup")).is_ok_and(|groups| groups.contains(mark))
    };
    let namespace = |path: &PathBuf| fs::read_link(path.join("ns/pid")).ok();
    let own = fs::read_link("/proc/self/ns/pid").ok();
    // A zombie is in no control group any more.
    let namespaces: BTreeSet<PathBuf> =
        all.iter().filter(|path| is_marked(path)).filter_map(namespace).collect();
    let is_ours = |path: &&PathBuf| {
        let namespace = namespace(path);
        is_marked(path)
            || namespace != own
                && namespace.is_some_and(|namespace| namespaces.contains(&namespace))
    };
    let mut processes: Vec<Process> =
        all.iter().filter(is_ours).filter_map(|path| process(path)).collect();
    processes.sort();
    processes
}

/// Reads a process from its directory in `/proc`. Returns `None` if the process has ended.
fn process(folder: &Path) -> Option<Process> {
    let status = fs::read_to_string(folder.join("status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Some(Process {
        id: field("Pid:")?.parse().ok()?,
        inner_id: field("NSpid:")?.split_whitespace().last()?.parse().ok()?,
        state: field("State:")?.chars().next()?,
        name: field("Name:")?.to_owned(),
    })
}
