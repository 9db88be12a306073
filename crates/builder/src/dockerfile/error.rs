//! Why a Dockerfile cannot be built here.

/// One line that is wrong, or that we do not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}{reason}", if instruction.is_empty() { String::new() } else { format!("`{instruction}`: ") })]
pub struct DockerfileError {
    /// Its number, from 1.
    pub line: usize,
    /// Its beginning.
    pub instruction: String,
    /// What is wrong, and the way out.
    pub reason: String,
    /// The line that is meant, where that can be told.
    pub mended: Option<String>,
}

/// Why an instruction is not followed, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No engine takes it.
    Invalid(String),
    /// What it copies is not in the context.
    Missing(String),
    /// A name of a user or group that the stage does not know; an image that it begins with may.
    Account(String),
    /// Engines may take it.
    Unsupported(String),
}

impl Refusal {
    /// The reason alone.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Invalid(reason) | Self::Missing(reason) | Self::Account(reason) | Self::Unsupported(reason) => reason,
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
