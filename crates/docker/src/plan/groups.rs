//! Determines whether a container's processes can choose the groups of a session inside it.
//!
//! The runtime looks the groups of an exec up in the container's `/etc/group`, and takes numbers
//! for names there. The launcher checks them. But a process that runs its own program in the
//! launcher's place would have them first, and can do so where it finds the path to the launcher.

use scratchdbg_diagnose::capability;

use super::keeper_rights::is_root;
use crate::target::Target;
use crate::user::NumericUser;

/// Whether a container's processes can choose the groups that the runtime looks up for a session
/// inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupChoice {
    /// They cannot, or could give themselves any group, or do without.
    NoGain,
    /// Root may write the files, and may not set groups.
    Possible,
    /// They may also find the path to the launcher, by this means.
    InPlace(String),
    /// The same, and they may mount something over the files, so that it does not matter whether
    /// these can be written.
    OverFiles(String),
    /// Only if the container's user may write the files.
    ByFiles,
    /// Only if the container's user may write the files: it may find the path to the launcher, by
    /// this means.
    InPlaceByFiles(String),
}

/// Capabilities with which root needs no group: it may set them, or needs no permission of a file.
const WITHOUT_GROUPS: [&str; 2] = ["SETGID", "DAC_OVERRIDE"];

/// Capabilities that do not help root to list the folder of names, which belongs to another user.
const HARMLESS: [&str; 15] = [
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "LEASE",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYSLOG",
    "WAKE_ALARM",
];

/// Capabilities that help a user other than root to find the path to the launcher, or to take over
/// the launcher, but not to write files of root.
const WITHOUT_WRITING: [&str; 4] = ["SYS_PTRACE", "DAC_READ_SEARCH", "SYS_CHROOT", "SETPCAP"];

/// Determines what a container's configuration says about this. Where it says that files are to be
/// written, the caller has to look whether they can be. `user` is the user of a session;
/// `is_own` states that it is the container's own.
pub(crate) fn group_choice(
    target: &Target,
    user: NumericUser,
    is_own: bool,
    is_podman: bool,
) -> GroupChoice {
    let granted = capability::bounding_set(
        target.privileged,
        &target.added_capabilities,
        &target.dropped_capabilities,
    );
    let granted = capability::known_names(granted);
    let is_root = is_root(&target.user) || (is_own && user.uid == 0);
    let needs_none = granted.iter().any(|name| WITHOUT_GROUPS.contains(name));
    if is_root && needs_none {
        return GroupChoice::NoGain;
    }
    if may_cover_paths(target, &granted, is_podman) {
        return GroupChoice::OverFiles(
            "it may mount a filesystem that answers for every name".to_owned(),
        );
    }
    // A set-user-id program makes other users root, with the same capabilities at most.
    let may_be_root = is_root || !target.no_new_privileges;
    if needs_none || !may_be_root {
        return by_added_capabilities(target, is_podman).unwrap_or(GroupChoice::ByFiles);
    }
    // In Podman the folder of names is root's own, and only these groups are looked up.
    if is_podman && !target.added_groups.is_empty() {
        return GroupChoice::InPlace(
            "root there may not have SETGID, and its groups are looked up".to_owned(),
        );
    }
    match granted.into_iter().find(|name| !HARMLESS.contains(name)) {
        Some(helpful) => {
            GroupChoice::InPlace(format!("root there may have {helpful}, and not SETGID"))
        }
        None => GroupChoice::Possible,
    }
}

/// Determines what the capabilities that a container was given say of a user other than root, if
/// they help it. Podman gives them to every user, and looks the user of a session up by name.
/// Elsewhere, only a program with capabilities of its own has them.
fn by_added_capabilities(target: &Target, is_podman: bool) -> Option<GroupChoice> {
    let added = capability::bounding_set(
        target.privileged && is_podman,
        &target.added_capabilities,
        &["ALL".to_owned()],
    );
    let added = capability::known_names(added);
    let helpful = |name: &&&str| !HARMLESS.contains(*name);
    let writes = |name: &&&str| !WITHOUT_WRITING.contains(*name);
    let told = |name: &str| format!("its user may have {name}");
    match added.iter().filter(helpful).find(writes) {
        Some(name) if is_podman => Some(GroupChoice::InPlace(told(name))),
        _ => added.iter().find(helpful).map(|name| GroupChoice::InPlaceByFiles(told(name))),
    }
}

