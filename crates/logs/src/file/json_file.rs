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
    let quoted = [b"\"", text, b"\""].concat();
    *unescaped = serde_json::from_slice::<String>(&quoted).ok()?.into_bytes();
    let is_terminated = unescaped.pop_if(|last| *last == b'\n').is_some();
    Some(Record { stream, timestamp, text: unescaped, is_terminated })
}

/// Text that stands for itself in a JSON string.
fn is_plain(text: &[u8]) -> bool {
    memchr::memchr2(b'\\', b'"', text).is_none() && !text.iter().any(|byte| *byte < b' ')
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
