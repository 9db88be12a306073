//! The options of `ps`.

use clap::Args;

use super::{Format, KubernetesArgs};

#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    /// Include containers that do not run
    ///
    /// Of pods, also init and ephemeral containers.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Filter as `docker ps` does (repeatable): status=exited, name=web, label=a=b, ancestor=IMAGE,
    /// …
    #[arg(short, long = "filter", value_name = "KEY=VALUE")]
    pub(crate) filters: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) kubernetes: KubernetesArgs,
    /// In all namespaces, like --all-namespaces
    #[arg(
        short = 'A',
        id = "all_of_the_cluster",
        help_heading = "Kubernetes",
        hide_short_help = true,
        conflicts_with = "namespace"
    )]
    pub(crate) all_of_the_cluster: bool,
}
