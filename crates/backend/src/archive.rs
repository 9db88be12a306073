//! Files of containers as tar streams, in and out.

use std::io::Write;

use crate::{BoxError, ByteStream, ContainerName, Error};

/// A platform that reads and writes files of containers as tar streams, without running anything in
/// them: of stopped ones too.
pub trait ArchiveBackend: Clone + Send + Sync + 'static {
    /// The stream.
    type Archive: ByteStream;

    /// Describes what is at a path. `None` if there is nothing. Links on the way are followed, the
    /// last one is not.
    fn path_facts(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> impl Future<Output = Result<Option<PathFacts>, Error>> + Send;

    /// Returns the file, folder or link at a path as a tar stream. Its root has the path's last
    /// name.
    fn read_archive(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> impl Future<Output = Result<Self::Archive, Error>> + Send;

    /// Writes the tar stream that `produce` writes to a folder.
    fn write_archive<E: Into<BoxError>>(
        &self,
        container: &ContainerName,
        folder: &str,
        produce: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns the name of another container that runs and may change files at or below this path
    /// meanwhile: it shares a volume or a folder of the host.
    fn sharer(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> impl Future<Output = Result<Option<String>, Error>> + Send;
}

/// What is at a path of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFacts {
    /// It is a folder.
    pub is_folder: bool,
    /// It is a symbolic link, to this path of the container.
    pub link: Option<String>,
}
