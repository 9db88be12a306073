//! Checks the groups that the engine gave to the session's process.
//!
//! An engine looks groups up in the target's files when it starts the process. The client did so
//! too, before that, and passes the result. A target that changed the files in between must not give
//! the session a group that the target lacks.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::str;

use crate::system;

/// The variable with the ids of the groups that the client expects, separated by commas.
const VARIABLE: &CStr = c"SCRATCHDBG_GROUPS";

/// The name of the variable, which the command must not get.
pub(crate) fn variable() -> String {
    VARIABLE.to_string_lossy().into_owned()
}

/// Fails if this process has a group that the client does not expect. Succeeds if the client did not
/// name any.
pub(crate) fn check() -> Result<(), String> {
    let Some(expected) = system::take_variable(VARIABLE) else { return Ok(()) };
    let groups = system::groups().map_err(|error| format!("cannot read the session's groups: {error}"))?;
    match unexpected(&expected, system::group(), &groups) {
        None => Ok(()),
        Some(group) => Err(format!("the target gave the session the group {group} while it was started")),
    }
}

/// Returns a group that is neither expected nor the process's own.
fn unexpected(expected: &[u8], own: u32, groups: &[u32]) -> Option<u32> {
    let expected = str::from_utf8(expected).unwrap_or_default();
    let expected: BTreeSet<u32> = expected.split(',').filter_map(|group| group.parse().ok()).collect();
    groups.iter().copied().find(|group| *group != own && !expected.contains(group))
}

#[cfg(test)]
mod tests {
    use super::unexpected;

    #[test]
    fn only_expected_groups_and_the_own_one_pass() {
        for (expected, groups, found) in [
            (&b""[..], &[][..], None),
            (b"", &[1000], None),
            (b"5,6", &[1000, 6, 5], None),
            (b"5,6", &[1000, 6, 4242], Some(4242)),
            (b"", &[0], Some(0)),
            (b"\xff", &[5], Some(5)),
        ] {
            assert_eq!(unexpected(expected, 1000, groups), found, "{expected:?} {groups:?}");
        }
    }
}
