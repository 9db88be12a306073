//! Locates the blobs of a stored image, and reads them without trusting them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::entries::{self, Entries, Place};
use super::tar::{TarInput, TarReader};
use super::{ReadError, RemoteImage};
use crate::Digest;

/// The maximum size of a JSON document of an image. The largest known indexes have several hundred
/// KiB.
pub(super) const LARGEST_DOCUMENT: u64 = 4 * 1024 * 1024;
/// The read size while only headers are needed.
const HEADERS: usize = 4 * 1024;

/// The files of a layout, or the entries of an archive, by path; or the blobs of a registry, by
/// digest.
#[derive(Debug)]
pub(super) enum Files {
    Folder(PathBuf),
    Archive { path: PathBuf, file: Arc<File>, entries: BTreeMap<String, Place> },
    Remote { name: PathBuf, image: Arc<dyn RemoteImage> },
}

impl Files {
    pub(super) fn folder(path: &Path) -> Self {
        Self::Folder(path.to_owned())
    }

    /// Reads the headers of an archive. Entries that engines would not find where they are read are
    /// an error.
    pub(super) fn archive(path: &Path) -> Result<Self, ReadError> {
        let (file, _) = scratchdbg_files::open(path)
            .map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
        Self::open_archive(file, path)
    }

    /// Like [`Files::archive`], for an open file, which may no longer have a name: `path` names it
    /// in errors.
    pub(super) fn open_archive(file: File, path: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { path: path.to_owned(), source };
        let length = file.metadata().map_err(failed)?.len();
        let mut headers = file.try_clone().map_err(failed)?;
        headers.rewind().map_err(failed)?;
        if let Some(form) = entries::compression(&mut headers).map_err(failed)? {
            let reason = format!("it is compressed with {form}: unpack it first");
            return Err(ReadError::NotAnImage { path: path.to_owned(), reason });
        }
        headers.rewind().map_err(failed)?;
        let named = |name: &str| format!("{name} in {}", path.display());
        let mut entries = Entries::default();
        let counted =
            Counted { inner: BufReader::with_capacity(HEADERS, headers), position: 0, length };
        let mut reader = TarReader::new(counted, path.display().to_string());
        while let Some(member) = reader.next()? {
            let added = entries.add(&member, reader.get_ref().position);
            added.map_err(|reason| ReadError::invalid(named(&member.path), reason))?;
        }
        let entries =
            entries.files().map_err(|(name, reason)| ReadError::invalid(named(&name), reason))?;
        Ok(Self::Archive { path: path.to_owned(), file: Arc::new(file), entries })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Archive { path, .. } | Self::Remote { name: path, .. } => {
                path
            }
        }
    }

    /// The size of a file, or `None` if there is no such file.
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        match self {
            Self::Folder(root) => {
                let metadata = root.join(name).metadata().ok()?;
                metadata.is_file().then_some(metadata.len())
            }
            Self::Archive { entries, .. } => entries.get(name).map(|place| place.size),
            Self::Remote { .. } => None,
        }
    }

    /// Opens a blob that a descriptor refers to. A registry does not report sizes in advance, so
    /// this reads at most the descriptor's size and one more byte, to detect a larger blob.
    pub(super) fn blob(
        &self,
        what: &str,
        file: &str,
        digest: Option<Digest>,
        size: u64,
    ) -> Result<Box<dyn Read>, ReadError> {
        if let (Self::Remote { image, .. }, Some(digest)) = (self, digest) {
            let blob = image.blob(digest).map_err(|source| self.failed(what, source))?;
            return Ok(Box::new(blob.take(size.saturating_add(1))));
        }
        let actual = self.size(file).ok_or_else(|| ReadError::Missing { what: what.into() })?;
        if actual != size {
            return Err(ReadError::SizeMismatch { what: what.into(), expected: size, actual });
        }
        self.open(file)
    }

    /// Reads a manifest that a descriptor refers to.
    pub(super) fn manifest(
        &self,
        what: &str,
        file: &str,
        digest: Digest,
        size: u64,
    ) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::Remote { image, .. } => {
                image.manifest(digest).map_err(|source| self.failed(what, source))
            }
            _ => self.small_blob(what, file, digest, size),
        }
    }

    /// Reads a whole blob that is a JSON document.
    pub(super) fn small_blob(
        &self,
        what: &str,
        file: &str,
        digest: Digest,
        size: u64,
    ) -> Result<Vec<u8>, ReadError> {
        if size > LARGEST_DOCUMENT {
            return Err(ReadError::invalid(
                what,
                format!("{size} bytes, and a document has 4 MiB at most"),
            ));
        }
        let mut bytes = Vec::new();
        let mut blob = self.blob(what, file, Some(digest), size)?;
        blob.read_to_end(&mut bytes).map_err(|source| self.failed(what, source))?;
        Ok(bytes)
    }

    fn failed(&self, what: &str, source: io::Error) -> ReadError {
        ReadError::Io { path: self.path().join(what), source }
    }

    /// Opens a file.
    pub(super) fn open(&self, name: &str) -> Result<Box<dyn Read>, ReadError> {
        if self.size(name).is_none() {
            return Err(ReadError::Missing {
                what: format!("{name} in {}", self.path().display()),
            });
        }
        let opened = match self {
            Self::Folder(root) => scratchdbg_files::open(&root.join(name))
                .map(|(file, _)| Box::new(file) as Box<dyn Read>),
            Self::Archive { file, entries, .. } => match entries.get(name) {
                Some(Place { offset, size }) => {
                    Ok(Box::new(Part { file: Arc::clone(file), at: *offset, left: *size })
                        as Box<dyn Read>)
                }
                None => Err(io::ErrorKind::NotFound.into()),
            },
            Self::Remote { .. } => Err(io::ErrorKind::NotFound.into()),
        };
        opened.map_err(|source| ReadError::Io { path: self.path().join(name), source })
    }

    /// Reads a whole small file.
    pub(super) fn document(&self, name: &str) -> Result<Vec<u8>, ReadError> {
        let size = self.size(name).unwrap_or_default();
        if size > LARGEST_DOCUMENT {
            return Err(ReadError::invalid(
                name,
                format!("{size} bytes, and a document has 4 MiB at most"),
            ));
        }
        let mut bytes = Vec::new();
        self.open(name)?
            .take(LARGEST_DOCUMENT)
            .read_to_end(&mut bytes)
            .map_err(|source| ReadError::Io { path: self.path().join(name), source })?;
        Ok(bytes)
    }
}

