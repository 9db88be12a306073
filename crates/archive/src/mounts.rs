//! The filesystems that the kernel makes up, which are not part of anybody's files.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// Their types.
const TYPES: &[&str] = &[
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// Returns where they are mounted, as far as this process sees.
pub fn kernel_filesystems() -> Vec<PathBuf> {
    fs::read("/proc/self/mountinfo").map(|table| of_table(&table)).unwrap_or_default()
}

/// Reads the table of `proc_pid_mountinfo(5)`.
fn of_table(table: &[u8]) -> Vec<PathBuf> {
    let of_line = |line: &[u8]| {
        let mut words = line.split(|&byte| byte == b' ');
        let place = words.nth(4)?;
        let kind = words.skip_while(|word| *word != b"-").nth(1)?;
        let is_one = TYPES.iter().any(|known| known.as_bytes() == kind);
        is_one.then(|| OsString::from_vec(unescaped(place)).into())
    };
    table.split(|&byte| byte == b'\n').filter_map(of_line).collect()
}

/// Replaces `\040` and the like by what they stand for.
fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let [first, rest @ ..] = text {
        let code = match text {
            [b'\\', code @ ..] if code.len() >= 3 => std::str::from_utf8(&code[..3]).ok(),
            _ => None,
        };
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                text = &rest[3..];
            }
            None => {
                plain.push(*first);
                text = rest;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_mounts_is_read() {
        let table = b"22 1 0:20 / /proc rw shared:5 master:1 - proc proc rw\n\
            23 1 0:21 / / rw - overlay overlay rw\n\
            24 1 0:22 / /a\\040b rw - sysfs sysfs rw\n\
            25 1 0:23 / /run rw - tmpfs tmpfs rw\nnonsense\n";
        assert_eq!(of_table(table), [PathBuf::from("/proc"), PathBuf::from("/a b")]);
        assert_eq!(unescaped(b"\\04"), b"\\04");
        assert!(kernel_filesystems().contains(&PathBuf::from("/proc")));
    }
}
