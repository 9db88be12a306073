//! The command line of scratchdbg: commands and options as values.
//!
//! The comments of the items become the help, the completions and the manual pages.

#![expect(clippy::doc_markdown, reason = "these comments are help texts, and help has no markup")]
#![expect(rustdoc::broken_intra_doc_links, reason = "brackets in help texts are no links")]

mod attach;
mod build;
mod check;
mod completion;
mod copy;
mod forward;
pub mod kubectl;
mod kubernetes;
mod kubernetes_command;
mod logs;
mod pair;
mod plugin;
mod ps;
mod sessions;
mod toolkit;
pub mod values;
mod why;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use scratchdbg_console::suggest::ClusterOptions;
use scratchdbg_manual::examples;

pub use self::attach::{AttachArgs, ModeArg};
pub use self::build::BuildArgs;
pub use self::check::{CheckArgs, CheckFormat, Deny};
pub use self::completion::{CompletionCommand, ShellArg};
pub use self::copy::{CopyArgs, ViaArg};
pub use self::forward::ForwardArgs;
pub use self::kubernetes::{KubernetesArgs, is_pod_reference};
pub use self::kubernetes_command::{KubernetesCommand, PurposeArg};
pub use self::logs::{Count, LogsArgs};
pub use self::pair::{PairCommand, VerifyArgs};
pub use self::plugin::PluginCommand;
pub use self::ps::PsArgs;
pub use self::sessions::SessionsCommand;
pub use self::toolkit::{ToolkitBuildArgs, ToolkitCommand};
pub use self::why::WhyArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Returns the version, with the commit of a released binary.
///
/// `scripts/package` gives the commit in `SCRATCHDBG_COMMIT`, at compile time.
pub fn version() -> String {
    let commit = option_env!("SCRATCHDBG_COMMIT").filter(|commit| !commit.is_empty());
    let commit = commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
    format!("{}{commit}", env!("CARGO_PKG_VERSION"))
}

/// Debug containers that have no shell
#[derive(Debug, Parser)]
#[command(name = "scratchdbg", version = version(), styles = STYLES, max_term_width = 100)]
#[command(infer_subcommands = false, propagate_version = false)]
pub struct Cli {
    /// The options of all commands.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The options of all commands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Connect to this engine: unix:///PATH or tcp://HOST:PORT
    #[arg(short = 'H', long, global = true, value_name = "URL")]
    pub host: Option<String>,
    /// Use the engine of this Docker context
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Print more on standard error (repeat for more detail)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print only errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// When to use colors [default: auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<Color>,
}

