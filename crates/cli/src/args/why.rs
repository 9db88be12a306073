//! The options of `why`.

use clap::{ArgGroup, Args};

use super::{Format, KubernetesArgs};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("subject").required(true).args(["target", "message"])))]
pub(crate) struct WhyArgs {
    /// Container: name, id or id prefix. Or pod/NAME, deploy/NAME, job/NAME, …
    pub(crate) target: Option<String>,
    /// Explain this error message instead, without an engine; - reads it from standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) kubernetes: KubernetesArgs,
}
