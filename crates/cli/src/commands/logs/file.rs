//! Reading the engine's own log files: the same lines, without the engine's decoding in between.
//!
//! Only where there is no doubt that they are this container's: the engine listens on a Unix socket here, and the path
//! that it gives, with the container's whole id in it, is a file that may be read. Whatever is odd then (a damaged
//! record, files rotated while they are opened) is left to the engine, from the last line on that was read.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use scratchdbg_engine::{Engine, LogSource};
use scratchdbg_logs::LineOptions;
use scratchdbg_logs::file::{FileDecoder, FileEvent, FileFormat};

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
            let (path, count) = (files.path.display(), files.files.len());
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
        let mut decoder = FileDecoder::new(FileFormat::JsonFile, self.source.tty, LineOptions::MAX_LINE);
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

/// A container's log files, oldest first, as they were at one time.
#[derive(Debug)]
pub(super) struct LogFiles {
    pub(super) path: PathBuf,
    pub(super) files: Vec<(File, u64)>,
}

impl LogFiles {
    /// Opens them, or says why they are not read.
    pub(super) fn open(engine: &Engine, source: &LogSource) -> Result<Self, String> {
        if !engine.may_be_local() {
            return Err("the engine is not reached by a Unix socket of Docker's on this machine".to_owned());
        }
        if source.driver != "json-file" {
            return Err(format!("the files of the log driver `{}` are not read", source.driver));
        }
        if source.driver_options.get("compress").is_some_and(|compress| compress == "true") {
            return Err("its rotated log files are compressed".to_owned());
        }
        let path = PathBuf::from(&source.log_path);
        if source.id.is_empty() || !source.log_path.contains(&source.id) {
            return Err("the engine names no log file".to_owned());
        }
        Self::of(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// All files of one log. They are opened from the newest to the oldest, so that one that is rotated meanwhile is
    /// seen twice rather than missed; then it is done over.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        const TRIES: usize = 5;
        for _ in 0..TRIES {
            let newest = File::open(path)?;
            let mut files = vec![newest];
            while let Some(file) = open_if_there(&rotated(path, files.len()))? {
                files.push(file);
            }
            let facts = files.iter().map(File::metadata).collect::<io::Result<Vec<_>>>()?;
            let is_regular = facts.iter().all(Metadata::is_file);
            let unmoved = std::fs::metadata(path)?.ino() == facts[0].ino();
            let mut inodes: Vec<u64> = facts.iter().map(Metadata::ino).collect();
            inodes.sort_unstable();
            inodes.dedup();
            if is_regular && unmoved && inodes.len() == files.len() {
                let lengths = facts.iter().map(Metadata::len);
                let files = files.into_iter().zip(lengths).rev().collect();
                return Ok(Self { path: path.to_owned(), files });
            }
        }
        Err(io::Error::other("it is rotated faster than it can be opened"))
    }

    /// Fills the buffer with what comes next, up to the length that the files had when they were opened. `None` at the
    /// end; an error also when a file has become shorter meanwhile.
    fn read<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        while let Some((file, left)) = self.files.first_mut() {
            if *left == 0 {
                self.files.remove(0);
                continue;
            }
            let most = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            let count = file.read(&mut buffer[..most])?;
            if count == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was rotated away while it was read"));
            }
            *left -= count as u64;
            return Ok(Some(&buffer[..count]));
        }
        Ok(None)
    }
}

pub(super) fn rotated(path: &Path, index: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{index}"));
    name.into()
}

pub(super) fn open_if_there(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-json.log");
        for (name, text) in [("x-json.log", "new"), ("x-json.log.1", "older,"), ("x-json.log.2", "oldest,")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut files = LogFiles::of(&path).unwrap();
        assert_eq!(files.files.len(), 3);
        // What is written from now on is left to the next look.
        std::fs::write(&path, "newer").unwrap();
        let (mut all, mut buffer) = (Vec::new(), [0; 4]);
        while let Some(bytes) = files.read(&mut buffer).unwrap() {
            all.extend_from_slice(bytes);
        }
        assert_eq!(String::from_utf8(all).unwrap(), "oldest,older,new");
    }

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-json.log");
        std::fs::write(&path, "text").unwrap();
        let mut files = LogFiles::of(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(files.read(&mut [0; 4]).is_err());
        assert!(LogFiles::of(&folder.path().join("none")).is_err());
    }
}
