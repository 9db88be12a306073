//! Explains why the kernel denies access, so that a user can act on it.

use std::fs;

use crate::advice;

/// Explains why the root of a process cannot be entered: which of the kernel's checks (`ptrace(2)`,
/// "Ptrace access mode checking") fails, and the smallest remedy.
pub(crate) fn of_root(pid: i32) -> String {
    explain(&Facts::of(&pid.to_string()), &Facts::of("self"))
}

/// Returns the difference of rights for which a process does not show its root to this one, if this
/// one has capabilities, but not the one to see others.
pub(crate) fn has_other_rights(pid: i32) -> Option<String> {
    let (theirs, ours) = (Facts::of(&pid.to_string()), Facts::of("self"));
    let capabilities = ours.capabilities("CapEff:")?;
    if capabilities == 0 || capabilities & SYS_PTRACE != 0 {
        return None;
    }
    other_ids(&theirs, &ours).or_else(|| more_capabilities(&theirs, &ours))
}

const SYS_PTRACE: u64 = 1 << 19;

/// The facts that the kernel compares.
struct Facts {
    /// `/proc/PID/status`.
    status: String,
    /// `/proc/PID/attr/current`: the label that a security module gives the process; empty without
    /// a security module.
    label: String,
}

impl Facts {
    fn of(pid: &str) -> Self {
        Self {
            status: fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(),
            label: label(pid),
        }
    }

    /// The words of a field of the status.
    fn field(&self, field: &str) -> Vec<&str> {
        let line = self.status.lines().find_map(|line| line.strip_prefix(field));
        line.unwrap_or_default().split_ascii_whitespace().collect()
    }

    fn capabilities(&self, field: &str) -> Option<u64> {
        u64::from_str_radix(self.field(field).first()?, 16).ok()
    }
}

/// Returns a process's label; empty without a security module.
fn label(pid: &str) -> String {
    let label = fs::read_to_string(format!("/proc/{pid}/attr/current")).unwrap_or_default();
    // SELinux ends it with a zero byte, AppArmor with a newline.
    label.trim_end_matches(['\0', '\n']).to_owned()
}

fn explain(theirs: &Facts, ours: &Facts) -> String {
    const REMEDY: &str = "--mode sidecar -u 0:0 --cap-add SYS_PTRACE overrides it";
    // `SYS_PTRACE` overrides all checks below, but not those of a security module.
    if ours.capabilities("CapEff:").is_some_and(|set| set & SYS_PTRACE != 0) {
        if theirs.label.is_empty() && ours.label.is_empty() {
            return "we have SYS_PTRACE, so it is in a user namespace above ours, or a security module forbids it"
                .to_owned();
        }
        return format!(
            "we have SYS_PTRACE, so it is a security module of the kernel: {}",
            labels(theirs, ours)
        );
    }
    if let Some(difference) = other_ids(theirs, ours) {
        return format!("{difference}; run as the same with -u, or {REMEDY}");
    }
    if let Some(difference) = more_capabilities(theirs, ours) {
        return format!("{difference}; {REMEDY}");
    }
    if theirs.label != ours.label {
        return format!(
            "same user and group, and no capability more: it is a security module of the kernel, or it is not dumpable \
             ({REMEDY}); {}",
            labels(theirs, ours)
        );
    }
    format!(
        "same user and group, and no capability more: it is not dumpable (its file cannot be read by its user), or a \
         security module forbids it; {REMEDY}"
    )
}

/// Returns the first difference between the ids of two processes.
fn other_ids(theirs: &Facts, ours: &Facts) -> Option<String> {
    [("Uid:", "user"), ("Gid:", "group")].into_iter().find_map(|(field, what)| {
        let (their_ids, our_ids) = (theirs.field(field), ours.field(field));
        let their_ids = &their_ids[..3.min(their_ids.len())];
        let own = our_ids.get(3).copied().unwrap_or_default();
        // The kernel compares their real, effective and saved ids with our filesystem id.
        their_ids
            .iter()
            .any(|id| *id != own)
            .then(|| format!("its {what} is {} and ours is {own}", their_ids.join("/")))
    })
}

/// Names the capabilities that a process has and this one has not.
fn more_capabilities(theirs: &Facts, ours: &Facts) -> Option<String> {
    let more = theirs.capabilities("CapPrm:")? & !ours.capabilities("CapPrm:")?;
    (more != 0).then(|| format!("it has capabilities ({more:#x}) that we have not"))
}

/// Explains a denial by a security module, and how to avoid it.
fn labels(theirs: &Facts, ours: &Facts) -> String {
    let (theirs, ours) = (&theirs.label, &ours.label);
    format!(
        "its label is `{}` and ours is `{}`; {}",
        theirs.escape_debug(),
        ours.escape_debug(),
        unconfined(ours)
    )
}

/// Returns the option that disables confinement by the module that gave this label.
fn unconfined(label: &str) -> String {
    // SELinux: `user:role:type:level`. AppArmor: `profile (mode)` or `unconfined`.
    let option =
        if label.matches(':').count() >= 3 { "label=disable" } else { "apparmor=unconfined" };
    advice::platform().unconfined(option)
}

/// Explains why a security module denies this process what its user may do. Returns `None` without
/// a security module.
pub(crate) fn by_module() -> Option<String> {
    let label = label("self");
    let text = || {
        format!(
            "permission denied by a security module of the kernel: the label of this session is `{}`, as the target's; {}",
            label.escape_debug(),
            unconfined(&label)
        )
    };
    (!label.is_empty()).then(text)
}

#[cfg(test)]
mod tests {
    use super::{Facts, explain};

    fn facts(uid: u32, gid: u32, capabilities: &str, label: &str) -> Facts {
        let status = format!(
            "Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nCapPrm:\t{capabilities}\n\
             CapEff:\t{capabilities}\n"
        );
        Facts { status, label: label.to_owned() }
    }

    #[test]
    fn the_check_that_failed_is_named() {
        let ours = facts(1000, 0, "0000000000000000", "");
        let cases = [
            (facts(0, 0, "0000000000000000", ""), "its user is 0/0/0 and ours is 1000"),
            (facts(1000, 7, "0000000000000000", ""), "its group is 7/7/7 and ours is 0"),
            (facts(1000, 0, "0000000000001000", ""), "it has capabilities (0x1000)"),
            (facts(1000, 0, "0000000000000000", ""), "not dumpable"),
        ];
        for (theirs, expected) in cases {
            let text = explain(&theirs, &ours);
            assert!(text.contains(expected) && text.contains("SYS_PTRACE"), "{text}");
        }
    }

    #[test]
    fn a_security_module_is_named_with_both_labels() {
        let cases = [
            ("unconfined", "docker-default (enforce)", "apparmor=unconfined"),
            ("web (enforce)", "docker-default (enforce)", "apparmor=unconfined"),
            (
                "system_u:system_r:spc_t:s0",
                "system_u:system_r:container_t:s0:c1,c2",
                "label=disable",
            ),
        ];
        for (theirs, ours, remedy) in cases {
            // With `SYS_PTRACE`, neither the user nor the capabilities matter.
            for (capabilities, uid) in [("0000000000080000", 7), ("0000000000000000", 0)] {
                let text = explain(
                    &facts(uid, uid, capabilities, theirs),
                    &facts(0, 0, capabilities, ours),
                );
                for part in [theirs, ours, remedy, "security module"] {
                    assert!(text.contains(part), "{part} in {text}");
                }
            }
        }
    }
}
