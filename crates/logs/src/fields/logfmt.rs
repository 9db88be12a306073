//! logfmt: `key=value key="a value"` pairs, possibly between other words.

use std::borrow::Cow;
use std::collections::HashSet;

use super::text;

/// Returns the text of the first pair with this key.
pub(super) fn get<'a>(line: &'a [u8], wanted: &str) -> Option<Cow<'a, str>> {
    pairs(line).find(|(key, _)| *key == wanted.as_bytes()).and_then(|(_, value)| text(value))
}

/// Returns all pairs as a JSON object of strings, if the line consists of at least two pairs and
/// nothing else.
pub(super) fn object(line: &[u8]) -> Option<String> {
    let mut words = Words { rest: line };
    let mut object = String::from("{");
    let (mut count, mut seen) = (0, HashSet::new());
    for (key, value) in words.by_ref().map_while(|pair| pair) {
        count += 1;
        // As everywhere, the first of two counts.
        if !seen.insert(key) {
            continue;
        }
        if seen.len() > 1 {
            object.push(',');
        }
        object.push_str(&serde_json::to_string(str::from_utf8(key).ok()?).ok()?);
        object.push(':');
        object.push_str(&serde_json::to_string(&text(value)?).ok()?);
    }
    object.push('}');
    (count >= 2 && words.rest.is_empty()).then_some(object)
}

/// Reports whether the first word is a pair.
pub(super) fn begins_with_pair(line: &[u8]) -> bool {
    matches!(Words { rest: line }.next(), Some(Some(_)))
}

/// Returns the words of the line: a pair, or `None` for any other word.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    Words { rest: line }
}

/// Returns keys and raw values (quotes included).
pub(super) fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    Words { rest: line }.flatten()
}

/// Iterates over the words of a line: a pair, or `None` for any other word.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Words<'a> {
    type Item = Option<(&'a [u8], &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_ascii_start();
        if text.is_empty() {
            self.rest = text;
            return None;
        }
        let key_len = text.iter().take_while(|byte| is_key_byte(**byte)).count();
        if key_len == 0 || text.get(key_len) != Some(&b'=') {
            self.rest = &text[word_len(text)..];
            return Some(None);
        }
        let (key, after) = (&text[..key_len], &text[key_len + 1..]);
        let (value, rest) = after.split_at(quoted_len(after).unwrap_or_else(|| word_len(after)));
        self.rest = rest;
        Some(Some((key, value)))
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@')
}

fn word_len(text: &[u8]) -> usize {
    text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len())
}

/// Returns the length of a quoted string that ends at the end of a word, or `None`.
fn quoted_len(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return text.get(at + 1).is_none_or(u8::is_ascii_whitespace).then_some(at + 1);
        }
        at += 2;
    }
}
