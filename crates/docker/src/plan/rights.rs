//! Decides which rights beyond its container a copy keeps: by default, none. Inspecting files needs
//! no right over the host, and the copy runs whatever its user types.
//!
//! A copy keeps what every container has: the engine's default capabilities as far as the original
//! had them, volumes, data directories and networks. It gets no further capabilities, no devices,
//! no namespace of the host, no socket of an engine and no directory that controls the host, unless
//! the user requests the original's rights.

use scratchdbg_backend::LeftOut;
use scratchdbg_diagnose::capability;

use super::mounts;
use crate::target::{Mount, Target};

/// The settings that a copy takes from its original.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CopySettings {
    /// Capabilities in addition to the engine's default set.
    pub capabilities: Vec<String>,
    /// The network, as the engine's API names it.
    pub network: String,
    /// The container whose System V IPC and shared memory the copy shares. `None` stands for its
    /// own.
    pub ipc: Option<String>,
    /// The namespace of the copy's host name. `None` stands for its own.
    pub uts: Option<String>,
    /// Whether the copy sees the host's control groups.
    pub cgroup_namespace_of_host: bool,
    /// The security options of the copy.
    pub security_options: Vec<String>,
    /// Set if the original is excluded from the engine's user remapping.
    pub user_namespace: Option<String>,
    /// Whether the copy has the original's devices, and sees hidden parts of `/proc` if the
    /// original does.
    pub as_original: bool,
    /// Volumes and directories of the host.
    pub mounts: Vec<Mount>,
    /// The rights and mounts that the copy lacks.
    pub left_out: Vec<LeftOut>,
}