/// When to use colors.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Color {
    /// On terminals, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a production image and its debug twin from a static binary
    #[command(after_help = examples::BUILD)]
    Build(Box<BuildArgs>),
    /// Compare a production image with its debug twin
    #[command(subcommand)]
    Pair(PairCommand),
    /// Open a shell or run a command inside a container that has no shell
    ///
    /// Ends with the exit code of the command: 128+n for signal n, 127 and 126 if it cannot be run,
    /// 125 if scratchdbg fails. Without a terminal, the first SIGINT, SIGTERM or SIGQUIT is passed
    /// on to the command. After 10 seconds, or at the second signal, the session is ended, with
    /// 128+n. If nobody reads its output any more, it is ended with 141. On a terminal, the detach
    /// keys (ctrl-p,ctrl-q, or `detachKeys` in Docker's config.json) end it too, with 129.
    #[command(visible_alias = "exec", after_help = examples::ATTACH, mut_arg("namespace", |argument| argument.short('n')))]
    Attach(AttachArgs),
    /// Copy files out of a container or into it
    ///
    /// Works as `docker cp`, for containers without a shell or tar too, and for pods. In a running
    /// target, it sees what the target's processes see, with the rights of the target's user. Files
    /// are replaced at once, and never half. Nothing is written outside of DEST, whatever a target
    /// sends. Ends with 1 if something could not be copied.
    #[command(after_help = examples::CP, mut_arg("namespace", |argument| argument.short('n')))]
    Cp(CopyArgs),
    /// Forward ports of this machine to a container
    ///
    /// Connections are made inside the target, to its own loopback address or a Unix socket, without
    /// a published port, a network or a capability. Ends with the target, or with a signal.
    #[command(after_help = examples::FORWARD, mut_arg("namespace", |argument| argument.short('n')))]
    Forward(ForwardArgs),
    /// List and end debug sessions
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Print the logs of containers
    #[command(after_help = examples::LOGS)]
    Logs(LogsArgs),
    /// Explain why a container died or is unhealthy
    #[command(after_help = examples::WHY, mut_arg("namespace", |argument| argument.short('n')))]
    Why(WhyArgs),
    /// Find problems in a binary, image or Dockerfile before it ships
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// List containers with their state, user, shell, twin and verdict
    #[command(after_help = examples::PS, mut_arg("pod_selector", |argument| argument.short(None)))]
    Ps(PsArgs),
    /// Build images of tools for sessions
    #[command(subcommand)]
    Toolkit(ToolkitCommand),
    /// Prepare a Kubernetes cluster
    #[command(subcommand)]
    Kubernetes(KubernetesCommand),
    /// Install as a plugin of docker or kubectl
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Run a guided tour on a temporary container
    Demo(DemoArgs),
    /// Print or install the completions for a shell
    #[command(subcommand)]
    Completion(CompletionCommand),
    /// Print the settings of the configuration file and the environment
    #[command(after_help = examples::CONFIG)]
    Config(ConfigArgs),
    /// Print a manual page, or write all of them to a folder
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
    /// Print the version
    Version,
}

impl Command {
    /// Reports whether settings matter to the command. A mistake in them must not keep the user
    /// from reading how they are written.
    pub fn has_settings(&self) -> bool {
        !matches!(self, Self::Completion(_) | Self::Man(_) | Self::Plugin(_) | Self::Version)
    }

    /// Reports whether the command needs a target, and none is named.
    pub fn lacks_target(&self) -> bool {
        match self {
            Self::Attach(args) => args.target.is_none(),
            Self::Logs(args) => {
                let selects = args.all || args.project.is_some() || !args.label.is_empty();
                args.targets.is_empty() && !selects && args.kubernetes.selector.is_none()
            }
            Self::Why(args) => args.targets.is_empty() && !args.all && args.message.is_none(),
            _ => false,
        }
    }

    /// Names the target of a command that lacks one.
    pub fn set_target(&mut self, name: String) {
        match self {
            Self::Attach(args) => args.target = Some(name),
            Self::Logs(args) => args.targets.push(name),
            Self::Why(args) => args.targets.push(name),
            _ => {}
        }
    }

    /// The options about clusters, of a command that has them.
    pub fn kubernetes(&self) -> Option<KubernetesArgs> {
        Some(match self {
            Self::Attach(args) => args.kubernetes.clone(),
            Self::Logs(args) => args.kubernetes.clone(),
            Self::Why(args) => args.kubernetes.clone(),
            Self::Cp(args) => args.kubernetes.clone(),
            Self::Forward(args) => args.kubernetes.clone(),
            Self::Ps(args) => args.kubernetes.clone(),
            Self::Sessions(command) => KubernetesArgs::from(command.cluster()),
            _ => return None,
        })
    }

    /// The options by which the user named a cluster, if any were given.
    pub fn cluster(&self) -> Option<ClusterOptions> {
        let given = ClusterOptions::from(self.kubernetes()?);
        (given != ClusterOptions::default()).then_some(given)
    }
}

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Text,
    /// One JSON document
    Json,
}

/// The options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Use this static busybox: a file, or an image in the engine that contains one
    #[arg(long, value_name = "PATH|IMAGE")]
    pub toolkit: Option<String>,
}

