//! Reads one container's log: what there is, and what is to come.

use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use scratchdbg_engine::{ContainerName, Engine, Error, LogRequest, LogSource, LogStream};
use scratchdbg_logs::line::Joining;
use scratchdbg_logs::resume::{Admission, Resume};
use scratchdbg_logs::{Event, Framing, Line, LineOptions, LogDecoder};

use super::complete::{Begin, Check, Sent};
use super::ends::{self, Listener};
use super::explain::{Unreadable, unreadable};
use super::log_files::LogFiles;
use super::pipeline::Pipeline;
use super::request::{Request, TRACE_PATIENCE};
use super::runs::Runs;
use super::sink::{Note, Sink};
use crate::args::Via;
use crate::error::CommandError;

/// The reader of one container's log.
#[derive(Debug)]
pub(super) struct Reader<'a, S> {
    pub(super) engine: &'a Engine,
    pub(super) request: &'a Request,
    /// Finds the container, also one made anew under its name.
    pub(super) lookup: ContainerName,
    pub(super) source: LogSource,
    pub(super) sink: S,
    pub(super) pipeline: Pipeline,
    pub(super) resume: Resume,
    pub(super) runs: Runs,
    /// How many lines were new.
    pub(super) lines: u64,
    /// Older lines than that come, and are not wanted.
    pub(super) skip_until: Option<Timestamp>,
    /// The engine was asked for the lines since a time, and left out some that it has.
    pub(super) left_out: bool,
    /// A damaged place of the log, to be told before the next line that is new.
    pub(super) hole: Option<String>,
    /// What the engine sends is counted.
    pub(super) sent: Option<Sent>,
    /// What a stream that is followed began with, to be checked once it is silent.
    pub(super) watched: Option<LogRequest>,
    pub(super) was_watched: bool,
}

/// How a stream ended.
#[derive(Debug)]
pub(super) enum End {
    /// As streams do. A line without an ending may be left in the decoder.
    Closed(Box<LogDecoder>),
    /// There has been nothing new for a while in the files that are followed.
    Idle,
    /// It broke off, or the engine reports that it cannot go on.
    Broken(String),
    /// Nothing more is wanted.
    Enough,
}

impl<'a, S: Sink> Reader<'a, S> {
    pub(super) fn new(
        engine: &'a Engine,
        request: &'a Request,
        lookup: ContainerName,
        source: LogSource,
        sink: S,
    ) -> Self {
        Self {
            engine,
            request,
            lookup,
            source,
            sink,
            pipeline: Pipeline::new(request),
            resume: Resume::new(),
            runs: Runs::default(),
            lines: 0,
            skip_until: None,
            left_out: false,
            hole: None,
            sent: None,
            watched: None,
            was_watched: false,
        }
    }

    /// Reads to the end.
    pub(super) async fn read(mut self) -> Result<(), CommandError> {
        if self.request.run.is_some() || self.request.follow {
            let history = ends::known(self.engine, &self.source.id).await?;
            self.runs = Runs::select(self.request, &self.source, history)?;
        } else if self.request.tells_runs() {
            // Nothing depends on it but the numbers.
            let history = ends::known(self.engine, &self.source.id).await.unwrap_or_default();
            self.runs = Runs::select(self.request, &self.source, history)?;
        } else {
            self.runs = Runs::all(self.request.range);
        }
        if self.source.may_drop() {
            let text = format!(
                "lines of `{}` may be missing: its log driver is non-blocking, and drops what it has no room for without a word",
                self.source.name
            );
            self.sink.note(Note::Info(text))?;
        }
        let past = self.runs.range.until.is_some_and(|until| until <= self.engine.now());
        let follow = self.request.follow && !past;
        let is_read_first = self.runs.range.since.is_some() && self.source.is_packed();
        if !follow || self.request.tail.is_some() || is_read_first {
            self.read_stored(follow).await?;
            self.pipeline.finish_tail(&mut self.sink)?;
        }
        if follow {
            self.follow().await?;
        }
        self.pipeline.finish(&mut self.sink)?;
        for note in self.runs.remaining(&self.source.name) {
            self.sink.note(note)?;
        }
        self.sink.settle(true).await?;
        Ok(())
    }

