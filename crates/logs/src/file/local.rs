//! The local driver: `[length u32, big endian][LogEntry][the same length]` (moby `daemon/logger/local/local.go`), where
//! the entry is a protobuf message (`api/types/plugins/logdriver/entry.proto`):
//! 1 source, 2 nanoseconds since 1970, 3 line (without its newline), 4 partial, 5 {1 last, 2 id, 3 ordinal}.

use super::{FileError, MAX_RECORD, Record};
use crate::Timestamp;
use crate::frame::Stream;

pub(super) const LENGTH_LEN: usize = 4;

/// How many bytes of `input` complete the record that `carry` begins; `None` when more are needed.
pub(super) fn missing(carry: &[u8], input: &[u8]) -> Result<Option<usize>, FileError> {
    let mut length = [0; LENGTH_LEN];
    let mut begin = carry.iter().chain(input);
    for byte in &mut length {
        let Some(next) = begin.next() else { return Ok(None) };
        *byte = *next;
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_RECORD {
        return Err(FileError::Damaged);
    }
    let missing = length + 2 * LENGTH_LEN - carry.len();
    Ok((missing <= input.len()).then_some(missing))
}

/// The record in these bytes, both lengths included.
pub(super) fn parse(bytes: &[u8]) -> Option<Record<'_>> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_LEN>()?;
    let (message, length_again) = rest.split_last_chunk::<LENGTH_LEN>()?;
    if length != length_again {
        return None;
    }
    let (mut stream, mut nanos, mut text, mut is_partial, mut is_last) = (Stream::Stdout, 0, &[][..], false, false);
    for field in Fields(message) {
        match field? {
            (1, Value::Bytes(source)) => stream = if source == b"stderr" { Stream::Stderr } else { Stream::Stdout },
            (2, Value::Number(value)) => nanos = value.cast_signed(),
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
    let at = jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok()?;
    let timestamp = Timestamp::new(format!("{at:.9}").as_bytes());
    Some(Record { stream, timestamp, text, is_terminated: !is_partial || is_last })
}

/// The fields of a protobuf message: number and value; `None` for bytes that are none, and then nothing more.
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
