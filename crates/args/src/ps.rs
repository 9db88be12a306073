//! The options of `ps`.

use clap::Args;

use super::KubernetesArgs;

/// The options of `ps`.
#[derive(Debug, Args)]
pub struct PsArgs {
    /// Include containers that do not run
    ///
    /// Of pods, also init and ephemeral containers.
    #[arg(short, long)]
    pub all: bool,
    /// Filter as `docker ps` does (repeatable): status=exited, name=web, label=a=b, ancestor=IMAGE,
    /// …
    #[arg(short, long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// Show the last created container, running or not
    #[arg(short, long)]
    pub latest: bool,
    /// Show the last N created containers, running or not
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "latest")]
    pub last: Option<u32>,
    /// A number is --last N, as in docker; a name is --namespace NAME
    #[arg(short, value_name = "N|NAME", conflicts_with_all = ["latest", "last", "namespace"])]
    pub n: Option<String>,
    /// Do not cut ids, commands and columns
    #[arg(long)]
    pub no_trunc: bool,
    /// Output format: text, json, or a template as in docker
    ///
    /// A template has fields, such as '{{.Names}}' or 'table {{.Names}}\t{{.Status}}', labels
    /// ('{{.Label "KEY"}}'), and json, upper and lower before them. `{{json .}}` prints all fields
    /// of each container. With -q and no format, only ids are printed.
    #[arg(long, default_value = "text", value_name = "text|json|TEMPLATE")]
    pub format: String,
    /// Labels after -l, as kubectl takes them. Anything else is refused with a hint.
    #[arg(hide = true)]
    pub labels: Option<String>,
    /// Which pods, of which cluster.
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
    /// In all namespaces, like --all-namespaces
    #[arg(
        short = 'A',
        id = "all_of_the_cluster",
        help_heading = "Kubernetes",
        hide_short_help = true,
        conflicts_with = "namespace"
    )]
    pub all_of_the_cluster: bool,
}
