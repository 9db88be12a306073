//! Errors as users see them: one line that says what and why, hints that say what to do, and an exit code.

use std::io;
use std::path::Path;

use scratchdbg_backend::ErrorKind;
use scratchdbg_inspect as inspect;

/// Something went wrong.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// `attach`: scratchdbg or the engine failed, not the command.
pub(crate) const ATTACH_FAILED: u8 = 125;

/// A command that failed.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// What went wrong, and why.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
    /// The exit code.
    pub(crate) code: u8,
    /// The reader of standard output is gone: nothing is said, and the code is 0.
    pub(crate) broken_pipe: bool,
}

/// What a command returns: an exit code, or what went wrong.
pub(crate) type Outcome = Result<u8, CommandError>;

impl CommandError {
    /// A failure.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), code: FAILED, broken_pipe: false }
    }

    /// A mistake on the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message) }
    }

    /// A file of this machine that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot read {}: {error}", path.display())).hint(scratchdbg_files::hint(error))
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<std::io::Error> for CommandError {
    /// The only I/O that is not explained where it happens is that of standard output.
    fn from(error: std::io::Error) -> Self {
        let broken_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::new(format!("cannot write to standard output: {error}")) }
    }
}

impl From<scratchdbg_backend::InvalidName> for CommandError {
    fn from(error: scratchdbg_backend::InvalidName) -> Self {
        Self::new(error.to_string())
    }
}

impl From<scratchdbg_backend::Error> for CommandError {
    fn from(error: scratchdbg_backend::Error) -> Self {
        let code = if error.kind == ErrorKind::Invalid { USAGE } else { FAILED };
        Self { hints: error.hints, code, ..Self::new(error.message) }
    }
}

impl From<CommandError> for scratchdbg_backend::Error {
    fn from(error: CommandError) -> Self {
        let kind = if error.code == USAGE { ErrorKind::Invalid } else { ErrorKind::Unreachable };
        Self { kind, message: error.message, hints: error.hints }
    }
}

impl From<inspect::Error> for CommandError {
    fn from(error: inspect::Error) -> Self {
        let mut hints = error.hints();
        match &error {
            inspect::Error::NoSuchImage { .. } => hints.push(
                "`docker images` lists what it has; a layout is oci:DIR[:TAG], an archive is archive:FILE[:REF]"
                    .to_owned(),
            ),
            inspect::Error::NothingNamed { .. } => hints.push(
                "`docker images` and `docker ps -a` list what there is; a layout is oci:DIR, an archive archive:FILE"
                    .to_owned(),
            ),
            _ => {}
        }
        let code = if error.is_mistake() { USAGE } else { FAILED };
        Self { hints, code, ..Self::new(error.to_string()) }
    }
}

#[cfg(test)]
mod tests;
