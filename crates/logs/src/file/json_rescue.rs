//! Finds complete records on a damaged line of a json-file: after zeros, after half a record, or
//! several in a row.

use std::ops::Range;

use super::Record;
use super::json_file::General;

/// How Docker's records begin. Docker leaves out an empty text.
const BEGINS: [&[u8]; 2] = [br#"{"log":""#, br#"{"stream":""#];

/// Returns the first complete record in these bytes, and its position.
///
/// The text of a record cannot be mistaken for a record: each quotation mark in it has a backslash
/// before it.
pub(super) fn find<'u>(
    bytes: &[u8],
    unescaped: &'u mut Vec<u8>,
) -> Option<(Range<usize>, Record<'u>)> {
    let mut begins = memchr::memchr_iter(b'{', bytes);
    let (range, general) = begins.find_map(|begin| {
        let (len, general) = parse(&bytes[begin..])?;
        general.is_sure().then_some((begin..begin + len, general))
    })?;
    Some((range, general.into_record(unescaped)?))
}

/// Parses the record that the bytes begin with, and returns its length too.
fn parse(bytes: &[u8]) -> Option<(usize, General)> {
    if bytes[1..].trim_ascii_start().first() != Some(&b'"') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<General>();
    let general = values.next()?.ok()?;
    Some((values.byte_offset(), general))
}

/// Returns where the last record in these bytes may begin. The bytes before that can be dropped.
pub(super) fn last_begin(bytes: &[u8]) -> usize {
    let last = BEGINS.iter().filter_map(|begin| memchr::memmem::rfind(bytes, begin)).max();
    // The bytes may end within the opening of a record.
    let longest = BEGINS.iter().map(|begin| begin.len()).max().unwrap_or_default();
    match last {
        Some(last) if last > 0 => last,
        _ => bytes.len() - longest.min(bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"log":"a\n","stream":"stdout","time":"2026-11-23T07:01:20.5Z"}"#;

    #[test]
    fn records_behind_damage() {
        let spaced = r#"{ "stream": "stderr", "log": "a\n", "time": "2026-11-23T07:01:20.5Z" }"#;
        let cases: [(&str, &str, Option<usize>); 12] = [
            ("nothing", "", None),
            ("garbage", "not json {at} all {\"}", None),
            ("zeros", "\0\0\0\0", Some(4)),
            ("half a record", r#"{"log":"b\n","str"#, Some(17)),
            ("half a text", r#"{"log":"some {\"log\":\"x"#, Some(25)),
            (
                "the end of a record",
                r#""stream":"stdout","time":"2026-11-23T07:01:20.5Z"}"#,
                Some(50),
            ),
            (
                "attributes without a begin",
                r#""attrs":{"stream":"stdout"},"time":"2026-11-23T07:01:20.5Z"}"#,
                Some(60),
            ),
            ("another object", r#"{"log":"x"}"#, Some(11)),
            (
                "a wrong type",
                r#"{"log":5,"stream":"stdout","time":"2026-11-23T07:01:20.5Z"}"#,
                Some(59),
            ),
            ("a wrong time", r#"{"log":"x","stream":"stdout","time":"now"}"#, Some(42)),
            ("a number", "42", Some(2)),
            ("a brace", "{", Some(1)),
        ];
        for (name, damage, at) in cases {
            let mut unescaped = Vec::new();
            for good in [GOOD, spaced] {
                let text = at.map_or(damage.to_owned(), |_| format!("{damage}{good}\r\n"));
                let found = find(text.as_bytes(), &mut unescaped);
                let range = found.as_ref().map(|(range, _)| range.clone());
                assert_eq!(range, at.map(|at| at..at + good.len()), "{name}");
                assert!(
                    found.is_none_or(|(_, record)| record.text == b"a" && record.is_terminated),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn the_begin_of_a_record_is_kept() {
        let zeros = "\0".repeat(100);
        for (text, want) in [
            (format!("{zeros}{GOOD}"), 100),
            (format!("{zeros}{GOOD}{GOOD}"), 100 + GOOD.len()),
            (format!(r#"{zeros}{{"stream":"std"#), 100),
            (format!("{GOOD}{zeros}"), GOOD.len() + 100 - 11),
            (zeros.clone(), 89),
            ("\0".to_owned(), 0),
        ] {
            assert_eq!(last_begin(text.as_bytes()), want, "{text:?}");
        }
    }
}
