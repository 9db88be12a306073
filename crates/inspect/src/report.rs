//! The results of a check.

use std::fmt;
use std::path::PathBuf;

use scratchdbg_builder::dockerfile::{Hidden, Unseen};
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

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftOut { path, count } => {
                write!(f, "{}: {count} more findings are left out", path.display())
            }
            Self::NotSeen { path, unseen: Unseen { line, instruction, hidden } } => {
                let what = match hidden {
                    Hidden::Base(image) => format!("what {image} brings along"),
                    Hidden::At(places) => {
                        let places: Vec<&str> =
                            places.iter().map(|place| place.path.as_str()).collect();
                        format!("what is at {}", places.join(", "))
                    }
                    Hidden::Files | Hidden::Anything => format!("what `{instruction}` makes"),
                };
                let path = path.display();
                write!(
                    f,
                    "{path}:{line}: {what} is not seen here: check the image once it is built"
                )
            }
        }
    }
}
