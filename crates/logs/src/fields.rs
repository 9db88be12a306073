//! Reads fields of structured log lines (JSON or logfmt) on demand.
//!
//! No line is rejected. A line that is neither JSON nor logfmt, or broken, is text without fields.
//! Scanning goes from left to right, without recursion and without copying. The first of duplicate
//! keys counts.

mod json;
mod logfmt;

use std::borrow::Cow;

/// Returns a field's value as text: a string without its quotes and escapes, any other value as
/// written.
///
/// `path` is a key (`msg`; a key may contain dots, as `log.level` does) or a path of keys into
/// nested objects (`http.status`).
///
/// ```
/// use scratchdbg_logs::fields;
/// let line = br#"{"level":30,"http":{"status":502},"msg":"say \"hi\""}"#;
/// assert_eq!(fields::get(line, "http.status").as_deref(), Some("502"));
/// assert_eq!(fields::get(line, "msg").as_deref(), Some("say \"hi\""));
/// let line = br#"level=warn msg="slow query" ms=1200"#;
/// assert_eq!(fields::get(line, "msg").as_deref(), Some("slow query"));
/// ```
pub fn get<'a>(line: &'a [u8], path: &str) -> Option<Cow<'a, str>> {
    if json::is_object(line) {
        json::get(line, path).and_then(text)
    } else {
        logfmt::get(line, path)
    }
}

/// Returns the line's fields as one JSON object: the line itself if it is one, or its logfmt pairs
/// as strings.
pub(crate) fn object(line: &[u8]) -> Option<Cow<'_, str>> {
    if json::is_object(line) {
        json::valid_object(line)
    } else {
        logfmt::object(line).map(Cow::Owned)
    }
}

/// The notation of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One JSON object.
    Json,
    /// The beginning of a JSON object.
    CutJson,
    /// The line begins with a logfmt pair.
    Logfmt,
    /// Any other text. It may contain pairs.
    Text,
}

/// Guesses the notation of the line from its first and last bytes.
pub(crate) fn kind(line: &[u8]) -> Kind {
    if json::is_object(line) {
        Kind::Json
    } else if json::begins_object(line) {
        Kind::CutJson
    } else if logfmt::begins_with_pair(line) {
        Kind::Logfmt
    } else {
        Kind::Text
    }
}

/// Calls `make` for the fields with `wanted` keys and returns its first result. The objects `log`
/// and `record` stand for their members.
pub(crate) fn pick<W, T>(
    line: &[u8],
    wanted: impl Fn(&[u8]) -> Option<W>,
    make: impl Fn(W, &str) -> Option<T>,
) -> Option<T> {
    let of = |key: &[u8], value: &[u8]| make(wanted(key)?, &text(value)?);
    if !json::begins_object(line) {
        return logfmt::pairs(line).find_map(|(key, value)| of(key, value));
    }
    json::members(line).find_map(|(key, value)| {
        of(key, value).or_else(|| {
            // The Elastic Common Schema nests the level: {"log":{"level":"info"}}. loguru does too,
            // in "record".
            (matches!(key, b"log" | b"record") && json::is_object(value))
                .then(|| json::members(value).find_map(|(key, value)| of(key, value)))?
        })
    })
}

/// Like [`pick`], for a line that begins with words. Considers only pairs that have another pair
/// right beside them: a single pair is part of a sentence or a query.
pub(crate) fn pick_beside<W, T>(
    line: &[u8],
    wanted: impl Fn(&[u8]) -> Option<W>,
    make: impl Fn(W, &str) -> Option<T>,
) -> Option<T> {
    let words: Vec<_> = logfmt::words(line).collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let (key, value) = (*word)?;
        let is_pair = |at: usize| words.get(at).is_some_and(Option::is_some);
        let is_beside = is_pair(at + 1) || at.checked_sub(1).is_some_and(is_pair);
        if is_beside { make(wanted(key)?, &text(value)?) } else { None }
    })
}

