//! The command line, and nothing else: the texts here are the help, the completions and the manual page.

#![expect(clippy::doc_markdown, reason = "these comments are help texts, and help has no markup")]

mod attach;
mod build;
mod check;
mod logs;
mod pair;
mod ps;
mod sessions;
mod why;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::attach::{AttachArgs, ModeArg};
pub(crate) use self::build::BuildArgs;
pub(crate) use self::check::{CheckArgs, CheckFormat, Deny};
pub(crate) use self::logs::{Count, LogsArgs};
pub(crate) use self::pair::{PairCommand, VerifyArgs};
pub(crate) use self::ps::PsArgs;
pub(crate) use self::sessions::SessionsCommand;
pub(crate) use self::why::WhyArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Debug containers that have no shell
#[derive(Debug, Parser)]
#[command(name = "scratchdbg", version, styles = STYLES, max_term_width = 100)]
#[command(infer_subcommands = false, disable_help_subcommand = true, propagate_version = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Engine to talk to: unix:///path or tcp://host:port
    #[arg(short = 'H', long, global = true, value_name = "URL")]
    pub(crate) host: Option<String>,
    /// Docker context to take the engine from
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Say more on standard error (repeat for more still)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    /// On terminals, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a production image and its debug twin from a static binary
    Build(Box<BuildArgs>),
    /// Look at a production image and its debug twin together
    #[command(subcommand)]
    Pair(PairCommand),
    /// Get a shell, or run one command, inside a running container
    Attach(AttachArgs),
    /// List debug sessions, end them, and clear up after killed clients
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Show what a container said
    Logs(LogsArgs),
    /// Say why a container died, or is not well
    Why(WhyArgs),
    /// Say what is wrong with a binary or an image before it is shipped
    Check(CheckArgs),
    /// List containers: state, user, shell or none, twin, verdict
    Ps(PsArgs),
    /// Show the whole story on a throwaway container
    Demo(DemoArgs),
    /// Print completions for a shell
    Completion(CompletionArgs),
    /// Print the manual page
    Man,
}

/// How facts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Static busybox to bring along: a file, or an image in the engine that holds one
    #[arg(long, value_name = "PATH|IMAGE")]
    pub(crate) toolkit: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
