//! The options of `completion`.

use clap::{Subcommand, ValueEnum};

/// The commands of `completion`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum CompletionCommand {
    /// Print the script for bash
    Bash,
    /// Print the script for zsh
    Zsh,
    /// Print the script for fish
    Fish,
    /// Print a script for elvish, without names of containers
    Elvish,
    /// Print a script for PowerShell, without names of containers
    Powershell,
    /// Put the script where your shell looks for it
    #[command(after_help = super::examples::COMPLETION_INSTALL)]
    Install {
        /// The shell [default: that of SHELL]
        #[arg(value_enum)]
        shell: Option<ShellArg>,
    },
    /// Remove the script
    Uninstall {
        /// The shell [default: that of SHELL]
        #[arg(value_enum)]
        shell: Option<ShellArg>,
    },
}

/// A shell whose script can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShellArg {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}
