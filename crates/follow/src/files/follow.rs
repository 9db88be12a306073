//! Follows the engine's own log files across rotations.
//!
//! A stream of the engine silently loses lines if the log is rotated faster than it is read, or is
//! damaged. A file that is held open can be read to its end, even after it was rotated away. Only a
//! file that appears and disappears between two polls is missed, and that is detected.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scratchdbg_backend::LogBackend;
use scratchdbg_logs::file::{FileDecoder, FileFormat};

use super::{CHUNK, LogFiles, ReadProgress, open_if_there, rotated};
use crate::ends::Listener;
use crate::reader::until;
use crate::stream::StreamEnd;
use crate::{Error, LogReader, Notice, Sink, Via};

/// How often to poll the end of the current file: often while lines arrive, less often otherwise.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_millis(100);

/// How long without a line until the container is inspected. The interval grows with longer
/// silence.
const INSPECT_AFTER: Duration = Duration::from_millis(200);
const LONGEST_SILENCE: Duration = Duration::from_secs(2);

/// The log's files, read to the current end and then followed.
#[derive(Debug)]
pub(crate) struct Follower {
    /// The container that they belong to.
    pub(crate) container: String,
    path: PathBuf,
    /// The file being read, and the newer files that are already open.
    files: Vec<File>,
    decoder: FileDecoder,
    buffer: Vec<u8>,
    taken: ReadProgress,
    silence: Duration,
}

/// What follows the end of a file.
#[derive(Debug, PartialEq, Eq)]
enum NextFile {
    /// It is the current file: there is no more data yet.
    Nothing,
    /// The file has a successor.
    Successor,
    /// The file was deleted, and perhaps some of its successors too.
    SuccessorAfterGap,
    /// The file was truncated.
    Truncated,
}

impl Follower {
    fn new(
        path: PathBuf,
        files: Vec<File>,
        container: &str,
        decoder: FileDecoder,
        since: Option<jiff::Timestamp>,
    ) -> Self {
        Self {
            container: container.to_owned(),
            path,
            files,
            decoder,
            buffer: vec![0; CHUNK],
            taken: ReadProgress::since(since),
            silence: INSPECT_AFTER,
        }
    }

    /// The container has ended and may be restarted at any time: use the short silence interval
    /// again.
    pub(crate) fn expect_more(&mut self) {
        self.silence = POLL_INTERVAL;
    }

    /// Determines what follows the end of the current file.
    fn check_end(&mut self) -> io::Result<NextFile> {
        if self.files.len() > 1 {
            self.files.remove(0);
            return Ok(NextFile::Successor);
        }
        let Some(current) = self.files.first() else {
            return Err(io::Error::other("no log file is open"));
        };
        let own = current.metadata()?;
        if newest_inode(&self.path)?.is_none_or(|newest| newest == own.ino()) {
            return Ok(NextFile::Nothing);
        }
        // Open the files from the newest to the oldest, and again if they were rotated meanwhile,
        // so that no file appears twice.
        loop {
            let Some(newest) = open_if_there(&self.path)? else { return Ok(NextFile::Nothing) };
            let mut successors = vec![newest];
            let newest = successors[0].metadata()?.ino();
            let is_next = loop {
                match open_if_there(&rotated(&self.path, successors.len()))? {
                    Some(file) if file.metadata()?.ino() == own.ino() => break true,
                    Some(file) => successors.push(file),
                    None => break false,
                }
            };
            if newest_inode(&self.path)? == Some(newest) {
                let oldest = successors.last().map(File::metadata).transpose()?;
                let is_next =
                    is_next || oldest.is_some_and(|oldest| was_made_at_the_end_of(&oldest, &own));
                self.replace(successors);
                return Ok(if is_next { NextFile::Successor } else { NextFile::SuccessorAfterGap });
            }
        }
    }

    /// Continues with the successors, newest first.
    fn replace(&mut self, successors: Vec<File>) {
        self.files = successors;
        self.files.reverse();
    }
}

