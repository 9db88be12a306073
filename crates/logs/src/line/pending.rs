//! The line that a stream is in.

use std::sync::Arc;

use crate::Timestamp;
use crate::frame::Piece;
use crate::search::{LineSearch, Search};

/// What is known of the line that a stream is in.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Still looking for the timestamp of a frame that has begun; what was seen of it so far.
    pub(super) head: Option<Vec<u8>>,
    /// The text so far, up to the cap.
    pub(super) text: Vec<u8>,
    /// Bytes beyond the cap.
    pub(super) cut: u64,
    /// What is looked for in lines that go beyond it.
    pub(super) wanted: Option<Arc<Search>>,
    /// A carriage return before the newline is part of the ending.
    pub(super) holds_cr: bool,
    /// The search of the line, once it has gone beyond the cap.
    pub(super) search: Option<Box<LineSearch>>,
    /// A line has begun.
    pub(super) open: bool,
    /// `text` was handed out and is stale.
    pub(super) lent: bool,
    pub(super) timestamp: Option<Timestamp>,
    /// Bytes of text seen in the current frame.
    pub(super) frame_len: usize,
    /// The last byte seen, kept or not.
    pub(super) last: u8,
}

/// What came of looking for a frame's timestamp.
pub(super) enum Head {
    /// Found, or not there: the text follows in the piece.
    Done,
    /// More of the frame is needed.
    Incomplete,
    /// There was none, and what was read instead is a whole line.
    Line,
}

impl Pending {
    pub(super) fn drop_lent(&mut self) {
        if std::mem::take(&mut self.lent) {
            self.text.clear();
        }
    }

    /// Append text to the line, up to the cap.
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

    /// Take the frame's timestamp off the piece. It counts only at the start of a line: a partial repeats it.
    pub(super) fn read_head(&mut self, piece: &mut Piece<'_>, max_line: usize) -> Head {
        let head = self.head.get_or_insert_default();
        let window = &piece.payload[..piece.payload.len().min(Timestamp::MAX_PREFIX - head.len())];
        let len = memchr::memchr2(b' ', b'\n', window).map_or(window.len(), |at| at + 1);
        let (taken, rest) = piece.payload.split_at(len);
        piece.payload = rest;
        head.extend_from_slice(taken);
        let is_complete = matches!(head.last(), Some(b' ' | b'\n')) || head.len() == Timestamp::MAX_PREFIX;
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
