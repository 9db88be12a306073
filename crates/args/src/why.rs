//! The options of `why`.

use std::path::PathBuf;

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
    /// Draw when it ran and what it logged, as text, after the findings
    ///
    /// Runs, how they ended, and lines by level, on one axis of time.
    #[arg(long, conflicts_with_all = ["all", "message", "format"])]
    pub timeline: bool,
    /// Write a report of the incident to this file, as one HTML page
    ///
    /// It has the findings, a timeline, runs, the last lines before each end, and patterns of the log.
    /// The page needs no script and no network. What looks like a secret is masked. Only a regular
    /// file is replaced.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "message"])]
    pub report: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which pods, of which cluster.
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
}
