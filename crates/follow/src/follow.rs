//! Follows a log: across restarts of its container, rotations, broken streams and outages of the
//! engine. [`step`](crate::step) decides what to do next; this module does it.

mod names;

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use scratchdbg_backend::{self as backend, LogBackend, LogRequest, Phase};
use scratchdbg_logs::Event;

use crate::begin::SentRecords;
use crate::ends::Listener;
use crate::files::follow::Follower;
use crate::reader::until;
use crate::step::{ContainerState, GRACE, MIN_PAUSE, Next, Pass, PassEnd, Progress, Step};
use crate::stream::StreamEnd;
use crate::{Error, LogReader, Notice, Sink};

/// How long to wait for an engine that does not answer.
const ENGINE_TIMEOUT: Duration = Duration::from_mins(1);

impl<B: LogBackend, S: Sink> LogReader<'_, B, S> {
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
            let (lines, begun, was_started) =
                (self.lines, Instant::now(), self.source.started_at.is_some());
            // Some engines lose lines when the log is rotated while it is streamed. The stored log
            // is complete.
            let storage = &self.source.storage;
            let polls = files.is_none() && storage.rotates && storage.loses_lines_at_rotation;
            self.has_unread_end = files.is_none();
            let mut end = match &mut files {
                Some(files) => self.copy_followed(files, &mut ends).await?,
                None if progress.is_final() => self.copy_rest(&mut ends).await?,
                None => self.copy_stream(polls, &mut ends).await?,
            };
            let pass = Pass {
                ended: ended(&end),
                in_files: files.is_some(),
                polls,
                took: begun.elapsed(),
            };
            match progress.step(&pass, self.lines > lines) {
                Step::Stop => return Ok(()),
                // There is a deadline no more.
                Step::ReadRest => tokio::time::sleep(MIN_PAUSE).await,
                Step::Finish => {
                    if !self.finish_or_go_on(end, &mut files, &mut progress).await? {
                        return Ok(());
                    }
                }
                Step::GiveUp => return self.give_up(end),
                Step::LeaveFiles => {
                    self.leave_files(end)?;
                    files = None;
                }
                Step::Inspect => {
                    self.inspect_between(&mut progress, files.as_mut(), &mut ends).await?;
                }
                Step::Wait => {
                    // At once, because the container may be removed.
                    let is_closed = matches!(end, StreamEnd::Closed(_));
                    if is_closed
                        && self.inspect(polls, &mut ends).await? == ContainerState::Ended
                        && !self.is_gone
                    {
                        end = self.copy_rest(&mut ends).await?;
                    }
                    let runs = self.wait(polls, &mut ends).await?;
                    if runs && !was_started && files.is_none() {
                        // A container that has not started has no log file.
                        files = self.follower()?;
                    }
                    match progress.waited(&pass, runs, self.is_gone) {
                        Next::Finish => {
                            self.tell_unread_end()?;
                            if !self.finish_or_go_on(end, &mut files, &mut progress).await? {
                                return Ok(());
                            }
                        }
                        Next::Read(Duration::ZERO) => {}
                        Next::Read(pause) => {
                            if !self.pause(pause).await? {
                                progress.end();
                            }
                        }
                    }
                }
            }
        }
    }

    /// Finishes the log of a container. Returns whether another one has its name now, which is
    /// followed from here on.
    async fn finish_or_go_on(
        &mut self,
        end: StreamEnd,
        files: &mut Option<Follower>,
        progress: &mut Progress,
    ) -> Result<bool, Error> {
        self.finish_at(end, files.take())?;
        let goes_on = self.go_on_by_name().await?;
        if goes_on {
            (*progress, *files) = (Progress::default(), self.follower()?);
        }
        Ok(goes_on)
    }

    fn finish_at(&mut self, end: StreamEnd, files: Option<Follower>) -> Result<(), Error> {
        match (end, files) {
            (StreamEnd::Closed(decoder), _) => self.finish(*decoder),
            (_, Some(files)) => self.finish_follower(files),
            _ => Ok(()),
        }
    }

    fn give_up(&mut self, end: StreamEnd) -> Result<(), Error> {
        if let StreamEnd::Broken(reason) = end {
            self.sink.notice(Notice::Broken { reason })?;
        }
        Ok(())
    }

    fn leave_files(&mut self, end: StreamEnd) -> Result<(), Error> {
        if let StreamEnd::Broken(reason) = end
            && self.request.explain
        {
            self.sink.notice(Notice::RestThroughEngine { reason, follows: true })?;
        }
        Ok(())
    }

    /// Inspects the container while its files have nothing new.
    async fn inspect_between(
        &mut self,
        progress: &mut Progress,
        files: Option<&mut Follower>,
        ends: &mut Listener,
    ) -> Result<(), Error> {
        let state = self.inspect(true, ends).await?;
        // The next run may have started before the engine reports it. Keep reading the files while
        // waiting for it.
        if let Some(files) = files.filter(|_| state != ContainerState::Running) {
            files.expect_more();
        }
        progress.inspected(state, Instant::now());
        Ok(())
    }

    /// Reads the rest of what is stored, and proves that nothing of it was left out: some engines
    /// leave out records that are older than a requested time, wherever they are in the log.
    async fn copy_rest(&mut self, ends: &mut Listener) -> Result<StreamEnd, Error> {
        self.resume.restart();
        if let Some(end) = self.copy_last_records().await? {
            self.has_unread_end = false;
            return Ok(end);
        }
        let is_checked = !self.source.storage.rotates && self.is_checked();
        self.watched = None;
        self.sent = is_checked.then(SentRecords::default);
        let since = self.resume.restart().max(self.runs.range.since);
        let request = LogRequest { since, timestamps: true, ..LogRequest::default() };
        let mut end = self.copy_stream(true, ends).await?;
        let sent = self.sent.take();
        if let (StreamEnd::Closed(decoder), Some(mut sent)) = (&end, sent) {
            sent.records += decoder.records();
            if since > self.runs.range.since && !self.is_end_of_log(&sent).await {
                self.resume.restart();
                let all = LogRequest { since: self.runs.range.since, ..request };
                let stream = self.open(&all).await?;
                end = self.copy(stream, true, Some(ends), None).await?;
            }
        }
        let is_read = matches!(end, StreamEnd::Closed(_));
        self.has_unread_end &= !is_read;
        // Where a stream ends with the log, it has sent everything, whatever was deleted since.
        let may_miss = is_read && self.source.storage.follow_ends_early;
        if may_miss && let Some(since) = self.resume.lost_position() {
            self.resume.expect_gap();
            self.pipeline.notice(Notice::Gap { since, until: None }, &mut self.sink)?;
        }
        Ok(end)
    }

    /// Reads the last records. If the last line that was delivered is among them, those after it
    /// are all of the rest, whatever their times are.
    async fn copy_last_records(&mut self) -> Result<Option<StreamEnd>, Error> {
        const RECORDS: u64 = 256;
        let request = LogRequest { tail: Some(RECORDS), timestamps: true, ..LogRequest::default() };
        let Ok(mut stream) = self.open(&request).await else { return Ok(None) };
        let mut decoder = self.decoder(true);
        let mut lines = Vec::new();
        while let Some(chunk) = stream.next().await {
            let Ok(chunk) = chunk else { return Ok(None) };
            let mut events = decoder.push(&chunk);
            loop {
                match events.next() {
                    Ok(Some(Event::Line(line))) => lines.push(line.into_owned()),
                    Ok(None) => break,
                    Ok(Some(Event::DaemonError(_))) | Err(_) => return Ok(None),
                }
            }
        }
        let Some(known) = self.resume.first_known(&lines) else { return Ok(None) };
        for line in lines.drain(known..) {
            self.take(line)?;
        }
        Ok(Some(StreamEnd::Closed(Box::new(decoder))))
    }

    /// The container was removed before its log could be read to the end.
    fn tell_unread_end(&mut self) -> Result<(), Error> {
        let storage = &self.source.storage;
        let can_end_early =
            storage.follow_ends_early || storage.rotates && storage.loses_lines_at_rotation;
        if std::mem::take(&mut self.has_unread_end) && can_end_early {
            self.pipeline.notice(Notice::EndNotRead, &mut self.sink)?;
        }
        Ok(())
    }

    /// Reads a stream of the platform to its end. With `stored`, reads what the platform has now.
    async fn copy_stream(&mut self, stored: bool, ends: &mut Listener) -> Result<StreamEnd, Error> {
        let since = self.resume.restart().max(self.runs.range.since);
        let deadline = self.deadline().filter(|_| !stored);
        let mut request =
            LogRequest { follow: !stored, since, timestamps: true, ..LogRequest::default() };
        if !std::mem::replace(&mut self.was_watched, true)
            && !self.source.storage.rotates
            && self.is_checked()
        {
            self.watched = Some(LogRequest { follow: false, ..request.clone() });
            self.sent = Some(SentRecords::default());
        }
        loop {
            let end = match self.open(&request).await {
                Ok(stream) => self.copy(stream, true, Some(&mut *ends), deadline).await?,
                Err(Error::Backend(error)) => StreamEnd::Broken(error.message),
                Err(error) => return Err(error),
            };
            if !std::mem::take(&mut self.left_out) {
                return Ok(end);
            }
            // Then the whole log is read, and older lines are skipped here.
            self.skip_until = self.resume.restart();
            request.since = None;
        }
    }

    /// Waits. Returns `false` if the requested time range is over.
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

    /// Waits until the container runs (`true`), or until it has ended for good or the requested
    /// time range is over (`false`).
    async fn wait(&mut self, polls: bool, ends: &mut Listener) -> Result<bool, Error> {
        let deadline = Instant::now() + GRACE;
        loop {
            match self.inspect(polls, ends).await? {
                ContainerState::Running => return Ok(true),
                ContainerState::Ended if Instant::now() >= deadline => return Ok(false),
                // The restart policy will start it, or somebody may.
                ContainerState::Restarting | ContainerState::Ended => {}
            }
            if !self.pause(MIN_PAUSE).await? {
                return Ok(false);
            }
        }
    }

    /// Inspects the container once.
    async fn inspect(&mut self, polls: bool, ends: &mut Listener) -> Result<ContainerState, Error> {
        loop {
            let found = match self.backend.log_source(&self.lookup).await {
                Ok(source) => Some(source),
                Err(error) if error.is_answer() => None,
                Err(error) => {
                    self.wait_for_engine(error).await?;
                    continue;
                }
            };
            let source = match found {
                Some(source) if source.id == self.source.id => source,
                other => match (self.renamed(other.is_some()).await?, other) {
                    (Some(renamed), _) => renamed,
                    (None, Some(another)) => {
                        self.begin_recreated(another)?;
                        return Ok(ContainerState::Running);
                    }
                    (None, None) => {
                        self.is_gone = true;
                        return Ok(ContainerState::Ended);
                    }
                },
            };
            if !polls
                || source.started_at != self.source.started_at
                || source.state != self.source.state
            {
                self.runs.learn(ends.ends(self.backend, &source.id).await);
            }
            (self.source, self.is_gone) = (source, false);
            return Ok(match self.source.state {
                Phase::Running | Phase::Paused => ContainerState::Running,
                Phase::Restarting => ContainerState::Restarting,
                _ => ContainerState::Ended,
            });
        }
    }

    async fn wait_for_engine(&mut self, error: backend::Error) -> Result<(), Error> {
        let notice = Notice::EngineGone { reason: error.message.clone(), timeout: ENGINE_TIMEOUT };
        self.sink.notice(notice)?;
        let deadline = Instant::now() + ENGINE_TIMEOUT;
        loop {
            if !self.pause(MIN_PAUSE * 3).await? {
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

fn ended(end: &StreamEnd) -> PassEnd {
    match end {
        StreamEnd::RangeEnd => PassEnd::RangeEnd,
        StreamEnd::Idle => PassEnd::Idle,
        StreamEnd::Closed(_) => PassEnd::Closed,
        StreamEnd::Broken(_) => PassEnd::Broken,
    }
}
