//! The options of `plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands of `plugin`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Make `docker scratchdbg` or `kubectl scratchdbg` run this program
    #[command(after_help = super::examples::PLUGIN)]
    Install(PluginArgs),
    /// Remove the plugin
    Uninstall(PluginArgs),
}

#[derive(Debug, Args)]
pub struct PluginArgs {
    /// The plugin of docker (this is the default)
    #[arg(long)]
    pub docker: bool,
    /// The plugin of kubectl
    #[arg(long, conflicts_with = "docker")]
    pub kubectl: bool,
    /// Put the link into this directory
    ///
    /// By default, docker's is ~/.docker/cli-plugins, or cli-plugins in DOCKER_CONFIG. kubectl's is
    /// the directory of this program, which has to be in PATH.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
