//! Hands out all that is stored of a container's log.

use std::io;

use scratchdbg_backend::{ContainerName, LogBackend};
use scratchdbg_logs::Line;
use scratchdbg_logs::query::Query;
use scratchdbg_logs::when::TimeRange;

use crate::{Error, LogReader, Notice, Request, Sink, Via};

/// What a log consists of.
#[derive(Debug)]
pub enum Item<'a> {
    /// A line, or a stack trace.
    Line(Line<'a>),
    /// What happens to the log besides its lines.
    Notice(Notice),
}

/// Passes everything on to a function.
struct Each<F>(F);

impl<F: FnMut(Item<'_>) + Send> Sink for Each<F> {
    fn line(&mut self, line: Line<'_>, _after_gap: bool) -> io::Result<()> {
        (self.0)(Item::Line(line));
        Ok(())
    }

    fn notice(&mut self, notice: Notice) -> io::Result<()> {
        (self.0)(Item::Notice(notice));
        Ok(())
    }

    async fn settle(&mut self, _idle: bool) -> io::Result<()> {
        // Other work of the process has its turn: an interrupt ends a long log.
        tokio::task::yield_now().await;
        Ok(())
    }
}

/// Reads what is stored of a container's log, with the time of each line, and ends.
///
/// # Errors
///
/// Fails if there is no such container, or if its log cannot be read.
pub async fn each<B: LogBackend>(
    backend: &B,
    name: &ContainerName,
    take: impl FnMut(Item<'_>) + Send,
) -> Result<(), Error> {
    let source = backend.log_source(name).await?;
    let request = Request {
        follow: false,
        range: TimeRange::default(),
        tail: None,
        run: None,
        query: Query::default(),
        around: (0, 0),
        is_plain: false,
        in_parts: false,
        tells_runs: false,
        timestamps: true,
        via: Via::Auto,
        explain: false,
    };
    let lookup = source.lookup(name);
    LogReader::new(backend, &request, lookup, source, Each(take)).read().await
}
