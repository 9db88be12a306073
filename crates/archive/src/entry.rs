//! An entry of a tar stream.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::Error;

/// The longest path, in bytes. The kernel takes no longer one (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;

/// A file, a folder or a link, without the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, relative and without `.` and `..`. Empty for the folder that all others are in.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// The permission bits, with set-user-id, set-group-id and sticky bit.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The time of the last change, in seconds since 1970.
    pub mtime: i64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file with this many bytes, which follow.
    File(u64),
    /// A folder.
    Folder,
    /// A symbolic link to this path.
    Link(PathBuf),
    /// Another name of the file with this path in the stream.
    SameAs(PathBuf),
    /// What is not copied: a device, a pipe or a socket.
    Special,
}

/// Returns a path of a stream, relative and without `.`.
///
/// # Errors
///
/// Fails if the path has `..` or a zero byte in it, or is longer than any path of a file.
pub(crate) fn plain(path: &[u8]) -> Result<PathBuf, Error> {
    let refused = |why: &str| {
        let shown = String::from_utf8_lossy(&path[..path.len().min(200)]).into_owned();
        Err(Error::Refused(format!("the path `{shown}` {why}")))
    };
    if path.len() > LONGEST_PATH {
        return refused("is longer than 4096 bytes");
    }
    if path.contains(&0) {
        return refused("has a zero byte in it");
    }
    let mut plain = PathBuf::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return refused("leads out of the copy"),
            name => plain.push(OsStr::from_bytes(name)),
        }
    }
    Ok(plain)
}

/// Whether a symbolic link at this path of a copy leads out of the copy, by its text.
pub(crate) fn leads_out(at: &Path, target: &Path) -> bool {
    let mut depth = at.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            std::path::Component::Normal(_) => depth += 1,
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_a_copy() {
        for (path, expected) in
            [("a/b", "a/b"), ("./a//b/.", "a/b"), ("/etc/x", "etc/x"), ("./", ""), ("a..b", "a..b")]
        {
            assert_eq!(plain(path.as_bytes()).unwrap(), Path::new(expected), "{path}");
        }
        for path in ["..", "../x", "a/../../x", "a/..", "/..", "a\0b"] {
            assert!(plain(path.as_bytes()).is_err(), "{path:?}");
        }
        assert!(plain(&[b'a'; LONGEST_PATH + 1]).is_err());
    }

    #[test]
    fn a_link_leads_out_by_its_text() {
        for (at, target, expected) in [
            ("a", "b", false),
            ("a/b/c", "../../d", false),
            ("a", "../x", true),
            ("a/b", "../../x", true),
            ("a", "/etc/passwd", true),
            ("a/b", "c/../../../x", true),
            ("a/b", "./c", false),
        ] {
            assert_eq!(leads_out(Path::new(at), Path::new(target)), expected, "{at} -> {target}");
        }
    }
}
