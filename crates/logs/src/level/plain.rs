//! Finds the level in the text before the message of a plain line.

use std::borrow::Cow;

use super::known::{self, Known};
use super::{Level, word};
use crate::trace;

/// How far into a line its level may be: after a timestamp, a thread and a logger's name.
const PREFIX: usize = 128;

/// Returns the level, or `None` if the line has no known format and does not begin with a level.
pub(super) fn level(line: &[u8]) -> Known {
    let start = without_colors(&line[..line.len().min(PREFIX)]);
    let start = start.trim_ascii_start();
    // Each one checks the first bytes of the line.
    for known in known::FORMS {
        if let Some(level) = known(start) {
            return Some(level);
        }
    }
    before_the_message(start).or_else(|| trace::has_frames(line).then_some(Some(Level::Error)))
}

pub(super) fn without_colors(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\x1b', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\x1b', rest) {
        kept.extend_from_slice(&rest[..at]);
        let skip =
            rest[at..].iter().position(|byte| *byte == b'm').map_or(rest.len() - at, |len| len + 1);
        rest = &rest[at + skip..];
    }
    kept.extend_from_slice(rest);
    Cow::Owned(kept)
}

/// Counts of the words before a message.
#[derive(Debug, Default)]
struct Header {
    /// Whether there were numbers: usually a time.
    has_number: bool,
    /// Words in lower case, as in a sentence.
    small: usize,
    /// Words that begin with a capital and are not names of days or months.
    capitalized: usize,
}

impl Header {
    /// Reports whether the words so far are not a sentence.
    fn may_go_on(&self) -> bool {
        if self.has_number {
            self.small <= 1 && self.capitalized <= 2
        } else {
            self.small + self.capitalized == 0
        }
    }

    fn add(&mut self, word: &[u8], before: Option<u8>, after: Option<u8>) {
        if word.iter().any(u8::is_ascii_digit) {
            self.has_number = true;
            return;
        }
        let is_part_of_a_name =
            |byte: Option<u8>| !matches!(byte, None | Some(b' ' | b'\t' | b','));
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

/// Returns the first word that names a level and stands where a level would.
fn before_the_message(text: &[u8]) -> Known {
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
                Judged::Level(level) => return Some(level),
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

/// A word and its surroundings.
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
            // `[I]`, with nothing but a time or a source location before it.
            let is_own = before == Some(b'[') && after == Some(b']');
            let level = word::letter(*letter).filter(|_| is_own && header.small == 0);
            return level.map_or(Judged::Other, |level| Judged::Level(Some(level)));
        }
        if after == Some(b':')
            && let Some(level) = postgres(word, &self.text[self.end..])
        {
            return Judged::Level(level);
        }
        let is_capital = word.len() >= 3
            && word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let is_own = self.is_bracketed() || self.is_between_marks();
        if self.at == 0 && !is_own && is_capital && begins_a_sentence(&self.text[self.end..]) {
            return Judged::Other;
        }
        let is_labeled = after == Some(b':') && !matches!(before, Some(b':' | b'.' | b'/' | b'-'));
        if is_labeled && is_a_count(&self.text[..self.at], &self.text[self.end + 1..]) {
            return Judged::Other;
        }
        let is_alone = is_capital
            && self.is_before_a_message(header)
            && !matches!(before, Some(b'/' | b'.' | b'-' | b'_' | b'"' | b'\'' | b'=' | b'$'));
        let is_alone = is_alone
            && !matches!(after, Some(b'/' | b'.' | b'-' | b'_' | b'"' | b'\'' | b'=' | b'('));
        let may_be = if word::is_everyday(word) {
            is_own
                || is_labeled
                || is_alone && matches!(word, b"NOTICE" | b"ALERT" | b"SUCCESS" | b"VERBOSE")
        } else {
            is_own || is_labeled || is_alone || self.is_after_a_time()
        };
        let level = match word {
            _ if !may_be => None,
            // Logback writes the thread in brackets, whatever its name:
            // `[ERROR] INFO  c.e.App - x`.
            _ if is_own
                && before == Some(b'[')
                && header.has_number
                && self.thread_before().is_some() =>
            {
                self.thread_before()
            }
            // .NET's console, MySQL's notes.
            b"fail" if is_labeled => Some(Level::Error),
            b"Note" | b"System" if self.is_bracketed() => Some(Level::Info),
            _ => word::level(word),
        };
        level.map_or(Judged::Other, |level| Judged::Level(Some(level)))
    }

