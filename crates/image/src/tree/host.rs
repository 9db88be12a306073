//! Files of this machine, which a tree refers to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ImageError;

/// A regular file of this machine, with the size and the file capabilities (`setcap`) that it had
/// at the time of [`HostFile::new`].
#[derive(Clone, Debug)]
pub struct HostFile {
    path: PathBuf,
    size: u64,
    capabilities: Option<Arc<[u8]>>,
    pub(super) source_mode: Option<u32>,
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
                    Ok(Self { size: metadata.len(), path, capabilities, source_mode: None })
                }
                Some(kind) => Err(ImageError::NotARegularFile { kind, path }),
            },
            Err(source) => Err(ImageError::Read { path, source }),
        }
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
