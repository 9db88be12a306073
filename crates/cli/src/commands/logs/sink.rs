//! Where the lines of one container go: straight to the output, or to the task that merges many.

use std::io;

use scratchdbg_logs::Line;

/// What is said beside the log, on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// Worth knowing.
    Info(String),
    /// The log is not complete: the exit code says so too.
    Failure(String),
    /// So many lines tell no level, where one was asked for. It is said once, of all containers.
    WithoutLevel(u64),
}

/// Takes what a container's reader has.
pub(super) trait Sink: Send {
    /// A line to be shown; lines were left out before it when `after_gap`.
    fn line(&mut self, line: Line<'_>, after_gap: bool) -> io::Result<()>;

    /// Something to be said between the lines.
    fn note(&mut self, note: Note) -> io::Result<()>;

    /// A good time to pass on what was taken. When `idle`, nothing more is there for now: it must be seen.
    fn settle(&mut self, idle: bool) -> impl Future<Output = io::Result<()>> + Send;
}