    /// Reads what the engine has now.
    async fn read_stored(&mut self, then_follow: bool) -> Result<(), CommandError> {
        if self.read_end(then_follow).await? || self.read_files(then_follow).await? {
            return Ok(());
        }
        let resumed = self.resume.restart();
        let since = resumed.or(self.runs.range.since);
        let is_checked = self.is_checked();
        let is_bound = since.is_some() || self.runs.range.until.is_some();
        let mut request = LogRequest {
            since,
            // That more comes after it is seen: an end without that may be too early.
            until: self.runs.range.until.filter(|_| !is_checked),
            timestamps: self.request.needs_timestamps() || is_checked && (is_bound || self.is_writing()),
            ..LogRequest::default()
        };
        self.sent = is_checked.then(Sent::default);
        if request.since.is_some() && self.source.is_packed() {
            self.skip_until = request.since.take();
            request.timestamps = true;
        }
        let stream = self.open(&request).await?;
        let end = self.copy(stream, request.timestamps, None).await?;
        match end {
            End::Closed(mut decoder) => {
                if let Some(sent) = &mut self.sent {
                    sent.records += decoder.records();
                }
                if then_follow {
                    // What has no end will come again, whole.
                    while let Some(line) = decoder.finish_line() {
                        self.count(&line);
                    }
                } else {
                    self.finish(*decoder)?;
                }
            }
            End::Broken(reason) => {
                self.sent = None;
                self.sink.note(Note::Failure(reason))?;
            }
            End::Enough | End::Idle => self.sent = None,
        }
        if let Some(mut sent) = self.sent.take() {
            if !request.timestamps {
                let stamped = LogRequest { timestamps: true, ..request.clone() };
                sent.first = self.heads(&stamped, 1).await.unwrap_or_default().pop();
            }
            self.check(&request, &sent).await?;
        }
        self.check_podman(self.lines).await
    }

