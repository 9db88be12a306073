//! The members of a JSON object, as slices of the line.

use std::borrow::Cow;
use std::collections::HashSet;

/// Reports whether the line looks like one complete object. A byte order mark and surrounding
/// blanks are ignored.
pub(super) fn is_object(line: &[u8]) -> bool {
    let line = trim(line);
    line.first() == Some(&b'{') && line.last() == Some(&b'}')
}

/// Reports whether the line begins like an object. The line may be cut.
pub(super) fn begins_object(line: &[u8]) -> bool {
    trim(line).strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b'"'))
}

/// Returns the object if all of it is valid, in a form that all readers of JSON take, and for the
/// same: not deeper than [`DEEPEST`], with each key once, the first one, and without halves of
/// surrogate pairs.
pub(super) fn valid_object(line: &[u8]) -> Option<Cow<'_, str>> {
    let text = str::from_utf8(trim(line)).ok()?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    // Few lines have so many brackets: the others are not looked at byte by byte.
    let brackets = memchr::memchr2_iter(b'{', b'[', text.as_bytes()).count();
    if brackets > DEEPEST && depth(text.as_bytes()) > DEEPEST {
        return None;
    }
    let text = without_lone_surrogates(text);
    if !has_doubled_keys(text.as_bytes()) {
        return Some(text);
    }
    let mut once = Vec::new();
    write_once(text.as_bytes(), &mut once);
    String::from_utf8(once).ok().map(Cow::Owned)
}

/// How deep an object may be. Readers of JSON have limits, and end where one is reached.
const DEEPEST: usize = 64;

/// Returns how deep the objects and arrays of a valid text are.
fn depth(text: &[u8]) -> usize {
    let (mut at, mut depth, mut deepest) = (0, 0_usize, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at += string_len(&text[at..]).unwrap_or(1) - 1,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// Replaces each half of a surrogate pair without the other one: it is no character, and strict
/// readers end there.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    const REPLACEMENT: &str = "\\ufffd";
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    let (mut mended, mut done, mut at) = (String::new(), 0, 0);
    while let Some(next) = text[at..].find('\\') {
        at += next;
        match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                mended.push_str(&text[done..at]);
                mended.push_str(REPLACEMENT);
                at += 6;
                done = at;
            }
            _ => at += 2,
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[done..]);
    Cow::Owned(mended)
}

/// Returns a key without its escapes, so that it can be compared.
fn key(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    match serde_json::from_slice::<String>(&quoted) {
        Ok(key) => Cow::Owned(key.into_bytes()),
        Err(_) => Cow::Borrowed(raw),
    }
}

/// Reports whether an object, or one within it, has a key twice.
fn has_doubled_keys(object: &[u8]) -> bool {
    let mut seen = HashSet::new();
    members(object).any(|(name, value)| {
        !seen.insert(key(name)) || (value.first() == Some(&b'{') && has_doubled_keys(value))
    })
}

/// Writes an object with each key once.
fn write_once(object: &[u8], out: &mut Vec<u8>) {
    let mut seen = HashSet::new();
    out.push(b'{');
    for (name, value) in members(object) {
        if !seen.insert(key(name)) {
            continue;
        }
        if seen.len() > 1 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(name);
        out.extend_from_slice(b"\":");
        if value.first() == Some(&b'{') {
            write_once(value, out);
        } else {
            out.extend_from_slice(value);
        }
    }
    out.push(b'}');
}

/// Returns the raw value at a path of keys. A key that contains dots takes precedence over a path.
pub(super) fn get<'a>(object: &'a [u8], path: &str) -> Option<&'a [u8]> {
    let member =
        |wanted: &str| members(object).find(|(key, _)| is_key(key, wanted)).map(|(_, value)| value);
    member(path).or_else(|| {
        path.match_indices('.').find_map(|(at, _)| {
            let inner = member(&path[..at]).filter(|value| is_object(value))?;
            get(inner, &path[at + 1..])
        })
    })
}

fn is_key(raw: &[u8], wanted: &str) -> bool {
    if !raw.contains(&b'\\') {
        return raw == wanted.as_bytes();
    }
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).is_ok_and(|key| key == wanted)
}

/// Returns keys (without their quotes, escapes as written) and raw values, up to the first part
/// that is not JSON.
pub(super) fn members(line: &[u8]) -> Members<'_> {
    Members { rest: trim(line).strip_prefix(b"{").unwrap_or_default() }
}

pub(super) struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_ascii_start();
        let key_len = string_len(text)?;
        let (key, text) = text.split_at(key_len);
        let text = text.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, text) = text.split_at(value_len(text)?);
        self.rest = match text.trim_ascii_start() {
            [b',', rest @ ..] => rest,
            // The end of the object, or not JSON, or the end of a line that was cut after a
            // complete value.
            [b'}', ..] | [] => &[],
            _ => return None,
        };
        Some((&key[1..key_len - 1], value))
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii()
}

/// Returns the length of the string that `text` starts with, quotes included.
fn string_len(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Returns the length of the value that `text` starts with.
fn value_len(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => string_len(text),
        b'{' | b'[' => {
            let (mut at, mut depth) = (0, 0_usize);
            loop {
                match text.get(at)? {
                    b'"' => at += string_len(&text[at..])? - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            text.iter().position(ends).filter(|len| *len > 0)
        }
    }
}
