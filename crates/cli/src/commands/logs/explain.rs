//! Why a log cannot be read.

use scratchdbg_engine::{Error, LogSource};

use crate::error::CommandError;

/// A log that could not be opened.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) error: CommandError,
    /// Trying again does not help: the log driver keeps nothing.
    pub(super) is_fatal: bool,
}

impl From<Unreadable> for CommandError {
    fn from(unreadable: Unreadable) -> Self {
        unreadable.error
    }
}

impl From<Error> for Unreadable {
    fn from(error: Error) -> Self {
        Self { error: error.into(), is_fatal: false }
    }
}

/// Some log drivers cannot be read back.
pub(super) fn unreadable(error: Error, source: &LogSource) -> Unreadable {
    let is_fatal = match &error {
        Error::Api(answer) => {
            answer.status == 501
                || answer.message.contains("does not support reading")
                || answer.message.contains("cannot read logs")
        }
        _ => false,
    };
    let mut error = CommandError::from(error);
    if is_fatal {
        error = error.hint(format!(
            "`{}` has the log driver `{}`, which keeps nothing that can be read back; json-file, local and journald \
             do: run it with --log-driver local",
            source.name, source.driver
        ));
    }
    Unreadable { error, is_fatal }
}