/// The options of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// The options of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command, such as `sessions ls`; without one, the page of scratchdbg itself
    pub command: Vec<String>,
    /// Write the pages of all commands to this folder
    #[arg(short, long, value_name = "DIR", conflicts_with = "command")]
    pub output: Option<std::path::PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn a_cluster_is_named_by_options() {
        let cluster = |line: &str| {
            super::Cli::try_parse_from(line.split_whitespace()).unwrap().command.cluster()
        };
        let given = cluster(
            "scratchdbg attach pod/web --namespace shop --kube-context prod --kubeconfig /a/b",
        );
        let given = given.expect("options of a cluster");
        assert_eq!(
            (given.namespace.as_deref(), given.context.as_deref()),
            (Some("shop"), Some("prod"))
        );
        assert_eq!((given.all_namespaces, given.kubeconfig), (false, Some("/a/b".into())));
        assert!(cluster("scratchdbg sessions ls -A").is_some_and(|given| given.all_namespaces));
        assert_eq!(cluster("scratchdbg attach web"), None);
        assert_eq!(cluster("scratchdbg build app"), None);
    }

    /// Compares each help text with a file in `snapshots`, so that changes of wording are visible
    /// in review. `INSTA_UPDATE=always cargo test --workspace help_texts` rewrites the files.
    #[test]
    fn help_texts() {
        let mut command = super::Cli::command().term_width(100);
        command.build();
        snapshot(&mut command, "scratchdbg");
    }

    fn snapshot(command: &mut clap::Command, name: &str) {
        let short = command.render_help().to_string();
        insta::assert_snapshot!(name, trimmed(&short));
        let rows = short.lines().count();
        let most = if name.contains("logs") { 62 } else { 56 };
        assert!(rows <= most, "{name}: the short help has {rows} lines");
        insta::assert_snapshot!(
            format!("{name}-long"),
            trimmed(&command.render_long_help().to_string())
        );
        for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
            let name = format!("{name}-{}", inner.get_name());
            snapshot(inner, &name);
        }
    }

    /// Removes blanks at the ends of lines.
    fn trimmed(text: &str) -> String {
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn no_argument_in_a_usage_error_drives_a_terminal() {
        let hostile = "\x1b]0;pwn\x07\u{9b}31m\u{202e}a\x1b[31mb\nerror: fake\r\x08\u{e0041}";
        let option = format!("--{hostile}");
        for arguments in [
            &["scratchdbg", "logs", "-n", hostile, "x"][..],
            &["scratchdbg", "logs", "--run", hostile, "x"],
            &["scratchdbg", "logs", "--since", hostile, "--tail", hostile, "x"],
            &["scratchdbg", "check", "x", "--format", hostile],
            &["scratchdbg", "--color", hostile, "ps"],
            &["scratchdbg", "completion", hostile],
            &["scratchdbg", "completion", "install", hostile],
            &["scratchdbg", "attach", "--mode", hostile, "x"],
            &["scratchdbg", "ps", hostile, hostile],
            &["scratchdbg", "ps", &option],
            &["scratchdbg", "ps", &format!("-{hostile}")],
            &["scratchdbg", "ps", &format!("--quiet={hostile}")],
            &["scratchdbg", hostile],
            &["scratchdbg", "pair", hostile],
            &["scratchdbg", "help", hostile],
            // The name that this program was called by is in the usage.
            &["\x1b]0;pwn\x07\u{202e}", "--help"],
            &["\x1b]0;pwn\x07\u{202e}", "sessions"],
        ] {
            let Err(error) = super::Cli::try_parse_from(arguments) else { panic!("{arguments:?}") };
            let text = scratchdbg_console::usage::rendered(error);
            for line in
                anstream::adapter::strip_str(&text.replace("\x1b[31mb", "SEEN")).to_string().lines()
            {
                assert_eq!(scratchdbg_logs::escape::label(line), line, "{arguments:?}");
                assert!(
                    !line.starts_with("error: fake") && !line.contains("SEEN"),
                    "{arguments:?}: {line}"
                );
            }
        }
        let Err(error) =
            super::Cli::try_parse_from(["scratchdbg", "check", "x", "--format", "\x1b[2J"])
        else {
            panic!("a format")
        };
        let text = scratchdbg_console::usage::rendered(error);
        assert!(text.contains("\x1b[1m\x1b[31merror:") && text.contains("\\x1b[2J"), "{text:?}");
    }
}