    /// Reports whether the word is in brackets: `[error]`, `[WARN ]`, `<error>`, `(error)`,
    /// Apache's `[core:error]`.
    fn is_bracketed(&self) -> bool {
        let blanks = |bytes: &[u8]| bytes.iter().take_while(|byte| **byte == b' ').count();
        let close = self.text.get(self.end + blanks(&self.text[self.end..])).copied();
        let before = self.text[..self.at].trim_ascii_end();
        let open = match before.last().copied() {
            Some(b':') => {
                let module = before[..before.len() - 1].iter().rev();
                let len = module
                    .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                    .count();
                if len == 0 {
                    None
                } else {
                    before.get(..before.len() - 1 - len).and_then(|rest| rest.last().copied())
                }
            }
            other => other,
        };
        let is_closed = matches!(
            (open, close),
            (Some(b'['), Some(b']')) | (Some(b'<'), Some(b'>')) | (Some(b'('), Some(b')'))
        );
        // `<error>no</error>` is a markup document.
        is_closed
            && (close != Some(b'>')
                || memchr::memmem::find(self.text, b"</").is_none() && !self.is_a_tag())
    }

    /// Reports whether the word is a tag of markup: `<Error><Code>`, `<error>x`.
    fn is_a_tag(&self) -> bool {
        let after = self.text[self.end..].iter().skip_while(|byte| **byte == b' ').nth(1);
        after.is_some_and(|byte| !matches!(byte, b' ' | b'\t' | b':' | b',' | b']' | b'-'))
    }

    /// Reports whether capitals without brackets or colon are a level. They need a message after
    /// them, unless a time begins the line; and among fields separated by bars, they need something
    /// like a time before them.
    fn is_before_a_message(&self, header: &Header) -> bool {
        let after = &self.text[self.end..];
        let before = self.text[..self.at].trim_ascii_end();
        let begins_with_a_time =
            self.text.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'[');
        let is_in_a_row = after.first() == Some(&b'|') && self.text[..self.at].ends_with(b"|");
        let is_setting = before.strip_suffix(b":").is_some_and(|name| {
            name.len() >= 5 && name[name.len() - 5..].eq_ignore_ascii_case(b"level")
        });
        let is_request =
            after.starts_with(b" /") && memchr::memmem::find(after, b" HTTP/").is_some();
        (begins_with_a_time || !after.trim_ascii().is_empty())
            && (!is_in_a_row || header.has_number)
            && !is_setting
            && !is_request
    }

    /// Returns the level in capitals right after the bracket that encloses this word.
    fn thread_before(&self) -> Option<Level> {
        let rest = self.text.get(self.end..)?.strip_prefix(b"] ")?.trim_ascii_start();
        let len = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        let logger = rest.get(len..)?.trim_ascii_start();
        let logger_len = logger.iter().position(|byte| *byte == b' ')?;
        word::level(&rest[..len])
            .filter(|_| len >= 3 && logger[logger_len..].trim_ascii_start().starts_with(b"- "))
    }

    /// Reports whether the word is between marks: ` - error - `, ` | error | `, or between tabs.
    fn is_between_marks(&self) -> bool {
        let (before, after) = (&self.text[..self.at], &self.text[self.end..]);
        let after_blanks = after.trim_ascii_start();
        (before.ends_with(b"\t") && after.starts_with(b"\t"))
            || (before.ends_with(b" - ") && after_blanks.starts_with(b"- "))
            || (before.ends_with(b"| ") && after_blanks.starts_with(b"|"))
    }

    /// Reports whether the word follows a time, as on Windows:
    /// `2026-11-23 07:01:20, Info                  CBS    message`.
    fn is_after_a_time(&self) -> bool {
        let before = &self.text[..self.at];
        before
            .strip_suffix(b", ")
            .is_some_and(|rest| rest.last().is_some_and(u8::is_ascii_digit) && rest.contains(&b':'))
            && self.text[self.end..].starts_with(b"  ")
    }
}

