//! The record of how a command ended, which the launcher writes behind what the command wrote.
//!
//! To ask the engine takes another connection, and the engine does not know before it has cleaned up after the process.
//! The record is a mark, the session, a space, the exit code in three digits, and a mark.

use std::borrow::Cow;

/// ASCII's record separator.
const MARK: u8 = 0x1e;

/// Looks for the record at the end of one stream. Where none is expected, nothing is held back.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// What a record begins with; empty where none is expected.
    begin: Vec<u8>,
    /// The record, or the beginning of one.
    held: Vec<u8>,
}

impl Ending {
    /// The record of this session.
    pub(super) fn of(session: &str) -> Self {
        Self { begin: [&[MARK], session.as_bytes(), b" "].concat(), held: Vec::new() }
    }

    /// Takes a piece of the stream: what is to be passed on of all that came.
    pub(super) fn take<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        if self.begin.is_empty() {
            return Cow::Borrowed(piece);
        }
        let mut all = match std::mem::take(&mut self.held) {
            held if held.is_empty() => Cow::Borrowed(piece),
            held => Cow::Owned([&held, piece].concat()),
        };
        let earliest = all.len().saturating_sub(self.begin.len() + 4);
        let may_begin = |&at: &usize| all[at] == MARK && self.may_be_record(&all[at..]);
        if let Some(at) = (earliest..all.len()).find(may_begin) {
            self.held = all[at..].to_vec();
            match &mut all {
                Cow::Borrowed(piece) => *piece = &piece[..at],
                Cow::Owned(all) => all.truncate(at),
            }
        }
        all
    }

    /// The exit code, when nothing came after the record.
    pub(super) fn code(&self) -> Option<u8> {
        let code = self.held.strip_prefix(&self.begin[..])?.strip_suffix(&[MARK])?;
        std::str::from_utf8(code).ok()?.parse().ok()
    }

    /// What is no record, at the end of the stream.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        if self.code().is_some() { Vec::new() } else { std::mem::take(&mut self.held) }
    }

    /// Whether these bytes may be the record, or its beginning.
    fn may_be_record(&self, bytes: &[u8]) -> bool {
        let agreed = bytes.len().min(self.begin.len());
        let code = &bytes[agreed..];
        bytes[..agreed] == self.begin[..agreed]
            && code.iter().take(3).all(u8::is_ascii_digit)
            && code.get(3).is_none_or(|&last| last == MARK)
    }
}

#[cfg(test)]
mod tests {
    use super::Ending;

    /// What is passed on of a stream that comes in pieces of this length, and the code.
    fn read(stream: &[u8], length: usize) -> (Vec<u8>, Option<u8>) {
        let mut ending = Ending::of("7ab1");
        let mut passed = Vec::new();
        for piece in stream.chunks(length) {
            passed.extend_from_slice(&ending.take(piece));
        }
        let code = ending.code();
        passed.extend(ending.rest());
        (passed, code)
    }

    #[test]
    fn the_record_is_taken_out_however_it_is_cut() {
        for length in 1..30 {
            assert_eq!(read(b"text\n\x1e7ab1 003\x1e", length), (b"text\n".to_vec(), Some(3)));
            assert_eq!(read(b"\x1e7ab1 137\x1e", length), (Vec::new(), Some(137)));
            assert_eq!(read(b"\x1e\x1e7ab1 000\x1e", length), (b"\x1e".to_vec(), Some(0)));
        }
    }

    #[test]
    fn all_else_is_passed_on_whole() {
        for stream in [
            &b"\x1e"[..],
            b"text",
            b"\x1e7ab1 003",
            b"\x1e7ab2 003\x1e",
            b"\x1e7ab1 003\x1e, it says\n",
            b"\x1e7ab1 0x3\x1e",
            b"\x1e7ab1 999\x1e",
        ] {
            for length in 1..30 {
                assert_eq!(read(stream, length), (stream.to_vec(), None), "{stream:?} in pieces of {length}");
            }
        }
    }

    #[test]
    fn nothing_is_held_back_where_no_record_is_expected() {
        let mut ending = Ending::default();
        assert_eq!(*ending.take(b"\x1e7ab1 003\x1e"), *b"\x1e7ab1 003\x1e");
        assert_eq!(ending.code(), None);
        assert!(ending.rest().is_empty());
    }
}
