//! Determines why a program's user cannot use a file: its kind, its mode, or a directory on the way
//! to it.

use super::Subject;
use crate::identity::{self, Identity, Resolved};
use crate::rootfs::{Entry, EntryKind};

/// Executing a file, or searching a directory.
pub(super) const EXECUTE: u32 = 0o1;
/// Reading a file.
pub(super) const READ: u32 = 0o4;

/// Returns the identity that the program runs as, if known.
pub(super) fn identity(subject: Subject<'_>) -> Option<Identity> {
    match identity::resolve(subject.user?, subject.rootfs) {
        Resolved::Known(identity) => Some(identity),
        _ => None,
    }
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// A directory on the way may not be searched.
    Directory(String),
    /// Its own mode forbids it.
    Mode(String),
    /// It is not a regular file.
    Kind(&'static str),
}

impl Denied {
    /// Returns the reason, with the file as its subject.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Directory(reason) | Self::Mode(reason) => reason,
            Self::Kind(kind) => kind,
        }
    }
}

/// Returns why `identity` cannot use `entry` in this way, after walking through `parents`. For an
/// unknown identity, returns why nobody can.
pub(super) fn denied(
    identity: Option<&Identity>,
    parents: &[(String, &Entry)],
    entry: Option<&Entry>,
    bits: u32,
) -> Option<Denied> {
    if let Some(identity) = identity
        && let Some((parent, directory)) =
            parents.iter().find(|(_, parent)| !identity.may(parent, EXECUTE))
    {
        return Some(Denied::Directory(format!(
            "cannot be reached by user {}:{}, who may not search {parent} (mode {:04o}, owner {}:{})",
            identity.uid,
            identity.gid,
            directory.mode & 0o7777,
            directory.uid,
            directory.gid
        )));
    }
    let Some(entry) = entry.filter(|entry| !entry.is_directory()) else {
        return Some(Denied::Kind("is a directory"));
    };
    if entry.kind == EntryKind::Special && bits == EXECUTE {
        return Some(Denied::Kind("is a named pipe, socket or device"));
    }
    if bits == EXECUTE && entry.mode & 0o111 == 0 {
        return Some(Denied::Mode("has no execute permission for anybody".to_owned()));
    }
    let identity = identity.filter(|identity| !identity.may(entry, bits))?;
    let verb = if bits == EXECUTE { "executed" } else { "read" };
    Some(Denied::Mode(format!(
        "may not be {verb} by user {}:{} (mode {:04o}, owner {}:{})",
        identity.uid,
        identity.gid,
        entry.mode & 0o7777,
        entry.uid,
        entry.gid
    )))
}
