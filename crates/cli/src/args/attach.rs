//! The options of `attach`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The container: name, id, or the beginning of an id
    pub(crate) target: String,
    /// The command and its arguments; a shell without one
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    /// User of the session: name or uid, with a group if wanted
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Static busybox to bring along: a file, or an image in the engine that holds one
    #[arg(long, value_name = "PATH|IMAGE")]
    pub(crate) toolkit: Option<String>,
    /// Do not give the session a terminal, even where there is one
    #[arg(long)]
    pub(crate) no_tty: bool,
}
