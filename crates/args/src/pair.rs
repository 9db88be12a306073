//! The options of `pair`.

use clap::{Args, Subcommand};

use super::Format;

/// The commands of `pair`.
#[derive(Debug, Subcommand)]
pub enum PairCommand {
    /// Verify that a debug image is its production image plus one layer
    #[command(after_help = super::examples::PAIR_VERIFY)]
    Verify(VerifyArgs),
}

/// The options of `pair verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Production image: a name in the engine, oci:DIR[:TAG], archive:FILE[:REF] or registry:REF
    #[arg(value_name = "PROD")]
    pub production: String,
    /// Debug image, in the same forms
    pub debug: String,
    /// Verify only this platform [default: all]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub platform: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
