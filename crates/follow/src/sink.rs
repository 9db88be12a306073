//! Where the lines of one container go.

use std::io;

use scratchdbg_logs::Line;

use crate::Notice;

/// Takes what a container's reader has: a terminal, or the task that merges several containers.
pub trait Sink: Send {
    /// Takes a line to be shown. With `after_gap`, lines before it were left out.
    fn line(&mut self, line: Line<'_>, after_gap: bool) -> io::Result<()>;

    /// Takes a notice that stands between the lines.
    fn notice(&mut self, notice: Notice) -> io::Result<()>;

    /// Passes on what was taken, when it is a good time. When `idle`, nothing more is there for now: it must be seen.
    fn settle(&mut self, idle: bool) -> impl Future<Output = io::Result<()>> + Send;
}
