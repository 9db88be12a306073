//! The local driver: `[length u32, big endian][LogEntry][the same length]` (moby
//! `daemon/logger/local/local.go`). The entry is a protobuf message
//! (`api/types/plugins/logdriver/entry.proto`) with these fields: 1 source, 2 nanoseconds since
//! 1970, 3 line (without its newline), 4 partial, 5 {1 last, 2 id, 3 ordinal}.

use super::{MAX_RECORD, Record};
use crate::Timestamp;
use crate::frame::Stream;

const LENGTH_LEN: usize = 4;

/// How each message begins: its first field is the source, and `stdout` and `stderr` share these
/// letters.
const BEGIN: &[u8] = b"\x0a\x06std";

/// What the bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// A record of this many bytes.
    Record(usize, Record<'a>),
    /// This many bytes that are not a record. A record may follow.
    Damaged(usize),
    /// Possibly a record whose end is missing.
    Incomplete,
}

/// Determines what the bytes begin with. With `is_last`, nothing follows these bytes.
///
/// If a length does not fit, the next record is found by the beginning of its message and accepted
/// if both its lengths match. A container can forge such a record within its own lines, but only in
/// its own log, and only where the log is damaged.
pub(super) fn next(bytes: &[u8], is_last: bool) -> Next<'_> {
    match whole(bytes) {
        Some(Ok(record)) => return record,
        Some(Err(())) => {}
        None if is_last => {}
        None => return Next::Incomplete,
    }
    let begins = memchr::memmem::find_iter(bytes, BEGIN);
    let next = begins.filter_map(|at| at.checked_sub(LENGTH_LEN)).find(|at| *at > 0);
    // A message whose first length is gone, or damaged.
    let lost = [0, LENGTH_LEN]
        .into_iter()
        .find(|at| bytes.get(*at..).is_some_and(|message| message.starts_with(BEGIN)));
    if let Some(at) = lost {
        match without_length(&bytes[at..]) {
            Some(record) if at == 0 => return record,
            Some(_) => return Next::Damaged(at),
            // Its end may follow.
            None if next.is_none() && !is_last && bytes.len() <= MAX_RECORD => {
                return Next::Incomplete;
            }
            None => {}
        }
    }
    let rest = if is_last { 0 } else { LENGTH_LEN + BEGIN.len() - 1 };
    match next.unwrap_or_else(|| bytes.len().saturating_sub(rest)) {
        0 => Next::Incomplete,
        len => Next::Damaged(len),
    }
}

/// Parses the record that the bytes begin with. Returns an error if they do not begin with one, and
/// `None` if more bytes are needed.
fn whole(bytes: &[u8]) -> Option<Result<Next<'_>, ()>> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_LEN>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let begin = &rest[..rest.len().min(BEGIN.len())];
    if length > MAX_RECORD || length < BEGIN.len() || !BEGIN.starts_with(begin) {
        return Some(Err(()));
    }
    let len = length + 2 * LENGTH_LEN;
    let record = parse(bytes.get(..len)?);
    Some(record.map(|record| Next::Record(len, record)).ok_or(()))
}

/// Parses the record whose message the bytes begin with. A record before it that lost bytes took
/// its first length, which was the same, for its own second one.
fn without_length(bytes: &[u8]) -> Option<Next<'_>> {
    let mut fields = Fields(bytes);
    while let Some(Some(_)) = fields.next() {
        let length = bytes.len() - fields.0.len();
        let (length_again, _) = fields.0.split_first_chunk::<LENGTH_LEN>()?;
        if u32::from_be_bytes(*length_again) as usize == length {
            return Some(Next::Record(length + LENGTH_LEN, message(&bytes[..length])?));
        }
    }
    None
}

/// Parses the record in these bytes, which include both lengths.
fn parse(bytes: &[u8]) -> Option<Record<'_>> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_LEN>()?;
    let (entry, length_again) = rest.split_last_chunk::<LENGTH_LEN>()?;
    if length != length_again {
        return None;
    }
    message(entry)
}

fn message(bytes: &[u8]) -> Option<Record<'_>> {
    let (mut stream, mut nanos, mut text, mut is_partial, mut is_last) =
        (None, None, &[][..], false, false);
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(b"stdout")) => stream = Some(Stream::Stdout),
            (1, Value::Bytes(b"stderr")) => stream = Some(Stream::Stderr),
            (2, Value::Number(value)) => nanos = Some(value.cast_signed()),
            (3, Value::Bytes(line)) => text = line,
            (4, Value::Number(value)) => is_partial = value != 0,
            (5, Value::Bytes(metadata)) => {
                for field in Fields(metadata) {
                    if let (1, Value::Number(value)) = field? {
                        is_last = value != 0;
                    }
                }
            }
            _ => {}
        }
    }
    let at = jiff::Timestamp::from_nanosecond(i128::from(nanos?)).ok()?;
    let timestamp = Timestamp::new(format!("{at:.9}").as_bytes());
    Some(Record { stream: stream?, timestamp, text, is_terminated: !is_partial || is_last })
}

/// Iterates over the fields of a protobuf message: number and value. Yields `None` for invalid
/// bytes and then ends.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.bytes(8)?),
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.bytes(len)?)
            }
            5 => Value::Bytes(self.bytes(4)?),
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
