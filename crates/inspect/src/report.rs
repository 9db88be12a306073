//! The results of a check.

use std::path::PathBuf;

use scratchdbg_builder::dockerfile::Unseen;
use scratchdbg_diagnose::Finding;
use serde::Serialize;

/// The findings of one image, file or container.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The name that the user gave. If it names several images, with the name and platform of this
    /// one.
    pub subject: String,
    /// The findings, the gravest first.
    pub findings: Vec<Finding>,
}

/// Something that a check cannot judge, or does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caveat {
    /// A Dockerfile has more findings than are listed.
    LeftOut {
        /// The Dockerfile.
        path: PathBuf,
        /// The number of findings that are left out.
        count: usize,
    },
    /// The outcome of a line of a Dockerfile is not known without building it.
    NotSeen {
        /// The Dockerfile.
        path: PathBuf,
        /// The line, and what is not known because of it.
        unseen: Unseen,
    },
}
