//! Going on with a log as its container is restarted, its log rotated, its engine gone for a while.

use std::time::{Duration, Instant};

use scratchdbg_engine::{Error, LogRequest, State};
use scratchdbg_logs::resume::Resume;

use super::complete::Sent;
use super::ends::Listener;
use super::reader::{End, Reader};
use super::sink::{Note, Sink};
use crate::error::CommandError;

/// A container that has ended may be started again, or made anew, at once: it is waited for so long.
const GRACE: Duration = Duration::from_millis(1500);

/// An engine that is gone is waited for so long.
const ENGINE_PATIENCE: Duration = Duration::from_mins(1);

/// How often a container's state is looked at while it is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Streams that break without a single new line are not tried again more often.
const FRUITLESS: u32 = 5;

/// What comes after a stream.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// There may be more.
    Again,
    /// There is nothing more.
    Done,
}

/// What a container does.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// It runs, or another is there in its place.
    Goes,
    /// It will run.
    Restarts,
    /// It has ended, or is gone.
    Over,
}

impl<S: Sink> Reader<'_, S> {
    /// Follows the log to its end.
    pub(super) async fn follow(&mut self) -> Result<(), CommandError> {
        let mut files = self.follower()?;
        if self.request.explain {
            let way = if files.is_some() { "in its log files" } else { "through the engine" };
            self.sink.note(Note::Info(format!("`{}` is followed {way}", self.source.name)))?;
        }
        let mut ends = Listener::begin(self.engine, &self.source.id).await;
        let mut fruitless = 0;
        let mut is_final = false;
        let mut over_since = None;
        loop {
            let lines = self.lines;
            let begun = Instant::now();
            let started_at = self.source.started_at;
            // Some engines lose lines when the log is rotated under a stream: what is stored is complete.
            let polls = files.is_none() && self.source.rotates() && self.engine.loses_lines_at_rotation();
            if files.as_ref().is_some_and(|files| files.container != self.source.id) {
                files = self.follower()?;
            }
            let end = match &mut files {
                Some(files) => self.copy_followed(files, &mut ends).await?,
                None => self.copy_stream(polls || is_final, &mut ends).await?,
            };
            fruitless = if self.lines > lines { 0 } else { fruitless + 1 };
            match end {
                End::Enough => return Ok(()),
                End::Idle if is_final => return files.map_or(Ok(()), |files| self.finish_followed(files)),
                End::Idle => {
                    fruitless = 0;
                    let look = self.look(true, &mut ends).await?;
                    // The next run may be ahead of what the engine says: the files are read while it is waited for.
                    if let Some(files) = files.as_mut().filter(|_| look != Look::Goes) {
                        files.expect_more();
                    }
                    over_since = over_since.filter(|_| look == Look::Over);
                    is_final = look == Look::Over && over_since.get_or_insert_with(Instant::now).elapsed() >= GRACE;
                }
                End::Broken(doubt) if files.is_some() => {
                    if self.request.explain {
                        let text =
                            format!("the rest of `{}` is followed through the engine: {doubt}", self.source.name);
                        self.sink.note(Note::Info(text))?;
                    }
                    files = None;
                }
                End::Closed(decoder) if is_final => return self.finish(*decoder),
                End::Broken(reason) if is_final || fruitless > FRUITLESS => {
                    self.sink.note(Note::Failure(reason))?;
                    return Ok(());
                }
                End::Closed(decoder) => match self.next(polls, &mut ends).await? {
                    Next::Again if polls => {
                        let pause = (begun.elapsed() * 4).clamp(LOOK_EVERY, Duration::from_secs(5));
                        if !self.pause(pause).await? {
                            return Ok(());
                        }
                    }
                    Next::Again => {
                        if fruitless > 1 && !self.pause(LOOK_EVERY * fruitless.min(20)).await? {
                            return Ok(());
                        }
                    }
                    // A stream of the run that has ended holds all of it, unless the log was rotated under it.
                    Next::Done if !self.source.rotates() && self.source.started_at == started_at => {
                        return self.finish(*decoder);
                    }
                    Next::Done => is_final = true,
                },
                End::Broken(reason) => {
                    tracing::debug!(container = %self.source.name, %reason, "the log stream broke");
                    if self.next(polls, &mut ends).await? == Next::Done {
                        is_final = true;
                    } else if !self.pause(LOOK_EVERY).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads a stream of the engine's to its end; with `stored`, what it has now.
    async fn copy_stream(&mut self, stored: bool, ends: &mut Listener) -> Result<End, CommandError> {
        let since = self.resume.restart().or(self.runs.range.since);
        let mut request = LogRequest { follow: !stored, since, timestamps: true, ..LogRequest::default() };
        if !std::mem::replace(&mut self.was_watched, true) && !self.source.rotates() && self.is_checked() {
            self.watched = Some(LogRequest { follow: false, ..request.clone() });
            self.sent = Some(Sent::default());
        }
        loop {
            let end = match self.open(&request).await {
                Ok(stream) => self.copy(stream, true, Some(&mut *ends)).await?,
                Err(error) if error.is_fatal => return Err(error.error),
                Err(error) => End::Broken(error.error.message),
            };
            if !std::mem::take(&mut self.left_out) {
                return Ok(end);
            }
            // All of the log, and what is older than that is left out here.
            self.skip_until = self.resume.restart();
            request.since = None;
        }
    }

    /// Waits. `false` when the time that was asked for is over.
    async fn pause(&mut self, duration: Duration) -> Result<bool, CommandError> {
        self.sink.settle(true).await?;
        if self.pipeline.holds() {
            self.pipeline.flush(&mut self.sink)?;
            self.sink.settle(true).await?;
        }
        tokio::select! {
            () = tokio::time::sleep(duration) => Ok(true),
            () = super::reader::until(self.deadline()) => Ok(false),
        }
    }

    /// Looks at the container, and waits for it where it may come back.
    async fn next(&mut self, polls: bool, ends: &mut Listener) -> Result<Next, CommandError> {
        let deadline = Instant::now() + GRACE;
        loop {
            match self.look(polls, ends).await? {
                Look::Goes => return Ok(Next::Again),
                Look::Over if Instant::now() >= deadline => return Ok(Next::Done),
                // Its policy will start it, or somebody may.
                Look::Restarts | Look::Over => {}
            }
            if !self.pause(LOOK_EVERY).await? {
                return Ok(Next::Done);
            }
        }
    }

    /// Looks at the container once.
    async fn look(&mut self, polls: bool, ends: &mut Listener) -> Result<Look, CommandError> {
        loop {
            let found = match self.engine.log_source(&self.lookup).await {
                Ok(source) => Some(source),
                Err(Error::NoSuchContainer { .. } | Error::Api(_)) => None,
                Err(error) => {
                    self.wait_for_engine(error).await?;
                    continue;
                }
            };
            let Some(source) = found else { return Ok(Look::Over) };
            if source.id != self.source.id {
                self.begin_anew(source)?;
                return Ok(Look::Goes);
            }
            if !polls || source.started_at != self.source.started_at || source.state != self.source.state {
                self.runs.learn(ends.ends(self.engine, &source.id).await);
            }
            self.source = source;
            return Ok(match self.source.state {
                State::Running | State::Paused => Look::Goes,
                State::Restarting => Look::Restarts,
                _ => Look::Over,
            });
        }
    }

    /// The container was removed, and another made under its name.
    fn begin_anew(&mut self, source: scratchdbg_engine::LogSource) -> Result<(), CommandError> {
        self.pipeline.flush(&mut self.sink)?;
        for note in self.runs.remaining(&self.source.name) {
            self.sink.note(note)?;
        }
        self.sink.note(Note::Info(format!("--- {} was made anew ---", source.name)))?;
        self.source = source;
        self.resume = Resume::new();
        self.runs.begin_anew();
        Ok(())
    }

    async fn wait_for_engine(&mut self, error: Error) -> Result<(), CommandError> {
        let reason = CommandError::chain(&error);
        let text = format!("the engine is gone ({reason}); waiting for it for {} s", ENGINE_PATIENCE.as_secs());
        self.sink.note(Note::Info(text))?;
        let deadline = Instant::now() + ENGINE_PATIENCE;
        loop {
            if !self.pause(LOOK_EVERY * 3).await? {
                return Err(error.into());
            }
            match self.engine.log_source(&self.lookup).await {
                Ok(_) | Err(Error::NoSuchContainer { .. } | Error::Api(_)) => {
                    self.sink.note(Note::Info("the engine is back".to_owned()))?;
                    return Ok(());
                }
                Err(_) if Instant::now() < deadline => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
