//! Checks that the platform sent all of a log that it has.
//!
//! Docker reads a json-file as one stream of JSON. Where a record is damaged, it gives up, or loses its place and leaves
//! out what follows until it finds it again; the stream ends well, and says nothing. But asked for the last N records it
//! counts them by their ends, without decoding them: so the last N records, where N is how many it sent, begin with the
//! first that it sent, unless some were left out.

use futures_util::StreamExt as _;
use scratchdbg_backend::{self as backend, Completeness, ErrorKind, LogBackend, LogRequest};
use scratchdbg_logs::file::{FileDecoder, FileEvent, FileFormat};
use scratchdbg_logs::when::TimeRange;
use scratchdbg_logs::{Framing, Line, LineOptions, Timestamp};

use crate::begin::{Begin, Head, Sent};
use crate::files::{CHUNK, LogFiles, Taken};
use crate::{Error, Notice, Reader, Sink};

/// Log files up to this length are looked through, to say where they are damaged.
const SMALL: u64 = 32 << 20;

/// How often a log is looked at that grows or is rotated meanwhile.
const TRIES: usize = 3;

/// How far back the last record that was sent is looked for, where others came after it.
const FAR_BACK: [usize; 3] = [64, 4096, 65_536];

/// What comes of holding an answer against what the engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// It is all that there is.
    Whole,
    /// Records were left out.
    LeftOut,
    /// The last record that was sent is too far back by now, or was thrown away.
    Overtaken,
}

