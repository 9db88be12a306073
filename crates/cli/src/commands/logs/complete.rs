//! Whether the engine sent all of a log that it has.
//!
//! Docker reads a json-file as one stream of JSON. Where a record is damaged, it gives up, or loses its place and leaves
//! out what follows until it finds it again; the stream ends well, and says nothing. But asked for the last N records it
//! counts them by their ends, without decoding them: so the last N records, where N is how many it sent, begin with the
//! first that it sent, unless some were left out.

use futures_util::StreamExt as _;
use scratchdbg_engine::{Error, LogRequest};
use scratchdbg_logs::file::{FileDecoder, FileEvent};
use scratchdbg_logs::frame::{FrameDecoder, FrameEvent};
use scratchdbg_logs::line::Joining;
use scratchdbg_logs::when::TimeRange;
use scratchdbg_logs::{Framing, Line, LineOptions, Timestamp};

use super::file::{CHUNK, Taken};
use super::log_files::LogFiles;
use super::reader::Reader;
use super::sink::{Note, Sink};
use crate::error::CommandError;

/// Log files up to this length are looked through, to say where they are damaged.
const SMALL: u64 = 32 << 20;

/// How often a log is looked at that grows or is rotated meanwhile.
const TRIES: usize = 3;

/// How far back the last record that was sent is looked for, where others came after it.
const FAR_BACK: [usize; 3] = [64, 4096, 65_536];

/// What tells records apart: the engine's time, and the begin of the text.
pub(super) type Head = Vec<u8>;

/// How much of a record is looked at.
const HEAD_LEN: usize = 64;

/// How much text a record of Docker's holds.
const DOCKER_RECORD: u64 = 16 << 10;

/// What comes of holding an answer against what the engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// It is all that there is.
    Whole,
    /// Records were left out.
    LeftOut,
    /// The last record that was sent is too far back by now, or was thrown away.
    Overtaken,
}

/// What an answer of the engine's was.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// How many records there were.
    pub(super) records: u64,
    /// The first of them, where times were asked for.
    pub(super) first: Option<Head>,
    /// The time of the last whole line.
    pub(super) last: Option<Timestamp>,
}

impl Sent {
    /// Counts a line. Where there is a TTY, records show only by how long it is (Docker cuts lines there).
    pub(super) fn count(&mut self, line: &Line<'_>, tty: bool) {
        self.last = line.timestamp.or(self.last);
        if tty {
            self.records += 1 + (line.text.len() as u64 + line.cut) / DOCKER_RECORD;
        }
    }
}

/// The begin of a stream: enough for the first record's head.
#[derive(Debug)]
pub(super) struct Begin {
    decoder: FrameDecoder,
    heads: Vec<Head>,
    is_open: bool,
}

impl Begin {
    pub(super) fn new(framing: Framing) -> Self {
        Self { decoder: FrameDecoder::new(framing), heads: Vec::new(), is_open: false }
    }

    /// Takes the next bytes of the stream. Whether there are as many records now.
    pub(super) fn push(&mut self, mut bytes: &[u8], wanted: usize, framing: Framing) -> bool {
        while let Ok(Some(event)) = self.decoder.decode(&mut bytes) {
            let FrameEvent::Data(piece) = event else { continue };
            if framing == Framing::Raw {
                for part in piece.payload.split_inclusive(|byte| *byte == b'\n') {
                    self.add(part, !self.is_open);
                    self.is_open = !part.ends_with(b"\n");
                }
            } else {
                self.add(piece.payload, piece.starts_frame);
                self.is_open = !piece.ends_frame;
            }
            if self.heads.len() > wanted {
                break;
            }
        }
        let whole =
            self.heads.len() - usize::from(self.is_open && self.heads.last().is_some_and(|head| head.len() < HEAD_LEN));
        whole >= wanted
    }

    fn add(&mut self, part: &[u8], is_new: bool) {
        if is_new {
            self.heads.push(Head::new());
        }
        if let Some(head) = self.heads.last_mut() {
            let room = HEAD_LEN - head.len();
            head.extend_from_slice(&part[..part.len().min(room)]);
        }
    }

    pub(super) fn into_first(self) -> Option<Head> {
        self.heads.into_iter().next()
    }
}