/// Whether a process may mount a filesystem of its own over the keeper's `/proc`, in which every
/// name leads to its program. FUSE answers for every name, and so does autofs, for which the
/// process needs the capability in the host's user namespace. A profile of one's own for seccomp
/// may let namespaces be made, and so does Podman's.
fn may_cover_paths(target: &Target, granted: &[&str], is_podman: bool) -> bool {
    // A privileged container has all capabilities.
    let may_mount = target.privileged || granted.contains(&"SYS_ADMIN");
    let may_make_namespaces = is_podman || target.seccomp.is_some();
    may_mount || (may_make_namespaces && !target.reach.devices.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Reach;
    use crate::target::tests::target;

    fn of(user: &str, add: &str, drop: &str) -> Target {
        let list = |words: &str| words.split_whitespace().map(str::to_owned).collect();
        Target {
            user: user.to_owned(),
            added_capabilities: list(add),
            dropped_capabilities: list(drop),
            ..target()
        }
    }

    const ROOT: NumericUser = NumericUser { uid: 0, gid: 0 };
    const USER: NumericUser = NumericUser { uid: 1000, gid: 1000 };

    #[test]
    fn who_may_set_groups_gains_none() {
        for (user, add, drop, expected) in [
            (ROOT, "", "", GroupChoice::NoGain),
            (ROOT, "", "NET_RAW", GroupChoice::NoGain),
            (ROOT, "CAP_SETGID", "ALL", GroupChoice::NoGain),
            (ROOT, "DAC_OVERRIDE", "ALL", GroupChoice::NoGain),
            (ROOT, "", "SETGID", GroupChoice::NoGain),
            (ROOT, "", "ALL", GroupChoice::Possible),
            (ROOT, "NET_RAW NET_BIND_SERVICE", "ALL", GroupChoice::Possible),
            (USER, "", "", GroupChoice::ByFiles),
            // By a set-user-id program.
            (USER, "", "ALL", GroupChoice::Possible),
        ] {
            let target = of("x", add, drop);
            assert_eq!(group_choice(&target, user, true, false), expected, "{user} +{add} -{drop}");
            let confined = Target { no_new_privileges: true, ..target };
            let expected = if user == USER { GroupChoice::ByFiles } else { expected };
            assert_eq!(
                group_choice(&confined, user, true, false),
                expected,
                "{user} +{add} -{drop}"
            );
        }
    }

    #[test]
    fn capabilities_that_were_added_help_other_users() {
        let by_files =
            |means: &str| GroupChoice::InPlaceByFiles(format!("its user may have {means}"));
        let in_place = |means: &str| GroupChoice::InPlace(format!("its user may have {means}"));
        for (add, in_docker, in_podman) in [
            ("SYS_PTRACE", by_files("SYS_PTRACE"), by_files("SYS_PTRACE")),
            ("NET_ADMIN", GroupChoice::ByFiles, GroupChoice::ByFiles),
            ("CHOWN", by_files("CHOWN"), in_place("CHOWN")),
            ("NET_ADMIN SETGID", by_files("SETGID"), in_place("SETGID")),
        ] {
            let target = of("x", add, "");
            for (is_podman, expected) in [(false, &in_docker), (true, &in_podman)] {
                assert_eq!(group_choice(&target, USER, true, is_podman), *expected, "{add}");
                // It has them in spite of this.
                let confined = Target { no_new_privileges: true, ..target.clone() };
                assert_eq!(group_choice(&confined, USER, true, is_podman), *expected, "{add}");
                assert_eq!(group_choice(&target, ROOT, true, is_podman), GroupChoice::NoGain);
            }
        }
        let privileged = Target { privileged: true, ..of("x", "", "") };
        assert!(matches!(group_choice(&privileged, USER, true, true), GroupChoice::OverFiles(_)));
    }

    #[test]
    fn who_may_find_the_path_is_known_by_the_means() {
        for (user, add, drop, means) in [
            (ROOT, "CHOWN", "ALL", "CHOWN"),
            (ROOT, "CAP_FOWNER", "ALL", "FOWNER"),
            (ROOT, "NET_RAW SETUID", "ALL", "SETUID"),
            (ROOT, "SYS_PTRACE", "ALL", "SYS_PTRACE"),
            (ROOT, "", "SETGID DAC_OVERRIDE", "CHOWN"),
            (USER, "CHOWN", "ALL", "CHOWN"),
        ] {
            let choice = group_choice(&of("x", add, drop), user, true, false);
            assert!(
                matches!(&choice, GroupChoice::InPlace(told) if told.contains(means)),
                "{user} +{add} -{drop}"
            );
        }
        let added = |names: &[&str]| {
            let added_groups = names.iter().map(ToString::to_string).collect();
            group_choice(&Target { added_groups, ..of("0", "", "ALL") }, ROOT, true, true)
        };
        assert_eq!(added(&[]), GroupChoice::Possible);
        assert!(matches!(added(&["3000"]), GroupChoice::InPlace(_)));
        // What answers for every name needs a device, and namespaces to mount it in.
        let reach = Reach { devices: vec!["/dev/fuse".to_owned()], ..Reach::default() };
        for (seccomp, add, devices, expected) in [
            (Some("unconfined"), "", true, true),
            (None, "SYS_ADMIN", true, true),
            // autofs needs no device.
            (None, "SYS_ADMIN", false, true),
            (Some("unconfined"), "", false, false),
            (None, "", true, false),
        ] {
            let reach = if devices { reach.clone() } else { Reach::default() };
            let target = Target { seccomp: seccomp.map(str::to_owned), reach, ..of("x", add, "") };
            let covers = |target: &Target, is_podman| {
                matches!(group_choice(target, USER, true, is_podman), GroupChoice::OverFiles(_))
            };
            assert_eq!(covers(&target, false), expected, "{seccomp:?} {add} {devices}");
            let in_podman = devices || add == "SYS_ADMIN";
            assert_eq!(covers(&target, true), in_podman, "{seccomp:?} {add} {devices}");
            assert_eq!(group_choice(&target, ROOT, true, false), GroupChoice::NoGain);
            let roots = Target { user: "0".to_owned(), ..target };
            assert_eq!(
                group_choice(&roots, USER, false, false),
                GroupChoice::NoGain,
                "root could be that user"
            );
        }
    }
}
