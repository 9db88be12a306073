//! What stands before the message of a plain line.

use std::borrow::Cow;

use super::{Level, word};
use crate::trace;

/// How far into a line its level is looked for: past a timestamp, a thread and a logger's name.
const PREFIX: usize = 128;

pub(super) fn level(line: &[u8]) -> Option<Level> {
    let start = without_colours(&line[..line.len().min(PREFIX)]);
    let start = start.trim_ascii_start();
    // Each knows its own by its first bytes.
    for known in [priority, klog, crash, tools, frameworks, letters, redis, erlang] {
        if let Some(level) = known(start) {
            return level;
        }
    }
    before_the_message(start).or_else(|| trace::has_frames(line).then_some(Level::Error))
}

fn without_colours(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\x1b', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\x1b', rest) {
        kept.extend_from_slice(&rest[..at]);
        let skip = rest[at..].iter().position(|byte| *byte == b'm').map_or(rest.len() - at, |len| len + 1);
        rest = &rest[at + skip..];
    }
    kept.extend_from_slice(rest);
    Cow::Owned(kept)
}

/// What a form that is known says; nothing where the line is of another form.
type Known = Option<Option<Level>>;

/// Syslog and the kernel: `<11>1 2026-11-23T07:01:20Z host app - - - message`.
fn priority(text: &[u8]) -> Known {
    let rest = text.strip_prefix(b"<")?;
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=3).contains(&len) || rest.get(len) != Some(&b'>') {
        return None;
    }
    let number: u32 = str::from_utf8(&rest[..len]).ok()?.parse().ok()?;
    (number < 192).then(|| Some(word::syslog(number)))
}

