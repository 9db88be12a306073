//! Reading the engine's own log files: the same lines, without the engine's decoding in between.
//!
//! Only where there is no doubt that they are this container's: the engine listens on a Unix socket here, and the path
//! that it gives, with the container's whole id in it, is a file that may be read. A file that is rotated away while it is
//! read is left to the engine, from the last line on that was read. What is damaged is not: the engine gives up there, or
//! leaves out more than is damaged, and says neither.

use std::time::Duration;

use scratchdbg_backend::LogBackend;
use scratchdbg_logs::file::{FileDecoder, FileEvent, FileFormat, Hole};
use scratchdbg_logs::{Line, LineOptions, Timestamp};

use super::LogFiles;
use crate::{Error, Notice, Reader, Sink, Via};

/// A record that the engine is writing is waited for so often, for so long each time.
const RECORD_TRIES: usize = 20;
const RECORD_PAUSE: Duration = Duration::from_millis(5);

/// Read at a time.
pub(crate) const CHUNK: usize = 256 << 10;

impl<B: LogBackend, S: Sink> Reader<'_, B, S> {
    /// Reads the log's files where that is wanted and possible. `false` where the engine is to be asked, for the rest
    /// or for all.
    pub(crate) async fn read_files(&mut self, then_follow: bool) -> Result<bool, Error> {
        let explain = self.request.explain;
        let files = match self.request.via {
            Via::Api => Err("--via api asks for it".to_owned()),
            Via::Auto | Via::File => LogFiles::open(&self.source.storage.files),
        };
        let mut files = match files {
            Ok(files) => files,
            Err(reason) if self.request.via == Via::File => {
                return Err(Error::FilesUnreadable { name: self.source.name.clone(), reason });
            }
            Err(reason) => {
                if explain {
                    self.sink.notice(Notice::ReadThroughEngine { reason })?;
                }
                return Ok(false);
            }
        };
        if explain {
            let (path, count) = (files.path.clone(), files.count());
            self.sink.notice(Notice::ReadFromFiles { path, count })?;
        }
        match self.copy_files(&mut files, then_follow).await? {
            Ok(()) => Ok(true),
            Err(reason) => {
                if explain {
                    self.sink.notice(Notice::RestThroughEngine { reason, follows: false })?;
                }
                Ok(false)
            }
        }
    }

    /// The inner error is a doubt: what was taken before it is good.
    async fn copy_files(&mut self, files: &mut LogFiles, then_follow: bool) -> Result<Result<(), String>, Error> {
        let mut decoder = self.file_decoder(files.format);
        let mut buffer = vec![0; CHUNK];
        let mut state = Ok(Taken::since(self.runs.range.since));
        let mut tries = 0;
        loop {
            let bytes = match files.read(&mut buffer) {
                Ok(Some(bytes)) => bytes,
                Ok(None) if decoder.is_in_record() && self.source.state.is_writing() && tries < RECORD_TRIES => {
                    tries += 1;
                    tokio::time::sleep(RECORD_PAUSE).await;
                    match files.read_on() {
                        Ok(()) => continue,
                        Err(error) => return Ok(Err(error.to_string())),
                    }
                }
                Ok(None) => break,
                Err(error) => match files.skip_damaged() {
                    Some(path) => {
                        let notice = Notice::FileDamaged { path, reason: error.to_string() };
                        self.pipeline.notice(notice, &mut self.sink)?;
                        continue;
                    }
                    None => return Ok(Err(error.to_string())),
                },
            };
            decoder.push(bytes, |event| self.take_event(event, &mut state, Some(files)));
            match &state {
                Err(_) => break,
                Ok(Taken { goes_on: false, .. }) => return Ok(Ok(())),
                Ok(_) => {}
            }
            self.sink.settle(false).await?;
            // Let interrupts through.
            tokio::task::yield_now().await;
        }
        decoder.finish(|event| match event {
            // It comes again, whole.
            FileEvent::Line(_) if then_follow => {}
            event => self.take_event(event, &mut state, Some(files)),
        });
        self.finish_taken(state?)?;
        Ok(Ok(()))
    }

    pub(crate) fn file_decoder(&self, format: FileFormat) -> FileDecoder {
        let new = if self.request.in_parts { FileDecoder::in_parts } else { FileDecoder::new };
        new(format, self.source.tty, LineOptions::MAX_LINE).searching(self.request.query.search())
    }

    /// Takes what a file says; `files` know where its damage is.
    pub(crate) fn take_event(
        &mut self,
        event: FileEvent<'_>,
        state: &mut Result<Taken, Error>,
        files: Option<&LogFiles>,
    ) {
        let Ok(taken) = state else { return };
        if !taken.goes_on {
            return;
        }
        match event {
            FileEvent::Hole(hole) => Self::take_hole(hole, taken, files),
            FileEvent::Line(line) => {
                let hole = taken.pass(&line);
                if taken.has_begun {
                    self.hole = hole.or(self.hole.take());
                    match self.take(line) {
                        Ok(goes_on) => taken.goes_on = goes_on,
                        Err(error) => *state = Err(error),
                    }
                }
            }
        }
    }

    /// Takes a damaged place: it is told when a line that is wanted comes after it.
    pub(crate) fn take_hole(hole: Hole, taken: &mut Taken, files: Option<&LogFiles>) {
        taken.hole = Some(describe(hole, taken.last, files));
    }

    /// Nothing comes after what was taken.
    pub(crate) fn finish_taken(&mut self, taken: Taken) -> Result<(), Error> {
        self.hole = taken.into_hole().or(self.hole.take());
        if !self.request.follow {
            self.tell_hole()?;
        }
        Ok(())
    }

    /// Says that a part of the log is damaged, once nothing older than what is wanted is in it.
    pub(crate) fn tell_hole(&mut self) -> Result<(), Error> {
        if let Some(damage) = self.hole.take() {
            self.pipeline.notice(damage, &mut self.sink)?;
        }
        Ok(())
    }
}

fn describe(hole: Hole, after: Option<Timestamp>, files: Option<&LogFiles>) -> Notice {
    let place = files.and_then(|files| files.place(hole.at)).map(|(path, at)| (path.to_owned(), at));
    Notice::Damaged { after, place, bytes: hole.bytes }
}

/// How far the files have been read.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) goes_on: bool,
    /// The time of the first line that is wanted, and whether it was seen.
    pub(crate) since: Option<jiff::Timestamp>,
    pub(crate) has_begun: bool,
    /// The time of the last line, wanted or not.
    last: Option<Timestamp>,
    /// What is to be said of a damaged place, if the line after it is wanted.
    hole: Option<Notice>,
}

impl Taken {
    /// Nothing yet.
    pub(crate) fn since(since: Option<jiff::Timestamp>) -> Self {
        Self { goes_on: true, since, has_begun: since.is_none(), last: None, hole: None }
    }

    /// Passes a line, wanted or not, and gives back what is to be said before it.
    pub(crate) fn pass(&mut self, line: &Line<'_>) -> Option<Notice> {
        // As the engine has it: from the first that is not too old, whatever the times after it.
        self.has_begun |= line.timestamp.and_then(|stamp| stamp.instant()) >= self.since;
        self.last = line.timestamp.or(self.last);
        self.hole.take()
    }

    /// The damaged place that no line has followed yet.
    pub(crate) fn into_hole(self) -> Option<Notice> {
        self.hole
    }
}
