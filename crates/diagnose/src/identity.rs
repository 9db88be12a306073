//! Determines the user and groups of a container's process like the engine does, from `User` and
//! the image's passwd and group files.

use crate::rootfs::{Entry, Rootfs};

/// A process's user and groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

/// The result of resolving `User`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    Known(Identity),
    /// A user name that is not in a passwd file.
    UnknownUser(String),
    /// A group name that is not in a group file.
    UnknownGroup(String),
    /// A number that engines refuse: whether it is a user's or a group's, and the number.
    OutOfRange(&'static str, String),
    /// The files are not known yet.
    Open,
}

/// A numeric user or group that has no entry must be in this range.
fn is_out_of_range(number: i64) -> bool {
    !(0..=i64::from(i32::MAX)).contains(&number)
}

/// Follows Docker 20.10 (`libcontainer/user`, now `github.com/moby/sys/user`): a number is looked
/// up as a number and never as a name, and gets group 0 without a passwd entry. Damaged lines
/// count: what is no number in them is 0.
pub(crate) fn resolve(user: &str, rootfs: &Rootfs) -> Resolved {
    let (user, group) = match user.split_once(':') {
        // Anything after the group is ignored.
        Some((user, rest)) => (user, rest.split(':').next().unwrap_or(rest)),
        None => (user, ""),
    };
    let user = if user.is_empty() { "0" } else { user };
    let Some(passwd) = table(rootfs, "/etc/passwd") else { return Resolved::Open };
    let Some(groups) = table(rootfs, "/etc/group") else { return Resolved::Open };
    let groups: Vec<_> =
        groups.into_iter().filter(|fields| !field(fields, 0).starts_with('#')).collect();
    let is_named = |fields: &&Vec<String>, text: &str, number: Option<i64>| match number {
        Some(number) => id(fields, 2) == number,
        None => field(fields, 0) == text,
    };
    let number = number(user);
    let line = passwd.iter().find(|fields| is_named(fields, user, number));
    let (name, uid, own_group) = match (line, number) {
        (Some(fields), _) => (field(fields, 0), id(fields, 2), id(fields, 3)),
        (None, Some(uid)) => ("", uid, 0),
        (None, None) => return Resolved::UnknownUser(user.to_owned()),
    };
    let (gid, is_gid_written, supplementary) = if group.is_empty() {
        let member_of = groups
            .iter()
            .filter(|fields| {
                !name.is_empty() && field(fields, 3).split(',').any(|member| member == name)
            })
            .map(|fields| truncated(id(fields, 2)));
        (own_group, false, member_of.collect())
    } else {
        let number = self::number(group);
        let (gid, is_written) =
            match (groups.iter().find(|fields| is_named(fields, group, number)), number) {
                (Some(fields), _) => (id(fields, 2), false),
                (None, Some(number)) => (number, true),
                (None, None) => return Resolved::UnknownGroup(group.to_owned()),
            };
        // A requested group replaces the supplementary ones. If a group has the number as its name,
        // that is one.
        let named = groups.iter().find(|fields| field(fields, 0) == group);
        (gid, is_written, named.map(|fields| truncated(id(fields, 2))).into_iter().collect())
    };
    // The runtime looks the numbers up again, after the engine made them numbers of 32 bits.
    // Without an entry, they have a range.
    let is_refused = |number: i64, is_written: bool, table: &[Vec<String>]| {
        let number = if is_written { number } else { i64::from(truncated(number)) };
        is_out_of_range(number) && !table.iter().any(|fields| id(fields, 2) == number)
    };
    if is_refused(uid, line.is_none(), &passwd) {
        return Resolved::OutOfRange("user", uid.to_string());
    }
    if is_refused(gid, is_gid_written, &groups) {
        return Resolved::OutOfRange("group", gid.to_string());
    }
    Resolved::Known(Identity { uid: truncated(uid), gid: truncated(gid), groups: supplementary })
}

