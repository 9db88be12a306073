//! Reads the engine's own log files: the same lines as the engine sends, without its decoding in
//! between.
//!
//! The files are read only if they certainly belong to this container: the engine listens on a Unix
//! socket of this machine, and the path that it reports contains the container's full id and is a
//! readable file. If a file is rotated away while it is read, the engine is asked for the rest,
//! from the last line that was read. Damaged data is not left to the engine: it would stop there,
//! or skip more than is damaged, without reporting either.

use std::time::Duration;

use scratchdbg_backend::LogBackend;
use scratchdbg_logs::file::{FileDecoder, FileEvent, FileFormat, Hole};
use scratchdbg_logs::{Line, LineOptions, Timestamp};

use super::LogFiles;
use crate::{Error, LogReader, Notice, Sink, Via};

/// How many times, and how long each time, to wait for a record that the engine is writing.
const RECORD_ATTEMPTS: usize = 20;
const RECORD_PAUSE: Duration = Duration::from_millis(5);

/// The size of one read.
pub(crate) const CHUNK: usize = 256 << 10;

impl<B: LogBackend, S: Sink> LogReader<'_, B, S> {
    /// Reads the log's files if that is wanted and possible. Returns `false` if the engine must be
    /// asked, for the rest or for everything.
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

    /// The inner error means that the files are in doubt. What was read before remains valid.
    async fn copy_files(
        &mut self,
        files: &mut LogFiles,
        then_follow: bool,
    ) -> Result<Result<(), String>, Error> {
        let mut decoder = self.file_decoder(files.format);
        let mut buffer = vec![0; CHUNK];
        let mut state = Ok(ReadProgress::since(self.runs.range.since));
        let mut tries = 0;
        loop {
            let bytes = match files.read(&mut buffer) {
                Ok(Some(bytes)) => bytes,
                Ok(None)
                    if decoder.is_in_record()
                        && self.source.state.is_writing()
                        && tries < RECORD_ATTEMPTS =>
                {
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
                Ok(ReadProgress { goes_on: false, .. }) => return Ok(Ok(())),
                Ok(_) => {}
            }
            self.sink.settle(false).await?;
            // Give interrupts a chance.
            tokio::task::yield_now().await;
        }
        decoder.finish(|event| match event {
            // The line will be sent again, complete.
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

    /// Handles an event of the decoder. `files` locates damage.
    pub(crate) fn take_event(
        &mut self,
        event: FileEvent<'_>,
        state: &mut Result<ReadProgress, Error>,
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

    /// Records damage. It is reported when a wanted line follows it.
    pub(crate) fn take_hole(hole: Hole, taken: &mut ReadProgress, files: Option<&LogFiles>) {
        taken.hole = Some(describe(hole, taken.last, files));
    }

    /// Finishes: no line follows.
    pub(crate) fn finish_taken(&mut self, taken: ReadProgress) -> Result<(), Error> {
        self.hole = taken.into_hole().or(self.hole.take());
        if !self.request.follow {
            self.tell_hole()?;
        }
        Ok(())
    }

    /// Reports that a part of the log is damaged, once all older lines are older than what is
    /// wanted.
    pub(crate) fn tell_hole(&mut self) -> Result<(), Error> {
        if let Some(damage) = self.hole.take() {
            self.pipeline.notice(damage, &mut self.sink)?;
        }
        Ok(())
    }
}

fn describe(hole: Hole, after: Option<Timestamp>, files: Option<&LogFiles>) -> Notice {
    let place =
        files.and_then(|files| files.place(hole.at)).map(|(path, at)| (path.to_owned(), at));
    Notice::Damaged { after, place, bytes: hole.bytes }
}

/// The progress of reading the files.
#[derive(Debug, Default)]
pub(crate) struct ReadProgress {
    pub(crate) goes_on: bool,
    /// The start of the requested range, and whether a line in it was seen.
    pub(crate) since: Option<jiff::Timestamp>,
    pub(crate) has_begun: bool,
    /// The timestamp of the last line, wanted or not.
    last: Option<Timestamp>,
    /// The notice about damage, to report if the next line is wanted.
    hole: Option<Notice>,
}

impl ReadProgress {
    /// Creates the state at the start.
    pub(crate) fn since(since: Option<jiff::Timestamp>) -> Self {
        Self { goes_on: true, since, has_begun: since.is_none(), last: None, hole: None }
    }

    /// Processes a line, wanted or not. Returns the notice to report before it.
    pub(crate) fn pass(&mut self, line: &Line<'_>) -> Option<Notice> {
        // Like the engine: from the first line that is new enough, whatever the timestamps after
        // it.
        self.has_begun =
            self.has_begun || line.timestamp.and_then(|stamp| stamp.instant()) >= self.since;
        self.last = line.timestamp.or(self.last);
        self.hole.take()
    }

    /// Returns the notice about damage that no line has followed yet.
    pub(crate) fn into_hole(self) -> Option<Notice> {
        self.hole
    }
}
