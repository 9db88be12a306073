//! Counts the records of an answer, and remembers the first, to check the answer for completeness
//! later.

use scratchdbg_logs::frame::{FrameDecoder, FrameEvent};
use scratchdbg_logs::{Framing, Line, Timestamp};

/// Identifies a record: its timestamp and the start of its text.
pub(crate) type Head = Vec<u8>;

/// How many bytes of a record are compared.
const HEAD_LEN: usize = 64;

/// The maximum text length of a record in Docker.
const DOCKER_RECORD: u64 = 16 << 10;

/// What the engine sent in one answer.
#[derive(Debug, Default)]
pub(crate) struct SentRecords {
    /// The number of records.
    pub(crate) records: u64,
    /// The first record, if timestamps were requested.
    pub(crate) first: Option<Head>,
    /// The timestamp of the last complete line.
    pub(crate) last: Option<Timestamp>,
}

impl SentRecords {
    /// Counts the records of a line. With a TTY, records have no frames, so their number follows
    /// from the line's length (Docker splits lines at that length).
    pub(crate) fn count(&mut self, line: &Line<'_>, tty: bool) {
        self.last = line.timestamp.or(self.last);
        if tty {
            self.records += 1 + (line.text.len() as u64 + line.cut) / DOCKER_RECORD;
        }
    }
}

/// The start of a stream, up to the heads of the first records.
#[derive(Debug)]
pub(crate) struct HeadCollector {
    decoder: FrameDecoder,
    pub(crate) heads: Vec<Head>,
    is_open: bool,
}

impl HeadCollector {
    pub(crate) fn new(framing: Framing) -> Self {
        Self { decoder: FrameDecoder::new(framing), heads: Vec::new(), is_open: false }
    }

    /// Takes the next bytes of the stream. Returns whether there are as many records now.
    pub(crate) fn push(&mut self, mut bytes: &[u8], wanted: usize, framing: Framing) -> bool {
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
        let whole = self.heads.len()
            - usize::from(
                self.is_open && self.heads.last().is_some_and(|head| head.len() < HEAD_LEN),
            );
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

    /// Takes the heads of the records that are whole, or of all.
    pub(crate) fn take(&mut self, all: bool) -> Vec<Head> {
        let open = if self.is_open && !all { self.heads.pop() } else { None };
        std::mem::replace(&mut self.heads, open.into_iter().collect())
    }

    pub(crate) fn into_first(self) -> Option<Head> {
        self.heads.into_iter().next()
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
        let want =
            [b"a\n".to_vec(), Vec::new(), long.as_bytes()[..HEAD_LEN].to_vec(), b"b\n".to_vec()];
        let raw = format!("a\r\n\n{long}\nb");
        let raw_want = [b"a\r\n".to_vec(), b"\n".to_vec(), want[2].clone(), b"b".to_vec()];
        for size in [1, 7, 1000] {
            for (framing, bytes, want) in [
                (Framing::Multiplexed, &stream[..], &want),
                (Framing::Raw, raw.as_bytes(), &raw_want),
            ] {
                let mut begin = HeadCollector::new(framing);
                for chunk in bytes.chunks(size) {
                    begin.push(chunk, 9, framing);
                }
                assert_eq!(begin.heads, want);
                let mut begin = HeadCollector::new(framing);
                assert!(bytes.chunks(size).any(|chunk| begin.push(chunk, 2, framing)));
                assert_eq!(begin.heads[..2], want[..2]);
            }
        }
    }
}
