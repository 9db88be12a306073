//! Reads the log stream that the platform sends.

use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _};
use scratchdbg_backend::{ErrorKind, LogBackend, LogRequest};
use scratchdbg_logs::{Event, Framing, LineOptions, LogDecoder};

use crate::begin::HeadCollector;
use crate::ends::Listener;
use crate::reader::until;
use crate::request::TRACE_TIMEOUT;
use crate::{Error, LogReader, Notice, Sink};

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// The stream ended normally. The decoder may hold an incomplete line.
    Closed(Box<LogDecoder>),
    /// The followed files have had nothing new for a while.
    Idle,
    /// The stream broke, or the engine reported that it cannot continue.
    Broken(String),
    /// The end of the requested range was reached.
    RangeEnd,
}

impl<B: LogBackend, S: Sink> LogReader<'_, B, S> {
    pub(crate) async fn open(&self, request: &LogRequest) -> Result<B::Log, Error> {
        self.backend.read_log(&self.source.id, request).await.map_err(|error| match error.kind {
            ErrorKind::Unsupported => Error::Unreadable {
                name: self.source.name.clone(),
                driver: self.source.storage.driver.clone(),
                source: Box::new(error),
            },
            _ => error.into(),
        })
    }

    pub(crate) fn decoder(&self, timestamps: bool) -> LogDecoder {
        LogDecoder::new(LineOptions {
            framing: Framing::from_tty(self.source.tty),
            joining: self.source.joining,
            timestamps,
            max_line: LineOptions::MAX_LINE,
            in_parts: self.request.in_parts,
        })
        .searching(self.request.query.search())
    }

    /// Passes on the lines of a stream until it ends in any way. A followed stream may continue
    /// across a restart; `ends` are received meanwhile. It is left at the deadline. Returns an
    /// error only if the output fails.
    pub(crate) async fn copy(
        &mut self,
        mut stream: B::Log,
        timestamps: bool,
        mut ends: Option<&mut Listener>,
        deadline: Option<Instant>,
    ) -> Result<StreamEnd, Error> {
        /// How long a stream must be silent to have sent everything that is stored.
        const SILENCE: Duration = Duration::from_millis(300);
        let mut decoder = self.decoder(timestamps);
        let framing = Framing::from_tty(self.source.tty);
        let mut begin =
            self.sent.as_ref().filter(|_| timestamps).map(|_| HeadCollector::new(framing));
        loop {
            // The task of the connection delivers data in small chunks. Yield to it.
            let mut chunk = stream.next().now_or_never();
            if chunk.is_none() {
                tokio::task::yield_now().await;
                chunk = stream.next().now_or_never();
            }
            let chunk = match chunk {
                Some(chunk) => chunk,
                None => {
                    self.sink.settle(true).await?;
                    tokio::select! {
                        chunk = stream.next() => chunk,
                        () = tokio::time::sleep(TRACE_TIMEOUT), if self.pipeline.holds() => {
                            self.pipeline.flush(&mut self.sink)?;
                            continue;
                        }
                        () = tokio::time::sleep(SILENCE), if self.watched.is_some() => {
                            self.check_watched(decoder.records()).await?;
                            continue;
                        }
                        () = until(deadline) => return Ok(StreamEnd::RangeEnd),
                    }
                }
            };
            let chunk = match chunk {
                None => {
                    self.note_first(begin);
                    self.check_watched(decoder.records()).await?;
                    return Ok(StreamEnd::Closed(Box::new(decoder)));
                }
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => {
                    self.drain(&mut decoder)?;
                    return Ok(StreamEnd::Broken(error.message));
                }
            };
            if let Some(ends) = &mut ends {
                self.runs.learn(ends.heard());
            }
            if begin.as_mut().is_some_and(|begin| begin.push(&chunk, 1, framing)) {
                self.note_first(begin.take());
            }
            let mut events = decoder.push(&chunk);
            loop {
                match events.next() {
                    Ok(None) => break,
                    Ok(Some(Event::Line(line))) => {
                        self.count(&line);
                        if !self.take(line)? {
                            return Ok(StreamEnd::RangeEnd);
                        }
                    }
                    Ok(Some(Event::DaemonError(message))) if self.request.follow => {
                        return Ok(StreamEnd::Broken(format!(
                            "the {} says: {message}",
                            self.backend.word()
                        )));
                    }
                    Ok(Some(Event::DaemonError(message))) => {
                        self.sent = None;
                        self.sink.notice(Notice::EngineError { message: message.clone() })?;
                    }
                    Err(error) => {
                        self.drain(&mut decoder)?;
                        return Ok(StreamEnd::Broken(error.to_string()));
                    }
                }
            }
            self.sink.settle(false).await?;
        }
    }

    /// Passes on an incomplete line of a broken stream, unless the stream is resumed: then the line
    /// is sent again.
    fn drain(&mut self, decoder: &mut LogDecoder) -> Result<(), Error> {
        if !self.request.follow {
            while let Some(line) = decoder.finish_line() {
                self.take(line)?;
            }
        }
        Ok(())
    }

    /// The last stream has ended: passes on a last line without a newline.
    pub(crate) fn finish(&mut self, mut decoder: LogDecoder) -> Result<(), Error> {
        while let Some(line) = decoder.finish_line() {
            self.count(&line);
            self.take(line)?;
        }
        if let Err(error) = decoder.finish() {
            self.sink.notice(Notice::Broken { reason: error.to_string() })?;
        }
        Ok(())
    }
}
