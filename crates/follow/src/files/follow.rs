//! Following the engine's own log files over their rotation.
//!
//! A stream of the engine's loses lines when the log is rotated faster than it is read, or damaged, and does not say so. A
//! file that is held open can be read to its end, also after it was rotated away: only a file that came and went between two
//! looks is missed, and that is seen.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scratchdbg_backend::LogBackend;
use scratchdbg_logs::file::{FileDecoder, FileFormat};

use super::{CHUNK, LogFiles, Taken, open_if_there, rotated};
use crate::ends::Listener;
use crate::reader::until;
use crate::stream::End;
use crate::{Error, Notice, Reader, Sink, Via};

/// How often the end of the newest file is looked at: often while lines come, less often while none do.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_millis(100);

/// After so long without a line the container is looked at; after longer silences less often.
const SILENCE: Duration = Duration::from_millis(200);
const LONGEST_SILENCE: Duration = Duration::from_secs(2);

/// A log's files, read to the end of the newest, and on from there.
#[derive(Debug)]
pub(crate) struct Follower {
    /// Whose they are.
    pub(crate) container: String,
    path: PathBuf,
    /// The file that is read, and those after it that are open already.
    files: Vec<File>,
    decoder: FileDecoder,
    buffer: Vec<u8>,
    taken: Taken,
    silence: Duration,
}

/// What the end of a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Ahead {
    /// The newest file: there is nothing more yet.
    Nothing,
    /// The file has a successor.
    More,
    /// The file is gone, and with it perhaps some that came after it.
    MoreAfterGap,
    /// Somebody has emptied the file.
    Emptied,
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
            taken: Taken::since(since),
            silence: SILENCE,
        }
    }

    /// The container has ended, and may be started at any time: the next silence is to be a short one.
    pub(crate) fn expect_more(&mut self) {
        self.silence = LOOK_EVERY;
    }

    /// Looks beyond the end of the file that is read.
    fn look_ahead(&mut self) -> io::Result<Ahead> {
        if self.files.len() > 1 {
            self.files.remove(0);
            return Ok(Ahead::More);
        }
        let Some(current) = self.files.first() else { return Err(io::Error::other("no log file is open")) };
        let own = current.metadata()?;
        if newest_inode(&self.path)?.is_none_or(|newest| newest == own.ino()) {
            return Ok(Ahead::Nothing);
        }
        // Opened from the newest to the oldest, and once more where they are rotated meanwhile: none is seen twice.
        loop {
            let Some(newest) = open_if_there(&self.path)? else { return Ok(Ahead::Nothing) };
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
                let is_next = is_next || oldest.is_some_and(|oldest| was_made_at_the_end_of(&oldest, &own));
                self.replace(successors);
                return Ok(if is_next { Ahead::More } else { Ahead::MoreAfterGap });
            }
        }
    }

    /// Goes on with the files after the one that was read, newest first.
    fn replace(&mut self, successors: Vec<File>) {
        self.files = successors;
        self.files.reverse();
    }
}

