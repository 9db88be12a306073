//! The files of containers.

use std::collections::BTreeSet;

use scratchdbg_diagnose::rootfs::{Entry, Want};

use crate::{ContainerRecord, Error};

/// A platform that shows the files of its containers, stopped ones too, and runs nothing in them for it.
pub trait FilesBackend: Sync {
    /// Looks up the paths that rules ask for: one answer for each, in their order. No link is followed.
    ///
    /// `None` where to look would change something, such as make folders on the host.
    fn look_up(
        &self,
        record: &ContainerRecord,
        wanted: &[Want],
    ) -> impl Future<Output = Result<Option<Vec<Found>>, Error>> + Send;

    /// Shows `visit` the bytes of a file as they come. Headers of an archive may be among them.
    fn scan_file(
        &self,
        record: &ContainerRecord,
        path: &str,
        visit: impl FnMut(&[u8]) + Send,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// The paths of the container's own files that its mounts cover. `None` where the platform does not tell, or not in
    /// time.
    fn paths_beneath(&self, record: &ContainerRecord) -> impl Future<Output = Option<BTreeSet<String>>> + Send;
}

/// What there is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This. In the detail that was asked for, where the platform has it.
    Entry(Entry),
    /// Nothing.
    Absent,
    /// The platform cannot see.
    Unknown,
}
