//! Why a configuration cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// Why a configuration cannot be used. No message quotes the configuration, because any of its
/// values may be a secret, if only by a mistake in the file: not even the parser's own words are
/// used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The file cannot be parsed.
    #[error("{reason} (line {line}, column {column})")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: u64,
    },
    /// A setting is invalid.
    #[error("`{setting}` {reason}")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// What is wrong with it, as the predicate of a sentence about it.
        reason: &'static str,
    },
    /// A file that a setting names cannot be read.
    #[error("cannot read {}: {reason}", file_of(setting, path.as_deref()))]
    File {
        /// The name of the setting.
        setting: &'static str,
        /// The file, if it exists: a path that leads nowhere may be a secret in the wrong place.
        path: Option<PathBuf>,
        /// The cause.
        reason: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(&'static str),
}

impl Problem {
    pub(crate) fn file(setting: &'static str, path: &Path, error: &io::Error) -> Self {
        let path = path.exists().then(|| path.to_owned());
        Self::File { setting, path, reason: error.to_string() }
    }

    /// Returns the place and the kind of a parser's error.
    pub(super) fn of_yaml(error: &serde_saphyr::Error) -> Self {
        let reason = reason(error);
        match error.location() {
            Some(location) => {
                Self::Malformed { reason, line: location.line(), column: location.column() }
            }
            None => Self::Other(reason),
        }
    }
}

fn file_of(setting: &str, path: Option<&Path>) -> String {
    match path {
        Some(path) => format!("{} (`{setting}`)", path.display()),
        None => format!("the file that `{setting}` names"),
    }
}

/// Returns what a parser's error is about.
fn reason(error: &serde_saphyr::Error) -> &'static str {
    use serde_saphyr::Error as E;
    match error {
        E::WithSnippet { error, .. } | E::AliasError { error, .. } => reason(error),
        E::DuplicateMappingKey { .. } => "a mapping has a key twice",
        E::SerdeMissingField { .. } => "an entry has no name, or a context no cluster",
        E::SerdeInvalidType { .. }
        | E::SerdeInvalidValue { .. }
        | E::SerdeInvalidLength { .. }
        | E::Unexpected { .. }
        | E::InvalidScalar { .. }
        | E::NullIntoString { .. }
        | E::InvalidBooleanStrict { .. }
        | E::TaggedScalarCannotDeserializeIntoString { .. } => {
            "a value is of another kind than what belongs there"
        }
        E::SerdeUnknownVariant { .. } => "a value is none of those that can be there",
        E::UnknownAnchor { .. } => "an alias names no anchor",
        E::Budget { .. }
        | E::AliasReplayLimitExceeded { .. }
        | E::AliasExpansionLimitExceeded { .. }
        | E::AliasReplayStackDepthExceeded { .. } => "it has too many or too deeply nested values",
        E::InvalidUtf8Input => "it is not UTF-8",
        _ => "it is no valid YAML",
    }
}
