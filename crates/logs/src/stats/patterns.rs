//! Counts lines that differ only in values as one pattern.
//!
//! A line's words that look like values do not count. Lines whose other words are the same are
//! counted together while the log is read. What is left are few patterns, however long the log is.
//! For the report, [`merge`] then joins those that differ only in words that can be values, too. It
//! also does so when the table of patterns is full.

mod merge;
mod shown;
mod words;

use std::borrow::Cow;
use std::collections::HashMap;

use self::merge::{Merged, VALUE, Writing};
use self::shown::Shown;
use self::words::{Kind, Word};
use super::PatternCount;
use super::counts::Counts;
use crate::fields;
use crate::level::Level;

/// The most patterns that are held. When there are so many, they are merged; if that does not
/// halve them, the rarest are counted together.
const MAX_PATTERNS: usize = 4_096;

/// How many bytes of a line are compared.
const MAX_LEN: usize = 512;

/// Stands for a value in a key. A line's words have no control characters.
const VALUE_MARK: &str = "\u{1}";

/// The patterns of lines.
#[derive(Debug, Default)]
pub struct Patterns {
    held: HashMap<Box<str>, Pattern>,
    other: u64,
    pause: Pause,
    words: Vec<Word>,
    key: String,
}

/// A pattern with its words.
type Keyed = (Box<str>, Pattern);

#[derive(Clone, Debug)]
struct Pattern {
    counts: Counts,
    shown: Shown,
}

impl Patterns {
    /// Counts a line.
    pub fn add(&mut self, text: &[u8], level: Option<Level>) {
        let text = message(text);
        read(&text, &mut self.words, &mut self.key);
        if let Some(pattern) = self.held.get_mut(self.key.as_str()) {
            return pattern.counts.add(level);
        }
        if self.held.len() >= MAX_PATTERNS {
            self.compact();
        }
        let mut pattern =
            Pattern { counts: Counts::default(), shown: Shown::new(&text, &self.words) };
        pattern.counts.add(level);
        self.held.insert(self.key.as_str().into(), pattern);
    }

    /// Returns the most frequent patterns, and how many lines have another pattern.
    pub fn top(&self, rows: usize) -> (Vec<PatternCount>, u64) {
        let count = |(_, pattern): (_, Pattern)| PatternCount {
            lines: pattern.counts.lines,
            level: pattern.counts.by_level().next_back().map(|(level, _)| level),
            levels: pattern.counts.by_level().collect(),
            pattern: pattern.shown.into_text(),
        };
        let mut top: Vec<_> = self.merged().0.into_iter().map(count).collect();
        top.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.pattern.cmp(&b.pattern)));
        let rest = top.split_off(rows.min(top.len()));
        (top, self.other + rest.iter().map(|pattern| pattern.lines).sum::<u64>())
    }

    /// Returns for each line the number of its pattern, as far as it is known.
    pub fn numbers<'a>(&self, lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<Option<usize>> {
        let (_, numbers) = self.merged();
        let (mut words, mut key) = (Vec::new(), String::new());
        let number = |line| {
            read(&message(line), &mut words, &mut key);
            numbers.get(key.as_str()).copied()
        };
        lines.into_iter().map(number).collect()
    }

    /// Merges the patterns, and drops the rarest if they are still many.
    fn compact(&mut self) {
        let mut patterns: Vec<_> = if self.pause.is_over() {
            let merged = self.merged().0;
            self.pause.note(merged.len() <= MAX_PATTERNS / 2);
            merged
        } else {
            self.held.drain().collect()
        };
        patterns
            .sort_by(|a, b| b.1.counts.lines.cmp(&a.1.counts.lines).then_with(|| a.0.cmp(&b.0)));
        let dropped = patterns.split_off(patterns.len().min(MAX_PATTERNS / 2));
        self.other += dropped.iter().map(|(_, pattern)| pattern.counts.lines).sum::<u64>();
        self.held = patterns.into_iter().collect();
    }

    /// Returns the merged patterns with their keys, and for each key that is held its place there.
    fn merged(&self) -> (Vec<Keyed>, HashMap<&str, usize>) {
        let mut entries: Vec<_> = self.held.iter().collect();
        // The most frequent one lends its text.
        entries.sort_by(|a, b| b.1.counts.lines.cmp(&a.1.counts.lines).then_with(|| a.0.cmp(b.0)));
        let mut numbers = HashMap::from([(VALUE_MARK, VALUE)]);
        let mut writing = vec![Writing::Plain];
        let mut lists = Vec::with_capacity(entries.len());
        for (key, _) in &entries {
            let list: Vec<_> = words_of(key)
                .map(|word| {
                    *numbers.entry(word).or_insert_with(|| {
                        writing.push(how_written(word));
                        u32::try_from(writing.len() - 1).unwrap_or(VALUE)
                    })
                })
                .collect();
            lists.push(list);
        }
        let (mut patterns, mut places, mut of_group) =
            (Vec::<Keyed>::new(), HashMap::new(), HashMap::new());
        for ((key, pattern), merged) in entries.into_iter().zip(merge::merge(&lists, &writing)) {
            let place = *of_group.entry(merged.group).or_insert(patterns.len());
            match patterns.get_mut(place) {
                Some((_, of_all)) => of_all.counts.add_all(&pattern.counts),
                None => {
                    let shown = pattern.shown.generalized(&merged);
                    patterns.push((
                        generalized(key, &merged),
                        Pattern { shown, counts: pattern.counts },
                    ));
                }
            }
            places.insert(&**key, place);
        }
        (patterns, places)
    }
}

