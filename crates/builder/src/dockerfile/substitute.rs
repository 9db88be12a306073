//! `${NAME#pattern}`, `${NAME%pattern}` and `${NAME/pattern/text}`: patterns with `*` and `?`, as
//! in BuildKit.

use regex::Regex;

use super::budget::Budget;
use super::words;

/// The longest pattern in bytes.
const LONGEST: usize = 1024;

/// Returns the value without the match of the pattern at its beginning or at its end: the shortest
/// match, or the `longest`.
pub(super) fn trim(
    value: &str,
    pattern: &str,
    at_end: bool,
    longest: bool,
    budget: &Budget,
) -> Result<String, String> {
    let mut parts = parts(pattern)?;
    budget.matching(value.len(), parts.len())?;
    if !at_end {
        let matched = regex(&parts, longest, true)?.find(value).map_or(0, |found| found.end());
        return Ok(value[matched..].to_owned());
    }
    // A regular expression finds the leftmost match: reverse both to find the rightmost.
    parts.reverse();
    let reversed: String = value.chars().rev().collect();
    let matched = regex(&parts, longest, true)?.find(&reversed).map_or(0, |found| found.end());
    Ok(value[..value.len() - matched].to_owned())
}

/// Returns the value with the first match, or all matches, replaced.
pub(super) fn replace(
    value: &str,
    pattern: &str,
    replacement: &str,
    all: bool,
    budget: &Budget,
) -> Result<String, String> {
    let parts = parts(pattern)?;
    budget.matching(value.len(), parts.len())?;
    let regex = regex(&parts, true, false)?;
    let mut replaced = String::new();
    let mut rest = 0;
    for found in regex.find_iter(value).take(if all { usize::MAX } else { 1 }) {
        replaced.push_str(&value[rest..found.start()]);
        replaced.push_str(replacement);
        rest = found.end();
        if replaced.len() > words::LONGEST {
            return Err(words::TOO_LONG.into());
        }
    }
    replaced.push_str(&value[rest..]);
    budget.text(replaced.len())?;
    Ok(replaced)
}

enum Part {
    /// `*`
    Any,
    /// `?`
    One,
    Literal(char),
}

fn parts(pattern: &str) -> Result<Vec<Part>, String> {
    if pattern.len() > LONGEST {
        return Err("a pattern in a variable is longer than 1 KiB".into());
    }
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        parts.push(match character {
            // Several stars are equivalent to one, and would be slow.
            '*' if matches!(parts.last(), Some(Part::Any)) => continue,
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '?' | '\\' | '/' | '}')) => Part::Literal(escaped),
                _ => {
                    return Err(format!(
                        "the pattern {pattern} has an escape that is none: \\*, \\?, \\\\, \\/ and \\}} are"
                    ));
                }
            },
            character => Part::Literal(character),
        });
    }
    Ok(parts)
}

fn regex(parts: &[Part], longest: bool, at_begin: bool) -> Result<Regex, String> {
    let mut text = String::from(if at_begin { "^" } else { "" });
    for part in parts {
        match part {
            Part::Any => text.push_str(if longest { ".*" } else { ".*?" }),
            Part::One => text.push('.'),
            Part::Literal(character) => {
                text.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
            }
        }
    }
    Regex::new(&text).map_err(|_| "the pattern is too long".to_owned())
}
