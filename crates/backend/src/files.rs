//! The files of containers.

use std::collections::BTreeSet;

use scratchdbg_diagnose::rootfs::{Entry, Want};

use crate::{ContainerRecord, Error};

/// A platform that gives access to the files of its containers, stopped ones too, without running
/// anything in them.
pub trait FilesBackend: Sync {
    /// Looks up the paths that rules ask for. Returns one answer for each, in the same order.
    /// Follows no link.
    ///
    /// Returns `None` if a lookup would change something, such as create folders on the host.
    fn look_up(
        &self,
        record: &ContainerRecord,
        wanted: &[Want],
    ) -> impl Future<Output = Result<Option<Vec<Found>>, Error>> + Send;

    /// Passes the bytes of a file to `visit` as they arrive, as long as it wants more. Headers of an
    /// archive may be among them.
    fn scan_file(
        &self,
        record: &ContainerRecord,
        path: &str,
        visit: impl FnMut(&[u8]) -> bool + Send,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns the paths of the image's files that the container's mounts hide. `None` if the
    /// platform does not tell, or not in time.
    fn hidden_paths(
        &self,
        record: &ContainerRecord,
    ) -> impl Future<Output = Option<BTreeSet<String>>> + Send;
}

/// The answer to a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The path exists. The entry has the detail that was asked for, if the platform has it.
    Entry(Entry),
    /// The path does not exist.
    Absent,
    /// The platform cannot tell.
    Unknown,
}
