//! The root of another container's process, and why it may be denied.

use std::{env, fs, io};

use crate::processes;

/// Makes the root of a container's first process the working directory: its path.
pub(crate) fn enter(container: &str) -> Result<String, String> {
    // Process 1 is the target's own, unless it shares its PID namespace with others.
    let pid = processes::first_of_container(container).unwrap_or(1);
    let root = format!("/proc/{pid}/root");
    env::set_current_dir(&root).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{root} is denied: {}", why_denied(pid)),
        _ => format!("cannot go to {root}: {error}"),
    })?;
    Ok(root)
}

/// Which of the kernel's checks (`ptrace(2)`, "Ptrace access mode checking") says no, and the smallest remedy.
fn why_denied(pid: i32) -> String {
    let status = |pid: &str| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    explain(&status(&pid.to_string()), &status("self"))
}

fn explain(theirs: &str, ours: &str) -> String {
    const REMEDY: &str = "--mode sidecar -u 0:0 --cap-add SYS_PTRACE overrides it";
    for (field, what) in [("Uid:", "user"), ("Gid:", "group")] {
        let (their_ids, our_ids) = (ids(theirs, field), ids(ours, field));
        // Real, effective and saved id of theirs against the filesystem id of ours.
        if their_ids.iter().take(3).any(|id| Some(id) != our_ids.get(3)) {
            let own = our_ids.get(3).cloned().unwrap_or_default();
            return format!(
                "its {what} is {} and ours is {own}; run as the same with -u, or {REMEDY}",
                their_ids[..3.min(their_ids.len())].join("/")
            );
        }
    }
    let capabilities = |text: &str| ids(text, "CapPrm:").first().and_then(|hex| u64::from_str_radix(hex, 16).ok());
    if let (Some(theirs), Some(ours)) = (capabilities(theirs), capabilities(ours))
        && theirs & !ours != 0
    {
        return format!("it has capabilities ({:#x}) that we have not; {REMEDY}", theirs & !ours);
    }
    format!(
        "same user and group, and no capability more: it is not dumpable (its file cannot be read by its user), or a security module forbids it; {REMEDY}"
    )
}

/// The words behind a field of `/proc/PID/status`.
fn ids(status: &str, field: &str) -> Vec<String> {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::explain;

    fn status(uid: u32, gid: u32, capabilities: &str) -> String {
        format!(
            "Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nCapPrm:\t{capabilities}\n"
        )
    }

    #[test]
    fn the_check_that_failed_is_named() {
        let ours = status(1000, 0, "0000000000000000");
        let cases = [
            (status(0, 0, "0000000000000000"), "its user is 0/0/0 and ours is 1000"),
            (status(1000, 7, "0000000000000000"), "its group is 7/7/7 and ours is 0"),
            (status(1000, 0, "0000000000001000"), "it has capabilities (0x1000)"),
            (status(1000, 0, "0000000000000000"), "not dumpable"),
        ];
        for (theirs, expected) in cases {
            let text = explain(&theirs, &ours);
            assert!(text.contains(expected) && text.contains("SYS_PTRACE"), "{text}");
        }
    }
}
