//! Reading the engine's own log files: the same lines, without the engine's decoding in between.
//!
//! Only where there is no doubt that they are this container's: the engine listens on a Unix socket here, and the path
//! that it gives, with the container's whole id in it, is a file that may be read. Whatever is odd then (a damaged
//! record, files rotated while they are opened) is left to the engine, from the last line on that was read.

use scratchdbg_logs::LineOptions;
use scratchdbg_logs::file::{FileDecoder, FileEvent};

use super::log_files::LogFiles;
use super::reader::Reader;
use super::sink::{Note, Sink};
use crate::args::Via;
use crate::error::CommandError;

/// Read at a time.
pub(super) const CHUNK: usize = 256 << 10;

impl<S: Sink> Reader<'_, S> {
    /// Reads the log's files where that is wanted and possible. `false` where the engine is to be asked, for the rest
    /// or for all.
    pub(super) async fn read_files(&mut self, then_follow: bool) -> Result<bool, CommandError> {
        let explain = self.request.explain;
        let name = self.source.name.clone();
        let files = match self.request.via {
            Via::Api => Err("--via api asks for it".to_owned()),
            Via::Auto | Via::File => LogFiles::open(self.engine, &self.source),
        };
        let mut files = match files {
            Ok(files) => files,
            Err(reason) if self.request.via == Via::File => {
                return Err(CommandError::new(format!("the log files of `{name}` cannot be read: {reason}"))
                    .hint("--via auto reads it through the engine then"));
            }
            Err(reason) => {
                if explain {
                    self.sink.note(Note::Info(format!("`{name}` is read through the engine: {reason}")))?;
                }
                return Ok(false);
            }
        };
        if explain {
            let (path, count) = (files.path.display(), files.count());
            self.sink.note(Note::Info(format!("`{name}` is read from {path}, {count} files in all")))?;
        }
        match self.copy_files(&mut files, then_follow).await? {
            Ok(()) => Ok(true),
            Err(doubt) => {
                if explain {
                    self.sink.note(Note::Info(format!("the rest of `{name}` is read through the engine: {doubt}")))?;
                }
                Ok(false)
            }
        }
    }

    /// The inner error is a doubt: what was taken before it is good.
    async fn copy_files(
        &mut self,
        files: &mut LogFiles,
        then_follow: bool,
    ) -> Result<Result<(), String>, CommandError> {
        let mut decoder = FileDecoder::new(files.format, self.source.tty, LineOptions::MAX_LINE);
        let mut buffer = vec![0; CHUNK];
        let mut state = Ok(Taken::since(self.runs.range.since));
        loop {
            let bytes = match files.read(&mut buffer) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(error) => return Ok(Err(error.to_string())),
            };
            let pushed = decoder.push(bytes, |event| self.take_event(event, &mut state));
            match &state {
                Err(_) => break,
                Ok(Taken { doubt: Some(doubt), .. }) => return Ok(Err(doubt.clone())),
                Ok(Taken { goes_on: false, .. }) => return Ok(Ok(())),
                Ok(_) => {}
            }
            if let Err(error) = pushed {
                return Ok(Err(error.to_string()));
            }
            self.sink.settle(false).await?;
            // Let interrupts through.
            tokio::task::yield_now().await;
        }
        decoder.finish(|event| match event {
            // It comes again, whole.
            FileEvent::Line(_) if then_follow => {}
            event => self.take_event(event, &mut state),
        });
        Ok(state?.doubt.map_or(Ok(()), Err))
    }

    pub(super) fn take_event(&mut self, event: FileEvent<'_>, state: &mut Result<Taken, CommandError>) {
        let Ok(taken) = state else { return };
        if !taken.goes_on || taken.doubt.is_some() {
            return;
        }
        match event {
            FileEvent::Hole { bytes } => taken.doubt = Some(format!("{bytes} bytes in it are no record")),
            FileEvent::Line(line) => {
                // As the engine has it: from the first that is not too old, whatever the times after it.
                taken.has_begun |= line.timestamp.and_then(|stamp| stamp.instant()) >= taken.since;
                if taken.has_begun {
                    match self.take(line) {
                        Ok(goes_on) => taken.goes_on = goes_on,
                        Err(error) => *state = Err(error),
                    }
                }
            }
        }
    }
}

/// How far the files have been read.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) goes_on: bool,
    /// The time of the first line that is wanted, and whether it was seen.
    pub(super) since: Option<jiff::Timestamp>,
    pub(super) has_begun: bool,
    pub(super) doubt: Option<String>,
}

impl Taken {
    /// Nothing yet.
    pub(super) fn since(since: Option<jiff::Timestamp>) -> Self {
        Self { goes_on: true, since, has_begun: since.is_none(), doubt: None }
    }
}
