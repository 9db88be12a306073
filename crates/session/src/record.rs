//! The launcher's record of how a command ended, written after the command's output.
//!
//! Asking the engine would take another connection, and the engine knows the exit code only after
//! it has cleaned up after the process. It also cannot tell whether all output arrived. The record
//! consists of a mark, a secret, a space, the exit code in three digits, and a mark.

use std::borrow::Cow;

use scratchdbg_backend::launcher::RECORD_VARIABLE;
use scratchdbg_backend::{Error, ErrorKind};

/// ASCII's record separator.
const MARK: u8 = 0x1e;

/// A secret that only this client and the launcher of its session know.
pub(crate) struct Secret(String);

impl Secret {
    /// Creates a secret from 128 random bits. It is written in decimal digits, which no terminal
    /// setting changes.
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self(format!("{:039}", random_bits()?)))
    }

    /// Returns the environment variable for the launcher.
    pub(crate) fn variable(&self) -> String {
        format!("{RECORD_VARIABLE}={}", self.0)
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Returns 128 random bits from the kernel.
pub(crate) fn random_bits() -> Result<u128, Error> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    let read =
        std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(|error| Error::new(ErrorKind::Local, format!("no random bytes: {error}")))?;
    Ok(u128::from_ne_bytes(bytes))
}

/// Searches one stream for the record. If no record is expected, holds nothing back.
#[derive(Default)]
pub(crate) struct Record {
    /// The prefix of a record; empty if no record is expected.
    begin: Vec<u8>,
    /// Bytes that may be the start of a record.
    held: Vec<u8>,
    code: Option<u8>,
}

/// How bytes that begin with a mark compare to a record.
enum Match {
    Whole(u8),
    Beginning,
    Nothing,
}

impl Record {
    /// Searches for the record with this secret.
    pub(crate) fn of(Secret(secret): &Secret) -> Self {
        Self { begin: [&[MARK], secret.as_bytes(), b" "].concat(), ..Self::default() }
    }

    /// Takes a chunk of the stream, and returns the bytes to forward. Bytes after the record are
    /// dropped: they come from other processes, which could not be killed.
    pub(crate) fn take<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        if self.begin.is_empty() || self.code.is_some() {
            return Cow::Borrowed(piece);
        }
        let all = match std::mem::take(&mut self.held) {
            held if held.is_empty() => Cow::Borrowed(piece),
            held => Cow::Owned([&held, piece].concat()),
        };
        let marks = all.iter().enumerate().filter(|&(_, &byte)| byte == MARK);
        let found = marks
            .map(|(at, _)| (at, self.compare(&all[at..])))
            .find(|(_, found)| !matches!(found, Match::Nothing));
        match found {
            None => all,
            Some((at, Match::Whole(code))) => {
                self.code = Some(code);
                Cow::Owned([&all[..at], &all[at + self.length()..]].concat())
            }
            Some((at, _)) => {
                self.held = all[at..].to_vec();
                match all {
                    Cow::Borrowed(piece) => Cow::Borrowed(&piece[..at]),
                    Cow::Owned(mut all) => {
                        all.truncate(at);
                        Cow::Owned(all)
                    }
                }
            }
        }
    }

    /// Returns the exit code, once the record has arrived.
    pub(crate) fn code(&self) -> Option<u8> {
        self.code
    }

    /// At the end of the stream, returns the held bytes, which are not a record.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Returns the length of a record.
    fn length(&self) -> usize {
        self.begin.len() + b"000\x1e".len()
    }

    /// Checks whether these bytes begin with the record, or could be the start of it.
    fn compare(&self, bytes: &[u8]) -> Match {
        let bytes = &bytes[..bytes.len().min(self.length())];
        let agreed = bytes.len().min(self.begin.len());
        let (begin, rest) = bytes.split_at(agreed);
        if begin != &self.begin[..agreed] {
            return Match::Nothing;
        }
        match rest {
            [code @ .., MARK] if code.len() == 3 && code.iter().all(u8::is_ascii_digit) => {
                let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok());
                code.map_or(Match::Nothing, Match::Whole)
            }
            digits if digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) => {
                Match::Beginning
            }
            _ => Match::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Secret};

    /// Reads a stream in chunks of this length. Returns the forwarded bytes and the exit code.
    fn read(stream: &[u8], length: usize) -> (Vec<u8>, Option<u8>) {
        let mut ending = Record::of(&Secret::of("7123"));
        let mut passed = Vec::new();
        for piece in stream.chunks(length) {
            passed.extend_from_slice(&ending.take(piece));
        }
        passed.extend(ending.rest());
        (passed, ending.code())
    }

    #[test]
    fn the_record_is_taken_out_however_it_is_cut() {
        for length in 1..30 {
            assert_eq!(read(b"text\n\x1e7123 003\x1e", length), (b"text\n".to_vec(), Some(3)));
            assert_eq!(read(b"\x1e7123 137\x1e", length), (Vec::new(), Some(137)));
            assert_eq!(read(b"\x1e\x1e7123 000\x1e", length), (b"\x1e".to_vec(), Some(0)));
            // After the command has ended, another process keeps writing.
            assert_eq!(
                read(b"a\x1e7123 004\x1eb\x1e7123 005\x1e", length),
                (b"ab\x1e7123 005\x1e".to_vec(), Some(4))
            );
        }
    }

    #[test]
    fn all_else_is_passed_on_whole() {
        for stream in [
            &b"\x1e"[..],
            b"text",
            b"\x1e7123 003",
            b"\x1e7124 003\x1e",
            b"\x1e7123 0x3\x1e",
            b"\x1e7123 999\x1e",
            b"\x1e7123 +03\x1e",
            b"\x1e7123 0003\x1e",
        ] {
            for length in 1..30 {
                assert_eq!(
                    read(stream, length),
                    (stream.to_vec(), None),
                    "{stream:?} in pieces of {length}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_held_back_where_no_record_is_expected() {
        let mut ending = Record::default();
        assert_eq!(*ending.take(b"\x1e7123 003\x1e"), *b"\x1e7123 003\x1e");
        assert_eq!(ending.code(), None);
        assert!(ending.rest().is_empty());
    }

    #[test]
    fn secrets_are_of_one_length_and_differ() {
        let [one, other] = [Secret::new().unwrap(), Secret::new().unwrap()];
        assert_ne!(one.0, other.0);
        assert!(one.0.len() == 39 && one.0.bytes().all(|byte| byte.is_ascii_digit()), "{}", one.0);
    }
}
