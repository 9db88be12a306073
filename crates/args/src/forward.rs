//! The options of `forward`.

use clap::Args;

use super::KubernetesArgs;

/// The options of `forward`.
#[derive(Debug, Args)]
pub struct ForwardArgs {
    /// [ADDRESS:]LOCAL:REMOTE, or [ADDRESS:]LOCAL:unix:PATH (repeatable)
    ///
    /// LOCAL is a port of this machine, 0 any that is free, REMOTE a port of the target. A port
    /// alone is the same on both sides. Without an address, only this machine reaches it.
    #[arg(required = true, value_name = "PORTS")]
    pub forwards: Vec<String>,
    /// Container: name, id, id prefix or Compose service. Or pod/NAME, deploy/NAME, …
    #[arg(required = true)]
    pub target: String,
    /// Connect as this user (name or uid) and group [default: the target's user]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// Connect as root: the same as -u 0
    #[arg(long, conflicts_with = "user")]
    pub root: bool,
    /// Use the tools of a static busybox, or of any image
    #[arg(long, value_name = "NAME|PATH|IMAGE", hide_short_help = true)]
    pub toolkit: Option<String>,
    /// Continue although another container could gain the rights of the session
    #[arg(long, hide_short_help = true, alias = "trust-neighbours")]
    pub trust_neighbors: bool,
    /// Which pods, of which cluster.
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
}
