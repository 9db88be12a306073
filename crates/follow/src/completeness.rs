//! Checks that the platform sent all stored records of a log.
//!
//! Docker reads a json-file log as one stream of JSON. At a damaged record it stops, or skips
//! records until it is in sync again. Either way the stream ends normally, without an error. But a
//! request for the last N records finds them by counting newlines, without decoding them. So if an
//! answer had N records, the last N records begin with the same record as the answer, unless the
//! engine left some out.

use futures_util::StreamExt as _;
use scratchdbg_backend::{self as backend, Completeness, ErrorKind, LogBackend, LogRequest};
use scratchdbg_logs::file::{FileDecoder, FileEvent, FileFormat};
use scratchdbg_logs::when::TimeRange;
use scratchdbg_logs::{Framing, Line, LineOptions, Timestamp};

use crate::begin::{Head, HeadCollector, SentRecords};
use crate::files::{CHUNK, LogFiles, ReadProgress};
use crate::{Error, LogReader, Notice, Sink};

/// The maximum size of log files that are searched for damage, to report where it is.
const MAX_SEARCHED: u64 = 32 << 20;

/// How many times to retry if the log grows or rotates during the check.
const MAX_ATTEMPTS: usize = 3;

/// How far back to search for the last record that was sent, if newer records follow it.
const LOOKBACK: [usize; 3] = [64, 4096, 65_536];

/// The result of checking an answer against the stored log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// The answer is complete.
    Whole,
    /// Records were left out.
    LeftOut,
    /// The last record that was sent is too far back by now, or was deleted.
    Overtaken,
}

