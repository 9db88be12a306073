//! Reads one container's log: what is stored, and what is written later.

use std::time::Instant;

use jiff::Timestamp;
use scratchdbg_backend::{ContainerName, LogBackend, LogRequest, LogSource, Phase};
use scratchdbg_logs::Line;
use scratchdbg_logs::resume::{Admission, Resume};
use scratchdbg_logs::when::TimeRange;

use crate::begin::SentRecords;
use crate::pipeline::Pipeline;
use crate::runs::Runs;
use crate::{Error, Notice, Request, Sink};

/// Reads one container's log.
#[derive(Debug)]
pub struct LogReader<'a, B, S> {
    pub(crate) backend: &'a B,
    pub(crate) request: &'a Request,
    /// Finds the container again, including one that is created under its name later.
    pub(crate) lookup: ContainerName,
    /// What found the container before it was renamed. It may find another one now.
    pub(crate) by_name: Option<ContainerName>,
    pub(crate) source: LogSource,
    pub(crate) sink: S,
    pub(crate) pipeline: Pipeline,
    pub(crate) resume: Resume,
    pub(crate) runs: Runs,
    /// The number of new lines.
    pub(crate) lines: u64,
    /// Skip lines up to this time: they were read before.
    pub(crate) skip_until: Option<Timestamp>,
    /// The last line that has a time is in the requested range.
    pub(crate) is_in_range: bool,
    /// The container was removed.
    pub(crate) is_gone: bool,
    /// The last pass of a followed log read a stream of the platform, which may have ended early.
    pub(crate) has_unread_end: bool,
    /// A request with a start time was answered incompletely.
    pub(crate) left_out: bool,
    /// Damage in the log, to report before the next new line.
    pub(crate) hole: Option<Notice>,
    /// Counts the records that the platform sends.
    pub(crate) sent: Option<SentRecords>,
    /// The request that a followed stream began with, to check the answer once the stream is
    /// silent.
    pub(crate) watched: Option<LogRequest>,
    pub(crate) was_watched: bool,
}

impl<'a, B: LogBackend, S: Sink> LogReader<'a, B, S> {
    /// Creates a reader of this log. `lookup` finds the container again, see [`LogSource::lookup`].
    pub fn new(
        backend: &'a B,
        request: &'a Request,
        lookup: ContainerName,
        source: LogSource,
        sink: S,
    ) -> Self {
        Self {
            backend,
            request,
            lookup,
            by_name: None,
            source,
            sink,
            pipeline: Pipeline::new(request),
            resume: Resume::new(),
            runs: Runs::default(),
            lines: 0,
            skip_until: None,
            is_in_range: true,
            is_gone: false,
            has_unread_end: false,
            left_out: false,
            hole: None,
            sent: None,
            watched: None,
            was_watched: false,
        }
    }

    /// Reads the log to its end.
    pub async fn read(mut self) -> Result<(), Error> {
        if self.request.run.is_some() || self.request.follow {
            let history = self.backend.run_history(&self.source.id).await?;
            self.runs = Runs::select(self.backend.word(), self.request, &self.source, history)?;
        } else if self.request.tells_runs {
            // The history only provides the numbers of runs.
            let history = self.backend.run_history(&self.source.id).await.unwrap_or_default();
            self.runs = Runs::select(self.backend.word(), self.request, &self.source, history)?;
        } else {
            self.runs = Runs::all(self.request.range);
        }
        if let Some(reason) = self.source.waits_for.take_if(|_| self.request.follow) {
            self.sink.notice(Notice::NotStarted { reason })?;
        }
        if self.source.storage.may_drop {
            self.sink.notice(Notice::MayDrop)?;
        }
        let past = self.runs.range.until.is_some_and(|until| until <= self.backend.now());
        let follow = self.request.follow && !past;
        let is_read_first =
            self.runs.range.since.is_some() && self.source.storage.since_is_incomplete;
        if !follow || self.request.tail.is_some() || is_read_first {
            self.read_stored(follow).await?;
            self.pipeline.finish_tail(&mut self.sink)?;
        }
        if follow {
            self.follow().await?;
        }
        self.pipeline.finish(&mut self.sink)?;
        for notice in self.runs.remaining() {
            self.sink.notice(notice)?;
        }
        if self.source.state == Phase::Created && self.source.waits_for.is_none() && self.lines == 0
        {
            self.sink.notice(Notice::NeverStarted)?;
        }
        self.sink.settle(true).await?;
        Ok(())
    }

    /// Takes the next line of the log, and leaves it out if it is not in the requested range: times
    /// may go back, so that a line proves nothing about the next one. Returns `false` if nothing
    /// more is wanted.
    pub(crate) fn take(&mut self, line: Line<'_>) -> Result<bool, Error> {
        let at = line.timestamp.and_then(|stamp| stamp.instant());
        if self.skip_until.is_some() && at < self.skip_until {
            return Ok(true);
        }
        // With compressed files, this does not prove that the engine deleted lines.
        if self.skip_until.take().is_none()
            && self.source.storage.since_is_incomplete
            && self.resume.misses_lines(&line)
        {
            self.left_out = true;
            return Ok(false);
        }
        if !self.admits_time(at)? {
            return Ok(!self.is_far_beyond(at));
        }
        match self.resume.admit_at(&line, at) {
            Admission::Seen => {
                // The damage was already reported with the line.
                self.hole = None;
                return Ok(true);
            }
            Admission::New => {}
            Admission::NewAfterGap { since } => {
                self.pipeline.flush(&mut self.sink)?;
                self.sink.notice(Notice::Gap { since, until: line.timestamp })?;
            }
        }
        self.tell_hole()?;
        if let Some(at) = at {
            for notice in self.runs.ended_before(at) {
                self.pipeline.flush(&mut self.sink)?;
                self.sink.notice(notice)?;
            }
        }
        self.lines += 1;
        let line = Line { run: at.and_then(|at| self.runs.number(at)), ..line };
        self.pipeline.push(line, &mut self.sink)?;
        Ok(true)
    }

    /// Whether a line of this time is in the requested range. A line without a time is if the line
    /// before it is.
    fn admits_time(&mut self, at: Option<Timestamp>) -> Result<bool, Error> {
        let TimeRange { since, until } = self.runs.range;
        let Some(at) = at else { return Ok(self.is_in_range) };
        let is_early = since.is_some_and(|since| at < since);
        let was_in_range = std::mem::replace(
            &mut self.is_in_range,
            !is_early && until.is_none_or(|until| at <= until),
        );
        if !self.is_in_range {
            // Damage after a wanted line may have been wanted too.
            if was_in_range && !is_early {
                self.tell_hole()?;
            }
            self.hole = None;
        }
        Ok(self.is_in_range)
    }

    /// Whether a followed log is over: its time has passed, and its lines are far later.
    fn is_far_beyond(&self, at: Option<Timestamp>) -> bool {
        const FAR: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);
        let (Some(at), Some(until)) = (at, self.runs.range.until) else { return false };
        at.duration_since(until) > FAR
            && self.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// The time at which a followed log cannot have more lines within `--until`. Lines may still
    /// arrive until then.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        const ON_THE_WAY: jiff::SignedDuration = jiff::SignedDuration::from_millis(200);
        let until = self.runs.range.until.filter(|_| self.request.follow)?;
        let left = until.duration_since(self.backend.now()) + ON_THE_WAY;
        Instant::now().checked_add(left.try_into().unwrap_or_default())
    }
}

/// Waits until the deadline, or forever if there is none.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
