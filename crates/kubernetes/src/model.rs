//! The API objects, reduced to the fields that are used. Absent fields have their default, and
//! other fields are ignored. Times remain text (RFC 3339, whole seconds) until they are needed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// `metadata`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) creation_timestamp: Option<String>,
    pub(crate) deletion_timestamp: Option<String>,
    pub(crate) deletion_grace_period_seconds: Option<i64>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) owner_references: Vec<Owner>,
    pub(crate) generation: i64,
}

/// An object that owns another one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Owner {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) controller: bool,
}

/// A pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    pub(crate) spec: PodSpec,
    pub(crate) status: PodStatus,
}

/// The specification of a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub(crate) node_name: String,
    pub(crate) os: Os,
    #[serde(rename = "hostPID")]
    pub(crate) host_pid: bool,
    pub(crate) share_process_namespace: bool,
    pub(crate) restart_policy: String,
    pub(crate) containers: Vec<Container>,
    pub(crate) init_containers: Vec<Container>,
    pub(crate) ephemeral_containers: Vec<Container>,
    pub(crate) security_context: SecurityContext,
    pub(crate) termination_grace_period_seconds: Option<i64>,
}

/// The operating system of a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Os {
    pub(crate) name: String,
}

/// A container of a pod. Also used for ephemeral containers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) working_dir: String,
    pub(crate) env: Vec<EnvVar>,
    pub(crate) env_from: Vec<Value>,
    pub(crate) volume_mounts: Vec<VolumeMount>,
    pub(crate) tty: bool,
    /// For init containers: `Always` makes the container a sidecar.
    pub(crate) restart_policy: String,
    pub(crate) security_context: SecurityContext,
    pub(crate) resources: Resources,
    pub(crate) liveness_probe: Option<Probe>,
    pub(crate) readiness_probe: Option<Probe>,
    pub(crate) startup_probe: Option<Probe>,
    /// For ephemeral containers.
    pub(crate) target_container_name: String,
}

/// A variable of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvVar {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Where the value comes from, if it is not given.
    pub(crate) value_from: Option<Value>,
}

/// A mount of a volume in a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VolumeMount {
    pub(crate) name: String,
    pub(crate) mount_path: String,
    pub(crate) read_only: bool,
}

/// The user and the privileges of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SecurityContext {
    pub(crate) run_as_user: Option<i64>,
    pub(crate) run_as_group: Option<i64>,
    pub(crate) run_as_non_root: Option<bool>,
    pub(crate) read_only_root_filesystem: Option<bool>,
    pub(crate) privileged: bool,
    pub(crate) capabilities: Capabilities,
    pub(crate) seccomp_profile: Option<Value>,
    pub(crate) app_armor_profile: Option<Value>,
    pub(crate) se_linux_options: Option<Value>,
}

/// Capabilities that are added to, or dropped from, the runtime's default set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Capabilities {
    pub(crate) add: Vec<String>,
    pub(crate) drop: Vec<String>,
}

/// The resource limits of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    pub(crate) limits: BTreeMap<String, String>,
    pub(crate) requests: BTreeMap<String, String>,
}

/// A probe.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Probe {
    pub(crate) exec: Option<ExecProbe>,
    pub(crate) failure_threshold: Option<i64>,
    pub(crate) period_seconds: Option<i64>,
    pub(crate) initial_delay_seconds: Option<i64>,
    pub(crate) timeout_seconds: Option<i64>,
}

/// A probe that runs a program in the container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExecProbe {
    pub(crate) command: Vec<String>,
}

/// The status of a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) container_statuses: Vec<ContainerStatus>,
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
    pub(crate) ephemeral_container_statuses: Vec<ContainerStatus>,
    pub(crate) start_time: Option<String>,
}

/// A condition of an object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) last_transition_time: Option<String>,
}

