//! Why reading a log ended early.

use std::io;

use scratchdbg_backend as backend;

/// Reading a log failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The platform failed or refused.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// The log is stored where nobody can read it back.
    #[error("{source}")]
    Unreadable {
        /// The container's name.
        name: String,
        /// What stores the log.
        driver: String,
        /// What the platform said.
        source: Box<backend::Error>,
    },
    /// The log's files were asked for, and cannot be read.
    #[error("the log files of `{name}` cannot be read: {reason}")]
    FilesUnreadable {
        /// The container's name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The log's files were asked for, and cannot be followed.
    #[error("the log files of `{name}` cannot be followed: {reason}")]
    FilesNotFollowed {
        /// The container's name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The platform knows no such run.
    #[error("the engine knows no run -{back} of `{name}` any more")]
    NoSuchRun {
        /// The container's name.
        name: String,
        /// Runs before the latest one.
        back: usize,
    },
    /// No container matches.
    #[error("no container carries these labels")]
    NothingSelected,
    /// What was read cannot be passed on.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// A reader panicked.
    #[error("reading a log failed: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}
