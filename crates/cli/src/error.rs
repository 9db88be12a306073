//! Errors as users see them: one line with the failure and its reason, hints for remedies, and an
//! exit code.

use std::io;
use std::path::Path;

use scratchdbg_backend::ErrorKind;
use scratchdbg_console::printer::Printer;
use scratchdbg_inspect as inspect;

/// The exit code of a failure.
pub(crate) const FAILED: u8 = 1;
/// The exit code of a usage error.
pub(crate) const USAGE: u8 = 2;
/// The exit code of `attach` if scratchdbg or the engine failed, as opposed to the command.
pub(crate) const ATTACH_FAILED: u8 = 125;

/// The exit code of a verdict that nobody has read: that of a process that SIGPIPE ended.
pub(crate) const UNREAD: u8 = 128 + 13;

/// A command that failed.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// The failure and its reason.
    pub(crate) message: String,
    /// What the user can do.
    pub(crate) hints: Vec<String>,
    /// The exit code.
    pub(crate) code: u8,
    /// Whether the failure is that there is no such container.
    pub(crate) is_absent: bool,
    /// Whether the reader of standard output is gone. If so, nothing is printed, and the code is 0,
    /// or [`UNREAD`].
    pub(crate) broken_pipe: bool,
}

/// The result of a command: an exit code, or an error.
pub(crate) type Outcome = Result<u8, CommandError>;

impl CommandError {
    /// Returns a failure.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hints: Vec::new(),
            code: FAILED,
            is_absent: false,
            broken_pipe: false,
        }
    }

    /// Returns a usage error.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message) }
    }

    /// Returns the error for a file of this machine that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot read {}: {error}", path.display()))
            .hint(scratchdbg_files::hint(error))
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints the error and its hints.
    pub(crate) fn print(&self, printer: Printer) {
        printer.error(&self.message);
        for hint in &self.hints {
            printer.hint(hint);
        }
    }
}

impl From<std::io::Error> for CommandError {
    /// Only I/O errors of standard output are not explained where they occur.
    fn from(error: std::io::Error) -> Self {
        let broken_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::new(format!("cannot write to standard output: {error}")) }
    }
}

/// The hint for users who name an image where a container is expected.
pub(crate) const OF_IMAGES: &str = "an image is opened by `scratchdbg attach --image IMAGE`, and examined by `scratchdbg check IMAGE`";

impl From<scratchdbg_backend::InvalidName> for CommandError {
    fn from(error: scratchdbg_backend::InvalidName) -> Self {
        Self::new(error.to_string()).hint(OF_IMAGES)
    }
}

impl From<scratchdbg_backend::Error> for CommandError {
    fn from(error: scratchdbg_backend::Error) -> Self {
        let code = if error.kind == ErrorKind::Invalid { USAGE } else { FAILED };
        let is_absent = error.is_absent();
        Self { hints: error.hints, code, is_absent, ..Self::new(error.message) }
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
