//! Patterns as they are shown: the text of a line with `<n>` for numbers, `<id>` for ids and so on.

use std::ops::Range;

use super::merge::Merged;
use super::words::{self, Kind, Word};

/// The text of a line, with its values replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    text: String,
    /// Where the words are in the text, and whether they are replaced.
    words: Vec<(Range<usize>, bool)>,
}

impl Shown {
    /// Replaces those words of a text that are values.
    pub(super) fn new(text: &str, words: &[Word]) -> Self {
        let mut shown = Self {
            text: String::with_capacity(text.len()),
            words: Vec::with_capacity(words.len()),
        };
        let mut end = 0;
        for word in words {
            shown.text.push_str(&text[end..word.range.start]);
            end = word.range.end;
            let start = shown.text.len();
            match word.kind {
                Kind::Fixed => shown.text.push_str(&text[word.range.clone()]),
                Kind::Key => push_masked(&mut shown.text, &text[word.range.clone()]),
                Kind::Value => push_value(&mut shown.text, &text[word.range.clone()]),
            }
            shown.words.push((start..shown.text.len(), word.kind == Kind::Value));
        }
        shown.text.push_str(&text[end..]);
        shown
    }

    /// Replaces the words that turned out to be values.
    pub(super) fn generalized(&self, merged: &Merged) -> Self {
        let mut shown = Self { text: String::with_capacity(self.text.len()), words: Vec::new() };
        let mut end = 0;
        for (at, (word, is_replaced)) in self.words.iter().enumerate() {
            let is_value = merged.values.get(at).is_some_and(|is_value| *is_value);
            shown.text.push_str(&self.text[end..word.start]);
            end = word.end;
            let start = shown.text.len();
            shown.text.push_str(if is_value && !is_replaced {
                "<*>"
            } else {
                &self.text[word.clone()]
            });
            match shown.words.last_mut() {
                Some((last, _)) if merged.starts.binary_search(&at).is_err() => {
                    last.end = shown.text.len();
                }
                _ => shown.words.push((start..shown.text.len(), is_value)),
            }
        }
        shown.text.push_str(&self.text[end..]);
        shown
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

fn push_value(out: &mut String, value: &str) {
    let bare = value.trim_start_matches('/');
    if is_address(bare) {
        out.push_str(&value[..value.len() - bare.len()]);
        out.push_str("<ip>");
    } else if value.contains("://") {
        out.push_str("<url>");
    } else if words::is_place(value) {
        out.push_str("<path>");
    } else if let Some((first, _)) = value.split_once(|c: char| c.is_whitespace() || c == ',') {
        push_value(out, first);
        out.push('…');
    } else if value.bytes().any(|byte| byte.is_ascii_digit()) {
        push_masked(out, value);
    } else if words::is_unit(value) {
        out.push_str(value);
    } else {
        out.push_str("<*>");
    }
}

/// Reports whether the text is an IPv4 address, with or without a port.
fn is_address(text: &str) -> bool {
    let host = text
        .split_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok())
        .map_or(text, |(host, _)| host);
    host.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Appends the text with numbers as `<n>` and ids as `<id>`.
fn push_masked(out: &mut String, mut rest: &str) {
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let len = if is_uuid(rest) { 36 } else { length(rest) };
        let (word, after) = rest.split_at(len);
        push_word(out, word);
        rest = after;
    }
    out.push_str(rest);
}

/// Returns the length of the letters and digits at the beginning. Points between digits are a part
/// of a number.
fn length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_point = |at: usize| at > 0 && bytes[at] == b'.' && is_digit(at - 1) && is_digit(at + 1);
    let number =
        (0..bytes.len()).find(|at| !is_digit(*at) && !is_point(*at)).unwrap_or(bytes.len());
    if bytes[..number].contains(&b'.') {
        return number;
    }
    bytes.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(bytes.len())
}

fn push_word(out: &mut String, word: &str) {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let is_hex = word.len() >= 6 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if letters.is_empty() {
        out.push_str("<n>");
    } else if !word.bytes().any(|byte| byte.is_ascii_digit()) {
        out.push_str(word);
    } else if is_hex || letters.bytes().any(|byte| !byte.is_ascii_alphabetic()) {
        out.push_str("<id>");
    } else {
        out.push_str(letters);
        out.push_str("<n>");
    }
}

/// Reports whether the text is a UUID, such as `550e8400-e29b-41d4-a716-446655440000`.
fn is_uuid(text: &str) -> bool {
    text.len() >= 36
        && text.bytes().take(36).enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
        && text.as_bytes().get(36).is_none_or(|byte| !byte.is_ascii_alphanumeric())
}
