//! The options of `kubernetes`.

use clap::{Subcommand, ValueEnum};

/// The commands of `kubernetes`.
#[derive(Debug, Subcommand)]
pub enum KubernetesCommand {
    /// Print the least role that scratchdbg needs on a cluster
    #[command(after_help = super::examples::KUBERNETES_ROLE)]
    Role {
        /// Only what this command needs (repeatable) [default: all]
        #[arg(long = "for", value_enum, value_name = "COMMAND")]
        purposes: Vec<PurposeArg>,
        /// The namespace of the role
        #[arg(short, long, value_name = "NAME")]
        namespace: Option<String>,
    },
}

/// What a role is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PurposeArg {
    /// logs
    Logs,
    /// why and ps
    Why,
    /// attach inside running containers, and sessions
    Attach,
    /// attach --mode copy, and sessions gc
    Copy,
}
