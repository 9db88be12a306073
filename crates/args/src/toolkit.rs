//! The options of `toolkit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

/// The commands of `toolkit`.
#[derive(Debug, Subcommand)]
pub enum ToolkitCommand {
    /// Build an image of tools from static programs and folders
    ///
    /// The image has busybox, the programs and the launcher, and can be the toolkit of any session:
    /// `attach --toolkit NAME`. Nodes of a Kubernetes cluster pull it from a registry.
    #[command(after_help = super::examples::TOOLKIT_BUILD)]
    Build(ToolkitBuildArgs),
}

/// The options of `toolkit build`.
#[derive(Debug, Args)]
pub struct ToolkitBuildArgs {
    /// Static programs, and folders of them
    ///
    /// Owners, modes and hidden files are left out. Files of a folder that nobody may execute are
    /// added as data.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub tools: Vec<PathBuf>,
    /// Name of the image (repeatable)
    #[arg(short, long = "tag", value_name = "REF")]
    pub tags: Vec<String>,
    /// Destination: engine, registry, oci:DIR, archive:FILE (repeatable)
    ///
    /// `registry` pushes the image to the registry of its name; `archive:-` is standard output.
    #[arg(short, long = "output", value_name = "OUTPUT", default_value = "engine")]
    pub outputs: Vec<String>,
    /// Push to the registry: the same as --output registry
    #[arg(long, conflicts_with = "outputs")]
    pub push: bool,
    /// Use this static busybox: a file, or an image in the engine that contains one
    #[arg(long, value_name = "PATH|IMAGE")]
    pub busybox: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
