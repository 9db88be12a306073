//! Levels after the name of a program or after a time.

use super::known::Known;
use super::{Level, word};

/// Returns the text after the name that Compose puts before each line:
/// `web-1  | {"level":"error"}`.
pub(super) fn behind_a_name(line: &[u8]) -> Option<&[u8]> {
    let len = line.iter().take_while(|byte| is_of_a_name(**byte)).count();
    let rest = line[len..].trim_ascii_start();
    let is_name =
        len > 0 && rest.len() < line.len() - len && !line[..len].iter().all(u8::is_ascii_digit);
    // Only after a single name: a line with several bars has another format.
    rest.strip_prefix(b"| ").filter(|rest| is_name && rest.first() == Some(&b'{'))
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// A program's name, and a level that does not occur in a sentence: `HAProxy [ALERT] x`,
/// `postgres ERROR:  x`, `MinIO ERROR Unable to x`, `gcc: fatal error: x`,
/// `consul 2026/11/23 07:01:20 [ERR] x`.
pub(super) fn named(text: &[u8]) -> Known {
    let len =
        text.iter().take_while(|byte| is_of_a_name(**byte) || matches!(byte, b'/' | b'+')).count();
    let (name, rest) = text.split_at(len);
    if !name.first()?.is_ascii_alphabetic() {
        return None;
    }
    if rest.starts_with(b": fatal error: ") || is_place(rest) {
        return Some(Some(Level::Fatal));
    }
    let rest = rest.strip_prefix(b" ")?;
    if let Some(bracketed) = rest.strip_prefix(b"[") {
        let (level, after) = capitals(bracketed)?;
        return after.starts_with(b"]").then_some(Some(level));
    }
    if rest.first()?.is_ascii_digit() {
        let (_, behind) = time(rest)?;
        let (level, after) = capitals(behind.strip_prefix(b" [")?)?;
        return after.starts_with(b"]").then_some(Some(level));
    }
    let (level, after) = capitals(rest)?;
    // A name with a capital inside is not a word of a sentence.
    let is_no_word =
        name[1..].iter().any(u8::is_ascii_uppercase) && name.iter().any(u8::is_ascii_lowercase);
    let begins_a_message = || {
        after.strip_prefix(b" ").and_then(|rest| rest.first()).is_some_and(u8::is_ascii_uppercase)
    };
    (after.starts_with(b":  ") || is_no_word && begins_a_message()).then_some(Some(level))
}

/// Reports whether the text is a source location with a compiler's message:
/// `:12:5: fatal error: x`.
fn is_place(rest: &[u8]) -> bool {
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b':').count();
    len > 2 && rest[..len].ends_with(b":") && rest[len..].starts_with(b" fatal error: ")
}

/// Returns a level in three or more capitals, and the text after it.
fn capitals(text: &[u8]) -> Option<(Level, &[u8])> {
    let len = text.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let level = word::level(&text[..len]).filter(|_| len >= 3)?;
    Some((level, &text[len..]))
}

/// A level in lower case right after a complete time: `2026-11-23T07:01:20Z error cannot open x`.
pub(super) fn timed(text: &[u8]) -> Known {
    let (_, rest) = time(text)?;
    let rest = rest.strip_prefix(b" ")?;
    let len = rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    let is_name = matches!(
        &rest[..len],
        b"error"
            | b"err"
            | b"warn"
            | b"warning"
            | b"info"
            | b"debug"
            | b"fatal"
            | b"critical"
            | b"crit"
    );
    (is_name && rest.get(len) == Some(&b' ')).then(|| word::level(&rest[..len]))
}

/// Splits off a date and a time of day, and returns the text after them.
fn time(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-' | b'/' | b'.',
        m1,
        m2,
        b'-' | b'/' | b'.',
        d1,
        d2,
        b' ' | b'T',
        rest @ ..,
    ] = text
    else {
        return None;
    };
    let is_date = [y1, y2, y3, y4, m1, m2, d1, d2].into_iter().all(u8::is_ascii_digit);
    let len = rest
        .iter()
        .take_while(|byte| {
            byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b',' | b'Z' | b'+' | b'-')
        })
        .count();
    let is_time = len >= 8 && rest[2] == b':' && rest[5] == b':';
    (is_date && is_time).then(|| text.split_at(text.len() - rest.len() + len))
}
