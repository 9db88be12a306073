//! The files of one layer, as a value.

mod host;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::host::HostFile;
use crate::{ImageError, Meter};

/// Directories, files and links by path, each path once.
///
/// Paths are relative to the root of the image and normalized (`usr/bin/app`; the root itself is
/// the empty path), so that byte order puts parents first. Every parent directory of an entry is an
/// entry too: engines create a missing parent with mode 0600, so that only root could enter it.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    entries: BTreeMap<String, Entry>,
    meter: Meter,
}

/// An entry of a tree.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The kind of entry with its content.
    pub node: Node,
    /// Permission bits with setuid, setgid and sticky, at most `0o7777`.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
}

/// The kinds of entries that images need.
#[derive(Clone, Debug)]
pub enum Node {
    /// A directory.
    Directory,
    /// A regular file.
    File(FileData),
    /// Another name for the regular file at this path of the same tree.
    HardLink(String),
    /// A symbolic link to this target, which is not checked.
    Symlink(String),
}

/// The content of a file.
#[derive(Clone, Debug)]
pub enum FileData {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// In a file of this machine.
    Host(HostFile),
}

impl FileData {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Host(file) => file.size(),
        }
    }
}

impl Entry {
    /// A directory, mode 0755, owned by root.
    pub fn directory() -> Self {
        Self { node: Node::Directory, mode: 0o755, uid: 0, gid: 0 }
    }

    /// The same entry with a mode that somebody asked for.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        if let Node::File(FileData::Host(file)) = &mut self.node {
            file.source_mode = None;
        }
        self
    }

    /// A file owned by root.
    pub fn file(data: FileData, mode: u32) -> Self {
        Self { node: Node::File(data), mode, uid: 0, gid: 0 }
    }
}

impl Tree {
    /// Creates a tree with only the root directory, mode 0755, owned by root. Without it, the
    /// engine chooses the root's mode.
    pub fn with_root() -> Self {
        Self {
            entries: BTreeMap::from([(String::new(), Entry::directory())]),
            meter: Meter::default(),
        }
    }

    /// Counts the bytes of its files and of layers made from it, as they are written.
    pub fn count_with(&mut self, meter: Meter) {
        self.meter = meter;
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The total size of all files in bytes.
    pub fn size(&self) -> u64 {
        self.entries
            .values()
            .map(|entry| match &entry.node {
                Node::File(data) => data.size(),
                Node::Directory | Node::HardLink(_) | Node::Symlink(_) => 0,
            })
            .sum()
    }

    /// Inserts `entry` at `path` (a leading slash is allowed), and missing parent directories.
    /// Inserting a directory again replaces it; inserting anything else again is an error.
    pub fn insert(&mut self, path: &str, entry: Entry) -> Result<(), ImageError> {
        let path = normal(path)?;
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let has_parent =
            matches!(self.entries.get(parent), Some(Entry { node: Node::Directory, .. }));
        // If an entry exists, its parents do too: a path may be very deep.
        let ends = path.match_indices('/').filter(|_| !has_parent);
        for (index, _) in ends {
            let parent = &path[..index];
            match self.entries.get(parent) {
                None => self.entries.insert(parent.to_owned(), Entry::directory()).map_or((), drop),
                Some(Entry { node: Node::Directory, .. }) => {}
                Some(_) => return Err(ImageError::DuplicatePath { path: parent.to_owned() }),
            }
        }
        match (self.entries.get(path), &entry.node) {
            (None, _) | (Some(Entry { node: Node::Directory, .. }), Node::Directory) => {}
            (Some(_), _) => return Err(ImageError::DuplicatePath { path: path.to_owned() }),
        }
        if let Node::HardLink(target) = &entry.node {
            self.check_link_target(target)?;
        }
        self.entries.insert(path.to_owned(), entry);
        Ok(())
    }

    /// Adds all of `other`, as `COPY` of a Dockerfile does: files and links replace existing
    /// entries, existing directories are kept.
    pub fn overlay(&mut self, other: Self) -> Result<(), ImageError> {
        for (path, entry) in other.entries {
            match (self.entries.get(&path), &entry.node) {
                (Some(Entry { node: Node::Directory, .. }), Node::Directory) => continue,
                (
                    Some(Entry {
                        node: Node::File(_) | Node::HardLink(_) | Node::Symlink(_), ..
                    }),
                    node,
                ) if !matches!(node, Node::Directory) => {
                    self.entries.remove(&path);
                }
                _ => {}
            }
            self.insert(&path, entry)?;
        }
        Ok(())
    }

    /// Copies the part of the tree at `path` and below to the path `to`.
    pub fn subtree(&self, path: &str, to: &str) -> Result<Self, ImageError> {
        let (path, to) = (normal(path)?, normal(to)?);
        let mut tree = Self::default();
        let mut links = Vec::new();
        let itself = self.entries.get_key_value(path).into_iter();
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let entries =
            self.entries.range(below.clone()..).take_while(|(at, _)| at.starts_with(&below));
        for (at, entry) in itself.chain(entries.filter(|(at, _)| *at != path)) {
            let target = format!("{to}/{}", at[path.len()..].trim_start_matches('/'));
            match entry.node {
                // Insert the targets of hard links first.
                Node::HardLink(_) => links.push((target, entry)),
                _ => tree.insert(&target, entry.clone())?,
            }
        }
        for (target, entry) in links {
            tree.insert(&target, entry.clone())?;
        }
        Ok(tree)
    }

    /// The total length of all paths, in bytes.
    pub fn paths_size(&self) -> usize {
        self.entries.keys().map(String::len).sum()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry, not even the root.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the entry at `path`, which may begin with a slash.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path.strip_prefix('/').unwrap_or(path))
    }

