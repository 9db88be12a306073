//! Follows a log: over restarts of its container, rotations, broken streams, and an engine that is gone for a while.
//! [`step`](crate::step) decides what comes next; here is what is done.

use std::time::{Duration, Instant};

use scratchdbg_backend::{self as backend, LogBackend, LogRequest, LogSource, Phase};
use scratchdbg_logs::resume::Resume;

use crate::begin::Sent;
use crate::ends::Listener;
use crate::files::follow::Follower;
use crate::reader::until;
use crate::step::{Ended, GRACE, Look, Next, PAUSE, Progress, Reading, Step};
use crate::stream::End;
use crate::{Error, Notice, Reader, Sink};

/// An engine that is gone is waited for so long.
const ENGINE_PATIENCE: Duration = Duration::from_mins(1);

impl<B: LogBackend, S: Sink> Reader<'_, B, S> {
    /// Follows the log to its end.
    pub(crate) async fn follow(&mut self) -> Result<(), Error> {
        let mut files = self.follower()?;
        if self.request.explain {
            self.sink.notice(Notice::Followed { in_files: files.is_some() })?;
        }
        let mut ends = Listener::begin(self.backend, &self.source.id).await;
        let mut progress = Progress::default();
        loop {
            if files.as_ref().is_some_and(|files| files.container != self.source.id) {
                files = self.follower()?;
            }
            let (lines, begun, started_at) = (self.lines, Instant::now(), self.source.started_at);
            // Some engines lose lines when the log is rotated under a stream: what is stored is complete.
            let storage = &self.source.storage;
            let polls = files.is_none() && storage.rotates && storage.loses_lines_at_rotation;
            let end = match &mut files {
                Some(files) => self.copy_followed(files, &mut ends).await?,
                None => self.copy_stream(polls || progress.is_final(), &mut ends).await?,
            };
            let reading = Reading { ended: ended(&end), in_files: files.is_some(), polls, took: begun.elapsed() };
            match progress.step(&reading, self.lines > lines) {
                Step::Stop => return Ok(()),
                Step::Finish => return self.finish_at(end, files),
                Step::GiveUp => return self.give_up(end),
                Step::LeaveFiles => {
                    self.leave_files(end)?;
                    files = None;
                }
                Step::Look => self.look_between(&mut progress, files.as_mut(), &mut ends).await?,
                Step::Wait => {
                    let runs = self.wait(polls, &mut ends).await?;
                    // A stream of the run that has ended holds all of it, unless the log was rotated under it.
                    let has_all = !self.source.storage.rotates && self.source.started_at == started_at;
                    match progress.waited(&reading, runs, has_all) {
                        Next::Finish => return self.finish_at(end, files),
                        Next::Read(Duration::ZERO) => {}
                        Next::Read(pause) => {
                            if !self.pause(pause).await? {
                                return Ok(());
                            }
                        }
                    }
                }
            }
        }
    }

    /// Shows the line that was left without an ending.
    fn finish_at(&mut self, end: End, files: Option<Follower>) -> Result<(), Error> {
        match (end, files) {
            (End::Closed(decoder), _) => self.finish(*decoder),
            (_, Some(files)) => self.finish_followed(files),
            _ => Ok(()),
        }
    }

    fn give_up(&mut self, end: End) -> Result<(), Error> {
        if let End::Broken(reason) = end {
            self.sink.notice(Notice::Broken { reason })?;
        }
        Ok(())
    }

    fn leave_files(&mut self, end: End) -> Result<(), Error> {
        if let End::Broken(reason) = end
            && self.request.explain
        {
            self.sink.notice(Notice::RestThroughEngine { reason, follows: true })?;
        }
        Ok(())
    }

    /// Looks at the container while its files have nothing new.
    async fn look_between(
        &mut self,
        progress: &mut Progress,
        files: Option<&mut Follower>,
        ends: &mut Listener,
    ) -> Result<(), Error> {
        let look = self.look(true, ends).await?;
        // The next run may be ahead of what the engine says: the files are read while it is waited for.
        if let Some(files) = files.filter(|_| look != Look::Runs) {
            files.expect_more();
        }
        progress.looked(look, Instant::now());
        Ok(())
    }

    /// Reads a stream of the platform to its end; with `stored`, what it has now.
    async fn copy_stream(&mut self, stored: bool, ends: &mut Listener) -> Result<End, Error> {
        let since = self.resume.restart().or(self.runs.range.since);
        let mut request = LogRequest { follow: !stored, since, timestamps: true, ..LogRequest::default() };
        if !std::mem::replace(&mut self.was_watched, true) && !self.source.storage.rotates && self.is_checked() {
            self.watched = Some(LogRequest { follow: false, ..request.clone() });
            self.sent = Some(Sent::default());
        }
        loop {
            let end = match self.open(&request).await {
                Ok(stream) => self.copy(stream, true, Some(&mut *ends)).await?,
                Err(Error::Backend(error)) => End::Broken(error.message),
                Err(error) => return Err(error),
            };
            if !std::mem::take(&mut self.left_out) {
                return Ok(end);
            }
            // All of the log is read then, and what is older is left out here.
            self.skip_until = self.resume.restart();
            request.since = None;
        }
    }

    /// Waits. `false` when the time that was asked for is over.
    async fn pause(&mut self, duration: Duration) -> Result<bool, Error> {
        self.sink.settle(true).await?;
        if self.pipeline.holds() {
            self.pipeline.flush(&mut self.sink)?;
            self.sink.settle(true).await?;
        }
        tokio::select! {
            () = tokio::time::sleep(duration) => Ok(true),
            () = until(self.deadline()) => Ok(false),
        }
    }

    /// Waits until the container runs (`true`), or is over for good or the time that was asked for is (`false`).
    async fn wait(&mut self, polls: bool, ends: &mut Listener) -> Result<bool, Error> {
        let deadline = Instant::now() + GRACE;
        loop {
            match self.look(polls, ends).await? {
                Look::Runs => return Ok(true),
                Look::Over if Instant::now() >= deadline => return Ok(false),
                // Its policy will start it, or somebody may.
                Look::Restarts | Look::Over => {}
            }
            if !self.pause(PAUSE).await? {
                return Ok(false);
            }
        }
    }

    /// Looks at the container once.
    async fn look(&mut self, polls: bool, ends: &mut Listener) -> Result<Look, Error> {
        loop {
            let source = match self.backend.log_source(&self.lookup).await {
                Ok(source) => source,
                Err(error) if error.is_answer() => return Ok(Look::Over),
                Err(error) => {
                    self.wait_for_engine(error).await?;
                    continue;
                }
            };
            if source.id != self.source.id {
                self.begin_recreated(source)?;
                return Ok(Look::Runs);
            }
            if !polls || source.started_at != self.source.started_at || source.state != self.source.state {
                self.runs.learn(ends.ends(self.backend, &source.id).await);
            }
            self.source = source;
            return Ok(match self.source.state {
                Phase::Running | Phase::Paused => Look::Runs,
                Phase::Restarting => Look::Restarts,
                _ => Look::Over,
            });
        }
    }

    /// The container was removed, and another one created under its name.
    fn begin_recreated(&mut self, source: LogSource) -> Result<(), Error> {
        self.pipeline.flush(&mut self.sink)?;
        for notice in self.runs.remaining() {
            self.sink.notice(notice)?;
        }
        self.sink.notice(Notice::Recreated)?;
        self.source = source;
        self.resume = Resume::new();
        self.runs.begin_anew();
        Ok(())
    }

    async fn wait_for_engine(&mut self, error: backend::Error) -> Result<(), Error> {
        let notice = Notice::EngineGone { reason: error.message.clone(), patience: ENGINE_PATIENCE };
        self.sink.notice(notice)?;
        let deadline = Instant::now() + ENGINE_PATIENCE;
        loop {
            if !self.pause(PAUSE * 3).await? {
                return Err(error.into());
            }
            match self.backend.log_source(&self.lookup).await {
                Err(error) if !error.is_answer() => {
                    if Instant::now() >= deadline {
                        return Err(error.into());
                    }
                }
                _ => {
                    self.sink.notice(Notice::EngineBack)?;
                    return Ok(());
                }
            }
        }
    }
}

fn ended(end: &End) -> Ended {
    match end {
        End::Enough => Ended::Enough,
        End::Idle => Ended::Idle,
        End::Closed(_) => Ended::Closed,
        End::Broken(_) => Ended::Broken,
    }
}
