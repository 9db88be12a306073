//! One error for all platforms.

use scratchdbg_logs::FrameError;

/// A platform failed or refused a request.
///
/// The platform's crate writes the message and the hints, because only it knows what the user can do. Callers decide by
/// the [kind](ErrorKind).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What failed and why, in one line. It may quote text that a container controls: escape it before a terminal.
    pub message: String,
    /// What the user can do about it, one sentence each.
    pub hints: Vec<String>,
}

/// The kinds of failure that callers tell apart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is malformed: a name that cannot be a name, an address that is no address.
    Invalid,
    /// Nothing has this name.
    NotFound {
        /// Names that look like it.
        similar: Vec<String>,
    },
    /// Several things have an id that begins like this.
    Ambiguous {
        /// Their names.
        matches: Vec<String>,
    },
    /// It was there and has been removed, or is being removed.
    Gone,
    /// The user may not do this.
    Denied,
    /// The platform answered and refused.
    Refused,
    /// The platform, or the way this container is set up, has no such feature.
    Unsupported,
    /// What the platform stored is damaged.
    Damaged,
    /// The platform does not answer.
    Unreachable,
    /// The connection broke, or the answer makes no sense.
    Broken,
    /// The platform could not start a session's process inside the target.
    NotStarted,
    /// A keeper did not report back.
    Keeper,
    /// A folder of the platform's machine is not there.
    SourceGone {
        /// Its path.
        path: String,
    },
    /// Something on the client's own machine failed: a file, or its standard streams.
    Local,
    /// The user interrupted the request.
    Interrupted,
}

impl Error {
    /// An error without hints.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether the platform, a plugin of it or its runtime refused to start a process inside a container.
    pub fn is_exec_refusal(&self) -> bool {
        matches!(self.kind, ErrorKind::NotStarted | ErrorKind::Denied)
    }

    /// Whether the container does not exist: it never did, or it has been removed.
    pub fn is_absent(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound { .. } | ErrorKind::Gone)
    }

    /// Whether the platform answered: it understood the request and said no.
    pub fn is_answer(&self) -> bool {
        use ErrorKind::{Ambiguous, Damaged, Denied, Gone, NotFound, Refused, Unsupported};
        matches!(self.kind, NotFound { .. } | Ambiguous { .. } | Gone | Denied | Refused | Unsupported | Damaged)
    }
}

impl From<FrameError> for Error {
    /// A log's stream is damaged.
    fn from(error: FrameError) -> Self {
        Self::new(ErrorKind::Broken, error.to_string())
    }
}

impl From<crate::InvalidName> for Error {
    fn from(error: crate::InvalidName) -> Self {
        Self::new(ErrorKind::Local, error.to_string())
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Many errors repeat their cause in their own text.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