    /// Returns all entries in the order in which they are written: by the bytes of their paths.
    /// Hard links come last, because the files that they name must come first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let is_link = |entry: &Entry| matches!(entry.node, Node::HardLink(_));
        let entries = || self.entries.iter().map(|(path, entry)| (path.as_str(), entry));
        entries()
            .filter(move |(_, entry)| !is_link(entry))
            .chain(entries().filter(move |(_, entry)| is_link(entry)))
    }

    fn check_link_target(&self, target: &str) -> Result<(), ImageError> {
        match self.entries.get(target) {
            Some(Entry { node: Node::File(_), .. }) => Ok(()),
            _ => Err(ImageError::InvalidPath {
                path: target.to_owned(),
                reason: "a hard link must name a file that is already in the same layer",
            }),
        }
    }
}

/// Normalizes `path`. The error tells why the path is not allowed in a layer.
fn normal(path: &str) -> Result<&str, ImageError> {
    let invalid = |reason| ImageError::InvalidPath { path: path.to_owned(), reason };
    let relative = path.trim_matches('/');
    if relative.is_empty() {
        return Ok(relative);
    }
    if relative.contains('\0') {
        return Err(invalid("it holds a NUL character"));
    }
    for part in relative.split('/') {
        match part {
            "" | "." => {
                return Err(invalid(
                    "write it in its shortest form, without `.` and doubled slashes",
                ));
            }
            ".." => return Err(invalid("`..` would lead out of the image")),
            _ if part.starts_with(".wh.") => {
                return Err(invalid(
                    "names that begin with `.wh.` delete files in the layers below",
                ));
            }
            _ => {}
        }
    }
    Ok(relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Entry {
        Entry::file(FileData::Bytes((*b"x").into()), 0o644)
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn parents_are_made_and_come_first() {
        let mut tree = Tree::with_root();
        tree.insert("/usr/share/a", file()).unwrap();
        tree.insert("usr-x", file()).unwrap();
        assert_eq!(paths(&tree), ["", "usr", "usr-x", "usr/share", "usr/share/a"]);
        assert!(matches!(tree.get("/usr").unwrap().node, Node::Directory));
    }

    #[test]
    fn hard_links_come_after_what_they_name() {
        let mut tree = Tree::default();
        tree.insert("bin/busybox", file()).unwrap();
        tree.insert("bin/[", Entry { node: Node::HardLink("bin/busybox".into()), ..file() })
            .unwrap();
        assert_eq!(paths(&tree), ["bin", "bin/busybox", "bin/["]);
        for target in ["bin/none", "bin", "bin/["] {
            let link = Entry { node: Node::HardLink(target.into()), ..file() };
            assert!(tree.insert("bin/x", link).is_err(), "{target}");
        }
    }

    #[test]
    fn a_path_is_there_once() {
        let mut tree = Tree::default();
        tree.insert("a", file()).unwrap();
        assert!(
            matches!(tree.insert("/a", file()), Err(ImageError::DuplicatePath { path }) if path == "a")
        );
        assert!(
            matches!(tree.insert("a/b", file()), Err(ImageError::DuplicatePath { path }) if path == "a")
        );
        tree.insert("tmp", Entry::directory()).unwrap();
        tree.insert("tmp", Entry { mode: 0o1777, ..Entry::directory() }).unwrap();
        assert_eq!(tree.get("tmp").unwrap().mode, 0o1777);
        assert!(tree.insert("tmp", file()).is_err());
    }

    #[test]
    fn overlaying_replaces_files_and_keeps_directories() {
        let mut tree = Tree::default();
        tree.insert("d", Entry { mode: 0o700, ..Entry::directory() }).unwrap();
        tree.insert("d/f", file()).unwrap();
        let mut upper = Tree::default();
        upper.insert("d/f", Entry { mode: 0o600, ..file() }).unwrap();
        upper.insert("d/g", file()).unwrap();
        tree.overlay(upper.clone()).unwrap();
        assert_eq!((paths(&tree), tree.get("d").unwrap().mode), (vec!["d", "d/f", "d/g"], 0o700));
        assert_eq!(tree.get("d/f").unwrap().mode, 0o600);
        let mut conflict = Tree::default();
        conflict.insert("d", file()).unwrap();
        assert!(tree.overlay(conflict).is_err(), "a file in the place of a directory");
        assert_eq!(paths(&tree.subtree("/d", "/x").unwrap()), ["x", "x/f", "x/g"]);
        assert_eq!(paths(&tree.subtree("/d/f", "/x/y").unwrap()), ["x", "x/y"]);
        assert_eq!(paths(&tree.subtree("/", "/").unwrap()), paths(&tree));
    }

    #[test]
    fn paths_that_would_do_harm_are_refused() {
        for path in ["../x", "a/../../x", "a//b", "./a", "a/.", "a\0b", ".wh.a", "d/.wh..wh..opq"] {
            let error = Tree::default().insert(path, file()).unwrap_err();
            assert!(matches!(error, ImageError::InvalidPath { .. }), "{path:?}");
        }
        assert!(Tree::default().insert("", Entry::directory()).is_ok());
    }
}
