//! Checks the user and groups that the engine gave to the session's process.
//!
//! When an engine starts a process, the container runtime looks its user and groups up in the
//! target's files, numbers too: a group whose name is the number `1000` has another number. A
//! target that wrote these files must not give the session a user or group that the target lacks.
//! So the client says which ones it expects, and the rest is dropped, or ends the session.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::str;

use crate::{processes, system};

/// The variable with what the client expects, see [`Expected::parse`].
const VARIABLE: &CStr = c"SCRATCHDBG_IDS";

/// The name of the variable, which the command must not get.
pub(crate) fn variable() -> String {
    VARIABLE.to_string_lossy().into_owned()
}

/// Fails if this process has a user or group that the client does not expect, and cannot drop it.
/// Succeeds if the client did not name any.
pub(crate) fn check() -> Result<(), String> {
    let Some(expected) = system::take_variable(VARIABLE) else { return Ok(()) };
    let mut expected = Expected::parse(&expected).ok_or("the expected user is malformed")?;
    if expected.has_targets_own {
        expected.groups.extend(first_process().map(processes::groups).unwrap_or_default());
    }
    let groups =
        system::groups().map_err(|error| format!("cannot read the session's groups: {error}"))?;
    match expected.verdict(system::user(), system::group(), &groups) {
        Verdict::Fine => Ok(()),
        Verdict::Without(kept) => system::set_groups(&kept).map_err(|_| {
            let other =
                groups.iter().find(|group| !kept.contains(group)).copied().unwrap_or_default();
            foreign("group", other)
        }),
        Verdict::User(user) => Err(foreign("user", user)),
        Verdict::Group(group) => Err(foreign("group", group)),
    }
}

fn foreign(what: &str, id: u32) -> String {
    format!("the target's files give the session the {what} {id}, which the target does not have")
}

/// The first process of this container: the one that has run for the longest time.
fn first_process() -> Option<i32> {
    let group = processes::control_group("self");
    let of_container =
        |pid: &i32| group.is_some() && processes::control_group(&pid.to_string()) == group;
    let begun = |pid: i32| processes::stat(pid).ok().map(|stat| (stat.start_time, pid));
    processes::all().filter(of_container).filter_map(begun).min().map(|(_, pid)| pid)
}

/// The user and groups that a session may have.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    user: u32,
    groups: BTreeSet<u32>,
    /// The groups of the target's first process too.
    has_targets_own: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// Supplementary groups are unexpected. These are not.
    Without(Vec<u32>),
    /// The user is unexpected.
    User(u32),
    /// The group is unexpected.
    Group(u32),
}

impl Expected {
    /// Parses `USER:GROUP[,GROUP...][,own]`.
    fn parse(text: &[u8]) -> Option<Self> {
        let (user, groups) = str::from_utf8(text).ok()?.split_once(':')?;
        let user = user.parse().ok()?;
        let mut expected = Self { user, groups: BTreeSet::new(), has_targets_own: false };
        for group in groups.split(',') {
            match group {
                "own" => expected.has_targets_own = true,
                group => drop(expected.groups.insert(group.parse().ok()?)),
            }
        }
        Some(expected)
    }

    fn verdict(&self, user: u32, group: u32, groups: &[u32]) -> Verdict {
        let (kept, others): (Vec<u32>, Vec<u32>) =
            groups.iter().partition(|group| self.groups.contains(group));
        if user != self.user {
            Verdict::User(user)
        } else if !self.groups.contains(&group) {
            Verdict::Group(group)
        } else if others.is_empty() {
            Verdict::Fine
        } else {
            Verdict::Without(kept)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Expected, Verdict};

    #[test]
    fn only_expected_ids_pass() {
        for (expected, user, group, groups, verdict) in [
            ("1000:1000", 1000, 1000, &[][..], Verdict::Fine),
            ("1000:1000,5,6", 1000, 1000, &[1000, 6, 5], Verdict::Fine),
            ("1000:1000,5,6,own", 1000, 1000, &[1000, 6, 4242], Verdict::Without(vec![1000, 6])),
            ("0:0", 0, 0, &[4242], Verdict::Without(vec![])),
            ("1000:1000", 0, 1000, &[], Verdict::User(0)),
            ("1000:1000", 1000, 4242, &[], Verdict::Group(4242)),
            ("1000:1000,4242", 1000, 4242, &[], Verdict::Fine),
        ] {
            let expected = Expected::parse(expected.as_bytes()).unwrap();
            assert_eq!(
                expected.verdict(user, group, groups),
                verdict,
                "{expected:?} {user} {group} {groups:?}"
            );
        }
        for bad in [&b""[..], b"0", b"0:", b"x:0", b"0:x", b"0:0,", b"-1:0", b"\xff:0"] {
            assert_eq!(Expected::parse(bad), None, "{bad:?}");
        }
        assert!(Expected::parse(b"0:0,own").unwrap().has_targets_own);
    }
}
