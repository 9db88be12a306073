//! Counts lines that differ only in numbers and ids as one pattern.

use std::collections::HashMap;

use super::PatternCount;
use crate::fields;
use crate::level::Level;

/// The most patterns that are distinguished. Lines of further patterns are counted together.
const MAX_PATTERNS: usize = 4_096;

/// How many bytes of a line are compared.
const MAX_LEN: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Patterns {
    counts: HashMap<String, (u64, Option<Level>)>,
    other: u64,
}

impl Patterns {
    pub(super) fn add(&mut self, text: &[u8], level: Option<Level>) {
        let pattern = pattern(text);
        if let Some((count, worst)) = self.counts.get_mut(&pattern) {
            *count += 1;
            *worst = level.max(*worst);
        } else if self.counts.len() < MAX_PATTERNS {
            self.counts.insert(pattern, (1, level));
        } else {
            self.other += 1;
        }
    }

    /// Returns the most frequent patterns, and how many lines have another pattern.
    pub(super) fn top(&self, rows: usize) -> (Vec<PatternCount>, u64) {
        let count = |(pattern, (lines, level)): (&String, &(u64, Option<Level>))| PatternCount {
            lines: *lines,
            level: level.map(Level::as_str),
            pattern: pattern.clone(),
        };
        let mut top: Vec<_> = self.counts.iter().map(count).collect();
        top.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.pattern.cmp(&b.pattern)));
        let rest = top.split_off(rows.min(top.len()));
        (top, self.other + rest.iter().map(|pattern| pattern.lines).sum::<u64>())
    }
}

/// Returns the line's message with numbers as `<n>` and ids as `<id>`. For a structured line this
/// is the message field only, for a stack trace the first line.
fn pattern(text: &[u8]) -> String {
    let message = ["msg", "message", "@mt", "@m"].into_iter().find_map(|key| fields::get(text, key));
    let text = message.as_ref().map_or(text, |message| message.as_bytes());
    let text = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_LEN)]);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let len =
            if is_uuid(rest) { 36 } else { rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len()) };
        let (word, after) = rest.split_at(len);
        push_word(&mut out, word);
        rest = after;
    }
    out + rest
}

fn push_word(out: &mut String, word: &str) {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_pattern() {
        let cases = [
            ("took 12 ms", "took <n> ms"),
            ("took 1.5s at 10.0.0.7:8080", "took <n>.<id> at <n>.<n>.<n>.<n>:<n>"),
            ("user 550e8400-e29b-41d4-a716-446655440000 gone", "user <id> gone"),
            ("commit 4f3a9b2c by node12", "commit <id> by node<n>"),
            ("addr 0x7ffe", "addr <id>"),
            ("plain words, no numbers", "plain words, no numbers"),
            (r#"{"level":"info","n":7,"msg":"got 7 items"}"#, "got <n> items"),
            ("level=info msg=\"got 7 items\"", "got <n> items"),
            ("x.FooException: 3\n\tat a.b(C.java:1)", "x.FooException: <n>"),
            ("größe 7 日本", "größe <n> 日本"),
            ("550e8400-e29b-41d4-a716-44665544000g", "<id>-<id>-<id>-a<n>-<id>"),
        ];
        for (text, want) in cases {
            assert_eq!(pattern(text.as_bytes()), want);
        }
        assert_eq!(pattern(&[0xff; 1000]).chars().count(), MAX_LEN);
    }

    #[test]
    fn memory_is_bounded_and_no_line_uncounted() {
        let mut patterns = Patterns::default();
        let word =
            |number: usize| number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
        for number in 0..MAX_PATTERNS + 100 {
            patterns.add(word(number).as_bytes(), None);
        }
        patterns.add(b"b", Some(Level::Warn));
        let (top, other) = patterns.top(2);
        assert_eq!((patterns.counts.len(), other), (MAX_PATTERNS, (MAX_PATTERNS + 101 - 3) as u64));
        assert_eq!((top[0].lines, top[0].pattern.as_str(), top[0].level), (2, "b", Some("warn")));
    }
}
