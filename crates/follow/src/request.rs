//! A request for a part of a log.

use std::time::Duration;

use scratchdbg_logs::query::Query;
use scratchdbg_logs::when::TimeRange;

/// How long a line that may begin a stack trace is held back.
pub(crate) const TRACE_TIMEOUT: Duration = Duration::from_millis(100);

/// A request for a part of a log.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Request {
    /// Follow the log, across restarts.
    pub follow: bool,
    /// The time range.
    pub range: TimeRange,
    /// The number of matching lines to keep, counted from the end, for each container.
    pub tail: Option<usize>,
    /// One of the container's runs, or all runs with their ends reported.
    pub run: Option<Run>,
    /// The filter.
    pub query: Query,
    /// The number of context lines before and after each match.
    pub around: (usize, usize),
    /// Pass on all lines unchanged, without filtering or parsing.
    pub is_plain: bool,
    /// Pass on lines that are too long to buffer in parts.
    pub in_parts: bool,
    /// Each line has the number of its run, if it is known.
    pub tells_runs: bool,
    /// Each line has its timestamp.
    pub timestamps: bool,
    /// Where the log is read from.
    pub via: Via,
    /// Report where each log is read from, and why.
    pub explain: bool,
}

/// Where a log is read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// The files if they can be read, otherwise the engine.
    #[default]
    Auto,
    /// The engine.
    Api,
    /// The files.
    File,
}

/// Selects runs of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// All runs, with their ends reported.
    All,
    /// The run that is this many runs before the latest.
    Back(usize),
}
