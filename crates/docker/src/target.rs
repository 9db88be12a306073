//! The facts about a container that sessions need.

use std::collections::BTreeSet;

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, HostConfig, HostConfigCgroupnsModeEnum,
    ImageInspect, MountPoint,
};
use scratchdbg_backend::Phase;
use scratchdbg_diagnose::rootfs::normalize;

/// A container to inspect or to attach to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The full id.
    pub id: String,
    /// The name, without the engine's leading slash.
    pub name: String,
    /// The phase.
    pub state: Phase,
    /// Whether the container has a terminal, so that its logs and its attach stream have no frames.
    pub tty: bool,
    /// The user (`Config.User`): empty, or `user[:group]` with names or numbers.
    pub user: String,
    /// The environment (`Config.Env`): `KEY=value` each.
    pub env: Vec<String>,
    /// The reference of the image that the container was created from, as the user wrote it.
    pub image: String,
    /// The id of that image.
    pub image_id: String,
    /// The entrypoint and command.
    pub command_line: Vec<String>,
    /// `HostConfig.CapAdd`.
    pub added_capabilities: Vec<String>,
    /// `HostConfig.CapDrop`.
    pub dropped_capabilities: Vec<String>,
    /// `HostConfig.Privileged`.
    pub privileged: bool,
    /// The security options of the container's processes in the form of
    /// `docker run --security-opt`, as they are or will be: the AppArmor profile, if the kernel has
    /// AppArmor, and the container's own SELinux options.
    pub confinement: Vec<String>,
    /// The seccomp profile of `HostConfig.SecurityOpt`, in the form of `docker run --security-opt`.
    pub seccomp: Option<String>,
    /// Whether its processes cannot gain rights by executing a program.
    pub no_new_privileges: bool,
    /// `HostConfig.PidMode`: empty for a PID namespace of its own.
    pub pid_mode: String,
    /// `HostConfig.UsernsMode`: `host` if the container is excluded from the engine's user
    /// remapping.
    pub user_namespace: String,
    /// Whether the root file system is read-only.
    pub read_only_root: bool,
    /// `HostConfig.GroupAdd`.
    pub added_groups: Vec<String>,
    /// The process id of the first process on the engine's machine. 0 if the container does not
    /// run.
    pub pid: i64,
    /// Where mounts are that `reach` lists only once it is examined: those in memory, and of
    /// images.
    pub in_memory: Vec<String>,
    /// What the container shares beyond itself.
    pub reach: Reach,
    /// The time of the last start, as the engine writes it.
    pub started_at: String,
    /// The exit code of the last run. Meaningful if that run has ended.
    pub exit_code: i64,
}

/// The settings of a container that reach beyond it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Devices of the host and device rules, as text.
    pub devices: Vec<String>,
    /// `HostConfig.NetworkMode`.
    pub network_mode: String,
    /// Why that network is no longer available.
    pub network_gone: Option<String>,
    /// `HostConfig.IpcMode`.
    pub ipc_mode: String,
    /// Why that namespace can no longer be shared.
    pub ipc_gone: Option<String>,
    /// `HostConfig.PidMode`.
    pub pid_mode: String,
    /// The id of the Podman pod that the container is a member of, if it is one.
    pub pod: String,
    /// `HostConfig.UTSMode`.
    pub uts_mode: String,
    /// Whether the container has the host's control group namespace.
    pub has_hosts_cgroups: bool,
    /// Whether engines give that namespace to every container: where control groups have version 1.
    pub all_have_hosts_cgroups: bool,
    /// `HostConfig.SecurityOpt`.
    pub security_options: Vec<String>,
    /// Whether the engine hides nothing in `/proc` and `/sys` from the container.
    pub unmasked: bool,
    /// Volumes and directories of the host.
    pub mounts: Vec<Mount>,
    /// The path of the engine's socket, if it is a file.
    pub engine_socket: Option<String>,
    /// All paths of the directories with the engine's files.
    pub engine_folders: Vec<String>,
    /// The namespaces that the container shares with a container that shares, or may share, the
    /// host's: `network`, `ipc`, `uts`, `user`.
    pub leads_to_host: Vec<&'static str>,
}

/// A volume or a directory of the host in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// The kind: `bind`, `volume`, `image` or `tmpfs`.
    pub kind: String,
    /// The volume's name.
    pub name: String,
    /// The path on the host.
    pub source: String,
    /// The path in the container.
    pub destination: String,
    /// Whether the mount is read-only.
    pub read_only: bool,
    /// Other paths of the same content on the host.
    pub also_at: Vec<String>,
    /// Whether the source is a socket, as far as that is known.
    pub is_socket: bool,
    /// Why it is unknown whether the mount gives control of the host.
    pub unclear: Option<&'static str>,
    /// Why its source is no longer available.
    pub gone: Option<String>,
    /// The mounted part of a volume or an image.
    pub subpath: Option<String>,
    /// Whether the mounts below the directory are excluded.
    pub non_recursive: bool,
    /// Whether the mounts below the directory must be read-only too.
    pub is_read_only_below: bool,
    /// The options of a mount in memory, in the engine's form.
    pub memory: serde_json::Value,
    /// Whether the volume's files keep their SELinux labels.
    pub keeps_labels: bool,
    /// Whether other file systems are mounted below the directory.
    pub has_more_below: bool,
    /// Why a copy cannot have the same mount: the copy's mount would show more, or might.
    pub lost: Option<String>,
}

