//! Errors of copies.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// A copy failed.
#[derive(Debug)]
pub enum Error {
    /// The stream could not be read.
    Read(io::Error),
    /// The stream could not be written.
    Write(io::Error),
    /// The stream ends before its end is marked.
    Cut,
    /// The stream is no tar stream, or has something in it that is not known.
    Invalid(String),
    /// The stream has something in it that nobody asked for.
    Refused(String),
    /// A file operation failed.
    File {
        /// What was tried: `read`, `write`.
        tried: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// What is there does not fit what is copied.
    Place(String),
}

impl Error {
    /// Returns the error of an operation on a file.
    pub(crate) fn file(tried: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { tried, path: path.to_owned(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(formatter, "cannot read the stream: {}", plain(error)),
            Self::Write(error) => write!(formatter, "cannot write the stream: {}", plain(error)),
            Self::Cut => formatter.write_str("the stream ended early"),
            Self::Invalid(why) => write!(formatter, "the stream is not a tar archive: {why}"),
            Self::Refused(why) => write!(formatter, "refused: {why}"),
            Self::File { tried, path, source } => {
                write!(formatter, "cannot {tried} {}: {}", path.display(), plain(source))
            }
            Self::Place(why) => formatter.write_str(why),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) | Self::Write(error) | Self::File { source: error, .. } => {
                Some(error)
            }
            _ => None,
        }
    }
}

/// Returns an error of the system without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    match text.split_at_checked(1) {
        Some((first, rest)) => format!("{}{rest}", first.to_lowercase()),
        None => text.to_owned(),
    }
}
