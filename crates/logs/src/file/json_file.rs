//! The json-file driver: `{"log":"text\n","stream":"stdout","time":"2026-11-23T07:01:20.5Z"}`, one a line (moby
//! `daemon/logger/jsonfilelog/jsonlog`). Partials have no `\n` in their text.

use super::Record;
use crate::Timestamp;
use crate::frame::Stream;
use serde::Deserialize;

/// The record on a line of the file. A text with escapes other than its newline goes to `unescaped`.
pub(super) fn parse<'a>(line: &'a [u8], unescaped: &'a mut Vec<u8>) -> Option<Record<'a>> {
    let line = line.trim_ascii_end();
    match simple(line) {
        Some((stream, time, text)) => record(stream, time, text, unescaped),
        None => general(line, unescaped),
    }
}

/// Stream, time and escaped text of a record with nothing else in it.
fn simple(line: &[u8]) -> Option<(Stream, &[u8], &[u8])> {
    let rest = line.strip_prefix(br#"{"log":""#)?.strip_suffix(br#""}"#)?;
    // From the end: the text may hold anything that looks like what follows it.
    let (rest, time) = rest.split_at(memchr::memrchr(b'"', rest)? + 1);
    let rest = rest.strip_suffix(br#"","time":""#)?;
    let (stream, text) = match rest.strip_suffix(br#"","stream":"stdout"#) {
        Some(text) => (Stream::Stdout, text),
        None => (Stream::Stderr, rest.strip_suffix(br#"","stream":"stderr"#)?),
    };
    Some((stream, time, text))
}

fn record<'a>(stream: Stream, time: &[u8], text: &'a [u8], unescaped: &'a mut Vec<u8>) -> Option<Record<'a>> {
    let timestamp = Timestamp::from_utc_without_zeros(time);
    if let Some(text) = text.strip_suffix(br"\n")
        && is_plain(text)
    {
        return Some(Record { stream, timestamp, text, is_terminated: true });
    }
    if is_plain(text) {
        return Some(Record { stream, timestamp, text, is_terminated: false });
    }
    unescaped.clear();
    if !unescape(text, unescaped) {
        let quoted = [b"\"", text, b"\""].concat();
        *unescaped = serde_json::from_slice::<String>(&quoted).ok()?.into_bytes();
    }
    let is_terminated = unescaped.pop_if(|last| *last == b'\n').is_some();
    Some(Record { stream, timestamp, text: unescaped, is_terminated })
}

/// Text that stands for itself in a JSON string.
fn is_plain(text: &[u8]) -> bool {
    memchr::memchr2(b'\\', b'"', text).is_none() && !text.iter().any(|byte| *byte < b' ')
}

/// Takes the escapes of a JSON string away. `false` for the rare ones and for what is none: whoever knows all of JSON is to
/// look at it.
///
/// Services that log JSON have a dozen escapes on a line. A general reader takes half of the time of reading their files.
fn unescape(mut text: &[u8], out: &mut Vec<u8>) -> bool {
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'"') || *byte < b' ';
    // Byte by byte: the parts between the escapes are too short for anything cleverer.
    while let Some(at) = text.iter().position(is_special) {
        let (part, rest) = text.split_at(at);
        let (byte, after) = match rest {
            [b'\\', b'"', after @ ..] => (b'"', after),
            [b'\\', b'\\', after @ ..] => (b'\\', after),
            [b'\\', b'/', after @ ..] => (b'/', after),
            [b'\\', b'n', after @ ..] => (b'\n', after),
            [b'\\', b't', after @ ..] => (b'\t', after),
            [b'\\', b'r', after @ ..] => (b'\r', after),
            // Docker's own: `<`, `>`, `&` and control characters, such as those of colours.
            [b'\\', b'u', b'0', b'0', high, low, after @ ..] => match (digit(*high), digit(*low)) {
                (Some(high @ 0..8), Some(low)) => (high << 4 | low, after),
                _ => return false,
            },
            _ => return false,
        };
        out.extend_from_slice(part);
        out.push(byte);
        text = after;
    }
    out.extend_from_slice(text);
    true
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A record of the general form: more members (`attrs`), another order.
fn general<'a>(line: &[u8], unescaped: &'a mut Vec<u8>) -> Option<Record<'a>> {
    #[derive(Deserialize)]
    struct General {
        #[serde(default)]
        log: String,
        #[serde(default)]
        stream: String,
        time: String,
    }
    let General { log, stream, time } = serde_json::from_slice(line).ok()?;
    let stream = if stream == "stderr" { Stream::Stderr } else { Stream::Stdout };
    *unescaped = log.into_bytes();
    let is_terminated = unescaped.pop_if(|last| *last == b'\n').is_some();
    let timestamp = Timestamp::from_utc_without_zeros(time.as_bytes());
    Some(Record { stream, timestamp, text: unescaped, is_terminated })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the general reader makes of it.
    fn by_serde(text: &[u8]) -> Option<Vec<u8>> {
        serde_json::from_slice::<String>(&[b"\"", text, b"\""].concat()).ok().map(String::into_bytes)
    }

    #[test]
    fn common_escapes_are_taken_away() {
        let mut out = Vec::new();
        assert!(unescape(br#"{\"a\":\"\u003cb\u003e\" \\ \/ \t\r\u001b[31m\n"#, &mut out));
        assert_eq!(out, b"{\"a\":\"<b>\" \\ / \t\r\x1b[31m\n");
        for rare in [&br"\u2028"[..], br"\ud83d\ude00", br"\b", br"\u00e9", br"\", br"\u00", br#"a"b"#, b"a\tb", br"\x"]
        {
            assert!(!unescape(rare, &mut Vec::new()), "{}", String::from_utf8_lossy(rare));
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_reader_of_all_json(parts in prop::collection::vec(
            prop::sample::select(&[r"\", "\"", "n", "u", "00", "3c", "1B", "7f", "80", "x", "é", " ", "\t", "/"][..]), 0..12)
        ) {
            let text = parts.concat();
            let mut out = Vec::new();
            if unescape(text.as_bytes(), &mut out) {
                prop_assert_eq!(Some(out), by_serde(text.as_bytes()), "{}", text);
            }
        }
    }
}
