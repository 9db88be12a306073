//! What a copy of a container gets of that which reaches beyond a container: as a rule, none of it. To look at files takes no
//! right over the host, and the copy runs whatever its user types.
//!
//! A copy keeps what every container has: the engine's usual capabilities as far as the original had them, its volumes and
//! its folders of data, its network. It gets neither more capabilities nor devices, no namespace of the host, no socket of
//! an engine and no folder that rules the host, unless the user asks for what the original had.

use scratchdbg_diagnose::capability;
use serde::Serialize;

use crate::target::{Mount, Reach, Target};

/// Something of the original that its copy goes without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What: `capability SYS_ADMIN`, `/var/run/docker.sock`.
    pub what: String,
    /// Why.
    pub why: String,
    /// It is not there any more. Else it is a right that nobody asked for.
    pub gone: bool,
}

/// What a copy has of its original's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopySettings {
    /// Capabilities beside the engine's usual ones.
    pub capabilities: Vec<String>,
    /// Its network, as the engine's API has it.
    pub network: String,
    /// Whose System V IPC and shared memory it shares; nothing for its own.
    pub ipc: Option<String>,
    /// Whose host name it has; nothing for its own.
    pub uts: Option<String>,
    /// What confines it.
    pub security_options: Vec<String>,
    /// It is left out of the engine's remapping of users, where the original is.
    pub user_namespace: Option<String>,
    /// It has the original's devices, and sees what engines hide of `/proc` where the original does.
    pub as_original: bool,
    /// Volumes and folders of the host.
    pub mounts: Vec<Mount>,
    /// What it goes without.
    pub left_out: Vec<LeftOut>,
}

impl CopySettings {
    /// What it goes without for one of the two reasons, in words: nothing where that is nothing.
    pub fn without(&self, gone: bool) -> Option<String> {
        let list: Vec<String> = (self.left_out.iter().filter(|each| each.gone == gone))
            .map(|LeftOut { what, why, .. }| if why.is_empty() { what.clone() } else { format!("{what} ({why})") })
            .collect();
        (!list.is_empty()).then(|| list.join(", "))
    }
}

/// Decides what a copy of this target has. `asked` are capabilities that the user gave it; `all` is that it should have
/// what the original has.
pub(super) fn copy_settings(target: &Target, asked: &[String], all: bool) -> CopySettings {
    let reach = &target.reach;
    let mut settings = CopySettings { as_original: all, ..CopySettings::default() };
    let mut leave_out = |what: String, why: &str, gone: bool| {
        settings.left_out.push(LeftOut { what, why: why.to_owned(), gone });
    };
    // `--privileged` is never given: it is all capabilities, all devices, and no protection.
    if target.privileged {
        let why = if all { "all capabilities are given instead" } else { "it is all rights over the host" };
        leave_out("--privileged".to_owned(), why, false);
    }
    let mut capabilities: Vec<String> = Vec::new();
    if all && target.privileged {
        capabilities.push("ALL".to_owned());
    }
    for capability in &target.added_capabilities {
        let name = short_name(capability);
        if all || is_usual(&name) {
            capabilities.push(name);
        } else {
            leave_out(format!("capability {name}"), "", false);
        }
    }
    capabilities.extend(asked.iter().map(|capability| short_name(capability)));
    capabilities.sort();
    capabilities.dedup();

    if !all {
        for device in &reach.devices {
            leave_out(device.clone(), "", false);
        }
        if reach.unmasked {
            leave_out("the unmasked parts of /proc and /sys".to_owned(), "", false);
        }
        if reach.pid_mode == "host" {
            leave_out("the host's processes".to_owned(), "", false);
        }
    }
    let (mut ipc, mut uts) = (None, None);
    match (&*reach.ipc_mode, &reach.ipc_gone) {
        (_, Some(why)) => leave_out(format!("the shared memory of {}", reach.ipc_mode), why, true),
        ("host", None) if !all => leave_out("the host's shared memory".to_owned(), "", false),
        // `shareable` is for others to join.
        ("" | "private" | "shareable", None) => {}
        (mode, None) => ipc = Some(mode.to_owned()),
    }
    match &*reach.uts_mode {
        "host" if !all => leave_out("the host's name".to_owned(), "", false),
        "" => {}
        mode => uts = Some(mode.to_owned()),
    }
    let network = match (&*reach.network_mode, &reach.network_gone) {
        (mode, Some(why)) => {
            leave_out(format!("network {mode}"), why, true);
            "none".to_owned()
        }
        ("host", None) if !all => {
            leave_out("the host's network".to_owned(), "", false);
            "none".to_owned()
        }
        (mode, None) => mode.to_owned(),
    };
    let user_namespace = Some(target.user_namespace.clone()).filter(|namespace| !namespace.is_empty());
    let user_namespace = match user_namespace {
        Some(namespace) if namespace == "host" && !all => {
            leave_out("the host's user namespace".to_owned(), "", false);
            None
        }
        namespace => namespace,
    };
    let mut security_options = Vec::new();
    for option in &reach.security_options {
        if all || confines(option) {
            security_options.push(option.clone());
        } else {
            leave_out(format!("--security-opt {option}"), "", false);
        }
    }
    if all && target.privileged {
        security_options.extend(["seccomp=unconfined", "apparmor=unconfined"].map(str::to_owned));
    }
    let mut mounts = Vec::new();
    for mount in &reach.mounts {
        let what = || if mount.source.is_empty() { mount.destination.clone() } else { mount.source.clone() };
        if let Some(why) = &mount.gone {
            leave_out(format!("mount {}", mount.destination), why, true);
        } else if let (false, Some(why)) = (all, ruling(mount, reach)) {
            leave_out(format!("mount {}", what()), why, false);
        } else {
            mounts.push(mount.clone());
        }
    }
    CopySettings { capabilities, network, ipc, uts, security_options, user_namespace, mounts, ..settings }
}

