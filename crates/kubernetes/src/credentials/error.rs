//! Why there are no credentials.

/// Why there are no credentials. No message quotes a credential, or what a program says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    /// The file of a token cannot be used.
    #[error("{0}")]
    File(String),
    /// The program failed.
    #[error("the credential program `{program}` {reason}")]
    Program {
        /// The program, without arguments.
        program: String,
        /// What it did, as the predicate of a sentence about it.
        reason: String,
    },
}

impl CredentialError {
    /// Returns the error for a file that cannot be used. The reason is the predicate of a sentence
    /// about the file.
    pub(super) fn file(reason: &str) -> Self {
        Self::File(format!("the file that `tokenFile` names {reason}"))
    }
}
