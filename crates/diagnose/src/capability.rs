//! Linux capabilities: their names, and the set that an engine gives a container.

/// The bounding set of a container that Docker, containerd or Podman start without options.
pub const DEFAULT: u64 = 0xa804_25fb;

/// Names by bit (`linux/capability.h`).
const NAMES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Returns the names of the capabilities in a set.
pub(crate) fn names(set: u64) -> Vec<String> {
    (0..64)
        .filter(|bit| set >> bit & 1 != 0)
        .map(|bit| NAMES.get(bit).map_or_else(|| format!("capability {bit}"), ToString::to_string))
        .collect()
}

/// Returns `CapBnd` of a container with these options: `ALL` is applied before the names, as in
/// moby's `caps.TweakCapabilities`.
pub fn bounding_set(privileged: bool, add: &[String], drop: &[String]) -> u64 {
    let all = (1 << NAMES.len()) - 1;
    if privileged {
        return all;
    }
    let named =
        |list: &[String]| list.iter().filter_map(|name| bit(name)).fold(0, |set, bit| set | bit);
    let holds_all = |list: &[String]| list.iter().any(|name| name.eq_ignore_ascii_case("ALL"));
    match (holds_all(add), holds_all(drop)) {
        (true, _) => all & !named(drop),
        (false, true) => named(add),
        (false, false) => (DEFAULT | named(add)) & !named(drop),
    }
}

/// Returns the names in a set, without `CAP_`.
pub fn known_names(set: u64) -> Vec<&'static str> {
    NAMES
        .iter()
        .enumerate()
        .filter(|(index, _)| set & (1 << index) != 0)
        .map(|(_, name)| *name)
        .collect()
}

/// Reports whether an option accepts this name: a capability, with or without `CAP_`, or `ALL`.
pub fn is_known(name: &str) -> bool {
    name.eq_ignore_ascii_case("ALL") || bit(name).is_some()
}

fn bit(name: &str) -> Option<u64> {
    let name = name.to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    NAMES.iter().position(|known| *known == name).map(|index| 1 << index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_a_set() {
        let list = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let all = (1_u64 << 41) - 1;
        for (privileged, add, drop, expected) in [
            (true, &[][..], &["ALL"][..], all),
            (false, &[], &[], DEFAULT),
            (false, &[], &["ALL"], 0),
            (false, &["cap_chown", "NET_ADMIN"], &["all"], 1 | 1 << 12),
            (false, &["ALL"], &["CHOWN"], all & !1),
            (false, &["SYS_PTRACE"], &["CAP_CHOWN"], (DEFAULT | 1 << 19) & !1),
        ] {
            assert_eq!(
                bounding_set(privileged, &list(add), &list(drop)),
                expected,
                "{add:?} {drop:?}"
            );
        }
        assert_eq!(known_names(1 | 1 << 12), ["CHOWN", "NET_ADMIN"]);
        assert_eq!(known_names(all).len(), NAMES.len());
    }
}
