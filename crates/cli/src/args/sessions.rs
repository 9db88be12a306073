//! The options of `sessions`.

use clap::Subcommand;

use super::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List the sessions in the engine
    Ls {
        /// How the list is printed
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// End sessions
    Rm {
        /// Ids of sessions, or their beginnings
        #[arg(required_unless_present = "all", value_name = "SESSION")]
        sessions: Vec<String>,
        /// End all sessions, those of other users of the engine too
        #[arg(long, conflicts_with = "sessions")]
        all: bool,
    },
    /// Remove what clients that were killed left behind
    Gc,
}
