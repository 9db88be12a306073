//! The options of `logs`.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use scratchdbg_follow as follow;

#[derive(Debug, Default, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["targets", "label", "project"]))]
pub(crate) struct LogsArgs {
    /// The containers: names, ids, or the beginnings of ids
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Also the containers with this label (repeat for more conditions)
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub(crate) label: Vec<String>,
    /// Also the containers of this Compose project
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Go on as the containers say more, over restarts
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// With --follow, also the beginnings of lines that have no end yet (a prompt, a line that hangs), from now on
    #[arg(long, requires = "follow", conflicts_with_all = ["timestamps", "stats", "patterns", "format", "label", "project", "grep", "exclude", "level", "field"])]
    pub(crate) live: bool,
    /// Only from then on: 10m, 2h30m, 10:30, yesterday, 2026-01-02T15:04, seconds since 1970
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Only up to then, in the same forms
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    /// Only the last N lines that match, of each container
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) tail: Option<Count>,
    /// Only one of the runs: `last`, -1 for the one before it; `all` tells them apart
    #[arg(long, value_name = "last|all|-N", allow_hyphen_values = true, conflicts_with_all = ["since", "until"])]
    pub(crate) run: Option<Run>,
    /// Put the time in front of each line
    #[arg(short, long)]
    pub(crate) timestamps: bool,
    /// Only standard output
    #[arg(long)]
    pub(crate) stdout: bool,
    /// Only standard error
    #[arg(long)]
    pub(crate) stderr: bool,
    /// Only lines that match (repeat for alternatives); a stack trace counts as one line
    #[arg(long, value_name = "REGEX", help_heading = "Searching")]
    pub(crate) grep: Vec<String>,
    /// No lines that match
    #[arg(long, value_name = "REGEX", help_heading = "Searching")]
    pub(crate) exclude: Vec<String>,
    /// Match letters whatever their case
    #[arg(short, long, help_heading = "Searching")]
    pub(crate) ignore_case: bool,
    /// Also N lines after each match
    #[arg(short = 'A', long, value_name = "N", help_heading = "Searching")]
    pub(crate) after_context: Option<u16>,
    /// Also N lines before each match
    #[arg(short = 'B', long, value_name = "N", help_heading = "Searching")]
    pub(crate) before_context: Option<u16>,
    /// Also N lines around each match
    #[arg(short = 'C', long = "around", value_name = "N", help_heading = "Searching")]
    pub(crate) around: Option<u16>,
    /// Only lines of this severity or worse: trace, debug, info, warn, error, fatal
    #[arg(long, value_name = "LEVEL", help_heading = "Searching")]
    pub(crate) level: Option<String>,
    /// Only lines with such a field, in JSON or logfmt: key=value, key>1, key<1, key~REGEX
    #[arg(long, value_name = "CONDITION", help_heading = "Searching")]
    pub(crate) field: Vec<String>,
    /// Count instead of showing: by level, stream and container, over time
    #[arg(long, conflicts_with_all = ["raw", "timestamps"])]
    pub(crate) stats: bool,
    /// With the counts, the most frequent lines, numbers and ids left open
    #[arg(long, conflicts_with_all = ["raw", "timestamps"])]
    pub(crate) patterns: bool,
    /// The containers' bytes and nothing else, on terminals too
    #[arg(long, conflicts_with_all = ["format", "timestamps"])]
    pub(crate) raw: bool,
    /// How lines are printed: text (the default), json (one document a line), or a template such as '{time} {level} {msg}'
    #[arg(long, value_name = "text|json|TEMPLATE")]
    pub(crate) format: Option<String>,
    /// How to read: through the engine, or its log files where they can be read
    #[arg(long, value_enum, default_value = "auto", value_name = "WAY")]
    pub(crate) via: Via,
    /// Say which way each log is read, and why
    #[arg(long)]
    pub(crate) explain: bool,
}

/// How to get at a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// The files where they can be read, else the engine
    #[default]
    Auto,
    /// The engine
    Api,
    /// The files
    File,
}

impl From<Via> for follow::Via {
    fn from(via: Via) -> Self {
        match via {
            Via::Auto => Self::Auto,
            Via::Api => Self::Api,
            Via::File => Self::File,
        }
    }
}

impl From<Run> for follow::Run {
    fn from(run: Run) -> Self {
        match run {
            Run::All => Self::All,
            Run::Back(back) => Self::Back(back),
        }
    }
}

/// A number of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    All,
    Lines(u64),
}

impl FromStr for Count {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            _ => text.parse().map(Self::Lines).map_err(|_| "it is a number of lines, or `all`"),
        }
    }
}

/// Which runs of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// All, with their ends marked.
    All,
    /// So many runs before the last.
    Back(usize),
}

impl FromStr for Run {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let back = |text: &str| text.strip_prefix('-')?.parse().ok().map(Self::Back);
        match text {
            "all" => Ok(Self::All),
            "last" => Ok(Self::Back(0)),
            _ => back(text).ok_or("it is `last`, `all`, or -1 for the run before the last, -2 for the one before that"),
        }
    }
}
