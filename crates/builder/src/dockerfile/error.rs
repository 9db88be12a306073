//! Errors of a Dockerfile.

/// A line that is invalid or not supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}{reason}", if instruction.is_empty() { String::new() } else { format!("`{instruction}`: ") })]
pub struct DockerfileError {
    /// The line number, from 1.
    pub line: usize,
    /// The beginning of the line.
    pub instruction: String,
    /// The problem and the remedy.
    pub reason: String,
    /// The corrected line, if it can be guessed.
    pub mended: Option<String>,
}

/// Why an instruction is refused, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No engine accepts it.
    Invalid(String),
    /// A source is not in the context.
    Missing(String),
    /// A user or group name that is unknown in the stage. The base image may know it.
    Account(String),
    /// Engines may accept it.
    Unsupported(String),
}

impl Refusal {
    /// Returns the reason.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Invalid(reason)
            | Self::Missing(reason)
            | Self::Account(reason)
            | Self::Unsupported(reason) => reason,
        }
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Invalid(reason)
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::Invalid(reason.to_owned())
    }
}
