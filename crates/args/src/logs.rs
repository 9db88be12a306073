//! The options of `logs`.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use scratchdbg_backend::{Selector, is_pattern};
use scratchdbg_follow as follow;

use super::KubernetesArgs;

const RANGE: &str = "Range";
const PRINTED: &str = "Output";
const SOURCE: &str = "Source";

/// The options of `logs`.
#[derive(Debug, Default, Args)]
pub struct LogsArgs {
    /// Containers: names, ids, id prefixes, Compose services or 'web-*'. Or pod/NAME, …
    ///
    /// Without any, one is chosen from a list, where there is a terminal.
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// All containers
    #[arg(long, conflicts_with_all = ["targets", "live"])]
    pub all: bool,
    /// Add the containers with this label (repeat to require several)
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub label: Vec<String>,
    /// Add the containers of this Compose project
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,
    /// Follow log output, across container restarts
    #[arg(short, long)]
    pub follow: bool,
    /// With --follow, print lines before they end, such as prompts
    #[arg(long, requires = "follow", conflicts_with_all = ["timestamps", "stats", "patterns", "format", "label", "project", "grep", "exclude", "level", "field"])]
    pub live: bool,
    /// With --follow, exit after the first printed line that matches
    ///
    /// The exit code is 0 then, 1 if the log ends before such a line, and 141 if nobody reads the
    /// output any more.
    #[arg(long, value_name = "REGEX", requires = "follow", conflicts_with_all = ["live", "stats", "patterns"])]
    pub exit_on: Option<String>,
    /// Print only lines since TIME: 10m, 10:30, 2026-01-02T15:04
    ///
    /// A duration before now (10m, 2h30m), a time of today (10:30), `yesterday`, a date or a date
    /// and time (2026-01-02T15:04, with or without a zone), or seconds since 1970.
    #[arg(long, help_heading = RANGE, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Print only lines until TIME, in the same forms
    #[arg(long, help_heading = RANGE, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Print only the last N matching lines of each container
    #[arg(short = 'n', long, help_heading = RANGE, value_name = "N")]
    pub tail: Option<Count>,
    /// Print only one run: last, or -1 for the one before it
    ///
    /// `all` prints all runs and marks where they end.
    #[arg(long, help_heading = RANGE, value_name = "last|all|-N", allow_hyphen_values = true, conflicts_with_all = ["since", "until"])]
    pub run: Option<Run>,
    /// Print the time before each line
    #[arg(short, long, help_heading = PRINTED)]
    pub timestamps: bool,
    /// Print only standard output
    #[arg(long, help_heading = RANGE)]
    pub stdout: bool,
    /// Print only standard error
    #[arg(long, help_heading = RANGE)]
    pub stderr: bool,
    /// Print only lines that match (repeat for alternatives)
    ///
    /// A stack trace counts as one line, up to 256 KiB.
    #[arg(long, value_name = "REGEX", help_heading = "Searching")]
    pub grep: Vec<String>,
    /// Leave out lines that match (repeatable)
    #[arg(long, value_name = "REGEX", help_heading = "Searching")]
    pub exclude: Vec<String>,
    /// Ignore case when matching
    #[arg(short, long, help_heading = "Searching")]
    pub ignore_case: bool,
    /// Print N lines after each match
    #[arg(short = 'A', long, value_name = "N", help_heading = "Searching")]
    pub after_context: Option<u16>,
    /// Print N lines before each match
    #[arg(short = 'B', long, value_name = "N", help_heading = "Searching")]
    pub before_context: Option<u16>,
    /// Print N lines before and after each match
    #[arg(short = 'C', long = "around", value_name = "N", help_heading = "Searching")]
    pub around: Option<u16>,
    /// Print only lines of this level or worse
    ///
    /// trace, debug, info, warn, error or fatal.
    #[arg(long, value_name = "LEVEL", help_heading = "Searching")]
    pub level: Option<String>,
    /// Print only lines with a field: key=value, key>1, key~REGEX
    ///
    /// Fields are read from lines in JSON and logfmt. Repeat for several conditions: key=value,
    /// key>1, key<1, key~REGEX.
    #[arg(long, value_name = "CONDITION", help_heading = "Searching")]
    pub field: Vec<String>,
    /// Print counts by level, stream, container and time
    #[arg(long, help_heading = PRINTED, conflicts_with_all = ["raw", "timestamps"])]
    pub stats: bool,
    /// Print counts and the most frequent lines
    ///
    /// Numbers and ids within lines are left out, so that similar lines are counted as one.
    #[arg(long, help_heading = PRINTED, conflicts_with_all = ["raw", "timestamps"])]
    pub patterns: bool,
    /// Print exactly what the container wrote
    ///
    /// Nothing is escaped, on terminals too.
    #[arg(long, help_heading = PRINTED, conflicts_with_all = ["format", "timestamps"])]
    pub raw: bool,
    /// Output format: text, json or a template
    ///
    /// json prints one document per line. A template is text with fields in braces, such as '{time}
    /// {level} {msg}'.
    #[arg(long, help_heading = PRINTED, value_name = "text|json|TEMPLATE")]
    pub format: Option<String>,
    /// Where to read the logs from
    #[arg(long, help_heading = SOURCE, value_enum, default_value = "auto", value_name = "WAY")]
    pub via: Via,
    /// Print where each log is read from, and why
    #[arg(long, help_heading = SOURCE)]
    pub explain: bool,
    /// Which pods, of which cluster.
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
}

impl LogsArgs {
    /// Reports whether the user's time zone matters: for times on the command line, and in a
    /// summary.
    pub fn needs_zone(&self) -> bool {
        self.since.is_some() || self.until.is_some() || self.stats || self.patterns
    }

    /// Returns which containers are selected in addition to those that are named. All labels must
    /// match the same container. A project is a separate selection.
    pub fn selectors(&self) -> Vec<Selector> {
        let labels = (!self.label.is_empty())
            .then(|| Selector { labels: self.label.clone(), ..Selector::default() });
        let project = self
            .project
            .clone()
            .map(|project| Selector { project: Some(project), ..Selector::default() });
        let names = self
            .targets
            .iter()
            .filter(|target| is_pattern(target))
            .cloned()
            .chain(self.all.then(|| "*".to_owned()));
        let names = names.map(|name| Selector { name: Some(name), ..Selector::default() });
        labels.into_iter().chain(project).chain(names).collect()
    }
}

/// How to read a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// The log files if they can be read, else the engine
    #[default]
    Auto,
    /// The engine
    Api,
    /// The log files
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
pub enum Count {
    /// All of them.
    All,
    /// So many.
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

/// The runs of a container to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// All runs, with their ends marked.
    All,
    /// This many runs before the last.
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
