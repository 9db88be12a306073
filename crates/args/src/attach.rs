//! The options of `attach`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use scratchdbg_backend::Mode;

use super::{Format, KubernetesArgs};

/// `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// Choose by the state of the target
    Auto,
    /// Run inside the target
    Exec,
    /// Run in a container that shares the target's processes and network
    Sidecar,
    /// Run in a copy of the target
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

const HOW: &str = "Session";
const RIGHTS: &str = "Rights";
const REPORTS: &str = "Reports";

/// The options of `attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// Container: name, id, id prefix or Compose service. With --image, an image
    ///
    /// Without one, it is chosen from a list, where there is a terminal.
    pub target: Option<String>,
    /// Treat TARGET as an image
    #[arg(long, conflicts_with = "mode", help_heading = HOW)]
    pub image: bool,
    /// How to run the session
    #[arg(long, value_enum, default_value = "auto", value_name = "MODE", help_heading = HOW)]
    pub mode: ModeArg,
    /// Command to run, with its arguments [default: a shell]
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Run as this user (name or uid) and group [default: the target's user]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// Run as root: the same as -u 0
    #[arg(long, conflicts_with = "user")]
    pub root: bool,
    /// Set a variable for the command (repeatable); NAME alone passes yours on
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Start in this directory of the target
    #[arg(short, long, value_name = "PATH")]
    pub workdir: Option<String>,
    /// Keys that end the session [default: those of docker, or ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS", help_heading = HOW)]
    pub detach_keys: Option<String>,
    /// Taken for docker's sake: input is always passed on
    #[arg(short, long, hide_short_help = true)]
    pub interactive: bool,
    /// Taken for docker's sake: there is a terminal where you have one
    #[arg(short, long, hide_short_help = true, conflicts_with = "no_tty")]
    pub tty: bool,
    /// Use the tools of a static busybox, or of any image
    ///
    /// The path of a static busybox, an image in the engine, or a name of the configuration file's
    /// table `toolkits`.
    #[arg(long, value_name = "NAME|PATH|IMAGE", help_heading = HOW)]
    pub toolkit: Option<String>,
    /// Add tools, separated by commas: names, programs, folders
    ///
    /// Static programs of this machine and folders of them, by a path with a slash in it, or by a
    /// name of the configuration file's table `toolkits`, which may also be an image.
    #[arg(long, value_name = "TOOLS", value_delimiter = ',', help_heading = HOW)]
    pub with_tools: Vec<String>,
    /// Give a copy the original's access to the host
    ///
    /// Its capabilities, devices, and the host's namespaces, sockets and directories. Without it, a
    /// copy has none of them.
    #[arg(long, help_heading = RIGHTS)]
    pub same_rights: bool,
    /// Add a capability (repeatable)
    ///
    /// Implies a sidecar or a copy.
    #[arg(long = "cap-add", value_name = "CAPABILITY", help_heading = RIGHTS)]
    pub capabilities: Vec<String>,
    /// Override the target's security options (repeatable)
    ///
    /// apparmor=PROFILE or label=OPTION, as in `docker run`. Implies a sidecar.
    #[arg(long = "security-opt", help_heading = RIGHTS, value_name = "OPTION", value_parser = security_option)]
    pub security_options: Vec<String>,
    /// Keep the keeper container for the next sessions (10m, 1h30m)
    ///
    /// Sessions that use it start as fast as `docker exec`. At most 24h.
    #[arg(long, help_heading = HOW, value_name = "DURATION", value_parser = duration, conflicts_with = "image")]
    pub linger: Option<Duration>,
    /// Continue although a process beside the session could gain its rights
    ///
    /// The target, or a container in its PID namespace, could take over a session with -u 0 or
    /// --cap-add.
    #[arg(long, alias = "trust-neighbours", help_heading = RIGHTS)]
    pub trust_neighbors: bool,
    /// Attach again when the target restarts
    #[arg(long, help_heading = HOW)]
    pub follow_restarts: bool,
    /// Print what would be done and why, and do nothing
    #[arg(long, help_heading = REPORTS)]
    pub explain: bool,
    /// Output format of --explain
    #[arg(long, help_heading = REPORTS, value_enum, default_value = "text", requires = "explain")]
    pub format: Format,
    /// Append lines of JSON about the session to FILE
    ///
    /// One when it begins and one when it ends: user, target, command as typed, how it ended.
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub audit: Option<PathBuf>,
    /// Do not allocate a terminal, even if there is one
    #[arg(long)]
    pub no_tty: bool,
    /// Which pod, of which cluster.
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
}

impl AttachArgs {
    /// Returns the target, which is named or chosen before the command begins.
    pub fn target(&self) -> &str {
        self.target.as_deref().unwrap_or_default()
    }
}

/// Accepts the options that name a profile. Docker's other options would only remove protection.
fn security_option(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some(("apparmor" | "label", value)) if !value.is_empty() => Ok(text.to_owned()),
        _ => Err("it takes apparmor=PROFILE (`unconfined` for none) and label=OPTION (SELinux; `disable` for none)"
            .to_owned()),
    }
}

/// Parses how long a keeper lingers.
fn duration(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_hours(24);
    let nanoseconds = scratchdbg_logs::when::duration(text)
        .ok_or("not a duration: write it as 90s, 10m or 1h30m")?;
    let nanoseconds = u128::try_from(nanoseconds).map_err(|_| "a duration cannot be negative")?;
    let duration = u64::try_from(nanoseconds).map_or(Duration::MAX, Duration::from_nanos);
    if duration < Duration::from_secs(1) {
        return Err("a keeper lingers for a second at least".to_owned());
    }
    if duration > LONGEST {
        Err("a keeper lingers for 24h at most".to_owned())
    } else {
        Ok(duration)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::{Cli, Command};

    #[test]
    fn the_british_spelling_of_trust_neighbors_is_accepted() {
        let cli =
            Cli::try_parse_from(["scratchdbg", "attach", "--trust-neighbours", "web"]).unwrap();
        assert!(matches!(cli.command, Command::Attach(args) if args.trust_neighbors));
    }
}