impl Target {
    pub(crate) fn from_inspect(answer: ContainerInspectResponse) -> Self {
        let config = answer.config.unwrap_or_default();
        let pid = answer.state.as_ref().and_then(|state| state.pid).unwrap_or_default();
        let exit_code = answer.state.as_ref().and_then(|state| state.exit_code).unwrap_or_default();
        let started_at =
            answer.state.as_ref().and_then(|state| state.started_at.clone()).unwrap_or_default();
        let command_line = config.entrypoint.into_iter().chain(config.cmd).flatten().collect();
        let host_config = answer.host_config.unwrap_or_default();
        let mounts = answer.mounts.unwrap_or_default();
        let in_memory = in_memory(&host_config, &mounts);
        let reach = reach(&host_config, mounts);
        let privileged = host_config.privileged.unwrap_or_default();
        let security_options = host_config.security_opt.unwrap_or_default();
        let confinement = confinement(answer.app_armor_profile, &security_options, privileged);
        let seccomp =
            security_options.iter().find_map(|option| with_equals_sign(option, "seccomp"));
        Self {
            id: answer.id.unwrap_or_default(),
            name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            state: answer.state.and_then(|state| state.status).map_or(Phase::Created, state),
            tty: config.tty.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            image: config.image.unwrap_or_default(),
            image_id: answer.image.unwrap_or_default(),
            command_line,
            added_capabilities: host_config.cap_add.unwrap_or_default(),
            dropped_capabilities: host_config.cap_drop.unwrap_or_default(),
            privileged,
            confinement,
            seccomp,
            no_new_privileges: no_new_privileges(&security_options),
            pid_mode: host_config.pid_mode.unwrap_or_default(),
            user_namespace: host_config.userns_mode.unwrap_or_default(),
            read_only_root: host_config.readonly_rootfs.unwrap_or_default(),
            added_groups: host_config.group_add.unwrap_or_default(),
            pid,
            in_memory,
            reach,
            started_at,
            exit_code,
        }
    }
}

impl Target {
    /// Returns the paths on which something is mounted, as they were requested.
    pub(crate) fn mount_points(&self) -> impl Iterator<Item = String> {
        let listed = self.reach.mounts.iter().map(|mount| &mount.destination);
        listed.chain(&self.in_memory).map(|path| normalize(path))
    }

    /// Describes a container as if it were created from an image.
    pub(crate) fn from_image(reference: &str, answer: ImageInspect) -> Self {
        let config = answer.config.unwrap_or_default();
        Self {
            id: String::new(),
            name: reference.to_owned(),
            state: Phase::Created,
            tty: false,
            user: config.user.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            image: reference.to_owned(),
            image_id: answer.id.unwrap_or_default(),
            command_line: config.entrypoint.into_iter().chain(config.cmd).flatten().collect(),
            added_capabilities: Vec::new(),
            dropped_capabilities: Vec::new(),
            privileged: false,
            confinement: Vec::new(),
            seccomp: None,
            no_new_privileges: false,
            pid_mode: String::new(),
            user_namespace: String::new(),
            read_only_root: false,
            added_groups: Vec::new(),
            pid: 0,
            in_memory: Vec::new(),
            reach: Reach::default(),
            started_at: String::new(),
            exit_code: 0,
        }
    }
}

/// Returns where mounts are that are neither volumes nor directories of the host.
fn in_memory(host: &HostConfig, listed: &[MountPoint]) -> Vec<String> {
    let is_other = |kind: Option<&str>| !matches!(kind, Some("bind" | "volume"));
    let listed = listed.iter().filter(|mount| is_other(mount.typ.as_deref()));
    let requested = host.mounts.iter().flatten();
    let places = listed
        .filter_map(|mount| mount.destination.clone())
        .chain(requested.filter_map(|mount| mount.target.clone()))
        .chain(host.tmpfs.iter().flatten().map(|(place, _)| place.clone()));
    places.collect::<BTreeSet<_>>().into_iter().collect()
}

