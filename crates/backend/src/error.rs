//! One error for all platforms.

use scratchdbg_logs::FrameError;

/// A platform failed or refused a request.
///
/// The platform's crate writes the message and the hints, because only it knows what the user can
/// do. Callers decide by the [kind](ErrorKind).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// What failed and why, in one line. It may quote text that a container controls: escape it
    /// before printing it to a terminal.
    pub message: String,
    /// What the user can do about it, one sentence per hint.
    pub hints: Vec<String>,
}

/// The kinds of failure that callers distinguish.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is malformed, for example an invalid name or address.
    Invalid,
    /// No such container, image or other object.
    NotFound {
        /// Existing names similar to the requested one.
        similar: Vec<String>,
    },
    /// Several objects have an id with this prefix.
    Ambiguous {
        /// Their names.
        matches: Vec<String>,
    },
    /// The object existed and has been removed, or is being removed.
    Gone,
    /// The user lacks permission.
    Denied,
    /// The platform answered with a refusal.
    Refused,
    /// The platform, or the configuration of this container, does not support the feature.
    Unsupported,
    /// The platform's stored data is damaged.
    Damaged,
    /// The platform does not answer.
    Unreachable,
    /// The connection broke, or the answer is malformed.
    Broken,
    /// The platform could not start a session's process inside the target.
    NotStarted,
    /// A keeper did not report its address.
    Keeper,
    /// A folder on the platform's host does not exist.
    SourceGone {
        /// Its path.
        path: String,
    },
    /// An operation on the client's own machine failed: on a file, or on its standard streams.
    Local,
    /// The user interrupted the request.
    Interrupted,
}

impl Error {
    /// An error without hints.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Adds a hint: what the user can do about the error.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether the platform, one of its plugins or its runtime refused to start a process inside a
    /// container.
    pub fn is_exec_refusal(&self) -> bool {
        matches!(self.kind, ErrorKind::NotStarted | ErrorKind::Denied)
    }

    /// Whether the container does not exist, or no longer exists.
    pub fn is_absent(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound { .. } | ErrorKind::Gone)
    }

    /// Whether the platform understood the request and refused it.
    pub fn is_answer(&self) -> bool {
        use ErrorKind::{Ambiguous, Damaged, Denied, Gone, NotFound, Refused, Unsupported};
        matches!(
            self.kind,
            NotFound { .. } | Ambiguous { .. } | Gone | Denied | Refused | Unsupported | Damaged
        )
    }
}

impl From<FrameError> for Error {
    /// A log stream is damaged.
    fn from(error: FrameError) -> Self {
        Self::new(ErrorKind::Broken, error.to_string())
    }
}

impl From<crate::InvalidName> for Error {
    fn from(error: crate::InvalidName) -> Self {
        Self::new(ErrorKind::Local, error.to_string())
    }
}

/// Formats an error with all its causes on one line.
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
