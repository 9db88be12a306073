//! The options of `attach`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use scratchdbg_engine::Mode;

use super::Format;

/// `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// By the state of the target
    Auto,
    /// Inside the target itself
    Exec,
    /// In a container beside it, sharing its processes and network
    Sidecar,
    /// In a copy of it
    Copy,
}

impl From<ModeArg> for Option<Mode> {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Auto => None,
            ModeArg::Exec => Some(Mode::Exec),
            ModeArg::Sidecar => Some(Mode::Sidecar),
            ModeArg::Copy => Some(Mode::Copy),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The container: name, id, or the beginning of an id; with --image, an image
    pub(crate) target: String,
    /// Look into an image: TARGET names an image instead of a container
    #[arg(long, conflicts_with = "mode")]
    pub(crate) image: bool,
    /// How the session comes to be; chosen by the state of the target
    #[arg(long, value_enum, default_value = "auto", value_name = "MODE")]
    pub(crate) mode: ModeArg,
    /// The command and its arguments; a shell without one
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    /// User of the session: name or uid, with a group if wanted
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Tools to bring along: the file of a static busybox, or any image in the engine
    #[arg(long, value_name = "PATH|IMAGE")]
    pub(crate) toolkit: Option<String>,
    /// Give a copy all that reaches beyond a container and that the original has: capabilities, devices, namespaces and
    /// sockets of the host; else it has none of that
    #[arg(long)]
    pub(crate) same_rights: bool,
    /// Folders of the engine's machine that were found to be missing
    #[arg(skip)]
    pub(crate) missing_sources: Vec<String>,
    /// Give the session a capability (repeatable); it then runs in a sidecar, or in a copy
    #[arg(long = "cap-add", value_name = "CAPABILITY")]
    pub(crate) capabilities: Vec<String>,
    /// Confine the session otherwise than the target, as with `docker run` (repeatable); it then runs in a sidecar
    #[arg(long = "security-opt", value_name = "apparmor=PROFILE|label=OPTION", value_parser = security_option)]
    pub(crate) security_options: Vec<String>,
    /// Leave the keeper there for the next `attach --linger`, for so long (10m, 1h30m); it is then as fast as exec
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "image")]
    pub(crate) linger: Option<Duration>,
    /// Go on where the target, or what shares its PID namespace, could take rights that it has not (-u 0, --cap-add)
    #[arg(long)]
    pub(crate) trust_neighbours: bool,
    /// When the target restarts, attach to it again
    #[arg(long)]
    pub(crate) follow_restarts: bool,
    /// Say what would be done, and why; do nothing
    #[arg(long)]
    pub(crate) explain: bool,
    /// How --explain prints
    #[arg(long, value_enum, default_value = "text", requires = "explain")]
    pub(crate) format: Format,
    /// Append lines of JSON to a file when the session begins and ends: who, where, and the command as it was typed
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// Do not give the session a terminal, even where there is one
    #[arg(long)]
    pub(crate) no_tty: bool,
}

/// The options that say by what a process is confined. Others of Docker's would only take protection away.
fn security_option(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some(("apparmor" | "label", value)) if !value.is_empty() => Ok(text.to_owned()),
        _ => Err("it takes apparmor=PROFILE (`unconfined` for none) and label=OPTION (SELinux; `disable` for none)"
            .to_owned()),
    }
}

/// Durations as Go and Docker write them.
fn duration(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_hours(24);
    let duration: jiff::SignedDuration =
        text.parse().map_err(|_| "not a duration: write it as 90s, 10m or 1h30m".to_owned())?;
    let duration = Duration::try_from(duration).map_err(|_| "a duration cannot be negative".to_owned())?;
    if duration > LONGEST { Err("a keeper lingers for 24h at most".to_owned()) } else { Ok(duration) }
}
