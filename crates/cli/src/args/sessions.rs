//! The options of `sessions`.

use clap::Subcommand;

use super::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List the sessions in the engine
    Ls {
        /// Output format
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// End sessions
    #[command(after_help = super::examples::SESSIONS_RM)]
    Rm {
        /// Ids or id prefixes of sessions
        #[arg(required_unless_present = "all", value_name = "SESSION")]
        sessions: Vec<String>,
        /// End all sessions, including those of other users of the engine
        #[arg(long, conflicts_with = "sessions")]
        all: bool,
    },
    /// Remove what killed clients left behind
    Gc,
}
