//! What is found, and what is said beside it.

use std::path::PathBuf;

use scratchdbg_builder::dockerfile::Unseen;
use scratchdbg_diagnose::Finding;
use serde::Serialize;

/// What was found in one image, file or container.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was checked, as the user named it; with the image's own name or platform where that names several.
    pub subject: String,
    /// The gravest first.
    pub findings: Vec<Finding>,
}

/// What is said beside findings, as it comes up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A Dockerfile has more findings than are listed.
    LeftOut {
        /// The Dockerfile.
        path: PathBuf,
        /// How many more.
        count: usize,
    },
    /// The outcome of a line of a Dockerfile cannot be seen without building it.
    NotSeen {
        /// The Dockerfile.
        path: PathBuf,
        /// The line, and what is not seen.
        unseen: Unseen,
    },
}
