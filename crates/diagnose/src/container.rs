//! Facts about a container from an engine's API, as plain values. Any platform may fill them in.
//!
//! Times are nanoseconds since 1970-01-01 UTC. A time that the engine leaves at year 1 is `None`.

use crate::mounts::Mount;
use crate::pod::PodFacts;
use crate::rules::image::ImageFacts;

/// Everything that is known about a container. A `None` was not requested or is unavailable; rules
/// report that where it matters.
#[derive(Clone, Debug, Default)]
pub struct ContainerFacts<'a> {
    /// Its name, for messages.
    pub name: String,
    /// Its state.
    pub state: State,
    /// How often it was restarted, and its restart policy.
    pub restarts: Restarts,
    /// Its health check, if it has one that ran.
    pub health: Option<Health>,
    /// Its mounts, except for those that engines always make.
    pub mounts: Vec<Mount>,
    /// The engine's time when the facts were collected.
    pub now: Option<i64>,
    /// Its limits.
    pub limits: Limits,
    /// Its current usage.
    pub usage: Option<Usage>,
    /// The options that it was started with.
    pub options: Options,
    /// The engine's events of this container, oldest first; `None` if they are unavailable. An
    /// engine keeps a few hundred events of all containers and loses them when it restarts.
    pub events: Option<Vec<Event>>,
    /// The last lines of its log, oldest first; `None` if the log cannot be read (log driver
    /// `none`, or another that does not support reading).
    pub log: Option<Vec<String>>,
    /// Facts about its processes, seen from inside.
    pub processes: Option<Processes>,
    /// When the engine started.
    pub engine_started_at: Option<i64>,
    /// Why the end of the log may be missing, or why the log could not be read at all; `None` if it
    /// was read to its end.
    pub log_gap: Option<String>,
    /// Other requests that were not answered, each with the reason.
    pub gaps: Vec<String>,
    /// The kernel's records about it; `None` if the kernel's log cannot be read, or belongs to
    /// another machine.
    pub kernel_log: Option<KernelLog>,
    /// The pod that it is part of, on Kubernetes.
    pub pod: Option<PodFacts>,
    /// Its configuration and files. The configuration is the container's own, including options
    /// given at its creation.
    pub image: Option<ImageFacts<'a>>,
}

/// The phase of a container's life, on any platform.
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
    /// Between two runs: its restart policy will start it again.
    Restarting,
    /// Being removed.
    Removing,
    /// It has run and ended.
    Exited,
    /// The platform failed to remove it.
    Dead,
}

impl Phase {
    /// Reports whether its log may grow: it runs, or its restart policy will start it again.
    pub fn is_writing(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// Reports whether it has processes, so that its mounts exist.
    pub fn has_processes(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Returns the phase as one word, such as `running`. These are Docker's words, which users
    /// know.
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
    /// Its phase.
    pub phase: Phase,
    /// The exit code of the last run; 0 before the first.
    pub exit_code: i64,
    /// The engine's error for a failed start. The next successful start clears it.
    pub error: String,
    /// The kernel killed one of its processes for lack of memory.
    pub oom_killed: bool,
    /// The start of the last run.
    pub started_at: Option<i64>,
    /// The end of the last run.
    pub finished_at: Option<i64>,
}

/// Restarts by policy. Manual restarts do not count.
#[derive(Clone, Debug, Default)]
pub struct Restarts {
    /// The number of restarts.
    pub count: u64,
    /// `no`, `always`, `on-failure`, `unless-stopped`; empty for `no`.
    pub policy: String,
    /// After how many restarts `on-failure` gives up; `None` for never.
    pub at_most: Option<u64>,
}

/// The results of a health check.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// `starting`, `healthy`, `unhealthy`.
    pub status: String,
    /// Consecutive failures.
    pub failing_streak: u64,
    /// The last probes, oldest first. Docker keeps five.
    pub log: Vec<Probe>,
}

/// One probe.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// 0 for healthy; -1 if the probe could not be started.
    pub exit_code: i64,
    /// Its output, cut by the engine at 4096 bytes.
    pub output: String,
}

/// Limits; `None` if unlimited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Number of processes and threads.
    pub pids: Option<u64>,
    /// Processes of its user, counted on the whole host (`ulimit nproc`).
    pub user_processes: Option<u64>,
    /// Seconds of CPU time of a process (`ulimit cpu`).
    pub cpu_seconds: Option<u64>,
}

/// Current usage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Bytes of memory, without memory that the kernel can reclaim (`inactive_file`).
    pub memory: u64,
    /// Number of processes and threads.
    pub pids: u64,
}

/// The options of a container's start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// PID 1 is an init process of the engine (`--init`).
    pub init: bool,
    /// Its root filesystem is read-only.
    pub read_only: bool,
    /// `PidMode`: empty for a namespace of its own, otherwise `host` or `container:ID`.
    pub pid_mode: String,
    /// The state of the container that the PID namespace belongs to, if it is another one and the
    /// engine tells.
    pub pid_owner: Option<Box<State>>,
    /// `NetworkMode`: a network's name, `host`, `none` or `container:ID`.
    pub network_mode: String,
    /// The connected networks: name and id.
    pub networks: Vec<(String, String)>,
    /// `IpcMode`: `private`, `shareable`, `host` or `container:ID`.
    pub ipc_mode: String,
    /// The log driver's name.
    pub log_driver: String,
    /// Seconds between the stop signal and SIGKILL, if set.
    pub stop_timeout: Option<u64>,
}

/// The kernel log's records about the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelLog {
    /// The time of the log's first record: the kernel drops the oldest when it needs room. `None`
    /// if the log is empty.
    pub reaches_back_to: Option<i64>,
    /// Processes of the container that were killed for lack of memory, oldest first.
    pub memory_kills: Vec<MemoryKill>,
    /// The process ids in the list that the kernel is writing, which precedes a kill.
    pub listed: Vec<u32>,
}

/// A process that the kernel killed for lack of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryKill {
    /// The time, by a clock other than the engine's.
    pub time: i64,
    /// By how many nanoseconds that clock may be wrong, not counting time that the machine slept
    /// since.
    pub uncertainty: i64,
    /// The process's name, which the process can choose.
    pub process: String,
    /// Its process id on the machine.
    pub pid: u32,
    /// Which memory limit was reached.
    pub limit: MemoryLimit,
    /// Whether its control group was surely the container's. Others can make groups with the
    /// container's id in their names.
    pub is_own: bool,
    /// Whether it was the oldest of the container's processes, which is its program; `None` if the
    /// kernel did not list them.
    pub is_oldest: Option<bool>,
}

/// A memory limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// The container's own limit.
    Container,
    /// The limit of a control group that contains the container, by its path: that of a pod or of a
    /// slice.
    Group(String),
    /// The limit of a control group inside the container, by its path: that of a container of an
    /// engine that runs in it.
    Within(String),
    /// The machine's memory.
    Machine,
}

/// An event of the engine.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// The time.
    pub time: i64,
    /// `start`, `kill`, `oom`, `die`, `stop`, `destroy`, ….
    pub action: String,
    /// The attribute `signal` of a `kill`: a number, or a name with or without `SIG`.
    pub signal: Option<String>,
    /// The attribute `exitCode` of a `die`.
    pub exit_code: Option<i64>,
    /// The id of the container, if it is known.
    pub container: String,
}

/// The container's processes, from its own `/proc`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processes {
    /// Dead children that PID 1 has not reaped (state `Z`).
    pub zombies: u64,
    /// Whether PID 1 handles its stop signal (`SigCgt` of `/proc/1/status`).
    pub handles_stop_signal: Option<bool>,
}
