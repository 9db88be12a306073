//! One entry: its path, kind and owner, after validation.

use std::io;

use tar::{EntryType, Header};

use super::super::ReadError;
use super::extension::Extension;
use super::{TarInput, TarReader, form};

/// `PATH_MAX` of Linux: no path is longer.
const LONGEST_PATH: usize = 4096;
/// The maximum size of all paths and links together, in bytes, as readers of a layer keep them in
/// memory.
pub(super) const MOST_NAMES: u64 = 256 * 1024 * 1024;

/// The kind of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// Another name of the file at this path.
    HardLink(String),
    /// A symbolic link to this target.
    Symlink(String),
    /// A device, FIFO or anything else.
    Special,
}

/// One entry of a tar stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The path relative to the root, without `.`, `..`, or a slash at either end; empty for the
    /// root. Bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Its kind.
    pub kind: MemberKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// The size of a regular file in bytes; 0 for others.
    pub size: u64,
    /// The extended attribute `security.capability`.
    pub capabilities: Option<Vec<u8>>,
    /// The entry is a POSIX header and its data alone, without extended headers or a format of GNU
    /// tar, and its name is written as its path: every reader takes it for the same.
    pub is_plain: bool,
}

impl<R: TarInput> TarReader<R> {
    /// Creates the entry of a header, with the attributes of its extended headers.
    pub(super) fn member(
        &mut self,
        header: &Header,
        kind: EntryType,
        size: u64,
        extension: Extension,
    ) -> Result<Member, ReadError> {
        // Engines unpack no file of the type that reserves its room at once.
        let is_common = header.as_bytes()[156] != 0 && kind != EntryType::Continuous;
        let is_plain = extension.is_empty() && form::is_ustar(header) && is_common;
        let name = extension.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let is_old_directory = header.as_bytes()[156] == 0 && name.ends_with(b"/");
        let ambiguity = form::ambiguity(header, kind, extension.size.unwrap_or(size), &name);
        let (path, listed) = normal(&name, &self.what)?;
        let is_plain = is_plain && form::is_written_plainly(&name, &path, kind);
        self.listed = listed;
        let named = |reason: &str| ReadError::invalid(format!("/{path} in {}", self.what), reason);
        let link =
            extension.link.or_else(|| header.link_name_bytes().map(Into::into)).unwrap_or_default();
        if let Some(reason) = ambiguity {
            return Err(named(reason));
        }
        if link.len() > LONGEST_PATH {
            return Err(named("its link is longer than 4096 bytes"));
        }
        self.names += (path.len() + link.len()) as u64;
        if self.names > MOST_NAMES {
            return Err(self.invalid("its paths come to more than 256 MiB"));
        }
        let size = extension.size.unwrap_or(size);
        let kind = match kind {
            // Old programs have no other mark of a directory.
            EntryType::Regular if is_old_directory => MemberKind::Directory,
            EntryType::Regular | EntryType::Continuous => MemberKind::File,
            EntryType::Directory => MemberKind::Directory,
            EntryType::Link => MemberKind::HardLink(normal(&link, &self.what)?.0),
            EntryType::Symlink => MemberKind::Symlink(String::from_utf8_lossy(&link).into_owned()),
            EntryType::GNUSparse => {
                return Err(named("it is a sparse entry, which layers must not hold"));
            }
            _ => MemberKind::Special,
        };
        if kind != MemberKind::File && size > 0 {
            return Err(named("only a regular file can have data"));
        }
        // Some writers leave the owner out, and engines treat that as root.
        let owner = |field: &[u8], value: io::Result<u64>| match value {
            Err(_) if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Ok(0),
            value => value.map_err(|error| named(&error.to_string())),
        };
        let fields = header.as_old();
        let member = Member {
            mode: header.mode().map_err(|error| named(&error.to_string()))? & 0o7777,
            uid: extension.uid.map_or_else(|| owner(&fields.uid, header.uid()), Ok)?,
            gid: extension.gid.map_or_else(|| owner(&fields.gid, header.gid()), Ok)?,
            size,
            capabilities: extension.capabilities,
            is_plain,
            path,
            kind,
        };
        self.expect(size)?;
        Ok(member)
    }
}

/// How a name is written, beyond the path that it leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Listed {
    /// Whether it begins with a slash.
    is_absolute: bool,
    /// Without a slash, the number of `..` that lead above the root.
    above: usize,
}

/// Normalizes a path as engines do, which unpack a layer with its root as `/`: a slash at the
/// beginning does not matter, `.` and `..` are resolved by their text, and `..` does not lead above
/// the root. Fails if it is not a path.
fn normal(path: &[u8], what: &str) -> Result<(String, Listed), ReadError> {
    let text = String::from_utf8_lossy(path);
    let shown: String = text.chars().take(200).collect();
    let refuse = |reason| Err(ReadError::invalid(format!("`{shown}` in {what}"), reason));
    if path.len() > LONGEST_PATH {
        return refuse("a path longer than 4096 bytes");
    }
    if text.contains('\0') {
        return refuse("a path with a NUL in it");
    }
    let is_absolute = text.starts_with('/');
    let mut listed = Listed { is_absolute, above: 0 };
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() && !is_absolute {
                    listed.above += 1;
                }
            }
            name => parts.push(name),
        }
    }
    Ok((parts.join("/"), listed))
}