/// Returns a raw value as text: strings unescaped, any other value (and strings that cannot be
/// unescaped) as written.
fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    let raw = str::from_utf8(raw).ok()?;
    let Some(inner) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Some(Cow::Borrowed(raw));
    };
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    Some(serde_json::from_str::<String>(raw).map_or(Cow::Borrowed(raw), Cow::Owned))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn get_from_json() {
        let cases: &[(&str, &str, Option<&str>)] = &[
            (r#"{"a":"x"}"#, "a", Some("x")),
            (r#" { "a" : "x" , "b" : 1.50 } "#, "b", Some("1.50")),
            (r#"{"a":true,"b":null,"c":[1,{"d":2}],"e":{}}"#, "c", Some(r#"[1,{"d":2}]"#)),
            (r#"{"a":true,"b":null}"#, "b", Some("null")),
            (r#"{"a":{"b":{"c":"deep"}}}"#, "a.b.c", Some("deep")),
            (r#"{"a":{"b.c":"dotted"}}"#, "a.b.c", Some("dotted")),
            (r#"{"a.b":"dotted"}"#, "a.b", Some("dotted")),
            (r#"{"a":1}"#, "a.b", None),
            (r#"{"s":"}{\"]","a":"after"}"#, "a", Some("after")),
            (r#"{"a":"\u0041\n\"\\"}"#, "a", Some("A\n\"\\")),
            (r#"{"\u0061":"escaped key"}"#, "a", Some("escaped key")),
            // 47: hostile and odd JSON.
            (r#"{"a":"first","a":"second"}"#, "a", Some("first")),
            (r#"{"a":1e400}"#, "a", Some("1e400")),
            ("\u{feff}{\"a\":\"bom\"}", "a", Some("bom")),
            (r#"{"a":"\ud800"}"#, "a", Some(r#""\ud800""#)),
            (r#"prefix {"a":"x"}"#, "a", None),
            (r#"{"a":"unterminated"#, "a", None),
            (r#"{"a" "x"}"#, "a", None),
            (r#"{"b":,"a":"x"}"#, "a", None),
            (r"{}", "a", None),
            ("", "a", None),
        ];
        for (line, path, want) in cases {
            assert_eq!(get(line.as_bytes(), path).as_deref(), *want, "{line} {path}");
        }
        let deep = format!("{{\"x\":{}{},\"a\":1}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(get(deep.as_bytes(), "a").as_deref(), Some("1"));
        assert_eq!(get(b"{\"a\":\"\xff\"}", "a"), None);
    }

    #[test]
    fn an_object_is_the_same_for_all_readers() {
        let deep =
            |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        for (line, want) in [
            (r#" {"a": 1, "b":[{"c":"\u00e9\n"}]} "#, Some(r#"{"a": 1, "b":[{"c":"\u00e9\n"}]}"#)),
            (r#"{"a":"\ud83d\ude00"}"#, Some(r#"{"a":"\ud83d\ude00"}"#)),
            (r#"{"a":"\ud800"}"#, Some(r#"{"a":"\ufffd"}"#)),
            (
                r#"{"a":"\udc00x\ud800\u0041\\ud800"}"#,
                Some(r#"{"a":"\ufffdx\ufffd\u0041\\ud800"}"#),
            ),
            (r#"{"\uDBFF":"\uD800\uD83D\uDE00"}"#, Some(r#"{"\ufffd":"\ufffd\uD83D\uDE00"}"#)),
            (
                r#"{"level":"a", "x":1,"l\u0065vel":"b","level":"c"}"#,
                Some(r#"{"level":"a","x":1}"#),
            ),
            (r#"{"a":{"b":1,"b":2},"c":3}"#, Some(r#"{"a":{"b":1},"c":3}"#)),
            ("level=error msg=x level=info", Some(r#"{"level":"error","msg":"x"}"#)),
            ("a=1 a=2", Some(r#"{"a":"1"}"#)),
            (&deep(65), None),
            (&deep(100_000), None),
            (r#"{"a":}"#, None),
        ] {
            assert_eq!(object(line.as_bytes()).as_deref(), want, "{line:.80}");
        }
        assert_eq!(object(deep(64).as_bytes()).as_deref(), Some(deep(64).as_str()));
    }

    #[test]
    fn get_from_logfmt() {
        let line = br#"time="2026-11-23T07:01:20Z" level=warn empty= quoted="a \"b\" c" a.b=1 flag odd=x"y last=z"#;
        let cases = [
            ("time", Some("2026-11-23T07:01:20Z")),
            ("level", Some("warn")),
            ("empty", Some("")),
            ("quoted", Some("a \"b\" c")),
            ("a.b", Some("1")),
            ("flag", None),
            ("odd", Some("x\"y")),
            ("last", Some("z")),
            ("absent", None),
        ];
        for (key, want) in cases {
            assert_eq!(get(line, key).as_deref(), want, "{key}");
        }
        assert_eq!(
            get(b"2026-11-23 INFO took ms=12", "ms").as_deref(),
            Some("12"),
            "pairs after plain text"
        );
        assert_eq!(get(br#"a="never closed"#, "a").as_deref(), Some("\"never"));
    }

    #[test]
    fn object_of_a_line() {
        let cases: &[(&str, Option<&str>)] = &[
            (r#"{"a":1}"#, Some(r#"{"a":1}"#)),
            ("\u{feff} {\"a\":1} ", Some(r#"{"a":1}"#)),
            (
                r#"level=info msg="x \"y\"" n=3"#,
                Some(r#"{"level":"info","msg":"x \"y\"","n":"3"}"#),
            ),
            (r#"{"a":1,}"#, None),
            ("a=1", None),
            ("see a=1 b=2", None),
            ("plain text", None),
            ("https://x/?a=1&b=2 c=3", None),
        ];
        for (line, want) in cases {
            assert_eq!(object(line.as_bytes()).as_deref(), *want, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(line in proptest::collection::vec(prop_oneof![Just(b'{'), Just(b'"'), Just(b'\\'), Just(b':'), Just(b'='), any::<u8>()], 0..60)) {
            drop((get(&line, "a.b"), object(&line), kind(&line), pick(&line, |key| key.is_empty().then_some(()), |(), _| Some(()))));
        }

        #[test]
        fn what_serde_json_writes_is_read(keys in proptest::collection::vec("\\PC{1,8}", 1..5), value in "\\PC{0,20}") {
            let mut object = serde_json::Map::new();
            for key in &keys {
                object.insert(key.clone(), serde_json::json!({ "in": [value, 1] }));
                object.insert(format!("{key}~"), value.clone().into());
            }
            let line = serde_json::to_string(&object).unwrap();
            for key in &keys {
                prop_assert_eq!(json::get(line.as_bytes(), &format!("{key}~")).and_then(text).unwrap(), value.as_str());
            }
        }
    }
}
