//! Reads `/proc`.
//!
//! Files that every process may read (`stat`, `cmdline`, `cgroup`) are used where they suffice.
//! Others are readable only with the same user, group and capabilities.

use std::path::Path;
use std::{fs, io};

/// Returns the process ids that `/proc` lists.
pub(crate) fn all() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Returns the children of `parent`. Fails if `/proc` cannot be read, for example if this process
/// may open no more files: another process of the same user and group may set that limit
/// (`prlimit(2)`).
pub(crate) fn children_of(parent: i32) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        match stat(pid) {
            Ok(stat) if stat.parent == parent => found.push(pid),
            Err(error) if is_limit(&error) => return Err(error),
            // The process has ended since, or is not visible.
            _ => {}
        }
    }
    Ok(found)
}

/// `EMFILE` and `ENFILE`.
fn is_limit(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Returns an upper bound of all process ids.
pub(crate) fn end_of_ids() -> i32 {
    // The kernel's limit on 64-bit machines.
    const MOST: i32 = 4 << 20;
    fs::read_to_string("/proc/sys/kernel/pid_max")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(MOST)
}

/// Returns the processes with this program, whose command line continues with these arguments.
pub(crate) fn with_arguments(program: impl Fn(&[u8]) -> bool, arguments: &[&str]) -> Vec<i32> {
    all()
        .filter(|pid| {
            let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
            let mut words = line.split(|&byte| byte == 0);
            words.next().is_some_and(&program)
                && arguments.iter().all(|wanted| words.next() == Some(wanted.as_bytes()))
        })
        .collect()
}

/// Returns all descendants of a process, the nearest first.
pub(crate) fn descendants_of(ancestor: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> =
        all().filter_map(|pid| Some((pid, stat(pid).ok()?.parent))).collect();
    let mut found = vec![ancestor];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        let children = parents.iter().filter(|(pid, of)| *of == parent && !found.contains(pid));
        let children: Vec<i32> = children.map(|(pid, _)| *pid).collect();
        found.extend(children);
        at += 1;
    }
    found.split_off(1)
}

/// Returns the first process of a container, found by its control group: in every layout, the
/// group's name contains the container's full id.
pub(crate) fn first_of_container(id: &str) -> Option<i32> {
    let of_container = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(id))
    };
    all().filter(of_container).min()
}

/// Returns the effective user and group of a process.
pub(crate) fn ids(pid: i32) -> Option<(u32, u32)> {
    parse_ids(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Returns the control groups of a process, as the kernel lists them for this one. `process` is an
/// id, or `self`.
pub(crate) fn control_group(process: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{process}/cgroup")).ok()
}

/// Returns the supplementary groups of a process. Its effective group may be that of a set-group-id
/// program.
pub(crate) fn groups(pid: i32) -> Vec<u32> {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return Vec::new() };
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    line.split_ascii_whitespace().filter_map(|group| group.parse().ok()).collect()
}

/// The lines `Uid:` and `Gid:` of `/proc/PID/status` have the real, effective, saved and filesystem
/// ids.
fn parse_ids(status: &str) -> Option<(u32, u32)> {
    let effective = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    Some((effective("Uid:")?, effective("Gid:")?))
}

/// The used fields of `/proc/PID/stat`, see `proc_pid_stat(5)`.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Stat {
    /// Field 3.
    pub(crate) state: char,
    /// Field 4.
    pub(crate) parent: i32,
    /// Field 22, in clock ticks since boot. Distinguishes a process from a later one with the same
    /// id.
    pub(crate) start_time: u64,
}

impl Stat {
    /// Whether the process is stopped, by a signal or by a debugger.
    pub(crate) fn is_stopped(self) -> bool {
        matches!(self.state, 'T' | 't')
    }

    /// Whether the process cannot be interrupted: it waits for a device, or the old freezer of
    /// control groups holds it.
    pub(crate) fn is_frozen(self) -> bool {
        self.state == 'D'
    }

    /// Whether the process is stopped by a debugger.
    pub(crate) fn is_traced(self) -> bool {
        self.state == 't'
    }

    /// Whether the process's first thread has ended and was not reaped.
    pub(crate) fn is_zombie(self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// Reads `/proc/PID/stat`. Fails if there is no such process, or if a security module hides it.
pub(crate) fn stat(pid: i32) -> io::Result<Stat> {
    stat_of(Path::new(&format!("/proc/{pid}")))
}

/// Reads the `stat` file in the folder of a process or a thread.
pub(crate) fn stat_of(folder: &Path) -> io::Result<Stat> {
    // A process name need not be UTF-8.
    let text = fs::read(folder.join("stat"))?;
    parse_stat(&String::from_utf8_lossy(&text)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The name in field 2 may contain spaces and parentheses, so the other fields are counted from the
/// last `)`.
fn parse_stat(text: &str) -> Option<Stat> {
    let after_name = text.get(text.rfind(')')? + 1..)?;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let start_time = fields.nth(22 - 5)?.parse().ok()?;
    Some(Stat { state, parent, start_time })
}

#[cfg(test)]
mod tests {
    use super::{Stat, descendants_of, parse_stat};

    #[test]
    fn descendants_are_found_over_generations() {
        let own = std::process::id().cast_signed();
        let mut shell = std::process::Command::new("sh");
        let mut shell = shell
            .args(["-c", "sleep 1000 & echo; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut begun = [0];
        std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut begun).unwrap();
        let found = descendants_of(own);
        let first = found.iter().position(|&pid| pid == shell.id().cast_signed()).unwrap();
        let sleep = descendants_of(found[first]);
        assert_eq!(sleep.len(), 1);
        assert!(found[first..].contains(&sleep[0]) && !found.contains(&own));
        crate::system::send(sleep[0], crate::system::SIGKILL).unwrap();
        shell.wait().unwrap();
    }

    #[test]
    fn children_are_found_in_proc_and_without_it() {
        let own = std::process::id().cast_signed();
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id().cast_signed();
        assert!(super::children_of(own).unwrap().contains(&pid));
        assert!(crate::system::is_child(pid));
        for other in [1, own, super::end_of_ids()] {
            assert!(!crate::system::is_child(other), "{other}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!crate::system::is_child(pid));
    }

    #[test]
    fn stat_is_read_behind_a_name_with_parentheses() {
        let line = "7 (a) R (b)) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1 1";
        assert_eq!(parse_stat(line), Some(Stat { state: 'S', parent: 3, start_time: 12345 }));
    }

    #[test]
    fn effective_ids_are_read() {
        let status =
            "Name:\tx\nUmask:\t0022\nUid:\t0\t65532\t0\t0\nGid:\t7\t8\t9\t10\nGroups:\t2000 \n";
        assert_eq!(super::parse_ids(status), Some((65532, 8)));
        for bad in ["", "Uid:\t0\n", "Uid:\t0\t1\t2\t3\n", "Uid:\tx\ty\t0\t0\nGid:\t0\t0\t0\t0\n"] {
            assert_eq!(super::parse_ids(bad), None, "{bad:?}");
        }
        assert_eq!(super::ids(-1), None);
    }

    #[test]
    fn a_short_stat_is_no_process() {
        assert_eq!(parse_stat("7 (a) S 3"), None);
        assert_eq!(parse_stat(""), None);
    }
}