/// How many times in a row patterns are not merged, after this was of no use: twice as long each
/// time.
#[derive(Debug, Default)]
struct Pause {
    left: u32,
    length: u32,
}

impl Pause {
    fn is_over(&mut self) -> bool {
        let is_over = self.left == 0;
        self.left = self.left.saturating_sub(1);
        is_over
    }

    fn note(&mut self, was_of_use: bool) {
        self.length = if was_of_use { 0 } else { (2 * self.length + 1).min(31) };
        self.left = self.length;
    }
}

/// Returns the text that is compared. For a structured line this is the message field only, for a
/// stack trace the first line.
fn message(text: &[u8]) -> Cow<'_, str> {
    let get =
        |key: &str| memchr::memmem::find(text, key.as_bytes()).and_then(|_| fields::get(text, key));
    let field = ["msg", "message", "@mt", "@m"].into_iter().find_map(get);
    let first_line = |text: &[u8]| {
        let text = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        text.len().min(MAX_LEN)
    };
    match field {
        Some(field) => String::from_utf8_lossy(&field.as_bytes()[..first_line(field.as_bytes())])
            .into_owned()
            .into(),
        None => String::from_utf8_lossy(&text[..first_line(text)]),
    }
}

/// Sets `words` and `key` to those of a message.
fn read(text: &str, words: &mut Vec<Word>, key: &mut String) {
    words::split(text, words);
    key.clear();
    for word in words {
        if !key.is_empty() {
            key.push(' ');
        }
        let written = &text[word.range.clone()];
        match word.kind {
            Kind::Fixed => key.push_str(written),
            Kind::Key => {
                key.extend(written.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }));
            }
            Kind::Value => key.push_str(VALUE_MARK),
        }
    }
}

fn words_of(key: &str) -> impl Iterator<Item = &str> {
    key.split(' ').filter(|word| !word.is_empty())
}

/// Returns the key of the group of a key.
fn generalized(key: &str, merged: &Merged) -> Box<str> {
    let words: Vec<_> = words_of(key).collect();
    let word = |start: &usize| if merged.values[*start] { VALUE_MARK } else { words[*start] };
    merged.starts.iter().map(word).collect::<Vec<_>>().join(" ").into()
}

fn how_written(word: &str) -> Writing {
    let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte == b'_' || byte == b'-';
    if word.parse::<Level>().is_ok() {
        Writing::Level
    } else if word.len() > 1 && word.bytes().all(is_capital) {
        Writing::Capitals
    } else {
        Writing::Plain
    }
}

#[cfg(test)]
#[path = "patterns/tests.rs"]
mod tests;
