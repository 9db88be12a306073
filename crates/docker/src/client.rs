//! Identifies the process that created an object in an engine, so that another client on the same
//! machine can determine whether that process is still running. Clocks do not show that.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use sha2::{Digest as _, Sha256};

/// The state of the process that created an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// It is running.
    Alive,
    /// It has ended.
    Gone,
    /// It ran on another machine, or before this machine was booted, or it left no mark.
    Unknown,
}

/// Returns the mark of this process, `MACHINE-PID-START`. Returns `None` without `/proc`.
pub(crate) fn own_mark() -> Option<String> {
    let pid = std::process::id();
    Some(format!("{}-{pid}-{}", machine()?, stat(pid)?.start))
}

/// Whether the mark was created on this machine since its last boot. Only processes that see this
/// machine can know its mark, so an image from elsewhere cannot contain it.
pub(crate) fn is_of_this_machine(mark: &str) -> bool {
    parse(mark).is_some_and(|(of, ..)| machine().is_some_and(|own| own == of))
}

/// Whether a text has the form of a mark.
pub(crate) fn is_mark(text: &str) -> bool {
    parse(text).is_some()
}

/// Determines the state of the process that a mark identifies.
pub(crate) fn client(mark: Option<&str>) -> Client {
    match mark.and_then(parse) {
        Some((of, pid, start)) if machine().is_some_and(|own| own == of) => process(pid, start),
        _ => Client::Unknown,
    }
}

fn process(pid: u32, start: u64) -> Client {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Client::Unknown;
    };
    // A `/proc` may hide other users' processes. The kernel still reports whether the process
    // exists.
    match test_kill_process(number) {
        Err(Errno::SRCH) => Client::Gone,
        Ok(()) | Err(_) => match stat(pid) {
            // The process id was reused, or the process is a zombie.
            Some(found) if found.start != start || matches!(found.state, 'Z' | 'X') => Client::Gone,
            _ => Client::Alive,
        },
    }
}

/// Parses `MACHINE-PID-START`.
fn parse(mark: &str) -> Option<(&str, u32, u64)> {
    let mut words = mark.split('-');
    let (machine, pid, start) = (words.next()?, words.next()?, words.next()?);
    let is_digest = machine.len() == 16 && machine.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_digest || words.next().is_some() {
        return None;
    }
    Some((machine, pid.parse().ok()?, start.parse().ok()?))
}

/// Identifies this boot of this machine, and the namespaces that process ids and start times are
/// relative to.
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace =
        |name: &str| fs::metadata(format!("/proc/self/ns/{name}")).map_or(0, |file| file.ino());
    let digest =
        Sha256::digest(format!("{} {} {}", boot.trim(), namespace("pid"), namespace("time")));
    let first = digest.iter().take(8).fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    Some(format!("{first:016x}"))
}

struct Stat {
    state: char,
    /// The start time, in clock ticks since boot.
    start: u64,
}

/// Parses `/proc/PID/stat`, see proc(5). The second field is a name in parentheses, which may
/// contain any characters.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    Some(Stat { state: fields.next()?.chars().next()?, start: fields.nth(18)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_process() {
        let own = own_mark().unwrap();
        assert_eq!(client(Some(&own)), Client::Alive);
        assert!(is_of_this_machine(&own));
        let (machine, pid, start) = parse(&own).unwrap();
        // The same process id, but another process.
        assert_eq!(client(Some(&format!("{machine}-{pid}-{}", start + 1))), Client::Gone);
        // Process ids are less than 2^22.
        assert_eq!(client(Some(&format!("{machine}-2147483647-{start}"))), Client::Gone);
        let elsewhere = format!("0123456789abcdef-{pid}-{start}");
        assert_eq!(client(Some(&elsewhere)), Client::Unknown);
        assert!(!is_of_this_machine(&elsewhere));
        for text in [
            "",
            "x",
            "0123456789abcdef-1",
            "0123456789abcdef-1-2-3",
            "0123456789abcdeg-1-2",
            "0123-1-2",
        ] {
            assert_eq!(client(Some(text)), Client::Unknown, "{text:?}");
            assert!(!is_mark(text), "{text:?}");
        }
        assert_eq!(client(None), Client::Unknown);
    }

    #[test]
    fn one_that_nobody_has_waited_for_is_gone() {
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while stat(child.id()).is_some_and(|stat| stat.state != 'Z')
            && std::time::Instant::now() < deadline
        {
            std::thread::yield_now();
        }
        let start = stat(child.id()).unwrap().start;
        assert_eq!(process(child.id(), start), Client::Gone);
        child.wait().unwrap();
    }
}
