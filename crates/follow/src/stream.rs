//! Reads the stream of a log that the platform sends.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use scratchdbg_backend::{ErrorKind, LogBackend, LogRequest};
use scratchdbg_logs::{Event, Framing, LineOptions, LogDecoder};

use crate::begin::Begin;
use crate::ends::Listener;
use crate::reader::until;
use crate::request::TRACE_PATIENCE;
use crate::{Error, Notice, Reader, Sink};

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum End {
    /// As streams do. A line without an ending may be left in the decoder.
    Closed(Box<LogDecoder>),
    /// There has been nothing new for a while in the files that are followed.
    Idle,
    /// It broke off, or the engine reports that it cannot go on.
    Broken(String),
    /// Nothing more is wanted.
    Enough,
}

impl<B: LogBackend, S: Sink> Reader<'_, B, S> {
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

    /// Passes a stream's lines on, until it ends in whatever way. One that is followed may go on over a restart, whose
    /// `ends` are heard meanwhile. An error is one of our own output.
    pub(crate) async fn copy(
        &mut self,
        mut stream: B::Log,
        timestamps: bool,
        mut ends: Option<&mut Listener>,
    ) -> Result<End, Error> {
        /// So many bytes behind what is wanted are read to see that it was all there.
        const FAR_AHEAD: usize = 8 << 20;
        /// A stream that is silent for so long has sent what there was.
        const SILENCE: Duration = Duration::from_millis(300);
        let mut decoder = self.decoder(timestamps);
        let framing = Framing::from_tty(self.source.tty);
        let mut begin = self.sent.as_ref().filter(|_| timestamps).map(|_| Begin::new(framing));
        let mut ahead = None;
        let deadline = self.deadline();
        loop {
            // What the connection has read is passed on by a task of its own, in small pieces: it is let have its turn.
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
                        () = tokio::time::sleep(TRACE_PATIENCE), if self.pipeline.holds() => {
                            self.pipeline.flush(&mut self.sink)?;
                            continue;
                        }
                        () = tokio::time::sleep(SILENCE), if self.watched.is_some() => {
                            self.check_watched(decoder.records()).await?;
                            continue;
                        }
                        () = until(deadline) => return Ok(End::Enough),
                    }
                }
            };
            let chunk = match chunk {
                None => {
                    self.note_first(begin);
                    self.check_watched(decoder.records()).await?;
                    return Ok(End::Closed(Box::new(decoder)));
                }
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => {
                    self.drain(&mut decoder)?;
                    return Ok(End::Broken(error.message));
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
                        if ahead.is_none() && !self.take(line)? {
                            if self.sent.is_none() || self.request.follow {
                                return Ok(End::Enough);
                            }
                            ahead = Some(0);
                        }
                    }
                    Ok(Some(Event::DaemonError(message))) if self.request.follow => {
                        return Ok(End::Broken(format!("the engine says: {message}")));
                    }
                    Ok(Some(Event::DaemonError(message))) => {
                        self.sent = None;
                        self.sink.notice(Notice::EngineError { message: message.clone() })?;
                    }
                    Err(error) => {
                        self.drain(&mut decoder)?;
                        return Ok(End::Broken(error.to_string()));
                    }
                }
            }
            if let Some(ahead) = &mut ahead {
                *ahead += chunk.len();
                if *ahead > FAR_AHEAD || self.sent.is_none() {
                    return Ok(End::Enough);
                }
            }
            self.sink.settle(false).await?;
        }
    }

    /// Shows what a broken stream left without its end, unless the stream is taken up again: then it comes again.
    fn drain(&mut self, decoder: &mut LogDecoder) -> Result<(), Error> {
        if !self.request.follow {
            while let Some(line) = decoder.finish_line() {
                self.take(line)?;
            }
        }
        Ok(())
    }

    /// The last stream has ended: shows the line that it left without an ending.
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
