//! Determines the user and groups of a container's process like the engine does, from `User` and the image's passwd
//! and group files.

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

/// Reports whether a number is out of range: engines accept 0 to 2147483647.
fn is_out_of_range(number: &str) -> bool {
    number.parse::<i64>().is_ok_and(|number| !(0..=i64::from(i32::MAX)).contains(&number))
}

/// Follows Docker and containerd (`github.com/moby/sys/user`): a text is looked up as a name before it is parsed as a
/// number, and a numeric user without a passwd entry gets group 0.
pub(crate) fn resolve(user: &str, rootfs: &Rootfs) -> Resolved {
    let (user, group) = match user.split_once(':') {
        // Anything after the group is ignored.
        Some((user, rest)) => (user, rest.split(':').next().unwrap_or(rest)),
        None => (user, ""),
    };
    let user = if user.is_empty() { "0" } else { user };
    let Some(passwd) = table(rootfs, "/etc/passwd") else { return Resolved::Open };
    let Some(groups) = table(rootfs, "/etc/group") else { return Resolved::Open };
    let number = user.parse::<u32>().ok();
    let line = passwd
        .iter()
        .find(|fields| field(fields, 0) == user || (number.is_some() && field(fields, 2).parse().ok() == number));
    let (name, uid, own_group) = match (line, number) {
        (Some(fields), _) => {
            let uid = field(fields, 2).parse().ok().or(number);
            let Some(uid) = uid else { return Resolved::UnknownUser(user.to_owned()) };
            (field(fields, 0).to_owned(), uid, field(fields, 3).parse().unwrap_or(0))
        }
        (None, _) if is_out_of_range(user) => return Resolved::OutOfRange("user", user.to_owned()),
        (None, Some(uid)) => (String::new(), uid, 0),
        (None, None) => return Resolved::UnknownUser(user.to_owned()),
    };
    let gid = if group.is_empty() {
        own_group
    } else {
        let named = groups.iter().find(|fields| field(fields, 0) == group);
        if named.is_none() && is_out_of_range(group) {
            return Resolved::OutOfRange("group", group.to_owned());
        }
        match named.and_then(|fields| field(fields, 2).parse().ok()).or_else(|| group.parse().ok()) {
            Some(gid) => gid,
            None => return Resolved::UnknownGroup(group.to_owned()),
        }
    };
    let member_of = groups
        .iter()
        .filter(|fields| !name.is_empty() && field(fields, 3).split(',').any(|member| member == name))
        .filter_map(|fields| field(fields, 2).parse().ok());
    // A requested group replaces the supplementary ones.
    let groups = if group.is_empty() { member_of.collect() } else { Vec::new() };
    Resolved::Known(Identity { uid, gid, groups })
}

fn field(fields: &[String], index: usize) -> &str {
    fields.get(index).map_or("", String::as_str)
}

/// Returns the lines of a colon-separated file: empty if it is absent, `None` if it is not known yet.
fn table(rootfs: &Rootfs, path: &str) -> Option<Vec<Vec<String>>> {
    if !rootfs.exists(path)? {
        return Some(Vec::new());
    }
    let Some(content) = rootfs.content(path) else {
        // The file is not readable, or was requested just now.
        return if rootfs.is_waiting() { None } else { Some(Vec::new()) };
    };
    let text = String::from_utf8_lossy(content);
    Some(
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
            .map(|line| line.split(':').map(|field| field.trim().to_owned()).collect())
            .collect(),
    )
}

impl Identity {
    /// Reports whether this identity has the permission bits (`0o4` read, `0o2` write, `0o1` execute or search) on an
    /// entry. Root has all except the permission to execute a file that nobody may execute.
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

    fn rootfs() -> Rootfs {
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/etc/passwd", Entry::content(0o644, *b"root:x:0:0::/:\napp:x:1000:1001::/:\n# no:x:9:9\nbad\n"));
        rootfs.insert("/etc/group", Entry::content(0o644, *b"root:x:0:\nweb:x:33:app,other\nlog:x:4:other\n"));
        rootfs
    }

    #[test]
    fn users() {
        let known = |uid, gid, groups: &[u32]| Resolved::Known(Identity { uid, gid, groups: groups.to_vec() });
        for (user, expected) in [
            ("", known(0, 0, &[])),
            ("root", known(0, 0, &[])),
            ("app", known(1000, 1001, &[33])),
            ("1000", known(1000, 1001, &[33])),
            ("app:web", known(1000, 33, &[])),
            ("app:77", known(1000, 77, &[])),
            ("65532:65532", known(65532, 65532, &[])),
            ("65532", known(65532, 0, &[])),
            ("nobody", Resolved::UnknownUser("nobody".to_owned())),
            ("app:none", Resolved::UnknownGroup("none".to_owned())),
            ("bad", Resolved::UnknownUser("bad".to_owned())),
            ("-1", Resolved::OutOfRange("user", "-1".to_owned())),
            ("app:2147483648", Resolved::OutOfRange("group", "2147483648".to_owned())),
        ] {
            assert_eq!(resolve(user, &rootfs()), expected, "{user}");
        }
        assert_eq!(resolve("root", &Rootfs::complete()), Resolved::UnknownUser("root".to_owned()));
        assert_eq!(resolve("app", &Rootfs::on_demand()), Resolved::Open);
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
