//! A file, with what rules need to know of it.

use crate::program::Program;

/// A file, directory, link or other node. An image has very many, so rare attributes take little
/// room in entries without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its kind.
    pub kind: EntryKind,
    /// Permission bits, with setuid (`0o4000`), setgid (`0o2000`) and sticky (`0o1000`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The raw value of the extended attribute `security.capability`.
    pub capabilities: Option<Box<[u8]>>,
}

impl Entry {
    /// Returns a regular file of root with unknown content.
    pub fn file(mode: u32, size: u64) -> Self {
        Self::of(EntryKind::File { size, content: None, program: None }, mode)
    }

    /// Returns a regular file of root with its facts as a program.
    pub fn program(mode: u32, size: u64, program: Program) -> Self {
        Self::of(EntryKind::File { size, content: None, program: Some(program) }, mode)
    }

    /// Returns a regular file of root with its content, such as `/etc/passwd`.
    pub fn content(mode: u32, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into().into_boxed_slice();
        Self::of(
            EntryKind::File { size: content.len() as u64, content: Some(content), program: None },
            mode,
        )
    }

    /// Returns a directory of root.
    pub fn directory(mode: u32) -> Self {
        Self::of(EntryKind::Directory, mode)
    }

    /// Returns a symbolic link.
    pub fn symlink(target: impl Into<Box<str>>) -> Self {
        Self::of(EntryKind::Symlink { target: target.into() }, 0o777)
    }

    /// Returns the same entry with another owner and group.
    #[must_use]
    pub fn owned_by(mut self, uid: u32, gid: u32) -> Self {
        self.uid = uid;
        self.gid = gid;
        self
    }

    fn of(kind: EntryKind, mode: u32) -> Self {
        Self { kind, mode, uid: 0, gid: 0, capabilities: None }
    }

    /// Reports whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, EntryKind::Directory)
    }
}

/// The kind of an [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file. A hard link is the file that it links to.
    File {
        /// Bytes.
        size: u64,
        /// The complete content, if it was requested and is at most
        /// [`Want::MAX_CONTENT`](super::Want::MAX_CONTENT).
        content: Option<Box<[u8]>>,
        /// Its facts as a program, if they were requested.
        program: Option<Program>,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Its target as written.
        target: Box<str>,
    },
    /// A device, FIFO or socket.
    Special,
}
