//! The options of `why`.

use clap::{ArgGroup, Args};

use super::{Format, KubernetesArgs};

/// The options of `why`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("subject").args(["targets", "all", "message"])))]
pub struct WhyArgs {
    /// Containers: names, ids, id prefixes or Compose services. Or pod/NAME, deploy/NAME, …
    ///
    /// Without any, one is chosen from a list, where there is a terminal.
    /// A number from 0 to 255 is explained as an exit code, unless a container has this name.
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Explain all containers, running or not
    #[arg(long)]
    pub all: bool,
    /// Explain this error message instead, without an engine; - reads it from standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which pods, of which cluster.
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
}
