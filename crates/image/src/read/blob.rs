//! Where the blobs of a stored image are, and reading one without trusting it.

use super::ReadError;
use super::tar::{MemberKind, TarReader};
use crate::Digest;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// A JSON document of an image is refused beyond this size: the largest known indexes have some hundred KiB.
pub(super) const LARGEST_DOCUMENT: u64 = 4 * 1024 * 1024;
const BUFFER: usize = 256 * 1024;

/// The files of a layout, or the entries of an archive, by their path.
#[derive(Debug)]
pub(super) enum Files {
    Folder(PathBuf),
    Archive { path: PathBuf, entries: BTreeMap<String, Place> },
}

/// Where the data of an entry are in the archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    offset: u64,
    size: u64,
}

impl Files {
    pub(super) fn folder(path: &Path) -> Self {
        Self::Folder(path.to_owned())
    }

    /// Reads the headers of an archive. The name of an entry that is there twice is refused.
    pub(super) fn archive(path: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
        }
        let mut entries = BTreeMap::new();
        let counted = Counted { inner: BufReader::with_capacity(BUFFER, file), position: 0 };
        let mut reader = TarReader::new(counted, path.display().to_string());
        while let Some(member) = reader.next()? {
            let place = Place { offset: reader.get_ref().position, size: member.size };
            let is_file = member.kind == MemberKind::File;
            if is_file && entries.insert(member.path.clone(), place).is_some() {
                return Err(ReadError::invalid(format!("{} in {}", member.path, path.display()), "it is there twice"));
            }
        }
        Ok(Self::Archive { path: path.to_owned(), entries })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Archive { path, .. } => path,
        }
    }

    /// The size of a file, or `None` if it is not there.
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        match self {
            Self::Folder(root) => {
                let metadata = root.join(name).metadata().ok()?;
                metadata.is_file().then_some(metadata.len())
            }
            Self::Archive { entries, .. } => entries.get(name).map(|place| place.size),
        }
    }

    /// Reads a file from its beginning.
    pub(super) fn open(&self, name: &str) -> Result<Box<dyn Read>, ReadError> {
        if self.size(name).is_none() {
            return Err(ReadError::Missing { what: format!("{name} in {}", self.path().display()) });
        }
        let opened = match self {
            Self::Folder(root) => File::open(root.join(name)).map(|file| Box::new(file) as Box<dyn Read>),
            Self::Archive { path, entries } => File::open(path).and_then(|mut file| {
                let place = entries.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
                file.seek(SeekFrom::Start(place.offset))?;
                Ok(Box::new(file.take(place.size)) as Box<dyn Read>)
            }),
        };
        opened.map_err(|source| ReadError::Io { path: self.path().join(name), source })
    }

    /// A whole small file.
    pub(super) fn document(&self, name: &str) -> Result<Vec<u8>, ReadError> {
        let size = self.size(name).unwrap_or_default();
        if size > LARGEST_DOCUMENT {
            return Err(ReadError::invalid(name, format!("{size} bytes, and a document has 4 MiB at most")));
        }
        let mut bytes = Vec::new();
        self.open(name)?
            .take(LARGEST_DOCUMENT)
            .read_to_end(&mut bytes)
            .map_err(|source| ReadError::Io { path: self.path().join(name), source })?;
        Ok(bytes)
    }
}

/// Counts what is read, so that an entry's place is known.
pub(super) struct Counted<R> {
    inner: R,
    pub(super) position: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        self.position += size as u64;
        Ok(size)
    }
}

/// A reader that hashes and counts what passes.
pub(super) struct HashingReader<R> {
    inner: R,
    hasher: Sha256,
    size: u64,
}

impl<R: Read> HashingReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new(), size: 0 }
    }

    pub(super) fn finish(self) -> (Digest, u64) {
        (Digest::from_hasher(self.hasher), self.size)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..size]);
        self.size += size as u64;
        Ok(size)
    }
}