impl<B: LogBackend, S: Sink> LogReader<'_, B, S> {
    /// Whether answers are checked. They are not if the check would need timestamps that appear in
    /// the middle of a line shown in parts.
    pub(crate) fn is_checked(&self) -> bool {
        let needs_times = self.source.state.is_writing() || self.runs.range != TimeRange::default();
        let in_the_way = needs_times && self.source.tty && self.request.in_parts;
        self.source.storage.completeness == Completeness::ByCount && !in_the_way
    }

    /// Reports a notice if the engine left out records that were requested.
    pub(crate) async fn check(
        &mut self,
        request: &LogRequest,
        sent: &SentRecords,
    ) -> Result<(), Error> {
        if self.look_through_files()? {
            return Ok(());
        }
        let notice = match self.compare_with_stored(request, sent).await {
            Ok(Check::Whole) => return Ok(()),
            Ok(Check::LeftOut) => self.left_out(),
            Ok(Check::Overtaken) => Notice::NotChecked { reason: None, is_failure: false },
            // While following, an engine that is gone is waited for, and missing records are
            // reported as a gap.
            Err(error) => {
                Notice::NotChecked { reason: Some(error.message), is_failure: !self.request.follow }
            }
        };
        self.pipeline.notice(notice, &mut self.sink)?;
        Ok(())
    }

    /// Handles platforms that leave out damaged records. A request for the last lines reads from
    /// the end, and fails at damage.
    pub(crate) async fn check_from_the_end(&mut self, lines: u64) -> Result<(), Error> {
        const MORE: u64 = 16;
        if self.source.storage.completeness != Completeness::FromTheEnd {
            return Ok(());
        }
        let request =
            LogRequest { tail: Some(lines + MORE), timestamps: true, ..LogRequest::default() };
        match self.heads(&request, 1).await {
            Err(error) if error.kind == ErrorKind::Damaged => {
                let notice = self.left_out();
                self.pipeline.notice(notice, &mut self.sink)?;
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn left_out(&self) -> Notice {
        Notice::LeftOut {
            files_have_more: self.source.storage.completeness == Completeness::ByCount,
        }
    }

    /// Checks an answer against the stored log. Retries a failed request once.
    pub(crate) async fn compare_with_stored(
        &self,
        request: &LogRequest,
        sent: &SentRecords,
    ) -> Result<Check, backend::Error> {
        if !self.is_checked() {
            return Ok(Check::Whole);
        }
        let mut outcome = self.compare(request, sent).await;
        if let Err(error) = &outcome {
            tracing::debug!(%error, "what the engine sent is checked once more");
            outcome = self.compare(request, sent).await;
        }
        match outcome {
            // The container was removed after its end. There is nothing left to compare with.
            Err(error) if error.is_absent() => Ok(Check::Whole),
            outcome => outcome,
        }
    }

    async fn compare(
        &self,
        request: &LogRequest,
        sent: &SentRecords,
    ) -> Result<Check, backend::Error> {
        let all = LogRequest { until: None, timestamps: true, ..request.clone() };
        for _ in 0..MAX_ATTEMPTS {
            let Some(records_after) = self.records_after(sent).await? else {
                return Ok(Check::Overtaken);
            };
            let last = LogRequest {
                tail: Some(sent.records + records_after),
                timestamps: true,
                ..LogRequest::default()
            };
            if sent.records == 0 {
                // Nothing was sent. Check whether the log is empty.
                let last = LogRequest { tail: Some(1), ..last };
                let newest = self.heads(&last, 1).await?.pop();
                let at = newest
                    .as_deref()
                    .and_then(Timestamp::split)
                    .and_then(|(stamp, _)| stamp.instant());
                let Some(newest) =
                    newest.filter(|_| request.since.is_none() || at >= request.since)
                else {
                    return Ok(Check::Whole);
                };
                if newest.is_empty() {
                    return Ok(Check::Whole);
                }
                // If the container is writing, the record may be newer than the answer.
                if self.heads(&all, 1).await?.is_empty() {
                    continue;
                }
                return Ok(if self.source.state.is_writing() {
                    Check::Whole
                } else {
                    Check::LeftOut
                });
            }
            let begun = self.heads(&last, 1).await?.pop();
            if begun.is_some() && begun == sent.first {
                // The last N records are complete. With `since`, there may be more.
                if request.since.is_some()
                    && !self.source.state.is_writing()
                    && self.heads(&all, 1).await?.pop() != begun
                {
                    return Ok(Check::LeftOut);
                }
                return Ok(Check::Whole);
            }
            // Compare with all records that exist now, whatever was written or deleted meanwhile.
            let whole = LogRequest { since: None, tail: None, ..all.clone() };
            let now = self.heads(&whole, 1).await?.pop();
            if now.is_none() || begun == now {
                return Ok(Check::Whole);
            }
            let Some(came) = self.records_after(sent).await? else { return Ok(Check::Overtaken) };
            let came = usize::try_from(came.saturating_sub(records_after))
                .unwrap_or(usize::MAX)
                .min(LOOKBACK[LOOKBACK.len() - 1]);
            if self.has_all_since(request, sent).await? {
                return Ok(Check::Whole);
            }
            if came > 0
                && self.heads(&all, came + 1).await?.iter().any(|head| Some(head) == begun.as_ref())
            {
                return Ok(Check::Whole);
            }
        }
        Ok(Check::LeftOut)
    }

    /// Whether an answer has the last records of the log, without any left out in between.
    pub(crate) async fn is_end_of_log(&self, sent: &SentRecords) -> bool {
        let last =
            LogRequest { tail: Some(sent.records), timestamps: true, ..LogRequest::default() };
        match self.heads(&last, 1).await {
            Ok(mut heads) => sent.records > 0 && heads.pop() == sent.first,
            // If the container was removed, nothing more can be read.
            Err(error) => error.is_absent(),
        }
    }

    /// Whether an answer since a time has all records that are not older. Some engines leave out
    /// older records wherever they are, so that the others are not the last ones of the log. Reads
    /// the whole log.
    async fn has_all_since(
        &self,
        request: &LogRequest,
        sent: &SentRecords,
    ) -> Result<bool, backend::Error> {
        let (Some(since), None) = (request.since, request.tail) else { return Ok(false) };
        let framing = Framing::from_tty(self.source.tty);
        let all = LogRequest { timestamps: true, ..LogRequest::default() };
        let mut stream = self.backend.read_log(&self.source.id, &all).await?;
        let mut begin = HeadCollector::new(framing);
        let mut whole = SentRecords::default();
        let (mut wanted, mut last_wanted) = (0, None);
        loop {
            let chunk = stream.next().await.transpose()?;
            if let Some(chunk) = &chunk {
                begin.push(chunk, usize::MAX, framing);
            }
            for head in begin.take(chunk.is_none()) {
                let stamp = Timestamp::split(&head).map(|(stamp, _)| stamp);
                whole.records += 1;
                whole.last = stamp.or(whole.last);
                // What a running container wrote after the answer is not in it.
                if wanted < sent.records || !self.source.state.is_writing() {
                    let is_wanted = stamp.and_then(|stamp| stamp.instant()) >= Some(since);
                    wanted += u64::from(is_wanted);
                    last_wanted = if is_wanted { stamp } else { last_wanted };
                }
                whole.first = whole.first.or(Some(head));
            }
            if chunk.is_none() {
                break;
            }
        }
        if wanted != sent.records || self.source.state.is_writing() && last_wanted != sent.last {
            return Ok(false);
        }
        let Some(records_after) = self.records_after(&whole).await? else { return Ok(false) };
        let last = LogRequest { tail: Some(whole.records + records_after), ..all };
        Ok(self.heads(&last, 1).await?.pop() == whole.first)
    }

    /// Counts the records after the last one that was sent. Returns `None` if that is not possible.
    async fn records_after(&self, sent: &SentRecords) -> Result<Option<u64>, backend::Error> {
        if !self.source.state.is_writing() {
            return Ok(Some(0));
        }
        let Some(last) = sent.last else { return Ok((sent.records == 0).then_some(0)) };
        for count in LOOKBACK {
            let request =
                LogRequest { tail: Some(count as u64), timestamps: true, ..LogRequest::default() };
            let heads = self.heads(&request, count).await?;
            let is_last =
                |head: &Head| Timestamp::split(head).is_some_and(|(stamp, _)| stamp == last);
            if let Some(at) = heads.iter().rposition(is_last) {
                return Ok(Some((heads.len() - at - 1) as u64));
            }
        }
        Ok(None)
    }

    /// Returns the heads of the first records of an answer.
    pub(crate) async fn heads(
        &self,
        request: &LogRequest,
        count: usize,
    ) -> Result<Vec<Head>, backend::Error> {
        let framing = Framing::from_tty(self.source.tty);
        let mut stream = self.backend.read_log(&self.source.id, request).await?;
        let mut begin = HeadCollector::new(framing);
        while let Some(chunk) = stream.next().await {
            if begin.push(&chunk?, count, framing) {
                break;
            }
        }
        begin.heads.truncate(count);
        Ok(begin.heads)
    }

    /// Whether the log file ends with damaged data, as far as the file is readable. The engine
    /// leaves such data out.
    pub(crate) fn ends_in_damage(&self) -> bool {
        if self.source.state.is_writing() {
            return false;
        }
        let Ok(files) = LogFiles::open(&self.source.storage.files) else { return false };
        files.format == FileFormat::JsonFile && matches!(files.ends_with_newline(), Ok(false))
    }

    /// Searches small log files for damage and reports it. Returns whether there is any.
    fn look_through_files(&mut self) -> Result<bool, Error> {
        let Ok(mut files) = LogFiles::open(&self.source.storage.files) else { return Ok(false) };
        if files.len() > MAX_SEARCHED {
            return Ok(false);
        }
        let mut decoder = FileDecoder::new(files.format, self.source.tty, LineOptions::MAX_LINE);
        let mut taken = ReadProgress::since(self.runs.range.since);
        let mut found = Vec::new();
        let mut buffer = vec![0; CHUNK];
        while let Ok(Some(bytes)) = files.read(&mut buffer) {
            decoder.push(bytes, |event| found.extend(Self::damage(event, &mut taken, &files)));
        }
        // A record that is still being written is not damaged.
        if !(decoder.is_in_record() && self.source.state.is_writing()) {
            decoder.finish(|event| found.extend(Self::damage(event, &mut taken, &files)));
            found.extend(taken.into_hole());
        }
        let is_damaged = !found.is_empty();
        for damage in found {
            self.pipeline.notice(damage, &mut self.sink)?;
        }
        Ok(is_damaged)
    }

    fn damage(event: FileEvent<'_>, taken: &mut ReadProgress, files: &LogFiles) -> Option<Notice> {
        match event {
            FileEvent::Hole(hole) => {
                Self::take_hole(hole, taken, Some(files));
                None
            }
            FileEvent::Line(line) => {
                let hole = taken.pass(&line);
                hole.filter(|_| taken.has_begun)
            }
        }
    }

    /// Checks once what a followed stream has sent of the log as it was at the start.
    pub(crate) async fn check_watched(&mut self, records: u64) -> Result<(), Error> {
        let Some(request) = self.watched.take() else { return Ok(()) };
        let Some(mut sent) = self.sent.take() else { return Ok(()) };
        sent.records += records;
        Box::pin(self.check(&request, &sent)).await
    }

    pub(crate) fn note_first(&mut self, begin: Option<HeadCollector>) {
        if let (Some(sent), Some(begin)) = (&mut self.sent, begin) {
            sent.first = begin.into_first();
        }
    }

    /// Counts a line that the engine sent.
    pub(crate) fn count(&mut self, line: &Line<'_>) {
        if let Some(sent) = &mut self.sent {
            sent.count(line, self.source.tty);
        }
    }
}
