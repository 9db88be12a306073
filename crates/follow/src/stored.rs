//! Reads what is stored of a log now.

use futures_util::StreamExt as _;
use scratchdbg_backend::{self as backend, Completeness, LogBackend, LogRequest};
use scratchdbg_logs::resume::Admission;
use scratchdbg_logs::when::TimeRange;
use scratchdbg_logs::{Event, Framing, Line};

use crate::begin::{Begin, Sent};
use crate::completeness::Check;
use crate::files::LogFiles;
use crate::stream::End;
use crate::{Error, Notice, Reader, Sink, Via};

impl<B: LogBackend, S: Sink> Reader<'_, B, S> {
    /// Reads what the engine has now.
    pub(crate) async fn read_stored(&mut self, then_follow: bool) -> Result<(), Error> {
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
            timestamps: self.request.timestamps || is_checked && (is_bound || self.source.state.is_writing()),
            ..LogRequest::default()
        };
        self.sent = is_checked.then(Sent::default);
        if request.since.is_some() && self.source.storage.since_is_incomplete {
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
                self.sink.notice(Notice::Broken { reason })?;
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
        self.check_from_the_end(self.lines).await
    }

    /// The last lines without reading the whole log, where all lines count. The engine counts records, and a long line
    /// is several: so more are asked for, and where a line's begin may be missing, more still.
    async fn read_end(&mut self, then_follow: bool) -> Result<bool, Error> {
        const MOST: usize = 10_000;
        let whole = self.runs.range == TimeRange::default();
        let Some(count) = self.request.tail.filter(|count| *count <= MOST) else { return Ok(false) };
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
                Err(_) if self.source.storage.completeness == Completeness::FromTheEnd => return Ok(false),
                collected => collected?,
            };
            let mut is_damaged = false;
            let mut is_all = true;
            let is_short = sent.records < records as u64 && !lines.is_empty();
            if is_short && self.hold_against(&request, &sent).await? == Check::LeftOut {
                // The files have all that is not damaged; without them, what comes after the damage is all there is.
                if self.request.via != Via::Api && LogFiles::open(&self.source.storage.files).is_ok() {
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
                let notice = self.left_out();
                self.pipeline.notice(notice, &mut self.sink)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// The last records of a log that is damaged, as many of those that are wanted as can be had; and whether that is all
    /// of them.
    async fn collect_end(&mut self, count: usize, last: bool) -> Result<(Vec<Line<'static>>, bool), Error> {
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
    async fn collect(&mut self, request: &LogRequest, last: bool) -> Result<(Vec<Line<'static>>, Sent), Error> {
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
            while let Some(event) = events.next().map_err(backend::Error::from)? {
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
        decoder.finish().map_err(backend::Error::from)?;
        Ok((lines, sent))
    }
}
