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
}
