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
    /// starts the process, and the launcher checks them.
    pub(crate) groups: Vec<u32>,
}

impl ResolvedUser {
    /// Returns a user by numbers, with these groups.
    pub(crate) fn by_numbers(numeric: NumericUser, groups: Vec<u32>) -> Self {
        Self { numeric, exec: Some(numeric.to_string()), groups }
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
    #[error(
        "user `{user}` is looked up in files of the container, whose image is gone: it may have changed them"
    )]
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
    let (uid, gid) = match (account(user, passwd), number(or_root(user))) {
        (Some(account), _) => (account.uid, account.gid),
        // A number needs no entry; its group is then root's.
        (None, Some(uid)) => (uid, 0),
        (None, None) => return Err(UserError::UnknownUser(user.to_owned())),
    };
    if group_part.is_empty() {
        return Ok(NumericUser { uid, gid });
    }
    // A number is a group's id, whatever names there are.
    let by_name = || {
        records(group).find(|fields| fields[0] == group_part).map(|fields| number_field(&fields, 2))
    };
    number(group_part)
        .or_else(by_name)
        .map(|gid| NumericUser { uid, gid })
        .ok_or_else(|| UserError::UnknownGroup(group_part.to_owned()))
}

/// Resolves a user like [`resolve`], and returns the `User` of an exec. `added` are the groups that
/// the container was given, by name or number.
///
/// The engine gets numbers, unless that loses groups of which the user is a member.
pub(crate) fn resolve_for_exec(
    user: &str,
    passwd: &str,
    group: &str,
    added: &[String],
) -> Result<ResolvedUser, UserError> {
    let numeric = resolve(user, passwd, group)?;
    let mut groups =
        if user.contains(':') { Vec::new() } else { further_groups(user, passwd, group) };
    let added = added.iter().filter_map(|added| added_group(added, group));
    let is_certain = user.is_empty() || (user.contains(':') && !needs_files(user));
    if is_certain {
        groups.extend(added);
        return Ok(ResolvedUser { numeric, exec: None, groups });
    }
    // A number means the same only if the first record with this number is the user's.
    let bare = numeric.uid.to_string();
    let is_same = resolve(&bare, passwd, group) == Ok(numeric)
        && further_groups(&bare, passwd, group) == groups;
    let has_further = !groups.is_empty();
    groups.extend(added);
    if !has_further || !is_same {
        return Ok(ResolvedUser::by_numbers(numeric, groups));
    }
    Ok(ResolvedUser { numeric, exec: Some(bare), groups })
}

/// A record of `/etc/passwd`.
struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
}

/// Returns the first record of a user. A number is an id, whatever names there are.
fn account<'a>(user: &str, passwd: &'a str) -> Option<Account<'a>> {
    let uid = number(or_root(user));
    let accounts = records(passwd).map(|fields| Account {
        name: fields[0],
        uid: number_field(&fields, 2),
        gid: number_field(&fields, 3),
    });
    accounts.into_iter().find(|account| uid.map_or(account.name == user, |uid| account.uid == uid))
}

/// Returns the user that stands for no user.
fn or_root(user: &str) -> &str {
    if user.is_empty() { "0" } else { user }
}

/// Returns the id of a group that a container was given, by its name or number. Unlike with the
/// group of a user, a number may be a name.
fn added_group(added: &str, group: &str) -> Option<u32> {
    let is_it = |gid: u32, name: &str| name == added || gid.to_string() == added;
    let mut groups = records(group).map(|fields| (number_field(&fields, 2), fields[0]));
    groups.find(|&(gid, name)| is_it(gid, name)).map(|(gid, _)| gid).or_else(|| number(added))
}

/// Returns the groups of which a user is a member, by the name in its record.
fn further_groups(user: &str, passwd: &str, group: &str) -> Vec<u32> {
    let Some(Account { name, .. }) =
        account(user, passwd).filter(|account| !account.name.is_empty())
    else {
        return Vec::new();
    };
    let is_member = |fields: &Vec<&str>| {
        fields.get(3).is_some_and(|members| members.split(',').any(|one| one == name))
    };
    let mut groups: Vec<u32> =
        records(group).filter(is_member).map(|fields| number_field(&fields, 2)).collect();
    groups.sort_unstable();
    groups
}

/// Returns the records of a file such as `/etc/passwd`: at least one field, separated by colons.
/// Neither comments nor missing fields are known to the runtime.
fn records(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| line.split(':').collect())
}

/// Reads a number as the runtime does: with leading zeros, or a sign.
fn number(text: &str) -> Option<u32> {
    text.parse::<i64>().ok().and_then(|number| u32::try_from(number).ok())
}

/// Reads a field as the runtime does: what is no number, or is missing, is zero.
fn number_field(fields: &[&str], index: usize) -> u32 {
    let field = fields.get(index).and_then(|field| field.parse::<i64>().ok()).unwrap_or_default();
    u32::try_from(field & 0xffff_ffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\n# comment\nnonroot:x:65532:65533:n:/home:/x\nbroken\n";
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
        // A number is an id, whatever names there are, and records need not be whole.
        let (passwd, group) = (
            "#old:x:1001:7:\n1000:x:0:0::/:\n001000:x:55:55:\n:x:1002:8\nbad:x:y:z\n\n",
            "77:x:88:\nshort\n",
        );
        for (user, uid, gid) in [
            ("1000", 1000, 0),
            ("1000:1000", 1000, 1000),
            ("001000", 1000, 0),
            ("+1000", 1000, 0),
            ("1001", 1001, 7),
            ("1002", 1002, 8),
            ("bad", 0, 0),
            ("", 0, 0),
            ("1003:77", 1003, 77),
            (":77", 0, 77),
            ("1003:short", 1003, 0),
        ] {
            assert_eq!(resolve(user, passwd, group), Ok(NumericUser { uid, gid }), "{user:?}");
        }
        assert!(resolve("x:-1", passwd, group).is_err() && resolve("-1", passwd, group).is_err());
        assert_eq!(
            resolve("nobody", PASSWD, GROUP),
            Err(UserError::UnknownUser("nobody".to_owned()))
        );
        assert_eq!(
            resolve("root:wheel", PASSWD, GROUP),
            Err(UserError::UnknownGroup("wheel".to_owned()))
        );
        assert_eq!(resolve("root", "", ""), Err(UserError::UnknownUser("root".to_owned())));
    }

    #[test]
    fn an_exec_is_told_numbers_where_files_can_change() {
        let resolved = |user: &str| {
            let added = ["7".to_owned(), "staff".to_owned()];
            let resolved = resolve_for_exec(user, PASSWD, GROUP, &added);
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
            assert_eq!(resolved(user), (expected.map(str::to_owned), vec![7, 50]), "{user:?}");
        }
        // Numbers would lose a group. The launcher checks those that the engine finds.
        for user in ["nonroot", "65532"] {
            assert_eq!(resolved(user), (Some("65532".to_owned()), vec![50, 7, 50]), "{user}");
        }
        let other = "other:x:7:1::/:\napp:x:7:2::/:\n";
        let app = resolve_for_exec("app", other, "staff:x:50:app\n", &[]).unwrap();
        assert_eq!(
            (app.exec.as_deref(), app.groups),
            (Some("7:2"), vec![50]),
            "the number is another user's"
        );
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
