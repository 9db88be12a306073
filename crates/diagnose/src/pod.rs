//! Facts about a pod and what it belongs to, as plain values. Any platform may fill them in.
//!
//! Times are nanoseconds since 1970-01-01 UTC. The API tells most of them in whole seconds.

/// Everything that is known about a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// Its name; empty if a workload has no pod.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its node; empty before it has one.
    pub node: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// The reason for the phase in one word, such as `Evicted`; usually empty.
    pub reason: String,
    /// The reason in a sentence.
    pub message: String,
    /// Its deletion, if it was requested.
    pub deletion: Option<Deletion>,
    /// Why no node takes it: reason and message of the condition `PodScheduled`.
    pub not_scheduled: Option<(String, String)>,
    /// Whether the condition `Ready` holds; `None` if the pod has no such condition.
    pub is_ready: Option<bool>,
    /// Its containers in the order of their starts.
    pub containers: Vec<PodContainer>,
    /// The container that the verdict is about.
    pub container: String,
    /// The events of the pod, oldest first; `None` if they are unavailable. They are kept for an
    /// hour.
    pub events: Option<Vec<PodEvent>>,
    /// The state of its node, if it was asked for.
    pub node_state: Option<NodeState>,
    /// The workload that was asked about; `None` if it was the pod itself.
    pub workload: Option<WorkloadFacts>,
}

impl PodFacts {
    /// Returns a container by its name.
    pub fn container(&self, name: &str) -> Option<&PodContainer> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// Returns the arguments that name a container of the pod on the command line.
    pub(crate) fn arguments(&self, container: &str) -> String {
        let Self { name, namespace, .. } = self;
        let container =
            if self.containers.len() > 1 { format!("/{container}") } else { String::new() };
        format!("pod/{name}{container} --namespace {namespace}")
    }
}

/// A requested deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// When it was requested; `None` if that is no longer known, because the containers have ended.
    pub requested_at: Option<i64>,
    /// When the grace period ends, or ended.
    pub due: Option<i64>,
    /// The seconds that containers have to end.
    pub grace_seconds: u64,
    /// What must be done before the object is removed, by name.
    pub finalizers: Vec<String>,
}

/// The part that a container has in its pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodRole {
    /// One of those that the pod is for, or a sidecar.
    #[default]
    Main,
    /// It runs before the main ones and must succeed.
    Init,
    /// It was added to the running pod.
    Ephemeral,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodContainer {
    /// Its name.
    pub name: String,
    /// Its image as it is named in the pod.
    pub image: String,
    /// Its part in the pod.
    pub role: PodRole,
    /// What it waits for: a word such as `ErrImagePull`, and a sentence.
    pub waiting: Option<(String, String)>,
    /// Whether it runs.
    pub is_running: bool,
    /// The start of the run that lasts.
    pub running_since: Option<i64>,
    /// Whether it is ready, according to its probes.
    pub is_ready: bool,
    /// Whether its startup probe has succeeded, or it has none; `None` before its start.
    pub has_started: Option<bool>,
    /// The end of its latest run that ended.
    pub ended: Option<PodContainerEnd>,
    /// The end of the run before, if that is known.
    pub ended_before: Option<PodContainerEnd>,
    /// The number of its restarts.
    pub restarts: u64,
    /// `Always`, `OnFailure` or `Never`: what happens after an end.
    pub restart_policy: String,
    /// The user and group of its processes as numbers, as far as they are known.
    pub user: Option<String>,
    /// Its memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// The seconds until the first result of its readiness probe, if it has one.
    pub readiness_seconds: Option<u64>,
    /// The seconds that its startup probe gives it, if it has one.
    pub startup_seconds: Option<u64>,
    /// The programs that its probes run.
    pub probe_programs: Vec<String>,
    /// Whether its root filesystem is read-only.
    pub read_only: bool,
}

/// The end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodContainerEnd {
    /// The exit code.
    pub exit_code: i64,
    /// A word such as `OOMKilled`, `Error` or `StartError`.
    pub reason: String,
    /// The runtime's words, if the program was not started. Otherwise the program's own.
    pub message: String,
    /// The start of the run.
    pub started_at: Option<i64>,
    /// Its end.
    pub finished_at: Option<i64>,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodEvent {
    /// A word such as `FailedMount`.
    pub reason: String,
    /// A sentence. It may quote what a program wrote.
    pub message: String,
    /// The container that it is about.
    pub container: Option<String>,
    /// When it happened last.
    pub time: Option<i64>,
    /// How often it happened.
    pub count: u64,
}

/// The state of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Its kubelet reports that it is ready.
    Ready,
    /// Its kubelet reports that it is not ready, with this message.
    NotReady(String),
    /// Its kubelet no longer reports, with the message of the cluster.
    Silent(String),
    /// The cluster has no such node.
    Gone,
}

/// A kind of workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkloadKind {
    /// A Deployment.
    #[default]
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
    /// A `DaemonSet`.
    DaemonSet,
    /// A Job.
    Job,
    /// A `ReplicaSet`.
    ReplicaSet,
}

/// A workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadFacts {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Kind and name, as on the command line: `deploy/web`.
    pub name: String,
    /// How many pods it should have.
    pub wanted: i64,
    /// How many of them are ready. Of a Job: how many have succeeded.
    pub ready: i64,
    /// How many pods it has.
    pub pods: usize,
    /// Whether a Job is suspended, or a rollout paused.
    pub is_suspended: bool,
    /// Its conditions.
    pub conditions: Vec<WorkloadCondition>,
    /// The events about it, oldest first; `None` if they are unavailable.
    pub events: Option<Vec<PodEvent>>,
    /// The quotas of its namespace in words, if they were asked for.
    pub quotas: Vec<String>,
}

/// A condition of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadCondition {
    /// Its name, such as `Progressing`.
    pub kind: String,
    /// Whether it holds.
    pub holds: bool,
    /// A word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}