impl<B: LogBackend, S: Sink> Reader<'_, B, S> {
    /// The engine's answers are held against what it has. Not where times are needed for that, which would stand in the
    /// middle of a line that is shown as it comes.
    pub(crate) fn is_checked(&self) -> bool {
        let needs_times = self.source.state.is_writing() || self.runs.range != TimeRange::default();
        let in_the_way = needs_times && self.source.tty && self.request.in_parts;
        self.source.storage.completeness == Completeness::ByCount && !in_the_way
    }

    /// Says so when the engine left out records of what it was asked for.
    pub(crate) async fn check(&mut self, request: &LogRequest, sent: &Sent) -> Result<(), Error> {
        if self.look_through_files()? {
            return Ok(());
        }
        let notice = match self.hold_against(request, sent).await {
            Ok(Check::Whole) => return Ok(()),
            Ok(Check::LeftOut) => self.left_out(),
            Ok(Check::Overtaken) => Notice::NotChecked { reason: None, is_failure: false },
            // An engine that goes away while its log is followed is waited for: what is missing then is told as a gap.
            Err(error) => Notice::NotChecked { reason: Some(error.message), is_failure: !self.request.follow },
        };
        self.pipeline.notice(notice, &mut self.sink)?;
        Ok(())
    }

    /// The platform leaves out what is damaged. Asked for the last lines, it reads from the end, and fails at such a place.
    pub(crate) async fn check_from_the_end(&mut self, lines: u64) -> Result<(), Error> {
        const MORE: u64 = 16;
        if self.source.storage.completeness != Completeness::FromTheEnd {
            return Ok(());
        }
        let request = LogRequest { tail: Some(lines + MORE), timestamps: true, ..LogRequest::default() };
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
        Notice::LeftOut { files_have_more: self.source.storage.completeness == Completeness::ByCount }
    }

    /// Holds an answer against what the engine has. A request that fails is sent once more.
    pub(crate) async fn hold_against(&self, request: &LogRequest, sent: &Sent) -> Result<Check, backend::Error> {
        if !self.is_checked() {
            return Ok(Check::Whole);
        }
        let mut outcome = self.compare(request, sent).await;
        if let Err(error) = &outcome {
            tracing::debug!(%error, "what the engine sent is checked once more");
            outcome = self.compare(request, sent).await;
        }
        match outcome {
            // Removed after its end: nothing is left to compare with.
            Err(error) if error.is_absent() => Ok(Check::Whole),
            outcome => outcome,
        }
    }

    async fn compare(&self, request: &LogRequest, sent: &Sent) -> Result<Check, backend::Error> {
        let all = LogRequest { until: None, timestamps: true, ..request.clone() };
        for _ in 0..TRIES {
            let Some(later) = self.later(sent).await? else { return Ok(Check::Overtaken) };
            let last = LogRequest { tail: Some(sent.records + later), timestamps: true, ..LogRequest::default() };
            if sent.records == 0 {
                // Nothing was sent: is there something?
                let last = LogRequest { tail: Some(1), ..last };
                let newest = self.heads(&last, 1).await?.pop();
                let at = newest.as_deref().and_then(Timestamp::split).and_then(|(stamp, _)| stamp.instant());
                let Some(newest) = newest.filter(|_| request.since.is_none() || at >= request.since) else {
                    return Ok(Check::Whole);
                };
                if newest.is_empty() {
                    return Ok(Check::Whole);
                }
                // Where something is written, it may have come since.
                if self.heads(&all, 1).await?.is_empty() {
                    continue;
                }
                return Ok(if self.source.state.is_writing() { Check::Whole } else { Check::LeftOut });
            }
            let begun = self.heads(&last, 1).await?.pop();
            if begun.is_some() && begun == sent.first {
                // The last so many are there; since a time, there may be more.
                if request.since.is_some()
                    && !self.source.state.is_writing()
                    && self.heads(&all, 1).await?.pop() != begun
                {
                    return Ok(Check::LeftOut);
                }
                return Ok(Check::Whole);
            }
            // All that there is now, whatever has come or was thrown away meanwhile?
            let whole = LogRequest { since: None, tail: None, ..all.clone() };
            let now = self.heads(&whole, 1).await?.pop();
            if now.is_none() || begun == now {
                return Ok(Check::Whole);
            }
            let Some(came) = self.later(sent).await? else { return Ok(Check::Overtaken) };
            let came =
                usize::try_from(came.saturating_sub(later)).unwrap_or(usize::MAX).min(FAR_BACK[FAR_BACK.len() - 1]);
            if came > 0 && self.heads(&all, came + 1).await?.iter().any(|head| Some(head) == begun.as_ref()) {
                return Ok(Check::Whole);
            }
        }
        Ok(Check::LeftOut)
    }

    /// How many records came after the last that was sent; nothing when that cannot be told.
    async fn later(&self, sent: &Sent) -> Result<Option<u64>, backend::Error> {
        if !self.source.state.is_writing() {
            return Ok(Some(0));
        }
        let Some(last) = sent.last else { return Ok((sent.records == 0).then_some(0)) };
        for count in FAR_BACK {
            let request = LogRequest { tail: Some(count as u64), timestamps: true, ..LogRequest::default() };
            let heads = self.heads(&request, count).await?;
            let is_last = |head: &Head| Timestamp::split(head).is_some_and(|(stamp, _)| stamp == last);
            if let Some(at) = heads.iter().rposition(is_last) {
                return Ok(Some((heads.len() - at - 1) as u64));
            }
        }
        Ok(None)
    }

    /// The first records of an answer.
    pub(crate) async fn heads(&self, request: &LogRequest, count: usize) -> Result<Vec<Head>, backend::Error> {
        let framing = Framing::from_tty(self.source.tty);
        let mut stream = self.backend.read_log(&self.source.id, request).await?;
        let mut begin = Begin::new(framing);
        while let Some(chunk) = stream.next().await {
            if begin.push(&chunk?, count, framing) {
                break;
            }
        }
        begin.heads.truncate(count);
        Ok(begin.heads)
    }

    /// The last record in the log's file is no record, as far as the file can be read. The engine leaves it out.
    pub(crate) fn ends_in_damage(&self) -> bool {
        if self.source.state.is_writing() {
            return false;
        }
        let Ok(files) = LogFiles::open(&self.source.storage.files) else { return false };
        files.format == FileFormat::JsonFile && matches!(files.ends_with_newline(), Ok(false))
    }

    /// Looks for damage in the files, where that takes no time. Whether there is some, which is then told.
    fn look_through_files(&mut self) -> Result<bool, Error> {
        let Ok(mut files) = LogFiles::open(&self.source.storage.files) else { return Ok(false) };
        if files.len() > SMALL {
            return Ok(false);
        }
        let mut decoder = FileDecoder::new(files.format, self.source.tty, LineOptions::MAX_LINE);
        let mut taken = Taken::since(self.runs.range.since);
        let mut found = Vec::new();
        let mut buffer = vec![0; CHUNK];
        while let Ok(Some(bytes)) = files.read(&mut buffer) {
            decoder.push(bytes, |event| found.extend(self.damage(event, &mut taken, &files)));
        }
        // A record that is being written is none that is damaged.
        if !(decoder.is_in_record() && self.source.state.is_writing()) {
            decoder.finish(|event| found.extend(self.damage(event, &mut taken, &files)));
            found.extend(taken.into_hole());
        }
        let is_damaged = !found.is_empty();
        for damage in found {
            self.pipeline.notice(damage, &mut self.sink)?;
        }
        Ok(is_damaged)
    }

    fn damage(&self, event: FileEvent<'_>, taken: &mut Taken, files: &LogFiles) -> Option<Notice> {
        match event {
            FileEvent::Hole(hole) => {
                Self::take_hole(hole, taken, Some(files));
                None
            }
            FileEvent::Line(line) => {
                let hole = taken.pass(&line);
                let until = self.runs.range.until.filter(|_| taken.goes_on);
                taken.goes_on &=
                    until.is_none_or(|until| line.timestamp.and_then(|stamp| stamp.instant()) <= Some(until));
                hole.filter(|_| taken.has_begun)
            }
        }
    }

    /// Checks what a stream that is followed has sent of the log as it was. Once is enough.
    pub(crate) async fn check_watched(&mut self, records: u64) -> Result<(), Error> {
        let Some(request) = self.watched.take() else { return Ok(()) };
        let Some(mut sent) = self.sent.take() else { return Ok(()) };
        sent.records += records;
        Box::pin(self.check(&request, &sent)).await
    }

    pub(crate) fn note_first(&mut self, begin: Option<Begin>) {
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
