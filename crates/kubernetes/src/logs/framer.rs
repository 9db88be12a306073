//! Turns the lines of a pod's log into frames, as an engine sends them and `scratchdbg-logs` reads
//! them.
//!
//! With `timestamps=true`, kubelets send each line with its time in front, do not split long lines,
//! and merge both streams. Text without a time does not come from the container. Such text is a
//! message of the kubelet, for example `unable to retrieve container logs`, which is sent with
//! status 200 in place of a log.
//!
//! A kubelet rounds `sinceTime` down to whole seconds. The framer therefore drops older lines up to
//! the first line that is not older. A reader that counts the lines since a time gets the same
//! count again.

use bytes::{BufMut as _, BytesMut};
use scratchdbg_logs::Timestamp;

/// The longest beginning of a line that is searched for a time, in bytes.
const LONGEST_TIME: usize = 40;

/// The most bytes of a kubelet's message that are kept.
const MOST_WORDS: usize = 1024;

/// The range of lines to pass on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Range {
    /// Begins with the first line that is not older than this time.
    pub(crate) since: Option<jiff::Timestamp>,
    /// Begins with the first line that is newer than this time, which is the last one of the
    /// previous part.
    pub(crate) after: Option<jiff::Timestamp>,
    /// Ends before the first line that is newer than this time.
    pub(crate) until: Option<jiff::Timestamp>,
    /// Whether the times of lines are passed on.
    pub(crate) timestamps: bool,
}

/// A message that a kubelet sent in place of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) String);

/// Turns lines into frames.
#[derive(Debug)]
pub(crate) struct Framer {
    range: Range,
    state: State,
    /// The beginning of a line whose time is incomplete, or a message.
    held: Vec<u8>,
    /// The time in front of the line that is being read, with the space.
    stamp: Vec<u8>,
    /// Whether a line was passed on. No later line is too old then.
    has_begun: bool,
    /// The time of the first line.
    pub(crate) first: Option<jiff::Timestamp>,
    /// The time of the last line.
    pub(crate) last: Option<jiff::Timestamp>,
    /// The number of lines that were passed on, including a last line without an end.
    pub(crate) lines: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a line.
    Start,
    /// Within a line that is passed on.
    Passing,
    /// Within a line that is dropped.
    Skipping,
    /// Within text that has no time.
    Words,
    /// After the end of the range.
    Over,
}

impl Framer {
    /// Creates a framer at the beginning of a log.
    pub(crate) fn new(range: Range) -> Self {
        let (held, stamp) = (Vec::new(), Vec::new());
        Self {
            range,
            state: State::Start,
            held,
            stamp,
            has_begun: false,
            first: None,
            last: None,
            lines: 0,
        }
    }

