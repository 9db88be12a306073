//! Why an image could not be read.

use crate::Digest;
use std::io;
use std::path::PathBuf;

/// What is wrong with a stored image, or with reading it. Names from the image are in the texts as they are: whoever shows
/// them on a terminal escapes them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The layout or archive could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The path is neither an OCI layout nor an image archive.
    #[error("{} is neither an OCI layout nor an image archive: {reason}", path.display())]
    NotAnImage {
        /// The file or folder.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// There is no image of that name.
    #[error("{} has no image `{wanted}`; it has {available}", path.display())]
    NoSuchImage {
        /// The file or folder.
        path: PathBuf,
        /// The name that was asked for.
        wanted: String,
        /// The names that there are.
        available: String,
    },
    /// Something that is named is not there.
    #[error("{what} is missing")]
    Missing {
        /// What, with its digest or path.
        what: String,
    },
    /// Bytes that are not what their digest says.
    #[error("{what} has the digest {actual}")]
    DigestMismatch {
        /// What, with its digest.
        what: String,
        /// The digest of the bytes that are there.
        actual: Digest,
    },
    /// A size that is not what a descriptor says.
    #[error("{what} has {actual} bytes, its descriptor says {expected}")]
    SizeMismatch {
        /// What, with its digest.
        what: String,
        /// What the descriptor says.
        expected: u64,
        /// What is there.
        actual: u64,
    },
    /// A layer that holds a path twice.
    #[error("{path} in {layer}: it is there twice, which engines refuse")]
    DuplicatePath {
        /// The absolute path.
        path: String,
        /// The layer, with its digest.
        layer: String,
    },
    /// A document or tar that breaks its specification, or a limit of ours.
    #[error("{what}: {reason}")]
    Invalid {
        /// What, with its digest or path.
        what: String,
        /// What is wrong.
        reason: String,
    },
}

impl ReadError {
    pub(crate) fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), reason: reason.into() }
    }
}