/// The status of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    #[serde(rename = "containerID")]
    pub(crate) container_id: String,
    pub(crate) image: String,
    #[serde(rename = "imageID")]
    pub(crate) image_id: String,
    pub(crate) restart_count: i64,
    pub(crate) ready: bool,
    pub(crate) started: Option<bool>,
    pub(crate) state: ContainerState,
    pub(crate) last_state: ContainerState,
    /// The user of the container's processes. Reported from containerd 2.0 on.
    pub(crate) user: Option<ContainerUser>,
}

impl ContainerStatus {
    /// Returns the runtime's id of the container, without `containerd://`.
    pub(crate) fn runtime_id(&self) -> &str {
        self.container_id.split_once("://").map_or(&*self.container_id, |(_, id)| id)
    }
}

/// The user of a container's processes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerUser {
    pub(crate) linux: Option<LinuxUser>,
}

/// The user of a container's processes on Linux.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct LinuxUser {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The state of a container: one of the three, or none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    pub(crate) waiting: Option<Waiting>,
    pub(crate) running: Option<Running>,
    pub(crate) terminated: Option<Terminated>,
}

/// The container does not run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// The container runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Running {
    pub(crate) started_at: Option<String>,
}

/// A run that has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Terminated {
    pub(crate) exit_code: i64,
    pub(crate) signal: Option<i64>,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) started_at: Option<String>,
    pub(crate) finished_at: Option<String>,
    #[serde(rename = "containerID")]
    pub(crate) container_id: String,
}

/// A Deployment, a StatefulSet, a DaemonSet, a Job or a ReplicaSet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Workload {
    pub(crate) metadata: Metadata,
    pub(crate) spec: WorkloadSpec,
    pub(crate) status: WorkloadStatus,
}

/// The specification of a workload.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkloadSpec {
    pub(crate) selector: Option<LabelSelector>,
    pub(crate) replicas: Option<i64>,
    /// For a Job.
    pub(crate) completions: Option<i64>,
    /// For a Job.
    pub(crate) parallelism: Option<i64>,
    /// For a Job: whether it is suspended.
    pub(crate) suspend: bool,
}

/// The status of a workload.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WorkloadStatus {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) replicas: i64,
    pub(crate) ready_replicas: i64,
    pub(crate) updated_replicas: i64,
    pub(crate) unavailable_replicas: i64,
    /// For a `DaemonSet`.
    pub(crate) desired_number_scheduled: i64,
    /// For a `DaemonSet`.
    pub(crate) number_ready: i64,
    /// For a Job: the number of its pods that have succeeded.
    pub(crate) succeeded: i64,
    pub(crate) observed_generation: i64,
}

/// Selects the pods of a workload.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LabelSelector {
    pub(crate) match_labels: BTreeMap<String, String>,
    pub(crate) match_expressions: Vec<Requirement>,
}

/// A condition of a selector.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Requirement {
    pub(crate) key: String,
    pub(crate) operator: String,
    pub(crate) values: Vec<String>,
}

/// An event.
#[expect(clippy::struct_field_names, reason = "the names are the API's")]
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Event {
    pub(crate) metadata: Metadata,
    pub(crate) involved_object: Involved,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) count: Option<i64>,
    pub(crate) first_timestamp: Option<String>,
    pub(crate) last_timestamp: Option<String>,
    pub(crate) event_time: Option<String>,
    pub(crate) series: Option<EventSeries>,
}

/// Repetitions of an event, as some components report them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EventSeries {
    pub(crate) count: i64,
    pub(crate) last_observed_time: Option<String>,
}

/// The object that an event is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Involved {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    /// Such as `spec.containers{app}`.
    pub(crate) field_path: String,
}

/// A node, reduced to its conditions and its platform.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    pub(crate) status: NodeStatus,
}

/// The status of a node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeStatus {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) node_info: NodeInfo,
}

/// What a node tells of itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeInfo {
    /// As in the platforms of images: `amd64`.
    pub(crate) architecture: String,
}

/// A quota of a namespace.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quota {
    pub(crate) metadata: Metadata,
    pub(crate) status: QuotaStatus,
}

/// The allowed and the used amount, by resource.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QuotaStatus {
    pub(crate) hard: BTreeMap<String, String>,
    pub(crate) used: BTreeMap<String, String>,
}