    /// Reads bytes of a log, and appends frames. Fails on text that is not part of the log.
    pub(crate) fn push(&mut self, mut bytes: &[u8], frames: &mut BytesMut) -> Result<(), Words> {
        while !bytes.is_empty() && self.state != State::Over {
            if self.state == State::Start {
                bytes = self.start(bytes);
                continue;
            }
            let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
            let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            match self.state {
                State::Passing => self.frame(piece, frames),
                State::Words => {
                    let room = MOST_WORDS.saturating_sub(self.held.len());
                    self.held.extend_from_slice(&piece[..piece.len().min(room)]);
                    if end.is_some() || room == 0 {
                        return Err(self.words());
                    }
                }
                State::Start | State::Skipping | State::Over => {}
            }
            if end.is_some() {
                self.state = State::Start;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Ends the log. A last line without an end gets one if lines of another run follow, and is
    /// left unchanged otherwise.
    pub(crate) fn finish(&mut self, is_followed: bool, frames: &mut BytesMut) -> Result<(), Words> {
        if !self.held.is_empty() {
            return Err(self.words());
        }
        if self.state == State::Passing && is_followed {
            self.frame(b"\n", frames);
        }
        Ok(())
    }

    /// Whether the range has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Reads the beginning of a line up to its text. Returns the remaining bytes.
    fn start<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let window = &bytes[..bytes.len().min(LONGEST_TIME - self.held.len().min(LONGEST_TIME))];
        let space = window.iter().position(|byte| matches!(byte, b' ' | b'\n'));
        let taken = match space {
            Some(at) if window[at] == b' ' => at + 1,
            Some(at) => at,
            None => window.len(),
        };
        self.held.extend_from_slice(&window[..taken]);
        if space.is_none() && self.held.len() < LONGEST_TIME {
            return &bytes[taken..];
        }
        match Timestamp::split(&self.held).filter(|(_, rest)| rest.is_empty()) {
            Some((stamp, _)) => {
                self.state = self.judge(stamp.instant());
                std::mem::swap(&mut self.stamp, &mut self.held);
                self.held.clear();
            }
            None => self.state = State::Words,
        }
        &bytes[taken..]
    }

    fn judge(&mut self, at: Option<jiff::Timestamp>) -> State {
        let Range { since, after, until, .. } = self.range;
        let is_old = !self.has_begun
            && (at.is_some_and(|at| since.is_some_and(|since| at < since))
                || at.is_some_and(|at| after.is_some_and(|after| at <= after)));
        if is_old {
            return State::Skipping;
        }
        if at.is_some_and(|at| until.is_some_and(|until| at > until)) {
            return State::Over;
        }
        self.has_begun = true;
        self.first = self.first.or(at);
        self.last = at.max(self.last);
        self.lines += 1;
        State::Passing
    }

    /// Appends a frame of standard output: the log does not distinguish the streams.
    fn frame(&self, piece: &[u8], frames: &mut BytesMut) {
        let stamp = if self.range.timestamps { &self.stamp[..] } else { &[] };
        for piece in piece.chunks(scratchdbg_logs::frame::MAX_FRAME_LEN as usize / 2) {
            let len = u32::try_from(stamp.len() + piece.len()).unwrap_or_default();
            frames.reserve(8 + stamp.len() + piece.len());
            frames.put_slice(&[1, 0, 0, 0]);
            frames.put_u32(len);
            frames.put_slice(stamp);
            frames.put_slice(piece);
        }
    }

    fn words(&mut self) -> Words {
        let held = std::mem::take(&mut self.held);
        Words(String::from_utf8_lossy(&held).trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scratchdbg_logs::line::Joining;
    use scratchdbg_logs::{Event, Framing, LineOptions, LogDecoder};

    use super::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    fn log(lines: &[(i64, &str)]) -> String {
        let lines: Vec<_> =
            lines.iter().map(|(second, text)| format!("{:.9} {text}\n", at(*second))).collect();
        lines.concat()
    }

    /// Returns the lines that a reader gets from the frames, with their seconds.
    fn read(frames: &[u8], timestamps: bool) -> Vec<(i64, String)> {
        let options = LineOptions {
            framing: Framing::Multiplexed,
            joining: Joining::UntilNewline,
            timestamps,
            max_line: LineOptions::MAX_LINE,
            in_parts: false,
        };
        let mut decoder = LogDecoder::new(options);
        let mut lines = Vec::new();
        let mut add = |line: scratchdbg_logs::Line<'_>| {
            let second = line
                .timestamp
                .and_then(|stamp| stamp.instant())
                .map_or(-1, jiff::Timestamp::as_second);
            lines.push((second, String::from_utf8_lossy(&line.text).into_owned()));
        };
        let mut events = decoder.push(frames);
        while let Some(event) = events.next().unwrap() {
            if let Event::Line(line) = event {
                add(line);
            }
        }
        while let Some(line) = decoder.finish_line() {
            add(line);
        }
        lines
    }

    fn framed(text: &str, range: Range, size: usize) -> Result<Vec<(i64, String)>, Words> {
        let (mut reader, mut frames) = (Framer::new(range), BytesMut::new());
        for chunk in text.as_bytes().chunks(size) {
            reader.push(chunk, &mut frames)?;
        }
        reader.finish(true, &mut frames)?;
        Ok(read(&frames, range.timestamps))
    }

    fn owned(lines: &[(i64, &str)]) -> Vec<(i64, String)> {
        lines.iter().map(|(second, text)| (*second, (*text).to_owned())).collect()
    }

    #[test]
    fn lines_come_out_as_they_went_in_however_they_are_cut() {
        let lines = [
            (1, "a"),
            (2, ""),
            (2, "b c"),
            (3, "2026-01-02T03:04:05Z no time of ours"),
            (4, "\u{1b}[31m"),
        ];
        let text = log(&lines);
        for size in 1..=text.len() {
            let range = Range { timestamps: true, ..Range::default() };
            assert_eq!(framed(&text, range, size).unwrap(), owned(&lines), "{size}");
            let plain = framed(&text, Range::default(), size).unwrap();
            assert_eq!(plain, lines.map(|(_, text)| (-1, text.to_owned())), "{size}");
        }
    }

    #[test]
    fn only_what_is_wanted_comes_out() {
        let lines = [(1, "a"), (2, "b"), (2, "c"), (1, "late"), (3, "d")];
        let text = log(&lines);
        let with = |range: Range| framed(&text, Range { timestamps: true, ..range }, 7).unwrap();
        let since = Range { since: Some(at(2)), ..Range::default() };
        assert_eq!(with(since), owned(&lines[1..]), "no line after the first is tested");
        let after = Range { after: Some(at(2)), ..Range::default() };
        assert_eq!(with(after), owned(&lines[4..]));
        let until = Range { until: Some(at(2)), ..Range::default() };
        assert_eq!(with(until), owned(&lines[..4]));
        let none = Range { since: Some(at(9)), ..Range::default() };
        assert_eq!(with(none), []);
    }

    #[test]
    fn what_a_kubelet_says_is_no_line() {
        let words = "unable to retrieve container logs for containerd://0123";
        for size in [1, 5, 1000] {
            for text in
                [words.to_owned(), format!("{words}\n"), format!("{}{words}\n", log(&[(1, "a")]))]
            {
                let error = framed(&text, Range::default(), size).unwrap_err();
                assert_eq!(error.0, words, "{size}");
            }
        }
        assert_eq!(framed("\n", Range::default(), 1).unwrap_err().0, "");
        assert!(
            framed(&"x".repeat(5000), Range::default(), 100).unwrap_err().0.len() <= MOST_WORDS
        );
    }

    #[test]
    fn a_last_line_without_an_end_is_not_glued_to_the_next_run() {
        let range = Range { timestamps: true, ..Range::default() };
        let mut frames = BytesMut::new();
        for (text, is_followed) in
            [("1970-01-01T00:00:01Z torn", true), ("1970-01-01T00:00:02Z next\n", false)]
        {
            let mut reader = Framer::new(range);
            reader.push(text.as_bytes(), &mut frames).unwrap();
            reader.finish(is_followed, &mut frames).unwrap();
        }
        assert_eq!(read(&frames, true), owned(&[(1, "torn"), (2, "next")]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, size in 1_usize..64, since in 0_i64..3) {
            let range = Range { since: Some(at(since)), timestamps: true, ..Range::default() };
            let (mut reader, mut frames) = (Framer::new(range), BytesMut::new());
            for chunk in bytes.chunks(size) {
                if reader.push(chunk, &mut frames).is_err() {
                    break;
                }
            }
            let _ended = reader.finish(true, &mut frames);
        }
    }
}
