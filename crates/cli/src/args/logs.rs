//! The options of `logs`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The container: name, id, or the beginning of an id
    pub(crate) target: String,
    /// Go on as the container says more
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) tail: Option<u64>,
    /// Put the time in front of each line
    #[arg(short, long)]
    pub(crate) timestamps: bool,
}
