//! The options of `check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Binary, Dockerfile, manifest (.yaml, .json), oci:DIR[:TAG], archive:FILE[:REF],
    /// registry:REF, or an image or container in the engine
    #[arg(required_unless_present_any = ["files", "explain"], value_name = "SUBJECT")]
    pub subjects: Vec<String>,
    /// Check this file as a Dockerfile (repeatable)
    #[arg(short, long = "file", value_name = "DOCKERFILE")]
    pub files: Vec<PathBuf>,
    /// Explain a code of findings, such as loader-missing, and check nothing
    #[arg(long, value_name = "CODE", conflicts_with_all = ["subjects", "files"])]
    pub explain: Option<String>,
    /// Exit with 1 if there is a finding of this severity or worse
    #[arg(long, value_enum, default_value = "error", value_name = "LEVEL")]
    pub deny: Deny,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: CheckFormat,
}

/// Which findings make a command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Errors
    Error,
    /// Errors and warnings
    Warning,
    /// None
    None,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Text for people
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning services
    Sarif,
}
