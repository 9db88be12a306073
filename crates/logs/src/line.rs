//! Joins the pieces that an engine sends into complete lines.
//!
//! Engines cut long lines. Docker's daemon sends a record whenever it has read 16 KiB without a
//! newline (moby `daemon/logger/copier.go`), conmon whenever it has read up to 8 KiB
//! (`src/ctr_logging.c`). Such a *partial* ends without a newline. With `timestamps=1` each partial
//! carries a timestamp of its own, and partials of stdout and stderr arrive interleaved. So lines
//! are joined per stream, and only the first timestamp is kept.
//!
//! A record of Docker that has no newline and is *shorter* than 16 KiB is the last of its stream:
//! the process closed the stream. After a restart, the output of the next run follows at once and
//! does not belong to that line.

mod pending;

use std::borrow::Cow;
use std::sync::Arc;

use self::pending::{Head, Pending};
use crate::Timestamp;
use crate::frame::{Framing, Piece, Stream};
use crate::search::{Found, Search};

/// Docker's daemon cuts lines at this length (`defaultBufSize` in moby `daemon/logger/copier.go`).
/// A partial may be longer, since json-file replaces each invalid byte with three, but not shorter.
const DOCKER_PARTIAL_LEN: usize = 16 << 10;

/// Which records without a newline continue in the next record of their stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// Records of 16 KiB and more: Docker's logs.
    Docker,
    /// All records: Podman's logs, which are cut wherever a read ended, and attach streams.
    UntilNewline,
}

/// How to read a stream.
#[derive(Clone, Copy, Debug)]
pub struct LineOptions {
    /// The framing, from inspect's `Config.Tty`.
    pub framing: Framing,
    /// How lines are cut, which depends on the engine.
    pub joining: Joining,
    /// Whether timestamps were requested (`timestamps=1`).
    pub timestamps: bool,
    /// The most bytes of one line that are kept. This bounds memory, once per stream.
    pub max_line: usize,
    /// Whether to return a longer line in parts of about that length, all but the last without an
    /// ending, so that nothing is dropped. Not supported where timestamps stand within the lines:
    /// with a TTY.
    pub in_parts: bool,
}

impl LineOptions {
    /// The default limit of a line: 1 MiB.
    pub const MAX_LINE: usize = 1 << 20;
}

/// The end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing: the stream ended, or the process closed it, in the middle of the line.
    None,
    /// A newline (line feed).
    Lf,
    /// A carriage return and a newline, as a TTY writes them. Distinguished only with a TTY.
    CrLf,
}

impl Ending {
    /// Returns the bytes of the ending.
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

/// One complete line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The stream that the process wrote the line to.
    pub stream: Stream,
    /// When the engine read the newline, if timestamps were requested and the engine sent one.
    pub timestamp: Option<Timestamp>,
    /// The text, without timestamp and ending. It may contain any byte except a newline.
    pub text: Cow<'a, [u8]>,
    /// The end of the line.
    pub ending: Ending,
    /// How many bytes beyond the limit were dropped from the end of `text`.
    pub cut: u64,
    /// The result of a search in the complete line, if some of it was dropped and the line was
    /// searched.
    pub found: Option<Found>,
    /// The container's run that wrote the line, from 1 on. Set by the reader, since the log does
    /// not contain it.
    pub run: Option<u32>,
}

impl Line<'_> {
    /// Returns how many bytes of memory the line takes when it is kept.
    pub fn size(&self) -> usize {
        self.text.len() + size_of::<Self>()
    }

    /// Returns the same line without borrows from the buffers that it was read from.
    pub fn into_owned(self) -> Line<'static> {
        Line {
            stream: self.stream,
            timestamp: self.timestamp,
            text: Cow::Owned(self.text.into_owned()),
            ending: self.ending,
            cut: self.cut,
            found: self.found,
            run: self.run,
        }
    }
}

/// Resumable joiner of pieces into lines. Copies bytes only if a line spans several pieces.
#[derive(Debug)]
pub(crate) struct LineAssembler {
    options: LineOptions,
    streams: [Pending; 3],
}

/// The location of a complete line's text.
pub(crate) struct Ready<'a> {
    stream: Stream,
    /// The complete text, or `None` if it is in `Pending::text`.
    whole: Option<&'a [u8]>,
    ending: Ending,
}