/// A capability's name as the engine takes it.
fn short_name(capability: &str) -> String {
    let upper = capability.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

/// Whether a container has this capability when nobody asks for any.
fn is_usual(name: &str) -> bool {
    let only = capability::bounding_set(false, &[name.to_owned()], &["ALL".to_owned()]);
    only != 0 && only & !capability::DEFAULT == 0
}

/// Whether an option takes rights away, and gives none.
pub(super) fn confines(option: &str) -> bool {
    let (kind, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
    match kind {
        "no-new-privileges" => value != "false",
        "apparmor" | "seccomp" => value != "unconfined",
        "label" => !value.starts_with("disable") && !value.starts_with("type:spc_t"),
        _ => false,
    }
}

/// Why what a mount shows rules the host; nothing where it is data.
fn ruling(mount: &Mount, reach: &Reach) -> Option<&'static str> {
    let paths = std::iter::once(&mount.source).filter(|_| mount.kind == "bind").chain(&mount.also_at);
    let mut reasons = paths.filter_map(|path| ruling_path(path, reach.engine_socket.as_deref()));
    reasons.next().or_else(|| mount.is_socket.then_some(SOCKET))
}

const SOCKET: &str = "a socket of the host";
const ENGINE: &str = "the engine's own";

/// Folders that rule the host with all that is below them.
const WITH_ALL_BELOW: &[(&str, &str)] = &[
    ("/proc", "the host's /proc"),
    ("/sys", "the host's /sys"),
    ("/dev", "the host's devices"),
    ("/boot", "the host's kernel"),
    ("/run/docker", ENGINE),
    ("/run/containerd", ENGINE),
    ("/run/podman", ENGINE),
    ("/run/crio", ENGINE),
    ("/run/user", "the host's sessions"),
    ("/run/systemd", "the host's services"),
    ("/run/dbus", "the host's services"),
    ("/var/lib/docker", ENGINE),
    ("/var/lib/containerd", ENGINE),
    ("/var/lib/containers", ENGINE),
    ("/var/lib/kubelet", ENGINE),
    ("/etc/kubernetes", "the host's secrets"),
    ("/etc/docker", ENGINE),
    ("/etc/ssh", "the host's secrets"),
    ("/etc/sudoers.d", "the host's users"),
    ("/etc/cron.d", "the host's services"),
    ("/etc/systemd", "the host's services"),
    ("/lib/modules", "the host's kernel"),
    ("/usr/lib/modules", "the host's kernel"),
];

/// Folders and files that rule the host themselves.
const THEMSELVES: &[&str] = &[
    "/",
    "/bin",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/root",
    "/run",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/var",
    "/var/lib",
    "/var/spool",
    "/var/spool/cron",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/crontab",
];

/// Names of folders with people's keys, wherever they are.
const KEYS: &[&str] = &[".ssh", ".docker", ".kube", ".aws", ".gnupg", ".azure", ".config"];

fn ruling_path(path: &str, engine_socket: Option<&str>) -> Option<&'static str> {
    let path = plain(path);
    if path == "/" {
        return Some("the host's root");
    }
    if [".sock", ".socket"].iter().any(|end| path.ends_with(end)) {
        return Some(SOCKET);
    }
    let is_above = |other: &str| other == path || other.strip_prefix(&path).is_some_and(|rest| rest.starts_with('/'));
    if engine_socket.is_some_and(|socket| is_above(&plain(socket))) {
        return Some("the engine's socket is in it");
    }
    let below = |folder: &str| path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    if let Some((_, why)) = WITH_ALL_BELOW.iter().find(|(folder, _)| below(folder)) {
        return Some(why);
    }
    let is_home = path.strip_prefix("/home/").is_some_and(|rest| !rest.contains('/'));
    if is_home || THEMSELVES.contains(&&*path) {
        return Some("a part of the host");
    }
    path.split('/').any(|name| KEYS.contains(&name)).then_some("keys of a user of the host")
}

