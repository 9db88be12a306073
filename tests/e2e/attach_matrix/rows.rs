//! The table: targets, and what a session sees.

/// A target that `attach` works on, and what a session in it sees.
pub(super) struct Row {
    pub(super) target: &'static str,
    /// The relevant flags of `docker run`.
    pub(super) flags: &'static [&'static str],
    /// Dockerfile instructions of the image.
    pub(super) changes: &'static [&'static str],
    pub(super) state: State,
    pub(super) mode: &'static str,
    /// The options of `attach`.
    pub(super) options: &'static [&'static str],
    /// `uid:gid` and the supplementary groups, as in `/proc/self/status`.
    pub(super) user: &'static str,
}

/// The state of the target before the session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    /// Its limit on processes leaves room only for the session's first two.
    RunningWithoutRoom,
    /// In the PID namespace of another container, whose program is process 1.
    BesideAnother,
    Paused,
    Created,
    Exited,
    Restarting,
    /// There is no container.
    ImageOnly,
}

impl Row {
    /// Reports whether the session is in the target or its copy. A sidecar has an environment and a
    /// working directory of its own.
    pub(super) fn is_inside(&self) -> bool {
        self.mode != "sidecar"
    }
}

const RUNNING: Row = Row {
    target: "",
    flags: &[],
    changes: &[],
    state: State::Running,
    mode: "exec",
    options: &[],
    user: "0:0",
};

/// Agrees to a container beside a target that is root with capabilities.
const SIDECAR: &[&str] = &["--mode", "sidecar"];

/// A profile that refuses the system calls of debuggers.
pub(super) const SECCOMP_PROFILE: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [{
    "names": ["ptrace", "process_vm_readv", "mount", "setns", "unshare", "bpf", "perf_event_open"],
    "action": "SCMP_ACT_ERRNO"
  }]
}"#;

/// Stands for the path of a file with [`SECCOMP_PROFILE`].
pub(super) const SECCOMP_FLAG: &str = "seccomp=PROFILE";

/// The least memory with which the runtime can start a container.
pub(super) const MEMORY_FLAG: &str = "6m";

pub(super) const ROWS: &[Row] = &[
    Row { target: "root", ..RUNNING },
    Row { target: "user by number", changes: &["USER 1000"], user: "1000:0", ..RUNNING },
    Row {
        target: "user and group apart",
        flags: &["--user", "1000:2000"],
        user: "1000:2000",
        ..RUNNING
    },
    Row {
        target: "user by name, from the image's `/etc/passwd`",
        changes: &["USER app"],
        user: "1234:4321 5678",
        ..RUNNING
    },
    Row {
        target: "supplementary group",
        flags: &["--user", "1000:2000", "--group-add", "3000"],
        user: "1000:2000 3000",
        ..RUNNING
    },
    Row { target: "read-only root", flags: &["--read-only"], ..RUNNING },
    Row { target: "no capabilities", flags: &["--cap-drop", "ALL"], ..RUNNING },
    Row { target: "more capabilities", flags: &["--cap-add", "NET_ADMIN"], ..RUNNING },
    Row { target: "no new privileges", flags: &["--security-opt", "no-new-privileges"], ..RUNNING },
    Row {
        target: "seccomp profile that refuses `ptrace`",
        flags: &["--security-opt", SECCOMP_FLAG],
        ..RUNNING
    },
    Row {
        target: "all of it: hardened",
        flags: &[
            "--read-only",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
            "--user",
            "65532:65532",
        ],
        user: "65532:65532",
        ..RUNNING
    },
    Row {
        target: "memory limit of 6 MiB",
        flags: &["--memory", MEMORY_FLAG, "--memory-swap", MEMORY_FLAG],
        ..RUNNING
    },
    Row {
        // The runtime itself needs some processes for a moment: with a lower limit it sometimes
        // fails.
        target: "process limit of sixteen",
        flags: &["--pids-limit", "16"],
        state: State::RunningWithoutRoom,
        ..RUNNING
    },
    Row { target: "PID namespace of the host", flags: &["--pid", "host"], ..RUNNING },
    Row { target: "PID namespace of another container", state: State::BesideAnother, ..RUNNING },
    Row { target: "an init of the engine's", flags: &["--init"], ..RUNNING },
    Row { target: "terminal", flags: &["--tty"], ..RUNNING },
    Row { target: "removed at its end", flags: &["--rm"], ..RUNNING },
    Row { target: "paused", state: State::Paused, mode: "sidecar", options: SIDECAR, ..RUNNING },
    Row {
        target: "paused, with a user",
        flags: &["--user", "1000:2000"],
        state: State::Paused,
        mode: "sidecar",
        user: "1000:2000",
        ..RUNNING
    },
    Row { target: "exited", state: State::Exited, mode: "copy", ..RUNNING },
    Row {
        target: "exited, hardened",
        flags: &[
            "--read-only",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
            "--user",
            "65532:65532",
        ],
        state: State::Exited,
        mode: "copy",
        user: "65532:65532",
        ..RUNNING
    },
    Row { target: "created, never started", state: State::Created, mode: "copy", ..RUNNING },
    Row {
        target: "restart loop",
        flags: &["--restart", "always"],
        state: State::Restarting,
        mode: "copy",
        ..RUNNING
    },
    Row {
        target: "an image alone",
        changes: &["USER 1000:2000"],
        state: State::ImageOnly,
        mode: "copy",
        user: "1000:2000",
        ..RUNNING
    },
];

