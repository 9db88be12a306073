//! The options of `cp`.

use clap::{Args, ValueEnum};

use super::KubernetesArgs;

/// `--via`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ViaArg {
    /// A session if the target runs, otherwise the engine
    Auto,
    /// A session inside the target: what its processes see, as the session's user
    Session,
    /// The engine's archives, as `docker cp`: without mounts in memory, as root
    Engine,
}

/// The options of `cp`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// TARGET:PATH, or a path of this machine; - reads a tar stream from standard input
    ///
    /// A folder is copied with everything in it; PATH/. means only what is in it.
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// A path of this machine, or TARGET:PATH; - writes a tar stream to standard output
    ///
    /// A folder that is there gets a copy of SOURCE in it. Otherwise SOURCE gets this name.
    #[arg(value_name = "DEST")]
    pub destination: String,
    /// Copy what SOURCE leads to, where it is a symbolic link
    #[arg(short = 'L', long)]
    pub follow_link: bool,
    /// Keep owner and group, and set-user-id bits
    ///
    /// Without it, files belong to who writes them: the session's user, root where the engine
    /// writes, and you on this machine.
    #[arg(short, long)]
    pub archive: bool,
    /// Copy as this user (name or uid) and group [default: the target's user]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// Copy as root: the same as -u 0
    #[arg(long, conflicts_with = "user")]
    pub root: bool,
    /// By which way the files are reached
    #[arg(long, value_enum, default_value = "auto", value_name = "WAY")]
    pub via: ViaArg,
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
