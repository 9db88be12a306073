//! Files of this machine, which a tree refers to.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ImageError;

/// A regular file of this machine, with the size and the file capabilities (`setcap`) that it had
/// at the time of [`HostFile::new`]. It is read several times, and must be the same each time.
#[derive(Clone, Debug)]
pub struct HostFile {
    path: PathBuf,
    size: u64,
    version: Version,
    capabilities: Option<Arc<[u8]>>,
    pub(super) source_mode: Option<u32>,
}

/// Which file a path led to, and its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl HostFile {
    /// Inspects the file without reading it. Follows symbolic links. Anything but a regular file is
    /// an error.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, ImageError> {
        let path = path.into();
        match fs::metadata(&path) {
            Ok(metadata) => match scratchdbg_files::kind(&metadata) {
                None => {
                    let capabilities = file_capabilities(&path)
                        .map_err(|source| ImageError::Read { path: path.clone(), source })?
                        .map(Arc::from);
                    let (size, version) = (metadata.len(), Version::of(&metadata));
                    Ok(Self { size, version, path, capabilities, source_mode: None })
                }
                Some(kind) => Err(ImageError::NotARegularFile { kind, path }),
            },
            Err(source) => Err(ImageError::Read { path, source }),
        }
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    ///
    /// Fails if the file was changed or replaced since [`HostFile::new`].
    pub fn open(&self) -> io::Result<File> {
        let (file, metadata) = scratchdbg_files::open(&self.path)?;
        self.expect_same(&metadata)?;
        Ok(file)
    }

    /// Fails if the file, which was opened with [`open`](Self::open), was changed meanwhile.
    ///
    /// # Errors
    ///
    /// Fails also if its state cannot be read.
    pub fn expect_unchanged(&self, file: &File) -> io::Result<()> {
        self.expect_same(&file.metadata()?)
    }

    fn expect_same(&self, metadata: &Metadata) -> io::Result<()> {
        if Version::of(metadata) == self.version {
            return Ok(());
        }
        Err(io::Error::other("it changed while it was read; build again"))
    }

    /// Notes the permission bits that the file has here, because its entry has others that nobody
    /// asked for.
    #[must_use]
    pub fn with_source_mode(self, mode: u32) -> Self {
        Self { source_mode: Some(mode & 0o7777), ..self }
    }

    /// The permission bits that the file has here, if its entry has others that nobody asked for. A
    /// builder that keeps modes would use these.
    pub fn source_mode(&self) -> Option<u32> {
        self.source_mode
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size in bytes at the time of inspection.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The raw value of the extended attribute `security.capability` (capabilities(7), "File
    /// capabilities"), if the file has it.
    pub fn capabilities(&self) -> Option<&[u8]> {
        self.capabilities.as_deref()
    }
}

/// Reads the file capabilities. A file system without extended attributes has none.
fn file_capabilities(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    // The largest form, version 3, takes 24 bytes.
    let mut value = [0; 64];
    match rustix::fs::getxattr(path, "security.capability", &mut value) {
        Ok(size) => Ok(value.get(..size).map(<[u8]>::to_vec)),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::NOTSUP | rustix::io::Errno::NOSYS) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_replaced_or_changed_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("app"), folder.path().join("other"));
        fs::write(&path, b"one").unwrap();
        let file = HostFile::new(&path).unwrap();
        let open = file.open().unwrap();
        file.expect_unchanged(&open).unwrap();
        fs::write(&other, b"two").unwrap();
        fs::rename(&other, &path).unwrap();
        let error = file.open().unwrap_err().to_string();
        assert!(error.contains("changed while it was read"), "{error}");
        let file = HostFile::new(&path).unwrap();
        let open = file.open().unwrap();
        fs::write(&path, b"three").unwrap();
        file.expect_unchanged(&open).unwrap_err();
    }

    #[test]
    fn only_regular_files_are_taken_from_the_host() {
        assert!(matches!(
            HostFile::new("/"),
            Err(ImageError::NotARegularFile { kind: "a directory", .. })
        ));
        assert!(matches!(
            HostFile::new("/dev/null"),
            Err(ImageError::NotARegularFile { kind: "a device", .. })
        ));
        assert!(matches!(HostFile::new("/nonexistent"), Err(ImageError::Read { .. })));
    }
}
