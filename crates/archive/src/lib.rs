//! Trees of files as tar streams, for `cp`.
//!
//! * [`pack`] writes a file or a folder to a stream.
//! * [`unpack`] writes a stream to a folder. The stream is not trusted: nothing is written outside
//!   of the folder, and no link is followed that was not there when the copy began.
//! * [`Reader`] and [`Writer`] are the streams, entry by entry, and [`pass_on`] checks one stream
//!   while it is written to another. [`Outgoing`] are the checks for streams of others.
//!
//! The client and the launcher in a session use the same code, so this crate depends on the
//! standard library alone. All work is blocking. Memory does not grow with files or their number.

mod chain;
mod entry;
mod error;
mod folder;
mod guarded;
mod mounts;
mod outgoing;
mod pack;
mod pass;
mod pending;
mod place;
mod read;
mod report;
#[cfg(test)]
mod tests;
mod unpack;
mod write;

pub use self::entry::{Entry, Kind};
pub use self::error::Error;
pub use self::mounts::kernel_filesystems;
pub use self::outgoing::Outgoing;
pub use self::pack::{Packing, Root, pack};
pub use self::pass::pass_on;
pub use self::place::Place;
pub use self::read::Reader;
pub use self::report::Report;
pub use self::unpack::{Unpacking, unpack};
pub use self::write::Writer;

use std::path::PathBuf;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Folders, symbolic links and further names of files.
    pub others: u64,
}

/// Something that a user should know of a copy that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It was left out, although it should be in the copy.
    Missed(PathBuf, String),
    /// It is not copied, as what it is: a device, a pipe, a socket, a filesystem of the kernel.
    LeftOut(PathBuf, &'static str),
    /// It is a link that leads out of the copy, to this path.
    LeadsOut(PathBuf, PathBuf),
}
