//! Facts about the pod template of a manifest, each with its line. Any reader may fill them in.

/// A setting and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lined<T> {
    /// The setting.
    pub value: T,
    /// The line of the manifest, from 1.
    pub line: usize,
}

/// The pod of a workload, or a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodTemplate {
    /// Kind and name, as on the command line: `deployment/web`.
    pub name: String,
    /// Its containers, init containers first.
    pub containers: Vec<ContainerTemplate>,
    /// Whether `fsGroup` is set.
    pub has_fs_group: bool,
    /// Whether the pod has the network of its node.
    pub is_on_host_network: bool,
    /// Whether the pod changes the first port that every user may listen on.
    pub changes_unprivileged_ports: bool,
}

/// A container of a pod template. Settings of the pod are those of each container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerTemplate {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: usize,
    /// Its image.
    pub image: Option<Lined<String>>,
    /// What to run; the image's entrypoint if it is absent.
    pub command: Option<Lined<Vec<String>>>,
    /// The arguments.
    pub args: Option<Lined<Vec<String>>>,
    /// The working directory.
    pub working_directory: Option<Lined<String>>,
    /// Its variables. The value of one that comes from elsewhere is unknown.
    pub env: Vec<(String, Option<String>)>,
    /// Whether it has variables from elsewhere whose names are unknown.
    pub has_other_env: bool,
    /// The user.
    pub run_as_user: Option<Lined<i64>>,
    /// The group.
    pub run_as_group: Option<i64>,
    /// Whether root is refused.
    pub run_as_non_root: Option<Lined<bool>>,
    /// The line that makes its root filesystem read-only.
    pub read_only_root: Option<usize>,
    /// Its mounts.
    pub mounts: Vec<MountTemplate>,
    /// Its ports.
    pub ports: Vec<PortTemplate>,
    /// Its probes and hooks.
    pub actions: Vec<Action>,
}

/// A mount of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountTemplate {
    /// Its path in the container.
    pub path: String,
    /// The volume.
    pub volume: String,
    /// Whether the volume is a claim of storage.
    pub is_claim: bool,
    /// Whether it is read-only.
    pub is_read_only: bool,
    /// Its line.
    pub line: usize,
}

/// A port of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortTemplate {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its number.
    pub number: i64,
    /// Its line.
    pub line: usize,
}

/// What an action is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A liveness probe.
    Liveness,
    /// A readiness probe.
    Readiness,
    /// A startup probe.
    Startup,
    /// A hook after the start.
    PostStart,
    /// A hook before the end.
    PreStop,
}

/// A probe or a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What it is for.
    pub purpose: Purpose,
    /// Its line.
    pub line: usize,
    /// The command that runs in the container.
    pub exec: Option<Lined<Vec<String>>>,
    /// The port that is asked, by its name.
    pub port_name: Option<Lined<String>>,
}