/// `E1123 07:01:20.422028       1 main.go:42] message`, also with the year before it.
fn klog(text: &[u8]) -> Known {
    let (letter, rest) = text.split_first()?;
    if !matches!(letter, b'I' | b'W' | b'E' | b'F') {
        return None;
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_klog = matches!(digits, 4 | 8) && rest[digits..].starts_with(b" ") && rest.get(digits + 1)?.is_ascii_digit();
    is_klog.then(|| word::letter(*letter))
}

/// Programs that die say so in words of their own.
fn crash(text: &[u8]) -> Known {
    let starts = |prefix: &[u8]| text.starts_with(prefix);
    match text.first()? {
        b'p' | b'f' | b'F' | b'P'
            if starts(b"panic: ")
                || starts(b"fatal error: ")
                || starts(b"Fatal error: ")
                || starts(b"PHP Fatal error: ") =>
        {
            Some(Some(Level::Fatal))
        }
        b't' if starts(b"thread '") && memchr::memmem::find(text, b" panicked at").is_some() => {
            Some(Some(Level::Fatal))
        }
        b'*' if starts(b"*** stack smashing detected ***") || starts(b"*** buffer overflow detected ***") => {
            Some(Some(Level::Fatal))
        }
        // .NET.
        b'U' if starts(b"Unhandled exception. ") || starts(b"Unhandled Exception: ") => Some(Some(Level::Fatal)),
        b'T' | b'E' if starts(b"Traceback (most recent call last)") || starts(b"Exception in thread ") => {
            Some(Some(Level::Error))
        }
        _ => None,
    }
}

/// npm (`npm ERR! code ENOENT`, without the mark since its version 10), Node's own warnings (`(node:1) [DEP0005]
/// DeprecationWarning: …`), and Logback's status lines (`07:01:20,123 |-WARN in …`).
fn tools(text: &[u8]) -> Known {
    if let Some(rest) = text.strip_prefix(b"npm ") {
        let word = rest.split(|byte| matches!(byte, b' ' | b'!')).next()?;
        return match word {
            b"ERR" | b"error" => Some(Some(Level::Error)),
            b"WARN" | b"warn" => Some(Some(Level::Warn)),
            b"notice" => Some(Some(Level::Info)),
            _ => None,
        };
    }
    if let Some(rest) = text.strip_prefix(b"(node:") {
        return memchr::memmem::find(rest, b"Warning: ").map(|_| Some(Level::Warn));
    }
    let mark = memchr::memmem::find(text, b"|-").filter(|at| *at <= 24)?;
    let rest = &text[mark + 2..];
    let len = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    rest[len..].starts_with(b" in ").then(|| word::level(&rest[..len]).map(Some))?
}

/// Celery (`[2026-11-23 07:01:20,123: ERROR/ForkPoolWorker-1] …`), Laravel (`[2026-11-23 07:01:20] production.ERROR: …`) and
/// Nest (`[Nest] 1  - 11/23/2026, 7:01:20 AM     LOG [App] …`).
fn frameworks(text: &[u8]) -> Known {
    let rest = text.strip_prefix(b"[")?;
    if rest.starts_with(b"Nest] ") {
        let end = rest.get(6..)?.iter().position(|byte| *byte == b'[')? + 6;
        let word = rest[..end].trim_ascii_end().rsplit(|byte| *byte == b' ').next()?;
        return if word == b"LOG" { Some(Some(Level::Info)) } else { word::level(word).map(Some) };
    }
    if !rest.first()?.is_ascii_digit() {
        return None;
    }
    let close = rest.iter().position(|byte| *byte == b']')?;
    if let Some(at) = memchr::memmem::rfind(&rest[..close], b": ") {
        let (word, process) = split_at_byte(&rest[at + 2..close], b'/')?;
        let is_process = !process.is_empty() && !process.contains(&b' ');
        return word::level(word).filter(|_| is_process && word.iter().all(u8::is_ascii_uppercase)).map(Some);
    }
    let (channel, after) = split_at_byte(rest[close + 1..].strip_prefix(b" ")?, b'.')?;
    let len = after.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_channel = !channel.is_empty() && channel.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    word::level(&after[..len]).filter(|_| is_channel && after[len..].starts_with(b": ")).map(Some)
}

fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|each| *each == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A letter for the level: Android's `E/Tag( 123): ` and `11-23 07:01:20.123  12  34 E Tag: `, Jupyter's `[E 07:01:20 app]`,
/// Ruby's `E, [2026-11-23T07:01:20 #1] ERROR -- : `.
fn letters(text: &[u8]) -> Known {
    match text {
        [b'[', letter, b' ', digit, ..] if digit.is_ascii_digit() => Some(Some(word::letter(*letter)?)),
        [letter, b',', b' ', b'[', digit, ..] if digit.is_ascii_digit() => Some(Some(word::letter(*letter)?)),
        [letter, b'/', rest @ ..] => android_tag(*letter, rest),
        [d1, d2, b'-', d3, d4, b' ', rest @ ..] if [d1, d2, d3, d4].into_iter().all(u8::is_ascii_digit) => {
            let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let time = words.next()?;
            if time.len() < 12 || time[2] != b':' || time[5] != b':' || time[8] != b'.' {
                return None;
            }
            let next = words.next()?;
            if let [letter, b'/', rest @ ..] = next {
                return android_tag(
                    *letter,
                    if rest.contains(&b':') { rest } else { text.rsplit(|byte| *byte == b'/').next()? },
                );
            }
            let is_number = |word: &[u8]| word.iter().all(u8::is_ascii_digit);
            match (is_number(next), is_number(words.next()?), words.next()?) {
                (true, true, [letter]) => Some(Some(android(*letter)?)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The letters of Android: A is an assertion that failed.
fn android(letter: u8) -> Option<Level> {
    if letter == b'A' { Some(Level::Fatal) } else { word::letter(letter).filter(|_| !matches!(letter, b'T' | b'C')) }
}

fn android_tag(letter: u8, rest: &[u8]) -> Known {
    let level = android(letter)?;
    let tag = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'$'))
        .count();
    let after = rest[tag..].trim_ascii_start();
    let is_tag = tag >= 2 && (after.starts_with(b"(") || rest[tag..].starts_with(b": "));
    is_tag.then_some(Some(level))
}

/// `1:M 23 Nov 2026 07:01:20.123 # message`.
fn redis(text: &[u8]) -> Known {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let pid = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let [b':', role, b' ', rest @ ..] = &text[pid..] else { return None };
    let mut words = rest.splitn(6, |byte| *byte == b' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    if !matches!(role, b'M' | b'S' | b'C' | b'X') || day.len() != 2 || month.len() != 3 || year.len() != 4 {
        return None;
    }
    match words.nth(1)? {
        b"." | b"-" => Some(Some(Level::Debug)),
        b"*" => Some(Some(Level::Info)),
        b"#" => Some(Some(Level::Warn)),
        _ => None,
    }
}

/// `=ERROR REPORT==== 23-Nov-2026::07:01:20 ===`.
fn erlang(text: &[u8]) -> Known {
    let rest = text.strip_prefix(b"=")?;
    let end = memchr::memmem::find(rest, b" REPORT====")?;
    match &rest[..end] {
        b"CRASH" | b"SUPERVISOR" => Some(Some(Level::Error)),
        b"PROGRESS" => Some(Some(Level::Info)),
        name => Some(word::level(name)),
    }
}

/// The words of what stands before a message.
#[derive(Debug, Default)]
struct Header {
    /// Numbers were among them: a time, as a rule.
    has_number: bool,
    /// Words as a sentence has them, in small letters.
    small: usize,
    /// Words that begin with a capital, and are no names of days and months.
    capitalized: usize,
}

impl Header {
    /// What was read so far is no sentence.
    fn may_go_on(&self) -> bool {
        if self.has_number { self.small <= 1 && self.capitalized <= 2 } else { self.small + self.capitalized == 0 }
    }

    fn add(&mut self, word: &[u8], before: Option<u8>, after: Option<u8>) {
        if word.iter().any(u8::is_ascii_digit) {
            self.has_number = true;
            return;
        }
        let is_part_of_a_name = |byte: Option<u8>| !matches!(byte, None | Some(b' ' | b'\t' | b','));
        if word.len() < 2 || is_part_of_a_name(before) || is_part_of_a_name(after) {
            return;
        }
        if word.iter().all(u8::is_ascii_lowercase) {
            self.small += 1;
        } else if word.len() > 3 && !word.iter().all(u8::is_ascii_uppercase) {
            self.capitalized += 1;
        }
    }
}

/// The first word that names a level and looks as if it meant to.
fn before_the_message(text: &[u8]) -> Option<Level> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let mut header = Header::default();
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        if !is_word(text[at]) {
            match text[at] {
                b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
            continue;
        }
        let len = text[at..].iter().take_while(|byte| is_word(**byte)).count();
        let word = &text[at..at + len];
        if len <= 13 || depth == 0 {
            let place = Place { text, at, end: at + len };
            match place.judge(word, &header) {
                Judged::Level(level) => return level,
                Judged::Other if depth == 0 => {
                    header.add(word, place.before(), place.after());
                    if !header.may_go_on() {
                        return None;
                    }
                }
                Judged::Other => {}
            }
        }
        at += len;
    }
    None
}

enum Judged {
    Level(Option<Level>),
    Other,
}

/// A word in its surroundings.
struct Place<'a> {
    text: &'a [u8],
    at: usize,
    end: usize,
}

impl Place<'_> {
    fn before(&self) -> Option<u8> {
        self.at.checked_sub(1).map(|at| self.text[at])
    }

    fn after(&self) -> Option<u8> {
        self.text.get(self.end).copied()
    }

    fn judge(&self, word: &[u8], header: &Header) -> Judged {
        let (before, after) = (self.before(), self.after());
        if let [letter] = word {
            // `[I]`, after a time or a place in the source, if anything.
            let is_own = before == Some(b'[') && after == Some(b']');
            let level = word::letter(*letter).filter(|_| is_own && header.small == 0);
            return level.map_or(Judged::Other, |level| Judged::Level(Some(level)));
        }
        if after == Some(b':')
            && let Some(level) = postgres(word, &self.text[self.end..])
        {
            return Judged::Level(level);
        }
        let is_capital = word.len() >= 3 && word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let is_own = self.is_bracketed() || self.is_between_marks();
        let is_labelled = after == Some(b':') && !matches!(before, Some(b':' | b'.' | b'/' | b'-'));
        let is_alone = is_capital && !matches!(before, Some(b'/' | b'.' | b'-' | b'_' | b'"' | b'\'' | b'=' | b'$'));
        let is_alone = is_alone && !matches!(after, Some(b'/' | b'.' | b'-' | b'_' | b'"' | b'\'' | b'=' | b'('));
        let may_be = if word::is_everyday(word) {
            is_own || is_labelled || is_alone && matches!(word, b"NOTICE" | b"ALERT" | b"SUCCESS" | b"VERBOSE")
        } else {
            is_own || is_labelled || is_alone || self.is_after_a_time()
        };
        let level = match word {
            _ if !may_be => None,
            // .NET's console, MySQL's notes.
            b"fail" if is_labelled => Some(Level::Error),
            b"Note" | b"System" if self.is_bracketed() => Some(Level::Info),
            _ => word::level(word),
        };
        level.map_or(Judged::Other, |level| Judged::Level(Some(level)))
    }

    /// `[error]`, `[WARN ]`, `<error>`, `(error)`, Apache's `[core:error]`.
    fn is_bracketed(&self) -> bool {
        let blanks = |bytes: &[u8]| bytes.iter().take_while(|byte| **byte == b' ').count();
        let close = self.text.get(self.end + blanks(&self.text[self.end..])).copied();
        let before = self.text[..self.at].trim_ascii_end();
        let open = match before.last().copied() {
            Some(b':') => {
                let module = before[..before.len() - 1].iter().rev();
                let len = module.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                if len == 0 { None } else { before.get(..before.len() - 1 - len).and_then(|rest| rest.last().copied()) }
            }
            other => other,
        };
        matches!((open, close), (Some(b'['), Some(b']')) | (Some(b'<'), Some(b'>')) | (Some(b'('), Some(b')')))
    }

    /// ` - error - `, ` | error | `, and between tabs.
    fn is_between_marks(&self) -> bool {
        let (before, after) = (&self.text[..self.at], &self.text[self.end..]);
        let after_blanks = after.trim_ascii_start();
        (before.ends_with(b"\t") && after.starts_with(b"\t"))
            || (before.ends_with(b" - ") && after_blanks.starts_with(b"- "))
            || (before.ends_with(b"| ") && after_blanks.starts_with(b"|"))
    }

    /// Windows: `2026-11-23 07:01:20, Info                  CBS    message`.
    fn is_after_a_time(&self) -> bool {
        let before = &self.text[..self.at];
        before
            .strip_suffix(b", ")
            .is_some_and(|rest| rest.last().is_some_and(u8::is_ascii_digit) && rest.contains(&b':'))
            && self.text[self.end..].starts_with(b"  ")
    }
}

/// Postgres puts two blanks behind its words. Those that explain the line before have no level of their own.
fn postgres(word: &[u8], after: &[u8]) -> Known {
    if !after.starts_with(b":  ") {
        return None;
    }
    match word {
        b"LOG" => Some(Some(Level::Info)),
        b"STATEMENT" | b"DETAIL" | b"HINT" | b"CONTEXT" | b"QUERY" | b"LOCATION" => Some(None),
        _ => None,
    }
}