/// Decides which settings a copy of this target gets. `asked` are capabilities that the user
/// requested. With `all`, the copy gets all settings of the original.
pub(super) fn copy_settings(target: &Target, asked: &[String], all: bool) -> CopySettings {
    let reach = &target.reach;
    let mut settings = CopySettings { as_original: all, ..CopySettings::default() };
    let mut leave_out = |what: String, why: &str, gone: bool| {
        settings.left_out.push(LeftOut { what, why: why.to_owned(), gone });
    };
    // `--privileged` is never copied: it means all capabilities, all devices, and no protection.
    if target.privileged {
        let why = if all {
            "all capabilities are given instead"
        } else {
            "it is all rights over the host"
        };
        leave_out("--privileged".to_owned(), why, false);
    }
    let mut capabilities: Vec<String> = Vec::new();
    if all && target.privileged {
        capabilities.push("ALL".to_owned());
    }
    for capability in &target.added_capabilities {
        let name = short_name(capability);
        if all || is_default(&name) {
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
        if is_host_namespace(&reach.pid_mode) {
            let (what, why) = of_host("pid", &reach.pid_mode, "processes");
            leave_out(what, why, false);
        }
    }
    if reach.pid_mode.starts_with("container:") {
        let what = format!("the PID namespace of {}", &reach.pid_mode["container:".len()..]);
        leave_out(what, "a copy has its own", false);
    }
    if reach.has_hosts_cgroups && !reach.all_have_hosts_cgroups && !all {
        leave_out("the host's cgroup namespace".to_owned(), "", false);
    }
    settings.cgroup_namespace_of_host = reach.has_hosts_cgroups && all;
    // A copy shares neither the host's namespace nor one that may be the host's through another
    // container or a file.
    let reaches_host =
        |kind, mode: &str| !all && (is_host_namespace(mode) || reach.leads_to_host.contains(&kind));
    let (mut ipc, mut uts) = (None, None);
    match (&*reach.ipc_mode, &reach.ipc_gone) {
        (_, Some(why)) => leave_out(format!("the shared memory of {}", reach.ipc_mode), why, true),
        (mode, None) if reaches_host("ipc", mode) => {
            let (what, why) = of_host("ipc", mode, "shared memory");
            leave_out(what, why, false);
        }
        // `shareable` only allows others to join.
        ("" | "private" | "shareable", None) => {}
        (mode, None) => ipc = Some(mode.to_owned()),
    }
    match &*reach.uts_mode {
        mode if reaches_host("uts", mode) => {
            let (what, why) = of_host("uts", mode, "name");
            leave_out(what, why, false);
        }
        "" => {}
        mode => uts = Some(mode.to_owned()),
    }
    let network = match (&*reach.network_mode, &reach.network_gone) {
        (mode, Some(why)) => {
            leave_out(format!("network {mode}"), why, true);
            "none".to_owned()
        }
        (mode, None) if reaches_host("network", mode) => {
            let (what, why) = of_host("network", mode, "network");
            leave_out(what, why, false);
            "none".to_owned()
        }
        (mode, None) => mode.to_owned(),
    };
    let user_namespace =
        Some(target.user_namespace.clone()).filter(|namespace| !namespace.is_empty());
    let user_namespace = match user_namespace {
        Some(namespace) if reaches_host("user", &namespace) => {
            let (what, why) = of_host("userns", &namespace, "user namespace");
            leave_out(what, why, false);
            None
        }
        namespace => namespace,
    };
    let mut security_options = Vec::new();
    for option in &reach.security_options {
        if all || confines(option) {
            security_options.push(option.clone());
        } else {
            let (shown, why) = match option.char_indices().nth(80) {
                Some((end, _)) => {
                    (format!("{}...", &option[..end]), "the engine's own is stricter")
                }
                None => (option.clone(), ""),
            };
            leave_out(format!("--security-opt {shown}"), why, false);
        }
    }
    if all && target.privileged {
        security_options.extend(["seccomp=unconfined", "apparmor=unconfined"].map(str::to_owned));
    }
    let mounts = mounts::of_copy(reach, all, &mut leave_out);
    CopySettings {
        capabilities,
        network,
        ipc,
        uts,
        security_options,
        user_namespace,
        mounts,
        ..settings
    }
}

/// Whether a namespace is the host's, or is given by a file and so may be the host's.
pub(crate) fn is_host_namespace(mode: &str) -> bool {
    mode == "host" || mode.starts_with("ns:")
}

/// Describes a namespace that is left out, and why.
fn of_host(kind: &str, mode: &str, words: &str) -> (String, &'static str) {
    if mode == "host" {
        (format!("the host's {words}"), "")
    } else {
        (format!("{kind} {mode}"), "it may be the host's")
    }
}

/// Returns a capability's name as the engine takes it.
fn short_name(capability: &str) -> String {
    let upper = capability.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

/// Whether a container has this capability by default.
fn is_default(name: &str) -> bool {
    let only = capability::bounding_set(false, &[name.to_owned()], &["ALL".to_owned()]);
    only != 0 && only & !capability::DEFAULT == 0
}

/// Whether a seccomp profile denies system calls that it does not name, as the engine's own profile
/// does. The content of a file on the engine's host is unknown.
fn refuses_by_default(profile: &str) -> bool {
    const REFUSALS: &[&str] = &[
        "SCMP_ACT_ERRNO",
        "SCMP_ACT_KILL",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_KILL_THREAD",
        "SCMP_ACT_TRAP",
    ];
    if matches!(profile, "builtin" | "default") {
        return true;
    }
    let Ok(serde_json::Value::Object(profile)) = serde_json::from_str(profile) else {
        return false;
    };
    // Engines ignore the case of keys.
    let mut actions =
        profile.iter().filter(|(key, _)| key.eq_ignore_ascii_case("defaultAction")).peekable();
    actions.peek().is_some()
        && actions.all(|(_, action)| action.as_str().is_some_and(|text| REFUSALS.contains(&text)))
}

/// Whether an option only removes rights.
pub(super) fn confines(option: &str) -> bool {
    let (kind, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
    match kind {
        "no-new-privileges" => value != "false",
        "apparmor" => value != "unconfined",
        "seccomp" => refuses_by_default(value),
        "label" => !value.starts_with("disable") && !value.starts_with("type:spc_t"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
