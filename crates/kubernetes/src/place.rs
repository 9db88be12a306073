//! The address of a cluster, for messages.

use std::fmt;

/// A cluster's address, and the context that selected it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The API server's URL.
    pub(crate) server: String,
    /// The context of the configuration; `None` within a cluster.
    pub(crate) context: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the cluster at {}", self.server)?;
        match &self.context {
            Some(context) => write!(formatter, " (context `{context}`)"),
            None => Ok(()),
        }
    }
}