    /// The last lines without reading the whole log, where all lines count. The engine counts records, and a long line
    /// is several: so more are asked for, and where a line's begin may be missing, more still.
    async fn read_end(&mut self, then_follow: bool) -> Result<bool, CommandError> {
        const MOST: usize = 10_000;
        let whole = self.runs.range == scratchdbg_logs::when::TimeRange::default();
        let Some(count) = self.request.tail.filter(|count| *count <= MOST) else { return Ok(false) };
        if self.request.via == Via::File {
            return Ok(false);
        }
        if !whole || !self.request.query.wants_all() || !self.request.is_plain() {
            return Ok(false);
        }
        let is_torn = self.ends_in_damage();
        if is_torn && self.request.via != Via::Api {
            return Ok(false);
        }
        for records in [count * 2 + 64, (count * 2 + 64) * 16] {
            let request = LogRequest {
                tail: u64::try_from(records).ok(),
                timestamps: self.request.needs_timestamps() || self.is_checked(),
                ..LogRequest::default()
            };
            let (mut lines, sent) = match self.collect(&request, !then_follow).await {
                // Podman cannot read a damaged log from its end.
                Err(_) if self.engine.log_joining() == Joining::UntilNewline => return Ok(false),
                collected => collected?,
            };
            let mut is_damaged = false;
            let mut is_all = true;
            let is_short = sent.records < records as u64 && !lines.is_empty();
            if is_short && self.hold_against(&request, &sent).await? == Check::LeftOut {
                // The files have all that is not damaged; without them, what comes after the damage is all there is.
                if self.request.via != Via::Api && LogFiles::open(self.engine, &self.source).is_ok() {
                    return Ok(false);
                }
                (lines, is_all) = self.collect_end(count, !then_follow).await?;
                is_damaged = true;
            }
            let wanted = lines.len().saturating_sub(count);
            let is_first = |at: usize| lines[..at].iter().all(|line| line.stream != lines[at].stream);
            if !is_damaged && (wanted == 0 || (wanted..lines.len()).any(is_first)) {
                continue;
            }
            for line in lines {
                if self.resume.admit(&line) == Admission::New {
                    let at = line.timestamp.and_then(|stamp| stamp.instant());
                    let line = Line { run: at.and_then(|at| self.runs.number(at)), ..line };
                    self.pipeline.push(line, &mut self.sink)?;
                }
            }
            // What is told before the last lines is about older ones, and not shown.
            if is_torn || !is_all {
                self.pipeline.note(Note::Failure(self.left_out_text()), &mut self.sink)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// The last records of a log that is damaged, as many of those that are wanted as can be had; and whether that is all
    /// of them.
    async fn collect_end(&mut self, count: usize, last: bool) -> Result<(Vec<Line<'static>>, bool), CommandError> {
        // Some more than are wanted: the first may be the rest of a long line.
        const MORE: usize = 8;
        let mut best = (Vec::new(), false);
        // So many are whole, and so many are not.
        let (mut whole, mut damaged) = (0, count + 2 * MORE + 1);
        while whole + 1 < damaged {
            let records = usize::midpoint(whole, damaged);
            let request = LogRequest { tail: u64::try_from(records).ok(), timestamps: true, ..LogRequest::default() };
            let (lines, sent) = self.collect(&request, last).await?;
            if sent.records == records as u64 {
                let is_all = lines.len() >= count;
                best = (lines, is_all);
                whole = records;
            } else {
                damaged = records;
            }
        }
        Ok(best)
    }

    /// The lines of a short answer.
    async fn collect(&mut self, request: &LogRequest, last: bool) -> Result<(Vec<Line<'static>>, Sent), CommandError> {
        let framing = Framing::from_tty(self.source.tty);
        let mut stream = self.open(request).await?;
        let mut decoder = self.decoder(request.timestamps);
        let mut begin = Begin::new(framing);
        let mut sent = Sent::default();
        let mut lines = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            begin.push(&chunk, 1, framing);
            let mut events = decoder.push(&chunk);
            while let Some(event) = events.next().map_err(Error::from)? {
                match event {
                    Event::Line(line) => {
                        sent.count(&line, self.source.tty);
                        lines.push(line.into_owned());
                    }
                    // Read in full, it will be reported again.
                    Event::DaemonError(_) => return Ok((Vec::new(), sent)),
                }
            }
        }
        sent.records += decoder.records();
        sent.first = begin.into_first();
        while let Some(line) = decoder.finish_line() {
            sent.count(&line, self.source.tty);
            if last {
                lines.push(line.into_owned());
            }
        }
        decoder.finish().map_err(Error::from)?;
        Ok((lines, sent))
    }

    pub(super) async fn open(&self, request: &LogRequest) -> Result<LogStream, Unreadable> {
        let id = self.source.id.parse()?;
        self.engine.logs(&id, request).await.map_err(|error| unreadable(error, &self.source))
    }

    fn decoder(&self, timestamps: bool) -> LogDecoder {
        LogDecoder::new(LineOptions {
            framing: Framing::from_tty(self.source.tty),
            joining: self.engine.log_joining(),
            timestamps,
            max_line: LineOptions::MAX_LINE,
            in_parts: self.request.takes_parts(),
        })
    }

    /// Passes a stream's lines on, until it ends in whatever way. One that is followed may go on over a restart, whose
    /// `ends` are heard meanwhile. An error is one of our own output.
    pub(super) async fn copy(
        &mut self,
        mut stream: LogStream,
        timestamps: bool,
        mut ends: Option<&mut Listener>,
    ) -> Result<End, CommandError> {
        /// So many bytes behind what is wanted are read to see that it was all there.
        const FAR_AHEAD: usize = 8 << 20;
        /// A stream that is silent for so long has sent what there was.
        const SILENCE: Duration = Duration::from_millis(300);
        let mut decoder = self.decoder(timestamps);
        let framing = Framing::from_tty(self.source.tty);
        let mut begin = self.sent.as_ref().filter(|_| timestamps).map(|_| Begin::new(framing));
        let mut ahead = None;
        let deadline = self.deadline();
        loop {
            // What the connection has read is passed on by a task of its own, in small pieces: it is let have its turn.
            let mut chunk = stream.next().now_or_never();
            if chunk.is_none() {
                tokio::task::yield_now().await;
                chunk = stream.next().now_or_never();
            }
            let chunk = match chunk {
                Some(chunk) => chunk,
                None => {
                    self.sink.settle(true).await?;
                    tokio::select! {
                        chunk = stream.next() => chunk,
                        () = tokio::time::sleep(TRACE_PATIENCE), if self.pipeline.holds() => {
                            self.pipeline.flush(&mut self.sink)?;
                            continue;
                        }
                        () = tokio::time::sleep(SILENCE), if self.watched.is_some() => {
                            self.check_watched(decoder.records()).await?;
                            continue;
                        }
                        () = until(deadline) => return Ok(End::Enough),
                    }
                }
            };
            let chunk = match chunk {
                None => {
                    self.note_first(begin);
                    self.check_watched(decoder.records()).await?;
                    return Ok(End::Closed(Box::new(decoder)));
                }
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => {
                    self.drain(&mut decoder)?;
                    return Ok(End::Broken(CommandError::chain(&error)));
                }
            };
            if let Some(ends) = &mut ends {
                self.runs.learn(ends.heard());
            }
            if begin.as_mut().is_some_and(|begin| begin.push(&chunk, 1, framing)) {
                self.note_first(begin.take());
            }
            let mut events = decoder.push(&chunk);
            loop {
                match events.next() {
                    Ok(None) => break,
                    Ok(Some(Event::Line(line))) => {
                        self.count(&line);
                        if ahead.is_none() && !self.take(line)? {
                            if self.sent.is_none() || self.request.follow {
                                return Ok(End::Enough);
                            }
                            ahead = Some(0);
                        }
                    }
                    Ok(Some(Event::DaemonError(message))) if self.request.follow => {
                        return Ok(End::Broken(format!("the engine says: {message}")));
                    }
                    Ok(Some(Event::DaemonError(message))) => {
                        self.sent = None;
                        self.sink.note(Note::Failure(format!("the engine says: {message}")))?;
                    }
                    Err(error) => {
                        self.drain(&mut decoder)?;
                        return Ok(End::Broken(error.to_string()));
                    }
                }
            }
            if let Some(ahead) = &mut ahead {
                *ahead += chunk.len();
                if *ahead > FAR_AHEAD || self.sent.is_none() {
                    return Ok(End::Enough);
                }
            }
            self.sink.settle(false).await?;
        }
    }

    /// Checks what a stream that is followed has sent of the log as it was. Once is enough.
    async fn check_watched(&mut self, records: u64) -> Result<(), CommandError> {
        let Some(request) = self.watched.take() else { return Ok(()) };
        let Some(mut sent) = self.sent.take() else { return Ok(()) };
        sent.records += records;
        Box::pin(self.check(&request, &sent)).await
    }

    fn note_first(&mut self, begin: Option<Begin>) {
        if let (Some(sent), Some(begin)) = (&mut self.sent, begin) {
            sent.first = begin.into_first();
        }
    }

    /// Counts a line that the engine sent.
    fn count(&mut self, line: &Line<'_>) {
        if let Some(sent) = &mut self.sent {
            sent.count(line, self.source.tty);
        }
    }

    /// Shows what a broken stream left without its end, unless the stream is taken up again: then it comes again.
    fn drain(&mut self, decoder: &mut LogDecoder) -> Result<(), CommandError> {
        if !self.request.follow {
            while let Some(line) = decoder.finish_line() {
                self.take(line)?;
            }
        }
        Ok(())
    }

    /// The last stream has ended: shows the line that it left without an ending.
    pub(super) fn finish(&mut self, mut decoder: LogDecoder) -> Result<(), CommandError> {
        while let Some(line) = decoder.finish_line() {
            self.count(&line);
            self.take(line)?;
        }
        if let Err(error) = decoder.finish() {
            self.sink.note(Note::Failure(error.to_string()))?;
        }
        Ok(())
    }

    /// Takes the next line of the log. `false` when it is later than what is wanted.
    pub(super) fn take(&mut self, line: Line<'_>) -> Result<bool, CommandError> {
        let at = line.timestamp.and_then(|stamp| stamp.instant());
        if self.skip_until.is_some() && at < self.skip_until {
            return Ok(true);
        }
        // With files that are packed, that is no proof that the engine has thrown lines away.
        if self.skip_until.take().is_none() && self.source.is_packed() && self.resume.misses_lines(&line) {
            self.left_out = true;
            return Ok(false);
        }
        if at.is_some() && at > self.runs.range.until && self.runs.range.until.is_some() {
            self.tell_hole()?;
            return Ok(false);
        }
        match self.resume.admit_at(&line, at) {
            Admission::Seen => {
                // It was told when the line was new.
                self.hole = None;
                return Ok(true);
            }
            Admission::New => {}
            Admission::NewAfterGap { since } => {
                let until = line.timestamp.map_or("?".to_owned(), |stamp| stamp.to_string());
                self.pipeline.flush(&mut self.sink)?;
                self.sink.note(Note::Failure(format!(
                    "lines of `{}` are lost between {since} and {until}: the engine threw them away (its log is \
                     rotated) before they could be read",
                    self.source.name
                )))?;
            }
        }
        self.tell_hole()?;
        if let Some(at) = at {
            for note in self.runs.ended_before(at, &self.source.name) {
                self.pipeline.flush(&mut self.sink)?;
                self.sink.note(note)?;
            }
        }
        self.lines += 1;
        let line = Line { run: at.and_then(|at| self.runs.number(at)), ..line };
        self.pipeline.push(line, &mut self.sink)?;
        Ok(true)
    }

    /// When a followed log has said all that `--until` lets through. Lines may still be on their way then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        const ON_THE_WAY: jiff::SignedDuration = jiff::SignedDuration::from_millis(200);
        let until = self.runs.range.until.filter(|_| self.request.follow)?;
        let left = until.duration_since(self.engine.now()) + ON_THE_WAY;
        Instant::now().checked_add(left.try_into().unwrap_or_default())
    }
}

/// Waits until then, or for ever.
pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