impl<B: LogBackend, S: Sink> LogReader<'_, B, S> {
    /// Opens the log's files to follow them from the last line that was read, or from `since`.
    /// Returns `None` if the engine must be asked instead.
    pub(crate) fn follower(&mut self) -> Result<Option<Follower>, Error> {
        if self.request.via == Via::Api {
            return Ok(None);
        }
        match self.plain_files() {
            Ok((path, files)) => {
                let since = self.resume.restart().max(self.runs.range.since);
                Ok(Some(Follower::new(
                    path,
                    files,
                    &self.source.id,
                    self.file_decoder(FileFormat::JsonFile),
                    since,
                )))
            }
            Err(reason) if self.request.via == Via::File => {
                Err(Error::FilesNotFollowed { name: self.source.name.clone(), reason })
            }
            Err(reason) => {
                tracing::debug!(container = %self.source.name, %reason, "followed through the engine");
                Ok(None)
            }
        }
    }

    /// Opens the current files. The error tells why they cannot be followed.
    fn plain_files(&self) -> Result<(PathBuf, Vec<File>), String> {
        if let Some(reason) = &self.source.storage.cannot_follow_files {
            return Err(reason.clone());
        }
        let files = LogFiles::open(&self.source.storage.files)?;
        let path = files.path.clone();
        let plain =
            files.into_plain().ok_or_else(|| "its rotated log files are compressed".to_owned())?;
        Ok((path, plain))
    }

    /// Passes on what is written to the files, until there was nothing new for a while. If the
    /// result is broken, the files are in doubt, and the engine must be asked for the rest.
    pub(crate) async fn copy_followed(
        &mut self,
        follower: &mut Follower,
        ends: &mut Listener,
    ) -> Result<StreamEnd, Error> {
        let deadline = self.deadline();
        let (mut idle_since, mut pause) = (Instant::now(), POLL_INTERVAL);
        let mut was_at_end = false;
        loop {
            let read =
                follower.files.first_mut().map_or(Ok(0), |file| file.read(&mut follower.buffer));
            let count = match read {
                Ok(count) => count,
                Err(error) => return Ok(StreamEnd::Broken(error.to_string())),
            };
            if count > 0 {
                was_at_end = false;
                (idle_since, pause, follower.silence) =
                    (Instant::now(), POLL_INTERVAL, INSPECT_AFTER);
                // Report the end of a run before the lines of the next.
                self.runs.learn(ends.heard());
                if let Some(end) = self.take_chunk(follower, count)? {
                    return Ok(end);
                }
                self.sink.settle(false).await?;
                tokio::task::yield_now().await;
                continue;
            }
            // Data written between the last read and the rotation comes before the next file: read
            // once more.
            let looked = match (was_at_end, follower.is_newest()) {
                (_, Err(error)) => Err(error),
                (_, Ok(Some(true))) => Ok(NextFile::Nothing),
                (false, Ok(Some(false))) => Ok(NextFile::Successor),
                (true, Ok(Some(false))) => follower.check_end(),
                (_, Ok(None)) => Ok(NextFile::Truncated),
            };
            was_at_end = !was_at_end;
            match looked {
                Ok(NextFile::Nothing) => was_at_end = false,
                Ok(NextFile::Successor) => continue,
                Ok(NextFile::SuccessorAfterGap) => {
                    self.resume.expect_gap();
                    continue;
                }
                Ok(NextFile::Truncated) => {
                    self.begin_truncated(follower)?;
                    continue;
                }
                Err(error) => return Ok(StreamEnd::Broken(error.to_string())),
            }
            self.sink.settle(true).await?;
            let idle = idle_since.elapsed();
            if self.pipeline.holds() && idle > crate::request::TRACE_TIMEOUT {
                self.pipeline.flush(&mut self.sink)?;
                self.sink.settle(true).await?;
            }
            if idle >= follower.silence {
                follower.silence = (follower.silence * 2).min(LONGEST_SILENCE);
                return Ok(StreamEnd::Idle);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 3 / 2).min(LOOK_AT_LEAST_EVERY),
                () = until(deadline) => return Ok(StreamEnd::RangeEnd),
            }
        }
    }

    fn take_chunk(
        &mut self,
        follower: &mut Follower,
        count: usize,
    ) -> Result<Option<StreamEnd>, Error> {
        let Follower { decoder, buffer, taken, .. } = follower;
        let mut state = Ok(std::mem::take(taken));
        decoder.push(&buffer[..count], |event| self.take_event(event, &mut state, None));
        *taken = state?;
        Ok((!taken.goes_on).then_some(StreamEnd::RangeEnd))
    }

    /// Continues at the start of a truncated file, with what is written to it now.
    fn begin_truncated(&mut self, follower: &mut Follower) -> Result<(), Error> {
        if let Some(mut file) = follower.files.first() {
            io::Seek::rewind(&mut file)?;
        }
        let decoder = self.file_decoder(FileFormat::JsonFile);
        let mut state = Ok(std::mem::take(&mut follower.taken));
        let finished = std::mem::replace(&mut follower.decoder, decoder);
        finished.finish(|event| self.take_event(event, &mut state, None));
        follower.taken = state?;
        self.pipeline.notice(Notice::Emptied, &mut self.sink)?;
        Ok(())
    }

    /// The container has ended and writes nothing more: passes on a last line without a newline.
    pub(crate) fn finish_follower(&mut self, follower: Follower) -> Result<(), Error> {
        let mut state = Ok(follower.taken);
        follower.decoder.finish(|event| self.take_event(event, &mut state, None));
        self.hole = state?.into_hole().or(self.hole.take());
        self.tell_hole()
    }
}