/// Targets that are excluded from the engine's user remapping.
pub(super) const NOT_REMAPPED: &[Row] = &[
    Row { target: "users of the host", flags: &["--userns", "host"], ..RUNNING },
    Row {
        target: "users of the host, as one of them",
        flags: &["--userns", "host", "--user", "1000:2000"],
        user: "1000:2000",
        ..RUNNING
    },
    Row {
        target: "users of the host, paused",
        flags: &["--userns", "host"],
        state: State::Paused,
        mode: "sidecar",
        options: SIDECAR,
        ..RUNNING
    },
    Row {
        target: "users of the host, exited",
        flags: &["--userns", "host"],
        state: State::Exited,
        mode: "copy",
        ..RUNNING
    },
];

/// A session that `attach` refuses, and its message.
pub(super) struct Limit {
    pub(super) situation: &'static str,
    pub(super) flags: &'static [&'static str],
    pub(super) state: State,
    /// The options of `attach`.
    pub(super) options: &'static [&'static str],
    pub(super) code: i32,
    /// Texts that standard error contains.
    pub(super) says: &'static [&'static str],
    pub(super) way_out: &'static str,
}

pub(super) const LIMITS: &[Limit] = &[
    Limit {
        situation: "Paused, and `--mode exec` is asked for",
        flags: &[],
        state: State::Paused,
        options: &["--mode", "exec"],
        code: 125,
        says: &["is paused", "docker unpause"],
        way_out: "`--mode sidecar`, or `docker unpause` it",
    },
    Limit {
        situation: "Paused, and root with capabilities: a sidecar takes capabilities of its own, and is not chosen for you",
        flags: &[],
        state: State::Paused,
        options: &[],
        code: 125,
        says: &["0:0 with SYS_PTRACE", "--mode sidecar"],
        way_out: "`--mode sidecar`, or a yes where there is a terminal",
    },
    Limit {
        situation: "Exited, and `--mode exec` is asked for",
        flags: &[],
        state: State::Exited,
        options: &["--mode", "exec"],
        code: 125,
        says: &["is exited: --mode", "leave out --mode"],
        way_out: "leave `--mode` out, for a copy",
    },
    Limit {
        situation: "Exited, and `--mode sidecar` is asked for: there are no processes to see",
        flags: &[],
        state: State::Exited,
        options: &["--mode", "sidecar"],
        code: 125,
        says: &["is exited: --mode", "leave out --mode"],
        way_out: "leave `--mode` out, for a copy",
    },
    Limit {
        situation: "A capability is asked for inside the target: exec can add none",
        flags: &[],
        state: State::Running,
        options: &["--mode", "exec", "--cap-add", "NET_ADMIN"],
        code: 125,
        says: &["--cap-add", "sidecar"],
        way_out: "leave `--mode` out, for a sidecar",
    },
    Limit {
        situation: "A user name that is not in the target's `/etc/passwd`",
        flags: &[],
        state: State::Running,
        options: &["--user", "nobody-here"],
        code: 125,
        says: &["nobody-here", "UID:GID"],
        way_out: "give the user in numbers: `-u UID:GID`",
    },
];
