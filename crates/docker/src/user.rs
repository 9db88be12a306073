//! Resolves the user of a process in a container, by Docker's rules for `USER`, `--user` and exec's
//! `User`.
//!
//! The keeper must have exactly the uid **and** gid of the session's process. Otherwise the kernel
//! denies access to `/proc/<keeper>/root`. The keeper's own image has no `/etc/passwd`, so names
//! are resolved here, by the rules of the runtime (`GetExecUser` in moby's `user` package).

mod lookup;

pub(crate) use scratchdbg_backend::NumericUser;

pub(crate) use self::lookup::{FILES, changed, first_process, mounted};

/// The user of a process in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResolvedUser {
    /// The numeric user and group.
    pub(crate) numeric: NumericUser,
    /// The `User` of an exec, in numbers: the engine reads the target's files again, and a name or
    /// a user without a group may have other ids and further groups by then. `None` if the meaning
    /// of the user cannot change.
    pub(crate) exec: Option<String>,
    /// The supplementary groups that the process may have. The runtime looks them up again when it
    /// starts the process, and the launcher checks them. `None` if no process can change the files
    /// that they are looked up in.
    pub(crate) groups: Option<Vec<u32>>,
}

impl ResolvedUser {
    /// Returns a user by numbers, with these groups.
    pub(crate) fn by_numbers(numeric: NumericUser, groups: Vec<u32>) -> Self {
        Self { numeric, exec: Some(numeric.to_string()), groups: Some(groups) }
    }

    /// Whether the engine looks for further groups when the process starts.
    pub(crate) fn needs_engine(&self) -> bool {
        self.exec.as_ref().is_some_and(|user| !user.contains(':'))
    }
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
    /// The target could have chosen the ids by changing the file that they are looked up in.
    #[error("user `{user}` is looked up in {path}, which was changed in the container")]
    Changed {
        /// The user.
        user: String,
        /// The file.
        path: &'static str,
    },
    /// The files cannot be compared with those of the image.
    #[error("user `{user}` is looked up in files of the container, whose image is gone: it may have changed them")]
    NoImage {
        /// The user.
        user: String,
    },
    /// The target could have chosen the id of a group that the container was given by name.
    #[error("its group `{group}` is looked up in /etc/group, which was changed in the container")]
    ChangedGroups {
        /// The group.
        group: String,
    },
}

/// Whether the target's files affect the ids: not if both parts are numbers, nor for root by
/// default.
pub(crate) fn needs_files(user: &str) -> bool {
    match user.split_once(':') {
        Some((user, group)) => user.parse::<u32>().is_err() || group.parse::<u32>().is_err(),
        None => !user.is_empty() && user != "0",
    }
}

/// Whether a user is root, by a name or number that no other user has.
pub(crate) fn is_plainly_root(user: &str) -> bool {
    matches!(user, "" | "0" | "root")
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
    named_group(group_part, group)
        .map(|gid| NumericUser { uid, gid })
        .ok_or_else(|| UserError::UnknownGroup(group_part.to_owned()))
}

/// Resolves a user like [`resolve`], and returns the `User` of an exec. `added` are the groups that
/// the container was given, by name or number.
///
/// `is_fixed` states that no process can change the target's files. Otherwise the engine gets
/// numbers, unless that loses groups of which the user is a member.
pub(crate) fn resolve_for_exec(
    user: &str,
    passwd: &str,
    group: &str,
    added: &[String],
    is_fixed: bool,
) -> Result<ResolvedUser, UserError> {
    let numeric = resolve(user, passwd, group)?;
    if is_fixed {
        return Ok(ResolvedUser { numeric, exec: None, groups: None });
    }
    let mut groups = if user.contains(':') { Vec::new() } else { further_groups(user, passwd, group) };
    let added = added.iter().filter_map(|added| named_group(added, group));
    let is_certain = user.is_empty() || (user.contains(':') && !needs_files(user));
    if is_certain {
        groups.extend(added);
        return Ok(ResolvedUser { numeric, exec: None, groups: Some(groups) });
    }
    // A number means the same only if the first record with this number is the user's.
    let bare = numeric.uid.to_string();
    let is_same = resolve(&bare, passwd, group) == Ok(numeric) && further_groups(&bare, passwd, group) == groups;
    let has_further = !groups.is_empty();
    groups.extend(added);
    if !has_further || !is_same {
        return Ok(ResolvedUser::by_numbers(numeric, groups));
    }
    Ok(ResolvedUser { numeric, exec: Some(bare), groups: Some(groups) })
}

/// Returns the id of a group by its name or number.
fn named_group(name: &str, group: &str) -> Option<u32> {
    let named = records(group).find_map(|fields| match fields.as_slice() {
        [found, _, gid, ..] if *found == name => gid.parse().ok(),
        _ => None,
    });
    named.or_else(|| name.parse().ok())
}

/// Returns the groups of which a user is a member, by the name in its record.
fn further_groups(user: &str, passwd: &str, group: &str) -> Vec<u32> {
    let name = records(passwd).find_map(|fields| match fields.as_slice() {
        [name, _, uid, _, ..] if *name == user || *uid == user => Some((*name).to_owned()),
        _ => None,
    });
    let Some(name) = name else { return Vec::new() };
    let has_it = |fields: Vec<&str>| match fields.as_slice() {
        [_, _, gid, members, ..] if members.split(',').any(|member| member == name) => gid.parse().ok(),
        _ => None,
    };
    let mut groups: Vec<u32> = records(group).filter_map(has_it).collect();
    groups.sort_unstable();
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
    fn an_exec_is_told_numbers_where_files_can_change() {
        let resolved = |user: &str, is_fixed| {
            let resolved = resolve_for_exec(user, PASSWD, GROUP, &["7".to_owned(), "staff".to_owned()], is_fixed);
            resolved.map(|resolved| (resolved.exec, resolved.groups)).unwrap()
        };
        for (user, expected) in [
            ("", None),
            // The engine adds the groups of which root is a member.
            ("0", Some("0:0")),
            ("root", Some("0:0")),
            ("65532:65532", None),
            ("1000", Some("1000:0")),
            ("nonroot:staff", Some("65532:50")),
            (":staff", Some("0:50")),
        ] {
            assert_eq!(resolved(user, false), (expected.map(str::to_owned), Some(vec![7, 50])), "{user:?}");
            assert_eq!(resolved(user, true), (None, None), "{user:?}");
        }
        // Numbers would lose a group. The launcher checks those that the engine finds.
        for user in ["nonroot", "65532"] {
            assert_eq!(resolved(user, false), (Some("65532".to_owned()), Some(vec![50, 7, 50])), "{user}");
        }
        let other = "other:x:7:1::/:\napp:x:7:2::/:\n";
        let app = resolve_for_exec("app", other, "staff:x:50:app\n", &[], false).unwrap();
        assert_eq!((app.exec.as_deref(), app.groups), (Some("7:2"), Some(vec![50])), "the number is another user's");
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
