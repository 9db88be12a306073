//! The unfinished line of a stream.

use std::sync::Arc;

use crate::Timestamp;
use crate::frame::Piece;
use crate::search::{LineSearch, Search};

/// The unfinished line of a stream.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// The bytes read so far while looking for the timestamp of a frame.
    pub(super) head: Option<Vec<u8>>,
    /// The text so far, up to the limit.
    pub(super) text: Vec<u8>,
    /// How many bytes exceeded the limit.
    pub(super) cut: u64,
    /// The search to run on lines that exceed the limit.
    pub(super) wanted: Option<Arc<Search>>,
    /// Whether a carriage return before the newline is part of the ending.
    pub(super) holds_cr: bool,
    /// The running search, if the line has exceeded the limit.
    pub(super) search: Option<Box<LineSearch>>,
    /// Whether a line has begun.
    pub(super) open: bool,
    /// Whether `text` was lent out and is stale.
    pub(super) lent: bool,
    pub(super) timestamp: Option<Timestamp>,
    /// Bytes of text read in the current frame.
    pub(super) frame_len: usize,
    /// The last byte seen, kept or not.
    pub(super) last: u8,
}

/// The result of looking for a frame's timestamp.
pub(super) enum Head {
    /// The timestamp was found, or there is none: the text follows in the piece.
    Done,
    /// More bytes of the frame are needed.
    Incomplete,
    /// There was no timestamp, and the bytes read instead are a complete line.
    Line,
}

impl Pending {
    pub(super) fn drop_lent(&mut self) {
        if std::mem::take(&mut self.lent) {
            self.text.clear();
        }
    }

    /// Appends text to the line, up to the limit.
    pub(super) fn push(&mut self, text: &[u8], max_line: usize) {
        self.open = true;
        self.last = text.last().copied().unwrap_or(self.last);
        let kept = text.len().min(max_line.saturating_sub(self.text.len()));
        self.text.extend_from_slice(&text[..kept]);
        if kept < text.len()
            && let Some(wanted) = &self.wanted
        {
            let search = self.search.get_or_insert_with(|| {
                let mut search = Box::new(wanted.begin(self.holds_cr));
                search.push(&self.text);
                search
            });
            search.push(&text[kept..]);
        }
        self.cut += (text.len() - kept) as u64;
    }

    /// Takes the frame's timestamp off the piece. A timestamp counts only at the start of a line: a
    /// partial repeats it.
    pub(super) fn read_head(&mut self, piece: &mut Piece<'_>, max_line: usize) -> Head {
        let head = self.head.get_or_insert_default();
        let window = &piece.payload[..piece.payload.len().min(Timestamp::MAX_PREFIX - head.len())];
        let len = memchr::memchr2(b' ', b'\n', window).map_or(window.len(), |at| at + 1);
        let (taken, rest) = piece.payload.split_at(len);
        piece.payload = rest;
        head.extend_from_slice(taken);
        let is_complete =
            matches!(head.last(), Some(b' ' | b'\n')) || head.len() == Timestamp::MAX_PREFIX;
        let is_last = piece.ends_frame && rest.is_empty();
        if !is_complete && !is_last {
            return Head::Incomplete;
        }
        let mut head = self.head.take().unwrap_or_default();
        let timestamp = Timestamp::split(&head).map(|(timestamp, _)| timestamp);
        if !self.open {
            self.timestamp = timestamp;
        }
        if timestamp.is_some() || head.is_empty() {
            return Head::Done;
        }
        let is_line = head.pop_if(|last| *last == b'\n').is_some();
        self.push(&head, max_line);
        self.frame_len = if is_line { 0 } else { head.len() };
        if is_line { Head::Line } else { Head::Done }
    }
}