impl LineAssembler {
    /// Returns an assembler at the start of a stream.
    pub(crate) fn new(options: LineOptions) -> Self {
        Self { options, streams: Default::default() }
    }

    /// Also searches lines that are longer than the limit. Not supported where timestamps stand
    /// within the lines.
    pub(crate) fn search(&mut self, search: &Arc<Search>) {
        if self.has_times_in_lines() {
            return;
        }
        let holds_cr = self.options.framing == Framing::Raw;
        for pending in &mut self.streams {
            (pending.wanted, pending.holds_cr) = (Some(Arc::clone(search)), holds_cr);
        }
    }

    /// Returns the next line that the end of the stream leaves without an ending. Call until
    /// `None`.
    pub(crate) fn finish_line(&mut self) -> Option<Line<'_>> {
        let stream =
            [Stream::Stdin, Stream::Stdout, Stream::Stderr].into_iter().find(|stream| {
                let pending = self.pending(*stream);
                pending.drop_lent();
                // A record that was cut within its timestamp has none of the text yet.
                pending.head.take_if(|head| Timestamp::begins(head));
                pending.open || pending.head.as_ref().is_some_and(|head| !head.is_empty())
            })?;
        let max_line = self.buffer_cap();
        let pending = self.pending(stream);
        if let Some(head) = pending.head.take() {
            if !pending.open {
                pending.timestamp = None;
            }
            pending.push(&head, max_line);
        }
        Some(self.lend(&Ready { stream, whole: None, ending: Ending::None }))
    }

    fn pending(&mut self, stream: Stream) -> &mut Pending {
        &mut self.streams[stream as usize]
    }

    /// Returns the limit of the buffer. With a TTY, timestamps are removed when the line is
    /// complete, so they need room too.
    fn buffer_cap(&self) -> usize {
        if self.gives_parts() {
            return usize::MAX;
        }
        self.options.max_line + if self.has_times_in_lines() { Timestamp::MAX_PREFIX } else { 0 }
    }

    fn has_times_in_lines(&self) -> bool {
        self.options.framing == Framing::Raw && self.options.timestamps
    }

    fn gives_parts(&self) -> bool {
        self.options.in_parts && !self.has_times_in_lines()
    }

    /// Reads up to the end of the next line or of the piece, and advances the payload.
    /// [`lend`](Self::lend) then makes the line. (These are two steps because a line may borrow
    /// from the assembler.)
    pub(crate) fn advance<'a>(&mut self, piece: &mut Piece<'a>) -> Option<Ready<'a>> {
        let max_line = self.buffer_cap();
        let part_len = self.gives_parts().then_some(self.options.max_line);
        let LineOptions { framing, joining, timestamps, .. } = self.options;
        let stream = piece.stream;
        let pending = self.pending(stream);
        pending.drop_lent();
        if framing == Framing::Multiplexed {
            if std::mem::take(&mut piece.starts_frame) {
                pending.frame_len = 0;
                pending.head = timestamps.then(Vec::new);
            }
            if pending.head.is_some() {
                match pending.read_head(piece, max_line) {
                    Head::Incomplete => return None,
                    Head::Line => return Some(Ready { stream, whole: None, ending: Ending::Lf }),
                    Head::Done => {}
                }
            }
        }
        let Some(end) = memchr::memchr(b'\n', piece.payload) else {
            let text = std::mem::take(&mut piece.payload);
            pending.frame_len += text.len();
            let goes_on = match joining {
                Joining::Docker => pending.frame_len >= DOCKER_PARTIAL_LEN,
                Joining::UntilNewline => true,
            };
            let has_ended = piece.ends_frame && !goes_on && pending.frame_len > 0;
            if has_ended {
                pending.frame_len = 0;
                let whole = (!pending.open).then_some(text);
                if whole.is_none() {
                    pending.push(text, max_line);
                }
                return Some(Ready { stream, whole, ending: Ending::None });
            }
            if !text.is_empty() {
                pending.push(text, max_line);
            }
            // Parts end where records end, however the stream was cut: a resumed stream yields the
            // same parts.
            let may_part = piece.ends_frame || framing == Framing::Raw;
            if may_part && part_len.is_some_and(|len| pending.text.len() >= len) {
                return Some(Ready { stream, whole: None, ending: Ending::None });
            }
            return None;
        };
        let text = &piece.payload[..end];
        piece.payload = &piece.payload[end + 1..];
        pending.frame_len = 0;
        let whole = (!pending.open).then_some(text);
        if whole.is_none() {
            pending.push(text, max_line);
        }
        Some(Ready { stream, whole, ending: Ending::Lf })
    }

    /// Takes a complete record of a log file, whose timestamp is stored beside its text.
    pub(crate) fn record<'s, 'a: 's>(
        &'s mut self,
        stream: Stream,
        timestamp: Option<Timestamp>,
        text: &'a [u8],
        is_terminated: bool,
    ) -> Option<Line<'s>> {
        let (max_line, part_len) =
            (self.buffer_cap(), self.gives_parts().then_some(self.options.max_line));
        let pending = self.pending(stream);
        pending.drop_lent();
        if !pending.open {
            pending.timestamp = timestamp;
        }
        if !is_terminated && text.len() >= DOCKER_PARTIAL_LEN {
            pending.push(text, max_line);
            if part_len.is_some_and(|len| pending.text.len() >= len) {
                return Some(self.lend(&Ready { stream, whole: None, ending: Ending::None }));
            }
            return None;
        }
        let whole = (!pending.open).then_some(text);
        if whole.is_none() {
            pending.push(text, max_line);
        }
        let ending = if is_terminated { Ending::Lf } else { Ending::None };
        Some(self.lend(&Ready { stream, whole, ending }))
    }

    /// Makes the line from `ready`, and marks the buffer as lent.
    pub(crate) fn lend<'s, 'a: 's>(&'s mut self, ready: &Ready<'a>) -> Line<'s> {
        let LineOptions { framing, timestamps, max_line, .. } = self.options;
        let gives_parts = self.gives_parts();
        let pending = &mut self.streams[ready.stream as usize];
        pending.open = false;
        pending.lent = true;
        let mut timestamp = pending.timestamp;
        let mut cut = std::mem::take(&mut pending.cut);
        let mut ending = ready.ending;
        let is_terminated = ready.ending != Ending::None;
        let mut found = pending.search.take().map(|search| search.finish(is_terminated));
        let mut text = ready.whole.unwrap_or(&pending.text);
        if framing == Framing::Raw {
            let last = ready.whole.map_or(Some(pending.last), |whole| whole.last().copied());
            if ending == Ending::Lf && last == Some(b'\r') {
                ending = Ending::CrLf;
                // The carriage return is the last byte kept or the last one dropped.
                match cut.checked_sub(1) {
                    Some(less) => cut = less,
                    None => text = &text[..text.len() - 1],
                }
            }
            if timestamps {
                (timestamp, text) = match Timestamp::split(text) {
                    Some((stamp, rest)) => (Some(stamp), rest),
                    None => (None, text),
                };
            }
        }
        let mut text = match timestamp {
            Some(stamp) if framing == Framing::Raw && timestamps => without_repeats(text, &stamp),
            _ => Cow::Borrowed(text),
        };
        if text.len() > max_line && !gives_parts {
            if let (0, Some(wanted)) = (cut, &pending.wanted) {
                let mut search = wanted.begin(false);
                search.push(&text);
                found = Some(search.finish(is_terminated));
            }
            cut += (text.len() - max_line) as u64;
            text = match text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[..max_line]),
                Cow::Owned(mut text) => {
                    text.truncate(max_line);
                    Cow::Owned(text)
                }
            };
        }
        Line { stream: ready.stream, timestamp, text, ending, cut, found, run: None }
    }
}

/// Removes the timestamps that Docker writes into the middle of a TTY's line: the same timestamp,
/// once per partial.
fn without_repeats<'a>(text: &'a [u8], timestamp: &Timestamp) -> Cow<'a, [u8]> {
    if text.len() <= DOCKER_PARTIAL_LEN {
        return Cow::Borrowed(text);
    }
    let repeat = format!("{timestamp} ");
    let finder = memchr::memmem::Finder::new(&repeat);
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((partial, after)) = rest.split_at_checked(DOCKER_PARTIAL_LEN) {
        let Some(at) = finder.find(after) else { break };
        kept.extend_from_slice(partial);
        kept.extend_from_slice(&after[..at]);
        rest = &after[at + repeat.len()..];
    }
    kept.extend_from_slice(rest);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests;