/// A path without `.`, `..`, and doubled slashes, and with `/var/run` for what it is.
fn plain(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    if names.starts_with(&["var", "run"]) {
        names.remove(0);
    }
    format!("/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::tests::target;

    fn left_out(settings: &CopySettings) -> Vec<&str> {
        settings.left_out.iter().map(|each| &*each.what).collect()
    }

    #[test]
    fn an_ordinary_container_is_copied_as_it_is() {
        let volume =
            Mount { kind: "volume".into(), name: "data".into(), destination: "/data".into(), ..Mount::default() };
        let folder = Mount { kind: "bind".into(), source: "/srv/shop".into(), ..volume.clone() };
        let reach = Reach {
            network_mode: "shop".into(),
            ipc_mode: "shareable".into(),
            security_options: vec!["no-new-privileges".into(), "seccomp={}".into(), "label=level:s0".into()],
            mounts: vec![volume, folder],
            ..Reach::default()
        };
        let usual = vec!["cap_net_bind_service".to_owned(), "CHOWN".to_owned()];
        let target = Target { added_capabilities: usual, reach: reach.clone(), ..target() };
        let settings = copy_settings(&target, &[], false);
        assert_eq!(settings.capabilities, ["CHOWN", "NET_BIND_SERVICE"]);
        assert_eq!((&*settings.network, settings.ipc.as_deref()), ("shop", None));
        assert_eq!(settings.security_options, reach.security_options);
        assert_eq!(settings.mounts, reach.mounts);
        assert_eq!((settings.without(false), settings.without(true)), (None, None));
    }

    #[test]
    fn what_reaches_beyond_a_container_is_left_out_and_said() {
        let reach = Reach {
            devices: vec!["device /dev/kvm".into()],
            network_mode: "host".into(),
            ipc_mode: "host".into(),
            pid_mode: "host".into(),
            uts_mode: "host".into(),
            security_options: vec!["seccomp=unconfined".into(), "apparmor:unconfined".into(), "label=disable".into()],
            unmasked: true,
            mounts: vec![Mount { kind: "bind".into(), source: "/var/run/docker.sock".into(), ..Mount::default() }],
            ..Reach::default()
        };
        let target = Target {
            privileged: true,
            added_capabilities: vec!["CAP_SYS_ADMIN".into(), "ALL".into(), "NO_SUCH".into()],
            user_namespace: "host".into(),
            reach,
            ..target()
        };
        let settings = copy_settings(&target, &["sys_ptrace".to_owned()], false);
        assert_eq!(settings.capabilities, ["SYS_PTRACE"], "what was asked for, and no more");
        assert_eq!((&*settings.network, settings.ipc.as_ref(), settings.uts.as_ref()), ("none", None, None));
        assert!(settings.mounts.is_empty() && settings.security_options.is_empty() && !settings.as_original);
        assert_eq!(settings.user_namespace, None);
        for what in [
            "--privileged",
            "capability SYS_ADMIN",
            "capability ALL",
            "capability NO_SUCH",
            "device /dev/kvm",
            "the host's processes",
            "the host's shared memory",
            "the host's name",
            "the host's network",
            "the host's user namespace",
            "--security-opt seccomp=unconfined",
            "--security-opt label=disable",
            "mount /var/run/docker.sock",
        ] {
            assert!(left_out(&settings).contains(&what), "{what} in {settings:?}");
        }
        let all = copy_settings(&target, &[], true);
        assert_eq!(all.capabilities, ["ALL", "NO_SUCH", "SYS_ADMIN"]);
        assert_eq!((&*all.network, all.ipc.as_deref(), all.mounts.len()), ("host", Some("host"), 1));
        assert_eq!(left_out(&all), ["--privileged"], "which is never given");
    }

    #[test]
    fn what_is_gone_is_left_out_even_where_all_is_asked_for() {
        let reach = Reach {
            network_mode: "shop".into(),
            network_gone: Some("there is none of that name".into()),
            ipc_mode: "container:0123".into(),
            ipc_gone: Some("it is not running".into()),
            mounts: vec![Mount {
                kind: "bind".into(),
                source: "/srv/x".into(),
                destination: "/x".into(),
                gone: Some("/srv/x is not there".into()),
                ..Mount::default()
            }],
            ..Reach::default()
        };
        for all in [false, true] {
            let settings = copy_settings(&Target { reach: reach.clone(), ..target() }, &[], all);
            assert_eq!((&*settings.network, settings.ipc.as_ref(), settings.mounts.len()), ("none", None, 0));
            let gone = settings.without(true).unwrap();
            assert!(gone.contains("network shop (there is none of that name)") && gone.contains("mount /x"), "{gone}");
            assert_eq!(settings.without(false), None);
        }
    }

    #[test]
    fn folders_that_rule_the_host_are_told_from_data() {
        for path in [
            "/",
            "//",
            "/srv/..",
            "/proc",
            "/proc/1/root",
            "/sys/fs/cgroup",
            "/dev",
            "/dev/mem",
            "/etc",
            "/etc/shadow",
            "/etc/",
            "/root",
            "/root/.ssh",
            "/home/ann",
            "/home/ann/.docker/config.json",
            "/run",
            "/var/run",
            "/var/run/docker.sock",
            "/srv/../var/run/docker.sock",
            "/run/user/1000/podman/podman.sock",
            "/var/run/docker/containerd",
            "/var",
            "/var/lib/docker/volumes",
            "/usr/bin",
            "/tmp/x/engine.socket",
            "/opt/engine",
            "/opt/engine/run",
            "/opt/engine/run/api",
        ] {
            assert!(ruling_path(path, Some("/opt/engine/run/api")).is_some(), "{path}");
        }
        for path in [
            "/srv/shop",
            "/etc/localtime",
            "/etc/ssl/certs",
            "/etc/shop",
            "/home/ann/shop",
            "/root/shop/data",
            "/data",
            "/var/log/shop",
            "/opt/engine-data",
            "/opt/engine/running",
            "/usr/share/zoneinfo",
            "/tmp/x",
            "/mnt/disk",
            "/development",
        ] {
            assert_eq!(ruling_path(path, Some("/opt/engine/run/api")), None, "{path}");
        }
        let mount = |kind: &str, also_at: &[&str], is_socket| Mount {
            kind: kind.to_owned(),
            source: "/srv/x".to_owned(),
            also_at: also_at.iter().map(|&path| path.to_owned()).collect(),
            is_socket,
            ..Mount::default()
        };
        for (mount, rules) in [
            (mount("bind", &[], false), false),
            (mount("bind", &["/run/docker.sock"], false), true),
            (mount("volume", &[], false), false),
            (mount("volume", &["/"], false), true),
            (mount("bind", &[], true), true),
        ] {
            assert_eq!(ruling(&mount, &Reach::default()).is_some(), rules, "{mount:?}");
        }
    }
}
