//! Copies files between this machine and containers.
//!
//! * [`struct@Copy`] is what the command line asks for, by the rules of `docker cp`.
//! * [`by_session`] copies through a session inside a running container: what its processes see,
//!   with their rights.
//! * [`by_archive`] copies through the archives of a platform: the container's own files, running or
//!   not.
//!
//! What a container sends is not trusted, see [`scratchdbg_archive`].

mod by_archive;
mod by_session;
mod hint;
mod spec;
#[cfg(test)]
mod tests;
mod worker;

pub use self::by_archive::by_archive;
pub use self::by_session::by_session;
pub use self::spec::{Copy, Direction, Invalid, Place, TargetPath};

use std::io::{Read, Write};

use scratchdbg_archive::Count;
use scratchdbg_backend::{Error, ErrorKind};

/// The standard streams of this process, for a tar stream in the place of files.
pub struct Streams {
    /// Standard input.
    pub input: Box<dyn Read + Send>,
    /// Standard output.
    pub output: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Streams")
    }
}

/// How a copy ended that did not fail.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The exit code: 0, 1 if something is missing in the copy, 128+n after signal n.
    pub code: u8,
    /// What was copied, if that is known.
    pub count: Option<Count>,
    /// What the user should know. The text may come from the container.
    pub warnings: Vec<String>,
}

/// Returns an error of files.
fn failed(error: &scratchdbg_archive::Error) -> Error {
    let kind = match error {
        scratchdbg_archive::Error::Cut | scratchdbg_archive::Error::Read(_) => ErrorKind::Broken,
        _ => ErrorKind::Local,
    };
    hint::hinted(Error::new(kind, error.to_string()), false)
}