impl<B: LogBackend, S: Sink> Reader<'_, B, S> {
    /// The log's files, to be followed from the last line on that was read, or `since`. Nothing where the engine is to
    /// be asked.
    pub(crate) fn follower(&mut self) -> Result<Option<Follower>, Error> {
        if self.request.via == Via::Api {
            return Ok(None);
        }
        match self.plain_files() {
            Ok((path, files)) => {
                let since = self.resume.restart().or(self.runs.range.since);
                Ok(Some(Follower::new(path, files, &self.source.id, self.file_decoder(FileFormat::JsonFile), since)))
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

    /// The files that are there now, or why they cannot be followed.
    fn plain_files(&self) -> Result<(PathBuf, Vec<File>), String> {
        if let Some(reason) = &self.source.storage.cannot_follow_files {
            return Err(reason.clone());
        }
        let files = LogFiles::open(&self.source.storage.files)?;
        let path = files.path.clone();
        let plain = files.into_plain().ok_or_else(|| "its rotated log files are compressed".to_owned())?;
        Ok((path, plain))
    }

    /// Passes on what is written into the files, until there has been nothing for a while. An end that is broken is a
    /// doubt: the engine is to be asked from there on.
    pub(crate) async fn copy_followed(&mut self, follower: &mut Follower, ends: &mut Listener) -> Result<End, Error> {
        let deadline = self.deadline();
        let (mut idle_since, mut pause) = (Instant::now(), LOOK_EVERY);
        let mut was_at_end = false;
        loop {
            let read = follower.files.first_mut().map_or(Ok(0), |file| file.read(&mut follower.buffer));
            let count = match read {
                Ok(count) => count,
                Err(error) => return Ok(End::Broken(error.to_string())),
            };
            if count > 0 {
                was_at_end = false;
                (idle_since, pause, follower.silence) = (Instant::now(), LOOK_EVERY, SILENCE);
                // The end of a run is told before the lines of the next.
                self.runs.learn(ends.heard());
                if let Some(end) = self.take_chunk(follower, count)? {
                    return Ok(end);
                }
                self.sink.settle(false).await?;
                tokio::task::yield_now().await;
                continue;
            }
            // What was written between the last read and a rotation comes before the next file: once more is read.
            let looked = match (was_at_end, follower.is_newest()) {
                (_, Err(error)) => Err(error),
                (_, Ok(Some(true))) => Ok(Ahead::Nothing),
                (false, Ok(Some(false))) => Ok(Ahead::More),
                (true, Ok(Some(false))) => follower.look_ahead(),
                (_, Ok(None)) => Ok(Ahead::Emptied),
            };
            was_at_end = !was_at_end;
            match looked {
                Ok(Ahead::Nothing) => was_at_end = false,
                Ok(Ahead::More) => continue,
                Ok(Ahead::MoreAfterGap) => {
                    self.resume.expect_gap();
                    continue;
                }
                Ok(Ahead::Emptied) => {
                    self.begin_emptied(follower)?;
                    continue;
                }
                Err(error) => return Ok(End::Broken(error.to_string())),
            }
            self.sink.settle(true).await?;
            let idle = idle_since.elapsed();
            if self.pipeline.holds() && idle > crate::request::TRACE_PATIENCE {
                self.pipeline.flush(&mut self.sink)?;
                self.sink.settle(true).await?;
            }
            if idle >= follower.silence {
                follower.silence = (follower.silence * 2).min(LONGEST_SILENCE);
                return Ok(End::Idle);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 3 / 2).min(LOOK_AT_LEAST_EVERY),
                () = until(deadline) => return Ok(End::Enough),
            }
        }
    }

    fn take_chunk(&mut self, follower: &mut Follower, count: usize) -> Result<Option<End>, Error> {
        let Follower { decoder, buffer, taken, .. } = follower;
        let mut state = Ok(std::mem::take(taken));
        decoder.push(&buffer[..count], |event| self.take_event(event, &mut state, None));
        *taken = state?;
        Ok((!taken.goes_on).then_some(End::Enough))
    }

    /// Goes on at the start of a file that was emptied, with what is written into it now.
    fn begin_emptied(&mut self, follower: &mut Follower) -> Result<(), Error> {
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

    /// The container has ended, and nothing more is written: shows the line that it left without an ending.
    pub(crate) fn finish_followed(&mut self, follower: Follower) -> Result<(), Error> {
        let mut state = Ok(follower.taken);
        follower.decoder.finish(|event| self.take_event(event, &mut state, None));
        self.hole = state?.into_hole().or(self.hole.take());
        self.tell_hole()
    }
}

impl Follower {
    /// Whether the file that is read is the one that is written to; nothing when it is shorter than what was read of it.
    fn is_newest(&self) -> io::Result<Option<bool>> {
        let Some(current) = self.files.first().filter(|_| self.files.len() == 1) else { return Ok(Some(false)) };
        let own = current.metadata()?;
        if own.len() < io::Seek::stream_position(&mut &*current)? {
            return Ok(None);
        }
        Ok(Some(newest_inode(&self.path)?.is_none_or(|newest| newest == own.ino())))
    }
}

/// Whether a file was made so soon after the last write into another, which is gone, that none as large came between.
fn was_made_at_the_end_of(file: &Metadata, gone: &Metadata) -> bool {
    /// Far more than an engine writes in the time below.
    const LARGE: u64 = 900_000;
    const AT_ONCE: Duration = Duration::from_millis(10);
    let (Ok(made), Ok(ended)) = (file.created(), gone.modified()) else { return false };
    gone.len() >= LARGE && made.duration_since(ended).is_ok_and(|between| between < AT_ONCE)
}

/// Which file is written to; none for the moment in which the log is rotated.
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
        assert_eq!(follower.look_ahead().unwrap(), Ahead::Nothing);
        // Twice at once.
        fs::write(&second, "").unwrap();
        fs::rename(&path, &second).unwrap();
        fs::write(&first, "b").unwrap();
        fs::write(&path, "c").unwrap();
        assert_eq!(follower.is_newest().unwrap(), Some(false));
        assert_eq!(follower.look_ahead().unwrap(), Ahead::More);
        assert_eq!(text(&mut follower), "b");
        assert_eq!(follower.look_ahead().unwrap(), Ahead::More);
        assert_eq!(text(&mut follower), "c");
        assert_eq!(follower.look_ahead().unwrap(), Ahead::Nothing);
        // The one that was read is gone.
        fs::remove_file(&second).unwrap();
        fs::write(&first, "e").unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(folder.path().join("new"), "f").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(follower.look_ahead().unwrap(), Ahead::MoreAfterGap);
        assert_eq!(text(&mut follower), "e");
        assert_eq!(follower.look_ahead().unwrap(), Ahead::More);
        assert_eq!(text(&mut follower), "f");
        fs::write(&path, "").unwrap();
        assert_eq!(follower.is_newest().unwrap(), None);
    }
}
