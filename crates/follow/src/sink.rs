//! The output of a reader.

use std::io;

use scratchdbg_logs::Line;

use crate::Notice;

/// Takes the output of a container's reader: a terminal, or the task that merges several
/// containers.
pub trait Sink: Send {
    /// Takes a line to be shown. With `after_gap`, lines before it were left out.
    fn line(&mut self, line: Line<'_>, after_gap: bool) -> io::Result<()>;

    /// Takes a notice that belongs between the lines.
    fn notice(&mut self, notice: Notice) -> io::Result<()>;

    /// Passes on buffered output when suitable. When `idle`, nothing more will arrive for now, so
    /// everything must become visible.
    fn settle(&mut self, idle: bool) -> impl Future<Output = io::Result<()>> + Send;
}
