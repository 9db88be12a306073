//! Which part of a log is wanted, and how to read it.

use std::time::Duration;

use scratchdbg_logs::query::Query;
use scratchdbg_logs::when::TimeRange;

/// How long a line that may begin a stack trace waits for the next one.
pub(crate) const TRACE_PATIENCE: Duration = Duration::from_millis(100);

/// Which part of a log is wanted, and how to read it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Request {
    /// Go on as the container writes more, over restarts.
    pub follow: bool,
    /// The time.
    pub range: TimeRange,
    /// The last lines that match, of each container.
    pub tail: Option<usize>,
    /// One of the container's runs, or all with their ends.
    pub run: Option<Run>,
    /// Which lines match.
    pub query: Query,
    /// Lines before and after each match.
    pub around: (usize, usize),
    /// Lines are passed on as they are, all of them: none is judged or parsed.
    pub is_plain: bool,
    /// A line that is too long to be held is passed on in parts.
    pub in_parts: bool,
    /// Each line tells its run, if it is known.
    pub tells_runs: bool,
    /// Each line has its time.
    pub timestamps: bool,
    /// From where the log is read.
    pub via: Via,
    /// Report from where each log is read, and why.
    pub explain: bool,
}

/// From where a log is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// Its files where they can be read, else the engine.
    #[default]
    Auto,
    /// The engine.
    Api,
    /// Its files.
    File,
}

/// Which runs of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// All, with their ends reported.
    All,
    /// So many runs before the latest.
    Back(usize),
}
