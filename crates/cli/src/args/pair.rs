//! The options of `pair`.

use clap::{Args, Subcommand};

use super::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum PairCommand {
    /// Verify that a debug image is its production image plus one layer
    #[command(after_help = super::examples::PAIR_VERIFY)]
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Production image: a name in the engine, oci:DIR[:TAG], archive:FILE[:REF] or registry:REF
    #[arg(value_name = "PROD")]
    pub(crate) production: String,
    /// Debug image, in the same forms
    pub(crate) debug: String,
    /// Verify only this platform [default: all]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}
