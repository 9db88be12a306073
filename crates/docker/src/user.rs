//! Resolves the user of a process in a container, by Docker's rules for `USER`, `--user` and exec's
//! `User`.
//!
//! The keeper must have exactly the uid **and** gid of the session's process. Otherwise the kernel
//! denies access to `/proc/<keeper>/root`. The keeper's own image has no `/etc/passwd`, so names
//! are resolved here, by the rules of the runtime (`GetExecUser` in moby's `user` package).

pub(crate) use scratchdbg_backend::NumericUser;

/// The user of a process in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResolvedUser {
    /// The numeric user and group.
    pub(crate) numeric: NumericUser,
    /// The `User` of an exec, numeric if that means the same: the engine reads the target's files
    /// again, and a name may refer to another user by then. `None` if the words always mean the
    /// same, or if numbers would lose groups.
    pub(crate) exec: Option<String>,
}

/// Why a user cannot be resolved.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserError {
    /// The name is not in the target's `/etc/passwd`.
    #[error("user `{0}` is not in the target's /etc/passwd")]
    UnknownUser(String),
    /// The name is not in the target's `/etc/group`.
    #[error("group `{0}` is not in the target's /etc/group")]
    UnknownGroup(String),
}

/// Whether the target's files affect the result: not if both parts are numbers, nor for root by
/// default.
pub(crate) fn needs_files(user: &str) -> bool {
    match user.split_once(':') {
        Some((user, group)) => user.parse::<u32>().is_err() || group.parse::<u32>().is_err(),
        None => !user.is_empty() && user != "0",
    }
}

/// Resolves `""`, `user` or `user:group`, each a name or a number, with the contents of the
/// target's `/etc/passwd` and `/etc/group` (empty if there is no such file).
pub(crate) fn resolve(user: &str, passwd: &str, group: &str) -> Result<NumericUser, UserError> {
    let (user, group_part) = user.split_once(':').unwrap_or((user, ""));
    let user = if user.is_empty() { "0" } else { user };
    let entry = records(passwd).find_map(|fields| match fields.as_slice() {
        [name, _, uid, gid, ..] if *name == user || *uid == user => Some((uid.parse().ok()?, gid.parse().ok()?)),
        _ => None,
    });
    let (uid, gid) = match (entry, user.parse()) {
        (Some(entry), _) => entry,
        // A number needs no entry; its group is then root's.
        (None, Ok(uid)) => (uid, 0),
        (None, Err(_)) => return Err(UserError::UnknownUser(user.to_owned())),
    };
    if group_part.is_empty() {
        return Ok(NumericUser { uid, gid });
    }
    let named = records(group).find_map(|fields| match fields.as_slice() {
        [name, _, gid, ..] if *name == group_part => gid.parse().ok(),
        _ => None,
    });
    let gid = named.or_else(|| group_part.parse().ok());
    gid.map(|gid| NumericUser { uid, gid }).ok_or_else(|| UserError::UnknownGroup(group_part.to_owned()))
}

/// Resolves a user like [`resolve`], and returns the `User` of an exec.
pub(crate) fn resolve_for_exec(user: &str, passwd: &str, group: &str) -> Result<ResolvedUser, UserError> {
    let numeric = resolve(user, passwd, group)?;
    let exec = if !needs_files(user) {
        None
    } else if user.contains(':') {
        // An engine adds no further groups to such a user.
        Some(numeric.to_string())
    } else {
        let bare = numeric.uid.to_string();
        let groups = further_groups(user, passwd, group);
        if resolve(&bare, passwd, group) == Ok(numeric) && further_groups(&bare, passwd, group) == groups {
            Some(bare)
        } else {
            groups.is_empty().then(|| numeric.to_string())
        }
    };
    Ok(ResolvedUser { numeric, exec })
}

/// Returns the groups of which a user is a member, by the name in its record.
fn further_groups(user: &str, passwd: &str, group: &str) -> Vec<String> {
    let name = records(passwd).find_map(|fields| match fields.as_slice() {
        [name, _, uid, _, ..] if *name == user || *uid == user => Some((*name).to_owned()),
        _ => None,
    });
    let Some(name) = name else { return Vec::new() };
    let has_it = |fields: Vec<&str>| match fields.as_slice() {
        [_, _, gid, members, ..] if members.split(',').any(|member| member == name) => Some((*gid).to_owned()),
        _ => None,
    };
    let mut groups: Vec<String> = records(group).filter_map(has_it).collect();
    groups.sort();
    groups
}

/// Returns the records of a file such as `/etc/passwd`: fields separated by colons.
fn records(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.trim().split(':').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n# comment\nnonroot:x:65532:65533:n:/home:/x\nbroken\n";
    const GROUP: &str = "root:x:0:\nstaff:x:50:nonroot\n";

    #[test]
    fn users_resolve_as_the_runtime_does() {
        let cases = [
            ("", 0, 0),
            ("1000", 1000, 0),
            ("1000:0", 1000, 0),
            ("1000:1001", 1000, 1001),
            ("nonroot", 65532, 65533),
            ("65532", 65532, 65533),
            ("65532:65532", 65532, 65532),
            ("nonroot:staff", 65532, 50),
            ("1000:staff", 1000, 50),
            (":staff", 0, 50),
        ];
        for (user, uid, gid) in cases {
            assert_eq!(resolve(user, PASSWD, GROUP), Ok(NumericUser { uid, gid }), "{user:?}");
        }
        assert_eq!(resolve("nobody", PASSWD, GROUP), Err(UserError::UnknownUser("nobody".to_owned())));
        assert_eq!(resolve("root:wheel", PASSWD, GROUP), Err(UserError::UnknownGroup("wheel".to_owned())));
        assert_eq!(resolve("root", "", ""), Err(UserError::UnknownUser("root".to_owned())));
    }

    #[test]
    fn an_exec_is_told_numbers_that_mean_the_same() {
        let exec = |user: &str, passwd: &str, group: &str| resolve_for_exec(user, passwd, group).unwrap().exec;
        for (user, expected) in [
            ("", None),
            ("0", None),
            ("65532:65532", None),
            // The engine adds the group of the record and the groups it is a member of.
            ("nonroot", Some("65532")),
            ("65532", Some("65532")),
            ("1000", Some("1000")),
            ("nonroot:staff", Some("65532:50")),
            (":staff", Some("0:50")),
            ("root", Some("0")),
        ] {
            assert_eq!(exec(user, PASSWD, GROUP).as_deref(), expected, "{user:?}");
        }
        // The first record with this number is another one.
        let passwd = "other:x:7:1::/:\napp:x:7:2::/:\n";
        assert_eq!(exec("app", passwd, "").as_deref(), Some("7:2"));
        assert_eq!(exec("app", passwd, "staff:x:50:app\n"), None, "numbers would lose a group");
        // A record has a number as its name.
        assert_eq!(exec("app", "7:x:0:0::/:\napp:x:7:2::/:\n", "").as_deref(), Some("7:2"));
    }

    #[test]
    fn files_are_read_only_where_they_matter() {
        for user in ["", "0", "0:0", "65532:65532"] {
            assert!(!needs_files(user), "{user:?}");
        }
        for user in ["1000", "nonroot", "1000:staff", ":staff"] {
            assert!(needs_files(user), "{user:?}");
        }
    }
}