impl<S: Sink> Reader<'_, S> {
    /// The engine's answers are held against what it has. Not where times are needed for that, which would stand in the
    /// middle of a line that is shown as it comes.
    pub(super) fn is_checked(&self) -> bool {
        let needs_times = self.is_writing() || self.runs.range != TimeRange::default();
        let in_the_way = needs_times && self.source.tty && self.request.takes_parts();
        let is_known = matches!(self.source.driver.as_str(), "json-file" | "local");
        self.engine.log_joining() == Joining::Docker && is_known && !in_the_way
    }

    /// Says so when the engine left out records of what it was asked for.
    pub(super) async fn check(&mut self, request: &LogRequest, sent: &Sent) -> Result<(), CommandError> {
        if self.look_through_files()? {
            return Ok(());
        }
        let name = &self.source.name;
        let note = match self.hold_against(request, sent).await {
            Ok(Check::Whole) => return Ok(()),
            Ok(Check::LeftOut) => Note::Failure(self.left_out_text()),
            Ok(Check::Overtaken) => Note::Info(format!(
                "whether all of the log of `{name}` was sent could not be checked: it grows too fast"
            )),
            Err(error) => {
                let reason = CommandError::chain(&error);
                let text = format!("whether all of the log of `{name}` was sent could not be checked: {reason}");
                // An engine that goes away while its log is followed is waited for: what is missing then is told as a gap.
                if self.request.follow { Note::Info(text) } else { Note::Failure(text) }
            }
        };
        self.pipeline.note(note, &mut self.sink)?;
        Ok(())
    }

    /// Podman leaves out what is damaged too. Asked for the last lines, it reads from the end, and fails at such a place.
    pub(super) async fn check_podman(&mut self, lines: u64) -> Result<(), CommandError> {
        const MORE: u64 = 16;
        if self.engine.log_joining() != Joining::UntilNewline || self.source.driver == "journald" {
            return Ok(());
        }
        let request = LogRequest { tail: Some(lines + MORE), timestamps: true, ..LogRequest::default() };
        match self.heads(&request, 1).await {
            Err(Error::Api(answer)) if answer.message.contains("unable to read log file") => {
                self.pipeline.note(Note::Failure(self.left_out_text()), &mut self.sink)?;
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn left_out_text(&self) -> String {
        // The files of Podman's logs are not read.
        let remedy = match self.engine.log_joining() {
            Joining::Docker => "; on the engine's machine, --via file reads on behind the damage",
            Joining::UntilNewline => "",
        };
        format!(
            "the engine leaves out lines of `{}` and does not say so: its log is damaged, or was rotated meanwhile{remedy}",
            self.source.name
        )
    }

    /// Holds an answer against what the engine has. A request that fails is sent once more.
    pub(super) async fn hold_against(&self, request: &LogRequest, sent: &Sent) -> Result<Check, Error> {
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
            Err(error) if is_gone(&error) => Ok(Check::Whole),
            outcome => outcome,
        }
    }

    async fn compare(&self, request: &LogRequest, sent: &Sent) -> Result<Check, Error> {
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
                return Ok(if self.is_writing() { Check::Whole } else { Check::LeftOut });
            }
            let begun = self.heads(&last, 1).await?.pop();
            if begun.is_some() && begun == sent.first {
                // The last so many are there; since a time, there may be more.
                if request.since.is_some() && !self.is_writing() && self.heads(&all, 1).await?.pop() != begun {
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
    async fn later(&self, sent: &Sent) -> Result<Option<u64>, Error> {
        if !self.is_writing() {
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
    pub(super) async fn heads(&self, request: &LogRequest, count: usize) -> Result<Vec<Head>, Error> {
        let framing = Framing::from_tty(self.source.tty);
        let mut stream = self.engine.logs(&self.source.id.parse()?, request).await?;
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
    pub(super) fn ends_in_damage(&self) -> bool {
        let is_whole = LogFiles::open(self.engine, &self.source).map(|files| files.ends_with_newline());
        self.source.driver == "json-file" && !self.is_writing() && matches!(is_whole, Ok(Ok(false)))
    }

    /// Looks for damage in the files, where that takes no time. Whether there is some, which is then told.
    fn look_through_files(&mut self) -> Result<bool, CommandError> {
        let Ok(mut files) = LogFiles::open(self.engine, &self.source) else { return Ok(false) };
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
        if !(decoder.is_in_record() && self.is_writing()) {
            decoder.finish(|event| found.extend(self.damage(event, &mut taken, &files)));
            found.extend(taken.into_hole());
        }
        let is_damaged = !found.is_empty();
        for text in found {
            self.pipeline.note(Note::Failure(text), &mut self.sink)?;
        }
        Ok(is_damaged)
    }

    fn damage(&self, event: FileEvent<'_>, taken: &mut Taken, files: &LogFiles) -> Option<String> {
        match event {
            FileEvent::Hole(hole) => {
                self.take_hole(hole, taken, Some(files));
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
}

/// The engine has no such container any more, or is about to throw it away.
fn is_gone(error: &Error) -> bool {
    match error {
        Error::NoSuchContainer { .. } => true,
        Error::Api(answer) => {
            answer.status == 404 || answer.status == 409 && answer.message.contains("marked for removal")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_records() {
        let long = "x".repeat(100);
        let framed = |text: &str| {
            let len = u32::try_from(text.len()).unwrap();
            [&[1, 0, 0, 0][..], &len.to_be_bytes(), text.as_bytes()].concat()
        };
        let stream = [framed("a\n"), framed(""), framed(&long), framed("b\n")].concat();
        let want = [b"a\n".to_vec(), Vec::new(), long.as_bytes()[..HEAD_LEN].to_vec(), b"b\n".to_vec()];
        let raw = format!("a\r\n\n{long}\nb");
        let raw_want = [b"a\r\n".to_vec(), b"\n".to_vec(), want[2].clone(), b"b".to_vec()];
        for size in [1, 7, 1000] {
            for (framing, bytes, want) in
                [(Framing::Multiplexed, &stream[..], &want), (Framing::Raw, raw.as_bytes(), &raw_want)]
            {
                let mut begin = Begin::new(framing);
                for chunk in bytes.chunks(size) {
                    begin.push(chunk, 9, framing);
                }
                assert_eq!(begin.heads, want);
                let mut begin = Begin::new(framing);
                assert!(bytes.chunks(size).any(|chunk| begin.push(chunk, 2, framing)));
                assert_eq!(begin.heads[..2], want[..2]);
            }
        }
    }
}
