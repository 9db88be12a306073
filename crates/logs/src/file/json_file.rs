//! The json-file driver: `{"log":"text\n","stream":"stdout","time":"2026-11-23T07:01:20.5Z"}`, one
//! object per line (moby `daemon/logger/jsonfilelog/jsonlog`). The text of partials has no `\n`.

use serde::Deserialize;

use super::Record;
use crate::Timestamp;
use crate::frame::Stream;

/// Parses the record on a line of the file. Text with escapes other than its newline is stored in
/// `unescaped`.
pub(super) fn parse<'a>(line: &'a [u8], unescaped: &'a mut Vec<u8>) -> Option<Record<'a>> {
    let line = line.trim_ascii_end();
    match simple(line) {
        Some((stream, time, text)) => record(stream, time, text, unescaped),
        None => general(line, unescaped),
    }
}

/// Returns stream, time and escaped text of a record that has no other members.
fn simple(line: &[u8]) -> Option<(Stream, &[u8], &[u8])> {
    let rest = line.strip_prefix(br#"{"log":""#)?.strip_suffix(br#""}"#)?;
    // Parse from the end: the text may contain anything that looks like the members after it.
    let (rest, time) = rest.split_at(memchr::memrchr(b'"', rest)? + 1);
    let rest = rest.strip_suffix(br#"","time":""#)?;
    let (stream, text) = match rest.strip_suffix(br#"","stream":"stdout"#) {
        Some(text) => (Stream::Stdout, text),
        None => (Stream::Stderr, rest.strip_suffix(br#"","stream":"stderr"#)?),
    };
    Some((stream, time, text))
}

fn record<'a>(
    stream: Stream,
    time: &[u8],
    text: &'a [u8],
    unescaped: &'a mut Vec<u8>,
) -> Option<Record<'a>> {
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
        unescaped.clear();
        unescape_all(text, unescaped)?;
    }
    let is_terminated = unescaped.pop_if(|last| *last == b'\n').is_some();
    Some(Record { stream, timestamp, text: unescaped, is_terminated })
}

/// Reports whether the text means the same in a JSON string as outside of one.
fn is_plain(text: &[u8]) -> bool {
    memchr::memchr2(b'\\', b'"', text).is_none() && !text.iter().any(|byte| *byte < b' ')
}

/// Unescapes a JSON string. Returns `false` for rare and invalid escapes, which a complete JSON
/// parser must handle.
///
/// Services that log JSON have a dozen escapes per line. A general parser would take half of the
/// time of reading their files.
fn unescape(mut text: &[u8], out: &mut Vec<u8>) -> bool {
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'"') || *byte < b' ';
    // Byte by byte: the parts between the escapes are too short for a faster search.
    while let Some(at) = text.iter().position(is_special) {
        let (part, rest) = text.split_at(at);
        let (byte, after) = match rest {
            [b'\\', b'"', after @ ..] => (b'"', after),
            [b'\\', b'\\', after @ ..] => (b'\\', after),
            [b'\\', b'/', after @ ..] => (b'/', after),
            [b'\\', b'n', after @ ..] => (b'\n', after),
            [b'\\', b't', after @ ..] => (b'\t', after),
            [b'\\', b'r', after @ ..] => (b'\r', after),
            // Docker escapes `<`, `>`, `&` and control characters such as those of colors.
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

/// Like [`unescape`], for all escapes. Half of a surrogate pair becomes U+FFFD, as in Go. Returns
/// `None` for text that is not valid JSON.
fn unescape_all(mut text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'"') || *byte < b' ';
    while let Some(at) = text.iter().position(is_special) {
        let (part, rest) = text.split_at(at);
        out.extend_from_slice(part);
        let (c, after) = match rest {
            [b'\\', b'u', after @ ..] => unicode(after)?,
            [b'\\', c, after @ ..] => {
                let c = match c {
                    b'"' | b'\\' | b'/' => char::from(*c),
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    _ => return None,
                };
                (c, after)
            }
            _ => return None,
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        text = after;
    }
    out.extend_from_slice(text);
    Some(())
}

/// Returns the character written after `\u`, possibly as two surrogates, and the text after it.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (first, rest) = four_digits(text)?;
    if let Some(after) = rest.strip_prefix(br"\u".as_slice())
        && let Some((second, after)) = four_digits(after)
        && let Some(Ok(c)) = char::decode_utf16([first, second]).next()
        && c.len_utf16() == 2
    {
        return Some((c, after));
    }
    Some((char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER), rest))
}

fn four_digits(text: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let value =
        digits.iter().try_fold(0, |value, byte| Some(value << 4 | u16::from(digit(*byte)?)))?;
    Some((value, rest))
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A record in its general form: it may have more members (`attrs`), in another order, and lacks
/// members that are empty.
#[derive(Deserialize)]
pub(super) struct General {
    log: Option<String>,
    stream: Option<String>,
    time: Option<String>,
}

impl General {
    fn known_stream(&self) -> Option<Stream> {
        match self.stream.as_deref()? {
            "stdout" => Some(Stream::Stdout),
            "stderr" => Some(Stream::Stderr),
            _ => None,
        }
    }

    fn timestamp(&self) -> Option<Timestamp> {
        Timestamp::from_utc_without_zeros(self.time.as_ref()?.as_bytes())
    }

    /// Reports whether the record has all members that Docker writes. No other object does.
    pub(super) fn is_sure(&self) -> bool {
        self.known_stream().is_some() && self.timestamp().is_some()
    }

    /// Returns the record, or `None` if the object is not a record.
    pub(super) fn into_record(self, unescaped: &mut Vec<u8>) -> Option<Record<'_>> {
        let (stream, timestamp) = (self.known_stream(), self.timestamp());
        let known = [self.log.is_some(), stream.is_some(), timestamp.is_some()];
        if known.into_iter().filter(|is_known| *is_known).count() < 2 {
            return None;
        }
        *unescaped = self.log.unwrap_or_default().into_bytes();
        let is_terminated = unescaped.pop_if(|last| *last == b'\n').is_some();
        Some(Record {
            stream: stream.unwrap_or(Stream::Stdout),
            timestamp,
            text: unescaped,
            is_terminated,
        })
    }
}

fn general<'a>(line: &[u8], unescaped: &'a mut Vec<u8>) -> Option<Record<'a>> {
    let general: General = match str::from_utf8(line) {
        Ok(line) => serde_json::from_str(line).ok()?,
        // Go replaces invalid UTF-8 with U+FFFD.
        Err(_) => serde_json::from_str(&String::from_utf8_lossy(line)).ok()?,
    };
    general.into_record(unescaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Unescapes text with serde, for comparison.
    fn by_serde(text: &[u8]) -> Option<Vec<u8>> {
        serde_json::from_slice::<String>(&[b"\"", text, b"\""].concat())
            .ok()
            .map(String::into_bytes)
    }

    #[test]
    fn common_escapes_are_taken_away() {
        let mut out = Vec::new();
        assert!(unescape(br#"{\"a\":\"\u003cb\u003e\" \\ \/ \t\r\u001b[31m\n"#, &mut out));
        assert_eq!(out, b"{\"a\":\"<b>\" \\ / \t\r\x1b[31m\n");
        for rare in [
            &br"\u2028"[..],
            br"\ud83d\ude00",
            br"\b",
            br"\u00e9",
            br"\",
            br"\u00",
            br#"a"b"#,
            b"a\tb",
            br"\x",
        ] {
            assert!(!unescape(rare, &mut Vec::new()), "{}", String::from_utf8_lossy(rare));
        }
    }

    #[test]
    fn rare_escapes_and_what_is_none() {
        let cases: [(&[u8], Option<&str>); 14] = [
            (br"\u2028\u00e9\b\f", Some("\u{2028}é\u{8}\u{c}")),
            (br"\ud83d\ude00!", Some("😀!")),
            (br"\ud83d", Some("\u{fffd}")),
            (br"\ude00\ud83d.", Some("\u{fffd}\u{fffd}.")),
            (br"\ud83d\u0041", Some("\u{fffd}A")),
            (br"\ud83d\n", Some("\u{fffd}\n")),
            (br"\u0041\u0042", Some("AB")),
            (br"\", None),
            (br"\x", None),
            (br"\u12", None),
            (br"\u12g4", None),
            (br#"a"b"#, None),
            (b"a\tb", None),
            (b"a\0b", None),
        ];
        for (text, want) in cases {
            let mut out = Vec::new();
            let got = unescape_all(text, &mut out).map(|()| String::from_utf8(out).unwrap());
            assert_eq!(got.as_deref(), want, "{}", text.escape_ascii());
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
            let mut all = Vec::new();
            if let Some(want) = by_serde(text.as_bytes()) {
                prop_assert!(unescape_all(text.as_bytes(), &mut all).is_some(), "{}", text);
                prop_assert_eq!(all, want, "{}", text);
            }
        }
    }
}
