//! A container, as an engine's API tells of it: plain values, whoever fills them in.
//!
//! Times are nanoseconds since 1970-01-01 UTC; a time that the engine leaves at year 1 is `None`.

use crate::mounts::Mount;
use crate::rules::image::ImageFacts;

/// Everything that is known of a container. What is `None` was not asked for or could not be had, and rules say so where
/// it matters.
#[derive(Clone, Debug, Default)]
pub struct ContainerFacts<'a> {
    /// Its name, for sentences.
    pub name: String,
    /// Where it is in its life.
    pub state: State,
    /// How often and why it was started again.
    pub restarts: Restarts,
    /// Its health check, when it has one that ran.
    pub health: Option<Health>,
    /// What is mounted into it, beside what engines always mount.
    pub mounts: Vec<Mount>,
    /// The engine's clock when the facts were taken.
    pub now: Option<i64>,
    /// What it may use.
    pub limits: Limits,
    /// What it uses now.
    pub usage: Option<Usage>,
    /// How it was started.
    pub options: Options,
    /// The engine's events of this container, oldest first; `None` when they could not be had. An engine keeps a few
    /// hundred of all containers and forgets them when it restarts.
    pub events: Option<Vec<Event>>,
    /// The last lines of its log, oldest first; `None` when the log cannot be read (log driver `none`, or another that
    /// cannot be read back).
    pub log: Option<Vec<String>>,
    /// What its processes look like from inside.
    pub processes: Option<Processes>,
    /// When the engine was started.
    pub engine_started_at: Option<i64>,
    /// Why the log that was read may lack its end, or could not be read at all; `None` where it was read to its end.
    pub log_gap: Option<String>,
    /// What else was asked for and not answered, each with the reason.
    pub gaps: Vec<String>,
    /// What the kernel wrote down about it; `None` when its log cannot be read, or is that of another machine.
    pub kernel_log: Option<KernelLog>,
    /// Its configuration and files. The configuration is the container's own, with what was given at its creation.
    pub image: Option<ImageFacts<'a>>,
}

/// Where a container is in its life, on any platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Created and not started since, or its start failed.
    #[default]
    Created,
    /// Its process runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Between two runs: its restart policy starts it again.
    Restarting,
    /// Being removed.
    Removing,
    /// It ran and ended.
    Exited,
    /// The platform failed to remove it.
    Dead,
}

impl Phase {
    /// Whether its log may grow: it runs, or its restart policy starts it again.
    pub fn is_writing(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// Whether it has processes, and so its mounts are in place.
    pub fn has_processes(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// In one word, such as `running`: Docker's, which users know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

/// The `State` of an inspection.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Where it is in its life.
    pub phase: Phase,
    /// The exit code of the last run; 0 before the first.
    pub exit_code: i64,
    /// What the engine said about a start that failed; it is forgotten at the next start that works.
    pub error: String,
    /// The kernel killed one of its processes for memory.
    pub oom_killed: bool,
    /// The beginning of the last run.
    pub started_at: Option<i64>,
    /// The end of the last run.
    pub finished_at: Option<i64>,
}

/// Restarts by policy; those by hand are not counted.
#[derive(Clone, Debug, Default)]
pub struct Restarts {
    /// Their number.
    pub count: u64,
    /// `no`, `always`, `on-failure`, `unless-stopped`; empty for `no`.
    pub policy: String,
    /// After how many `on-failure` gives up; `None` for never.
    pub at_most: Option<u64>,
}

/// A health check's record.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// `starting`, `healthy`, `unhealthy`.
    pub status: String,
    /// Failures in a row.
    pub failing_streak: u64,
    /// The last probes, oldest first; Docker keeps five.
    pub log: Vec<Probe>,
}

/// One probe.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// 0 for well; -1 when the probe could not be started.
    pub exit_code: i64,
    /// What it printed, cut by the engine at 4096 bytes.
    pub output: String,
}

/// Limits; `None` for none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Number of processes and threads.
    pub pids: Option<u64>,
    /// Processes of its user, counted over the whole host (`ulimit nproc`).
    pub user_processes: Option<u64>,
}

/// What is in use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Bytes of memory, without what the kernel can drop (`inactive_file`).
    pub memory: u64,
    /// Number of processes and threads.
    pub pids: u64,
}

/// How the container was started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// An init process of the engine is PID 1 (`--init`).
    pub init: bool,
    /// Its root filesystem is read-only.
    pub read_only: bool,
    /// `PidMode`: empty for its own namespace, else `host` or `container:ID`.
    pub pid_mode: String,
    /// `NetworkMode`: a network's name, `host`, `none` or `container:ID`.
    pub network_mode: String,
    /// The networks that it is connected to: name and id.
    pub networks: Vec<(String, String)>,
    /// `IpcMode`: `private`, `shareable`, `host` or `container:ID`.
    pub ipc_mode: String,
    /// The log driver's name.
    pub log_driver: String,
    /// Seconds between the stop signal and SIGKILL, when set.
    pub stop_timeout: Option<u64>,
}

/// What the kernel's log tells of the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelLog {
    /// When its first record was written: the kernel forgets the oldest when it needs the room. `None` when it is empty.
    pub reaches_back_to: Option<i64>,
    /// Processes of the container that were killed for memory, oldest first.
    pub memory_kills: Vec<MemoryKill>,
    /// The numbers of the processes that the kernel lists just now, as it does before a kill.
    pub listed: Vec<u32>,
}

/// A process that the kernel killed for memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryKill {
    /// When, by a clock that is not that of the engine.
    pub time: i64,
    /// Nanoseconds by which that clock may be wrong, save for the time that the machine slept since.
    pub uncertainty: i64,
    /// The process's name, which it may have given itself.
    pub process: String,
    /// Its number on the machine.
    pub pid: u32,
    /// What was used up.
    pub limit: MemoryLimit,
    /// Whether it was the oldest of the container's processes, which is its program; `None` where the kernel did not list them.
    pub is_oldest: Option<bool>,
}

/// Whose memory was used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// The container's own limit.
    Container,
    /// The limit of a control group that the container is in, by its path: of a pod, or of a slice.
    Group(String),
    /// All that the machine has.
    Machine,
}

/// An event of the engine.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// When.
    pub time: i64,
    /// `start`, `kill`, `oom`, `die`, `stop`, `destroy`, ….
    pub action: String,
    /// The attribute `signal` of a `kill`: a number, or a name with or without `SIG`.
    pub signal: Option<String>,
    /// The attribute `exitCode` of a `die`.
    pub exit_code: Option<i64>,
}

/// The container's processes, as its own `/proc` shows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processes {
    /// Dead children of PID 1 that it has not reaped (state `Z`).
    pub zombies: u64,
    /// Whether PID 1 handles its stop signal (`SigCgt` of `/proc/1/status`).
    pub handles_stop_signal: Option<bool>,
}
