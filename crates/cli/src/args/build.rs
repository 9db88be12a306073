//! The options of `build`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The static executable
    pub(crate) binary: PathBuf,
    /// Name of the production image; the twin's tag is the same with `-debug` appended
    #[arg(short, long = "tag", value_name = "REF")]
    pub(crate) tags: Vec<String>,
    /// Name of the debug twin
    #[arg(long = "debug-tag", value_name = "REF")]
    pub(crate) debug_tags: Vec<String>,
    /// Where the images go: `engine`, or `archive:FILE` (`archive:-` is standard output)
    #[arg(short, long = "output", value_name = "OUTPUT", default_value = "engine")]
    pub(crate) outputs: Vec<String>,
    /// User that the images run as, in numbers
    #[arg(short, long, value_name = "UID[:GID]", default_value = scratchdbg_builder::DEFAULT_USER)]
    pub(crate) user: String,
    /// Static busybox for the twin: a file, or an image in the engine that holds one
    #[arg(long, value_name = "PATH|IMAGE")]
    pub(crate) toolkit: Option<String>,
    /// Make the production image alone
    #[arg(long, conflicts_with_all = ["debug_tags", "toolkit"])]
    pub(crate) no_debug: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}
