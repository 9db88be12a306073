//! The options of `check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A binary, a Dockerfile, `oci:DIR[:TAG]`, `archive:FILE[:REF]`, `registry:REF`, or an image or container in the
    /// engine
    #[arg(required_unless_present = "files", value_name = "SUBJECT")]
    pub(crate) subjects: Vec<String>,
    /// A Dockerfile, whatever it is called and whatever is in it; may be given several times
    #[arg(short, long = "file", value_name = "DOCKERFILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Exit with 1 when there is a finding this grave, or graver
    #[arg(long, value_enum, default_value = "error", value_name = "LEVEL")]
    pub(crate) deny: Deny,
    /// How the findings are printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: CheckFormat,
}

/// Which findings make a command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Errors
    Error,
    /// Errors and warnings
    Warning,
    /// None
    None,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, as code scanning services take it
    Sarif,
}
