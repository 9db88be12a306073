//! The options of `pair`.

use clap::{Args, Subcommand};

use super::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum PairCommand {
    /// Prove that a debug image is its production image and one more layer
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The production image: in the engine, or `oci:DIR[:TAG]`, `archive:FILE[:REF]`, or `registry:REF`
    #[arg(value_name = "PROD")]
    pub(crate) production: String,
    /// The debug image, named in the same ways
    pub(crate) debug: String,
    /// The platform to look at, where an image has several [default: all]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}
