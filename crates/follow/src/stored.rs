//! Reads the stored log.

use futures_util::StreamExt as _;
use scratchdbg_backend::{self as backend, Completeness, LogBackend, LogRequest};
use scratchdbg_logs::resume::Admission;
use scratchdbg_logs::when::TimeRange;
use scratchdbg_logs::{Event, Framing, Line};

use crate::begin::{HeadCollector, SentRecords};
use crate::completeness::Check;
use crate::files::LogFiles;
use crate::stream::StreamEnd;
use crate::{Error, LogReader, Notice, Sink, Via};

impl<B: LogBackend, S: Sink> LogReader<'_, B, S> {
    /// Reads what the engine has stored now.
    pub(crate) async fn read_stored(&mut self, then_follow: bool) -> Result<(), Error> {
        if self.read_end(then_follow).await? || self.read_files(then_follow).await? {
            return Ok(());
        }
        let since = self.resume.restart().max(self.runs.range.since);
        let is_checked = self.is_checked();
        let is_bound = since.is_some() || self.runs.range.until.is_some();
        // Engines end an answer at the first record that is later than `until`, though older ones
        // may follow. So everything is read, and each line is judged by its own time, unless its
        // time would be in the middle of a line that is passed on in parts.
        let has_times = !(self.source.tty && self.request.in_parts);
        let mut request = LogRequest {
            since,
            until: self.runs.range.until.filter(|_| !has_times),
            timestamps: self.request.timestamps
                || is_bound && has_times
                || is_checked && self.source.state.is_writing(),
            ..LogRequest::default()
        };
        self.sent = is_checked.then(SentRecords::default);
        if request.since.is_some() && self.source.storage.since_is_incomplete {
            self.skip_until = request.since.take();
            request.timestamps = true;
        }
        let stream = self.open(&request).await?;
        let end = self.copy(stream, request.timestamps, None, None).await?;
        match end {
            StreamEnd::Closed(mut decoder) => {
                if let Some(sent) = &mut self.sent {
                    sent.records += decoder.records();
                }
                if then_follow {
                    // An incomplete line will be sent again, complete.
                    while let Some(line) = decoder.finish_line() {
                        self.count(&line);
                    }
                } else {
                    self.finish(*decoder)?;
                }
            }
            StreamEnd::Broken(reason) => {
                self.sent = None;
                self.sink.notice(Notice::Broken { reason })?;
            }
            StreamEnd::RangeEnd | StreamEnd::Idle => self.sent = None,
        }
        if let Some(mut sent) = self.sent.take() {
            if !request.timestamps {
                let stamped = LogRequest { timestamps: true, ..request.clone() };
                sent.first = self.heads(&stamped, 1).await.unwrap_or_default().pop();
            }
            self.check(&request, &sent).await?;
        }
        self.check_from_the_end(self.lines).await
    }

    /// Reads the last lines without reading the whole log, if no line is filtered out. The engine
    /// counts records, and a long line consists of several. So more records are requested, and more
    /// again if the start of a line may be missing.
    async fn read_end(&mut self, then_follow: bool) -> Result<bool, Error> {
        const MOST: usize = 10_000;
        let whole = self.runs.range == TimeRange::default();
        let Some(count) = self.request.tail.filter(|count| *count <= MOST) else {
            return Ok(false);
        };
        if self.request.via == Via::File {
            return Ok(false);
        }
        if !whole || !self.request.query.wants_all() || !self.request.is_plain {
            return Ok(false);
        }
        let is_torn = self.ends_in_damage();
        if is_torn && self.request.via != Via::Api {
            return Ok(false);
        }
        for records in [count * 2 + 64, (count * 2 + 64) * 16] {
            let request = LogRequest {
                tail: u64::try_from(records).ok(),
                timestamps: self.request.timestamps || self.is_checked(),
                ..LogRequest::default()
            };
            let (mut lines, sent) = match self.collect(&request, !then_follow).await {
                // A damaged log cannot be read from its end.
                Err(_) if self.source.storage.completeness == Completeness::FromTheEnd => {
                    return Ok(false);
                }
                collected => collected?,
            };
            let mut is_damaged = false;
            let mut is_all = true;
            let is_short = sent.records < records as u64 && !lines.is_empty();
            if is_short && self.compare_with_stored(&request, &sent).await? == Check::LeftOut {
                // The files contain everything that is not damaged. Without them, only the lines
                // after the damage are available.
                if self.request.via != Via::Api
                    && LogFiles::open(&self.source.storage.files).is_ok()
                {
                    return Ok(false);
                }
                (lines, is_all) = self.collect_end(count, !then_follow).await?;
                is_damaged = true;
            }
            let wanted = lines.len().saturating_sub(count);
            let is_first =
                |at: usize| lines[..at].iter().all(|line| line.stream != lines[at].stream);
            if !is_damaged && (wanted == 0 || (wanted..lines.len()).any(is_first)) {
                continue;
            }
            self.resume.begin_late();
            for line in lines {
                if self.resume.admit(&line) == Admission::New {
                    let at = line.timestamp.and_then(|stamp| stamp.instant());
                    let line = Line { run: at.and_then(|at| self.runs.number(at)), ..line };
                    self.pipeline.push(line, &mut self.sink)?;
                }
            }
            // A notice before the last lines is about older lines that are not shown.
            if is_torn || !is_all {
                let notice = self.left_out();
                self.pipeline.notice(notice, &mut self.sink)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads as many of the last records of a damaged log as possible. Returns whether those are
    /// all that were requested.
    async fn collect_end(
        &mut self,
        count: usize,
        last: bool,
    ) -> Result<(Vec<Line<'static>>, bool), Error> {
        // Request a few more than wanted: the first may be the rest of a long line.
        const MORE: usize = 8;
        let mut best = (Vec::new(), false);
        // The largest number of records known to be undamaged, and the smallest known to include
        // damage.
        let (mut whole, mut damaged) = (0, count + 2 * MORE + 1);
        while whole + 1 < damaged {
            let records = usize::midpoint(whole, damaged);
            let request = LogRequest {
                tail: u64::try_from(records).ok(),
                timestamps: true,
                ..LogRequest::default()
            };
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

    /// Returns the lines of a short answer.
    async fn collect(
        &mut self,
        request: &LogRequest,
        last: bool,
    ) -> Result<(Vec<Line<'static>>, SentRecords), Error> {
        let framing = Framing::from_tty(self.source.tty);
        let mut stream = self.open(request).await?;
        let mut decoder = self.decoder(request.timestamps);
        let mut begin = HeadCollector::new(framing);
        let mut sent = SentRecords::default();
        let mut lines = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            begin.push(&chunk, 1, framing);
            let mut events = decoder.push(&chunk);
            while let Some(event) = events.next().map_err(backend::Error::from)? {
                match event {
                    Event::Line(line) => {
                        sent.count(&line, self.source.tty);
                        lines.push(line.into_owned());
                    }
                    // The error will be reported again when the log is read in full.
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
        decoder.finish().map_err(backend::Error::from)?;
        Ok((lines, sent))
    }
}