/// Parses a number like Go's `strconv.Atoi`. One that is too large is none.
fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Returns a number of a line: 0 if it is none, and the largest if it is too large.
fn id(fields: &[String], index: usize) -> i64 {
    let text = field(fields, index);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let largest = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    number(text).unwrap_or(if is_number { largest } else { 0 })
}

/// Returns the number as engines pass it on.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "engines do the same")]
fn truncated(number: i64) -> u32 {
    number as u32
}

fn field(fields: &[String], index: usize) -> &str {
    fields.get(index).map_or("", String::as_str)
}

/// Returns the lines of a colon-separated file: empty if it is absent, `None` if it is not known
/// yet.
fn table(rootfs: &Rootfs, path: &str) -> Option<Vec<Vec<String>>> {
    if !rootfs.exists(path)? {
        return Some(Vec::new());
    }
    let Some(content) = rootfs.content(path) else {
        // The file is not readable, or was requested just now.
        return if rootfs.is_waiting() { None } else { Some(Vec::new()) };
    };
    let text = String::from_utf8_lossy(content);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Some(lines.map(|line| line.split(':').map(ToOwned::to_owned).collect()).collect())
}

impl Identity {
    /// Reports whether this identity has the permission bits (`0o4` read, `0o2` write, `0o1`
    /// execute or search) on an entry. Root has all except the permission to execute a file that
    /// nobody may execute.
    pub(crate) fn may(&self, entry: &Entry, bits: u32) -> bool {
        if self.uid == 0 {
            return bits & 0o1 == 0 || entry.is_directory() || entry.mode & 0o111 != 0;
        }
        let shift = if self.uid == entry.uid {
            6
        } else if self.gid == entry.gid || self.groups.contains(&entry.gid) {
            3
        } else {
            0
        };
        (entry.mode >> shift) & bits == bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(uid: u32, gid: u32, groups: &[u32]) -> Resolved {
        Resolved::Known(Identity { uid, gid, groups: groups.to_vec() })
    }

    fn rootfs(passwd: &str, group: &str) -> Rootfs {
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/etc/passwd", Entry::content(0o644, passwd));
        rootfs.insert("/etc/group", Entry::content(0o644, group));
        rootfs
    }

    #[test]
    fn users() {
        let rootfs = rootfs(
            "root:x:0:0::/:\napp:x:1000:1001::/:\n# no:x:9:9\nbad\n",
            "root:x:0:\nweb:x:33:app,other\nlog:x:4:other\n#no:x:5:app\n",
        );
        for (user, expected) in [
            ("", known(0, 0, &[])),
            ("root", known(0, 0, &[])),
            ("app", known(1000, 1001, &[33])),
            ("1000", known(1000, 1001, &[33])),
            ("app:web", known(1000, 33, &[33])),
            ("app:77", known(1000, 77, &[])),
            ("65532:65532", known(65532, 65532, &[])),
            ("65532", known(65532, 0, &[])),
            ("nobody", Resolved::UnknownUser("nobody".to_owned())),
            ("app:none", Resolved::UnknownGroup("none".to_owned())),
            ("-1", Resolved::OutOfRange("user", "-1".to_owned())),
            ("app:2147483648", Resolved::OutOfRange("group", "2147483648".to_owned())),
            ("app:-1", Resolved::OutOfRange("group", "-1".to_owned())),
        ] {
            assert_eq!(resolve(user, &rootfs), expected, "{user}");
        }
        assert_eq!(resolve("root", &Rootfs::complete()), Resolved::UnknownUser("root".to_owned()));
        assert_eq!(resolve("app", &Rootfs::on_demand()), Resolved::Open);
    }

    /// Each of them as Docker 20.10 takes it, whose container was run.
    #[test]
    fn damaged_and_odd_account_files_are_read_as_engines_read_them() {
        for (user, passwd, group, expected) in [
            ("app", "app:x:abc:1000::/:", "", known(0, 1000, &[])),
            ("app", "app", "", known(0, 0, &[])),
            ("app", "app:x:::", "", known(0, 0, &[])),
            ("app", "app:x:+5:5::/:", "", known(5, 5, &[])),
            ("app", "app:x: 5:5::/:", "", known(0, 5, &[])),
            ("app", "  app:x:5:5::/:  \r\n", "", known(5, 5, &[])),
            ("app", " app :x:5:5::/:", "", Resolved::UnknownUser("app".to_owned())),
            ("app", "#app:x:5:5::/:", "", Resolved::UnknownUser("app".to_owned())),
            ("#app", "#app:x:1000:5::/:", "", known(1000, 5, &[])),
            ("1000", "#app:x:1000:5::/:", "", known(1000, 5, &[])),
            ("app", "app:x:5:5::/:\napp:x:6:6::/:", "", known(5, 5, &[])),
            // Numbers that are names.
            ("1000", "root:x:0:0::/:\n1000:x:0:0::/:", "", known(1000, 0, &[])),
            ("1000", "1000:x:77:78::/:\nx:x:1000:5::/:", "", known(1000, 5, &[])),
            ("5:1000", "", "1000:x:77:", known(5, 1000, &[77])),
            ("5", "", "5:x:4242:", known(5, 0, &[])),
            // Groups.
            ("5:web", "", "web:x:abc:", known(5, 0, &[0])),
            ("5:web", "", "web", known(5, 0, &[0])),
            (
                "app",
                "app:x:5:5::/:",
                "web:x:33:app\nother:x:44: app , x\nthird:x:45:x,app",
                known(5, 5, &[33, 45]),
            ),
            (":web", "root:x:0:0::/:", "web:x:33:", known(0, 33, &[33])),
            // Numbers that engines cut to 32 bits, and look up once more.
            ("app", "app:x:-5:5::/:", "", Resolved::OutOfRange("user", "-5".to_owned())),
            ("app", "app:x:2147483648:5::/:", "", known(2_147_483_648, 5, &[])),
            ("app", "app:x:4294967296:5::/:", "", known(0, 5, &[])),
            (
                "app",
                "app:x:5:4294967295::/:",
                "",
                Resolved::OutOfRange("group", "4294967295".to_owned()),
            ),
            (
                "app",
                "app:x:99999999999999999999999:5::/:",
                "",
                Resolved::OutOfRange("user", "9223372036854775807".to_owned()),
            ),
            // Numbers as Go writes them.
            ("+5", "", "", known(5, 0, &[])),
            ("05", "x:x:5:9::/:", "", known(5, 9, &[])),
            ("-0", "", "", known(0, 0, &[])),
            (" 5", "", "", Resolved::UnknownUser(" 5".to_owned())),
        ] {
            assert_eq!(
                resolve(user, &rootfs(passwd, group)),
                expected,
                "{user} {passwd:?} {group:?}"
            );
        }
    }

    #[test]
    fn permissions() {
        let id = |uid, gid, groups: &[u32]| Identity { uid, gid, groups: groups.to_vec() };
        for (identity, entry, bits, allowed) in [
            (id(0, 0, &[]), Entry::file(0o600, 1), 0o4, true),
            (id(0, 0, &[]), Entry::file(0o600, 1), 0o1, false),
            (id(0, 0, &[]), Entry::directory(0o000), 0o1, true),
            (id(5, 5, &[]), Entry::file(0o700, 1), 0o1, false),
            (id(5, 5, &[]), Entry::file(0o711, 1), 0o1, true),
            (id(5, 5, &[]), Entry::file(0o700, 1).owned_by(5, 0), 0o1, true),
            // The owner's bits count for the owner, even if others have more.
            (id(5, 5, &[]), Entry::file(0o077, 1).owned_by(5, 0), 0o1, false),
            (id(5, 5, &[]), Entry::file(0o710, 1).owned_by(0, 5), 0o1, true),
            (id(5, 5, &[9]), Entry::file(0o710, 1).owned_by(0, 9), 0o1, true),
            (id(5, 5, &[]), Entry::directory(0o1777), 0o3, true),
            (id(5, 5, &[]), Entry::directory(0o755), 0o3, false),
        ] {
            assert_eq!(identity.may(&entry, bits), allowed, "{identity:?} {entry:?} {bits:o}");
        }
    }
}