impl Follower {
    /// Whether the file being read is the current one. Returns `None` if it is shorter than what
    /// was read of it.
    fn is_newest(&self) -> io::Result<Option<bool>> {
        let Some(current) = self.files.first().filter(|_| self.files.len() == 1) else {
            return Ok(Some(false));
        };
        let own = current.metadata()?;
        if own.len() < io::Seek::stream_position(&mut &*current)? {
            return Ok(None);
        }
        Ok(Some(newest_inode(&self.path)?.is_none_or(|newest| newest == own.ino())))
    }
}

/// Whether a file was created so soon after the last write to another, deleted file that no file of
/// the same size fits in between.
fn was_made_at_the_end_of(file: &Metadata, gone: &Metadata) -> bool {
    /// Far more than an engine writes in the time below.
    const LARGE: u64 = 900_000;
    const AT_ONCE: Duration = Duration::from_millis(10);
    let (Ok(made), Ok(ended)) = (file.created(), gone.modified()) else { return false };
    gone.len() >= LARGE && made.duration_since(ended).is_ok_and(|between| between < AT_ONCE)
}

/// Returns the inode of the current file, or `None` while the log is being rotated.
fn newest_inode(path: &Path) -> io::Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use scratchdbg_logs::LineOptions;

    use super::*;

    fn follower(path: &Path) -> Follower {
        let files = LogFiles::of(path, FileFormat::JsonFile).unwrap().into_plain().unwrap();
        let decoder = FileDecoder::new(FileFormat::JsonFile, false, LineOptions::MAX_LINE);
        Follower::new(path.to_owned(), files, "id", decoder, None)
    }

    fn text(follower: &mut Follower) -> String {
        let mut text = String::new();
        follower.files[0].read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn rotated_files_are_read_in_order_and_a_missing_one_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-json.log");
        let (first, second) = (rotated(&path, 1), rotated(&path, 2));
        fs::write(&path, "a").unwrap();
        let mut follower = follower(&path);
        assert_eq!(text(&mut follower), "a");
        assert_eq!(follower.is_newest().unwrap(), Some(true));
        assert_eq!(follower.check_end().unwrap(), NextFile::Nothing);
        // Two rotations at once.
        fs::write(&second, "").unwrap();
        fs::rename(&path, &second).unwrap();
        fs::write(&first, "b").unwrap();
        fs::write(&path, "c").unwrap();
        assert_eq!(follower.is_newest().unwrap(), Some(false));
        assert_eq!(follower.check_end().unwrap(), NextFile::Successor);
        assert_eq!(text(&mut follower), "b");
        assert_eq!(follower.check_end().unwrap(), NextFile::Successor);
        assert_eq!(text(&mut follower), "c");
        assert_eq!(follower.check_end().unwrap(), NextFile::Nothing);
        // The file being read was deleted.
        fs::remove_file(&second).unwrap();
        fs::write(&first, "e").unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(folder.path().join("new"), "f").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(follower.check_end().unwrap(), NextFile::SuccessorAfterGap);
        assert_eq!(text(&mut follower), "e");
        assert_eq!(follower.check_end().unwrap(), NextFile::Successor);
        assert_eq!(text(&mut follower), "f");
        fs::write(&path, "").unwrap();
        assert_eq!(follower.is_newest().unwrap(), None);
    }
}