fn reach(host: &HostConfig, mounts: Vec<MountPoint>) -> Reach {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let devices = host
        .devices
        .iter()
        .flatten()
        .map(|device| format!("device {}", text(&device.path_on_host)));
    let rules = host.device_cgroup_rules.iter().flatten().map(|rule| format!("device rule {rule}"));
    let requests = host.device_requests.iter().flatten().map(|request| {
        let driver = text(&request.driver);
        if driver.is_empty() { "GPUs".to_owned() } else { format!("devices of {driver}") }
    });
    let mount = |mount: MountPoint| Mount {
        kind: text(&mount.typ),
        name: text(&mount.name),
        source: text(&mount.source),
        destination: text(&mount.destination),
        read_only: mount.rw == Some(false),
        ..Mount::default()
    };
    Reach {
        devices: devices.chain(rules).chain(requests).collect(),
        network_mode: text(&host.network_mode),
        ipc_mode: text(&host.ipc_mode),
        pid_mode: text(&host.pid_mode),
        uts_mode: text(&host.uts_mode),
        has_hosts_cgroups: host.cgroupns_mode == Some(HostConfigCgroupnsModeEnum::HOST),
        security_options: host.security_opt.clone().unwrap_or_default(),
        unmasked: host.masked_paths.as_ref().is_some_and(Vec::is_empty)
            && host.privileged != Some(true),
        mounts: mounts
            .into_iter()
            .map(mount)
            .filter(|mount| mount.kind == "bind" || mount.kind == "volume")
            .collect(),
        ..Reach::default()
    }
}

/// Returns the options that confine a container. The engine decides the AppArmor profile at the
/// start; before that, this returns its future choice.
fn confinement(
    profile: Option<String>,
    security_options: &[String],
    privileged: bool,
) -> Vec<String> {
    let of_kind =
        |kind| security_options.iter().filter_map(move |option| with_equals_sign(option, kind));
    let profile = match profile.filter(|profile| !profile.is_empty()) {
        Some(profile) => Some(format!("apparmor={profile}")),
        // Privileged containers ignore the requested profile.
        None if privileged => Some("apparmor=unconfined".to_owned()),
        None => of_kind("apparmor").next(),
    };
    profile.into_iter().chain(of_kind("label")).collect()
}

/// Whether the security options contain `no-new-privileges`. Docker accepts the option with and
/// without a value.
fn no_new_privileges(security_options: &[String]) -> bool {
    let values = ["no-new-privileges", "no-new-privileges=true", "no-new-privileges:true"];
    security_options.iter().any(|option| values.contains(&option.as_str()))
}

/// Returns an option of a kind as `KIND=VALUE`; `KIND:VALUE` is Docker's old form.
fn with_equals_sign(option: &str, kind: &str) -> Option<String> {
    let value = option.strip_prefix(kind)?.strip_prefix(['=', ':'])?;
    Some(format!("{kind}={value}"))
}

fn state(status: ContainerStateStatusEnum) -> Phase {
    match status {
        // While a stop request is pending, the processes still run.
        ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING => Phase::Running,
        ContainerStateStatusEnum::PAUSED => Phase::Paused,
        ContainerStateStatusEnum::RESTARTING => Phase::Restarting,
        ContainerStateStatusEnum::REMOVING => Phase::Removing,
        ContainerStateStatusEnum::EXITED => Phase::Exited,
        ContainerStateStatusEnum::DEAD => Phase::Dead,
        ContainerStateStatusEnum::CREATED | ContainerStateStatusEnum::EMPTY => Phase::Created,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{ImageInspect, Phase, Target, confinement};

    #[test]
    fn what_confines_it_is_what_the_engine_says_or_will_say() {
        let cases = [
            ("docker-default", "", false, "apparmor=docker-default"),
            ("mine", "apparmor=mine", false, "apparmor=mine"),
            // The container was never started.
            ("", "apparmor=mine", false, "apparmor=mine"),
            ("", "apparmor:mine label:level:s0:c1,c2", false, "apparmor=mine label=level:s0:c1,c2"),
            ("", "no-new-privileges seccomp={}", false, ""),
            ("", "apparmor=mine label=disable", true, "apparmor=unconfined label=disable"),
            ("", "label=type:web_t label=level:s0", false, "label=type:web_t label=level:s0"),
        ];
        for (profile, options, privileged, expected) in cases {
            let list: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
            let confined = confinement(Some(profile.to_owned()), &list, privileged).join(" ");
            assert_eq!(confined, expected, "{profile:?} {options:?} {privileged}");
        }
    }

    /// Returns a running target.
    pub(crate) fn target() -> Target {
        Target {
            id: "0123".to_owned(),
            name: "web".to_owned(),
            state: Phase::Running,
            user: "65532:65532".to_owned(),
            env: vec!["A=b".to_owned()],
            image_id: "sha256:0".to_owned(),
            command_line: vec!["/app".to_owned()],
            ..Target::from_image("shop/app:1", ImageInspect::default())
        }
    }
}