/// Reports whether the word is counted: a number and another word with a number before it, or with
/// a level after it, as in `Fatal: 0 Error: 0`.
fn is_a_count(before: &[u8], after: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let before = before.strip_suffix(b",").unwrap_or(before);
    let name = before
        .iter()
        .rev()
        .skip_while(|byte| byte.is_ascii_digit())
        .copied()
        .take(3)
        .collect::<Vec<_>>();
    let is_behind_one = before.last().is_some_and(u8::is_ascii_digit)
        && matches!(name[..], [b' ', b':', letter] if letter.is_ascii_alphabetic());
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let after = after.trim_ascii_start();
    let len = digits(after);
    let rest = &after[len..];
    let next = rest.iter().position(u8::is_ascii_alphabetic).map_or(rest, |at| &rest[at..]);
    let word = next.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let behind = next[word..].strip_prefix(b":").map(<[u8]>::trim_ascii_start);
    let is_before_one =
        word::level(&next[..word]).is_some() && behind.is_some_and(|behind| digits(behind) > 0);
    len > 0 && (is_behind_one || is_before_one)
}

/// Reports whether another word in capitals and words in lower case follow:
/// `WARNING SIGNS of fatigue`. Abbreviations do not count, because many messages begin with one.
fn begins_a_sentence(after: &[u8]) -> bool {
    const ABBREVIATIONS: &[&[u8]] = &[
        b"HTTP",
        b"HTTPS",
        b"JSON",
        b"YAML",
        b"TOML",
        b"HTML",
        b"POST",
        b"HEAD",
        b"PATCH",
        b"DELETE",
        b"OPTIONS",
        b"CONNECT",
        b"TRACE",
        b"LDAP",
        b"SMTP",
        b"IMAP",
        b"DHCP",
        b"ICMP",
        b"JDBC",
        b"ODBC",
        b"GRPC",
        b"MQTT",
        b"AMQP",
        b"STOMP",
        b"SASL",
        b"OIDC",
        b"SAML",
        b"CORS",
        b"CSRF",
        b"CUDA",
        b"NUMA",
        b"RAID",
        b"UUID",
        b"GUID",
        b"UTF",
        b"ASCII",
        b"JMX",
        b"XML",
        b"SNMP",
        b"SOAP",
        b"REST",
        b"WSGI",
        b"ASGI",
        b"QUIC",
        b"SFTP",
        b"KAFKA",
        b"REDIS",
        b"MYSQL",
        b"SELECT",
        b"INSERT",
        b"UPDATE",
        b"CREATE",
        b"BEGIN",
        b"COMMIT",
        b"ROLLBACK",
        b"EOF",
        b"NULL",
        b"TTL",
        b"TLS",
        b"SSL",
        b"DNS",
        b"WAL",
    ];
    let Some(rest) = after.strip_prefix(b" ") else { return false };
    let len = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let next = rest[len..].strip_prefix(b" ").and_then(|rest| rest.first());
    len >= 4 && next.is_some_and(u8::is_ascii_lowercase) && !ABBREVIATIONS.contains(&&rest[..len])
}

/// Postgres writes two blanks after its words. The words that explain the previous line have no
/// level of their own.
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
