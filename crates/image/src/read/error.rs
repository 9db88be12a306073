//! The errors of reading an image.

use std::io;
use std::path::PathBuf;

use crate::Digest;

/// An error in a stored image, or in reading it. The texts contain names from the image unescaped:
/// escape them before printing them to a terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The layout or archive could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
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
    /// There is no image with this name.
    #[error("{} has no image `{wanted}`; it has {available}", path.display())]
    NoSuchImage {
        /// The file or folder.
        path: PathBuf,
        /// The requested name.
        wanted: String,
        /// The existing names.
        available: String,
    },
    /// A referenced object does not exist.
    #[error("{what} is missing")]
    Missing {
        /// The object, with its digest or path.
        what: String,
    },
    /// The content does not match its digest.
    #[error("{what} has the digest {actual}")]
    DigestMismatch {
        /// The object, with its digest.
        what: String,
        /// The digest of the content.
        actual: Digest,
    },
    /// The size differs from that in the descriptor.
    #[error("{what} has {actual} bytes, its descriptor says {expected}")]
    SizeMismatch {
        /// The object, with its digest.
        what: String,
        /// The size in the descriptor.
        expected: u64,
        /// The actual size.
        actual: u64,
    },
    /// A layer contains a path twice.
    #[error("{layer} contains {path} twice, which engines refuse")]
    DuplicatePath {
        /// The absolute path.
        path: String,
        /// The layer, with its digest.
        layer: String,
    },
    /// A document or tar that violates its specification, or one of our limits.
    #[error("{what}: {reason}")]
    Invalid {
        /// The object, with its digest or path.
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
