//! What `/proc` says about processes.
//!
//! Only files that every process may read are used: `stat` and `cmdline`. `environ`, `exe` and `root` are refused to
//! the keeper when the target has capabilities that the keeper lacks.

use std::{fs, io};

/// The process ids that `/proc` lists.
fn all() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The processes whose parent is `parent`.
pub(crate) fn children_of(parent: i32) -> Vec<i32> {
    all().filter(|&pid| stat(pid).is_ok_and(|stat| stat.parent == parent)).collect()
}

/// The processes whose command line begins with these arguments.
pub(crate) fn with_arguments(prefix: &[&str]) -> Vec<i32> {
    all()
        .filter(|pid| {
            let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
            let mut arguments = line.split(|&byte| byte == 0);
            prefix.iter().all(|wanted| arguments.next() == Some(wanted.as_bytes()))
        })
        .collect()
}

/// The first process of a container, by the control group that its engine put it into: every layout has the full id in
/// the group's name.
pub(crate) fn first_of_container(id: &str) -> Option<i32> {
    let of_container =
        |pid: &i32| fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(id));
    all().filter(of_container).min()
}

/// Two numbers of `/proc/PID/stat`, see `proc_pid_stat(5)`.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Stat {
    /// Field 4.
    pub(crate) parent: i32,
    /// Field 22, in clock ticks since boot: tells a process from a later one with the same id.
    pub(crate) start_time: u64,
}

/// Reads `/proc/PID/stat`. Fails when there is no such process, or when a security module does not let it be seen.
pub(crate) fn stat(pid: i32) -> io::Result<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat"))?).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The name in field 2 may hold spaces and parentheses: the fields after it are counted from the last `)`.
fn parse_stat(text: &str) -> Option<Stat> {
    let after_name = text.get(text.rfind(')')? + 1..)?;
    let mut fields = after_name.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let start_time = fields.nth(22 - 5)?.parse().ok()?;
    Some(Stat { parent, start_time })
}

#[cfg(test)]
mod tests {
    use super::{Stat, parse_stat};

    #[test]
    fn stat_is_read_behind_a_name_with_parentheses() {
        let line = "7 (a) R (b)) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1 1";
        assert_eq!(parse_stat(line), Some(Stat { parent: 3, start_time: 12345 }));
    }

    #[test]
    fn a_short_stat_is_no_process() {
        assert_eq!(parse_stat("7 (a) S 3"), None);
        assert_eq!(parse_stat(""), None);
    }
}