/// The data of one entry. Several entries may be read at the same time, so the file's own position
/// is not used.
struct Part {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let size = self.file.read_at(&mut buffer[..want], self.at)?;
        self.at += size as u64;
        self.left -= size as u64;
        Ok(size)
    }
}

/// Counts the bytes read from a file, to locate entries.
pub(super) struct Counted {
    inner: BufReader<File>,
    pub(super) position: u64,
    length: u64,
}

impl TarInput for Counted {
    /// Seeks: an archive's data are read only on request.
    fn pass_over(&mut self, count: u64) -> io::Result<u64> {
        let count = count.min(self.length.saturating_sub(self.position));
        self.inner.seek_relative(i64::try_from(count).map_err(io::Error::other)?)?;
        self.position += count;
        Ok(count)
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        self.position += size as u64;
        Ok(size)
    }
}

/// A reader that counts the bytes and, if requested, hashes them.
pub(super) struct HashingReader<R> {
    inner: R,
    hasher: Option<Sha256>,
    size: u64,
}

impl<R: Read> HashingReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, hasher: Some(Sha256::new()), size: 0 }
    }

    /// Creates a reader that only counts.
    pub(super) fn counting(inner: R) -> Self {
        Self { inner, hasher: None, size: 0 }
    }

    /// The digest, if requested, and the size.
    pub(super) fn finish(self) -> (Option<Digest>, u64) {
        (self.hasher.map(Digest::from_hasher), self.size)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..size]);
        }
        self.size += size as u64;
        Ok(size)
    }
}
