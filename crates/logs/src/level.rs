//! How severe a line is: from a field of a structured line, or from a word at the start of a plain one.

use crate::{fields, trace};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Severity, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `trace`, `verbose`, `finest`.
    Trace,
    /// `debug`.
    Debug,
    /// `info`, `notice`.
    Info,
    /// `warn`, `warning`.
    Warn,
    /// `error`, `err`, `severe`.
    Error,
    /// `fatal`, `critical`, `alert`, `emergency`, `panic`.
    Fatal,
}

/// Not the name of a level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a log level: write trace, debug, info, warn, error or fatal")]
pub struct UnknownLevel(String);

impl Level {
    /// All levels, least severe first.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The level's name, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level of a line; `None` when it tells none.
    ///
    /// A JSON or logfmt field (`level`, `lvl`, `severity`, `levelname`, `log.level`, …) decides, as a word or as a
    /// number of pino and bunyan (10 trace … 60 fatal) or of syslog (0 emergency … 7 debug). In other lines it is the
    /// first of: klog's first letter (`E1123 07:01:20…`), the start of a panic or a stack trace, and a level's name near
    /// the start, in capitals, in brackets or before a colon.
    ///
    /// ```
    /// use scratchdbg_logs::Level;
    /// assert_eq!(Level::of(br#"{"level":50,"msg":"boom"}"#), Some(Level::Error));
    /// assert_eq!(Level::of(b"2026-11-23 07:01:20 WARN slow"), Some(Level::Warn));
    /// assert_eq!(Level::of(b"no error was found"), None);
    /// ```
    pub fn of(line: &[u8]) -> Option<Self> {
        if let Some(value) = fields::find(line, is_level_key) {
            return Self::from_value(&value);
        }
        let start = without_colours(&line[..line.len().min(PLAIN_PREFIX)]);
        klog(&start)
            .or_else(|| crash(&start))
            .or_else(|| near_the_start(&start))
            .or_else(|| trace::has_frames(line).then_some(Self::Error))
    }

    fn from_value(value: &str) -> Option<Self> {
        Self::from_word(value.as_bytes()).or_else(|| match value.parse::<u32>().ok()? {
            7 | 11..=20 => Some(Self::Debug),
            8..=10 => Some(Self::Trace),
            5 | 6 | 21..=30 => Some(Self::Info),
            4 | 31..=40 => Some(Self::Warn),
            3 | 41..=50 => Some(Self::Error),
            0..=2 | 51.. => Some(Self::Fatal),
        })
    }

    fn from_word(word: &[u8]) -> Option<Self> {
        // No name is longer.
        let mut lower = [0; 13];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trc" | b"verbose" | b"finest" | b"finer" => Self::Trace,
            b"debug" | b"dbg" | b"debu" | b"fine" => Self::Debug,
            b"info" | b"inf" | b"information" | b"informational" | b"notice" => Self::Info,
            b"warn" | b"wrn" | b"warning" => Self::Warn,
            b"error" | b"err" | b"eror" | b"erro" | b"severe" => Self::Error,
            b"fatal" | b"ftl" | b"fata" | b"critical" | b"crit" | b"alert" | b"emerg" | b"emergency" | b"panic"
            | b"dpanic" => Self::Fatal,
            _ => return None,
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_word(text.as_bytes()).ok_or_else(|| UnknownLevel(text.into()))
    }
}

/// How far into a plain line its level is looked for: past a timestamp, a thread and a logger's name.
const PLAIN_PREFIX: usize = 96;

fn is_level_key(key: &[u8]) -> bool {
    matches!(
        key,
        b"level"
            | b"lvl"
            | b"severity"
            | b"levelname"
            | b"log.level"
            | b"loglevel"
            | b"log_level"
            | b"severity_text"
            | b"SeverityText"
            | b"severityText"
            | b"Level"
            | b"LEVEL"
            | b"LogLevel"
            | b"@l"
            | b"levelName"
    )
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

/// `E1123 07:01:20.422028       1 main.go:42] message`.
fn klog(text: &[u8]) -> Option<Level> {
    let (letter, rest) = text.split_first()?;
    let is_klog =
        rest.len() > 5 && rest[..4].iter().all(u8::is_ascii_digit) && rest[4] == b' ' && rest[5].is_ascii_digit();
    match letter {
        _ if !is_klog => None,
        b'I' => Some(Level::Info),
        b'W' => Some(Level::Warn),
        b'E' => Some(Level::Error),
        b'F' => Some(Level::Fatal),
        _ => None,
    }
}

/// Programs that die say so in words of their own.
fn crash(text: &[u8]) -> Option<Level> {
    let starts = |prefix: &[u8]| text.starts_with(prefix);
    if starts(b"panic: ")
        || starts(b"fatal error: ")
        || (starts(b"thread '") && memchr::memmem::find(text, b" panicked at").is_some())
    {
        return Some(Level::Fatal);
    }
    (starts(b"Traceback (most recent call last)") || starts(b"Exception in thread ")).then_some(Level::Error)
}

/// The first word that names a level and looks as if it meant to.
fn near_the_start(text: &[u8]) -> Option<Level> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut at = 0;
    while at < text.len() {
        if !is_word(text[at]) {
            at += 1;
            continue;
        }
        let len = text[at..].iter().take_while(|byte| is_word(**byte)).count();
        let word = &text[at..at + len];
        let (before, after) = (at.checked_sub(1).map(|at| text[at]), text.get(at + len));
        let is_bracketed =
            matches!((before, after), (Some(b'['), Some(b']')) | (Some(b'<'), Some(b'>')) | (Some(b'('), Some(b')')));
        let is_labelled = after == Some(&b':') && !matches!(before, Some(b':' | b'.' | b'/'));
        let is_capital = word.len() >= 3 && word.iter().all(u8::is_ascii_uppercase);
        if (is_bracketed || is_labelled || is_capital)
            && let Some(level) = Level::from_word(word)
        {
            return Some(level);
        }
        at += len;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_of_a_line() {
        use Level::{Debug, Error, Fatal, Info, Trace, Warn};
        let cases: &[(&str, Option<Level>)] = &[
            (r#"{"level":"info","msg":"an ERROR in words"}"#, Some(Info)),
            (r#"{"ts":1.5,"lvl":"WARNING"}"#, Some(Warn)),
            (r#"{"severity":"CRITICAL"}"#, Some(Fatal)),
            (r#"{"log":{"level":"error"}}"#, Some(Error)),
            (r#"{"log.level":"debug"}"#, Some(Debug)),
            (r#"{"@l":"Verbose"}"#, Some(Trace)),
            // Pino and bunyan, and custom numbers between; syslog as in GELF.
            (r#"{"level":10}"#, Some(Trace)),
            (r#"{"level":20}"#, Some(Debug)),
            (r#"{"level":30}"#, Some(Info)),
            (r#"{"level":35}"#, Some(Warn)),
            (r#"{"level":50}"#, Some(Error)),
            (r#"{"level":60}"#, Some(Fatal)),
            (r#"{"level":"40"}"#, Some(Warn)),
            (r#"{"level":3}"#, Some(Error)),
            (r#"{"level":7}"#, Some(Debug)),
            (r#"{"level":-4}"#, None),
            (r#"{"level":"what"}"#, None),
            (r#"{"level":{"a":1}}"#, None),
            (r#"{"msg":"nothing"}"#, None),
            ("time=\"x\" level=warning msg=ERROR", Some(Warn)),
            ("ts=1 lvl=eror msg=x", Some(Error)),
            ("2026-11-23T07:01:20Z ERROR request failed", Some(Error)),
            ("2026-11-23 07:01:20,123 [main] WARN  c.e.App - slow", Some(Warn)),
            ("[error] 12#0: connect() failed", Some(Error)),
            ("2026/11/23 07:01:20 [notice] 1#1: start", Some(Info)),
            ("INFO:     Started server", Some(Info)),
            ("warning: unused variable", Some(Warn)),
            ("\u{1b}[32m INFO\u{1b}[0m starting", Some(Info)),
            ("\u{1b}[31mERROR\u{1b}[0m starting", Some(Error)),
            ("<error> x", Some(Error)),
            ("E1123 07:01:20.422028       1 main.go:42] boom", Some(Error)),
            ("I1123 07:01:20.422028       1 main.go:42] ERROR", Some(Info)),
            ("panic: runtime error: index out of range", Some(Fatal)),
            ("thread 'main' panicked at src/main.rs:2:5:", Some(Fatal)),
            ("Traceback (most recent call last):", Some(Error)),
            ("x.FooException: boom\n\tat a.b(C.java:1)", Some(Error)),
            ("WARN retried: x.FooException\n\tat a.b(C.java:1)", Some(Warn)),
            ("no error was found", None),
            ("std::error::Error: x", None),
            ("GET /error/x HTTP/1.1", None),
            ("ERRORS are many", None),
            ("", None),
        ];
        for (line, want) in cases {
            assert_eq!(Level::of(line.as_bytes()), *want, "{line}");
        }
        let far = format!("{} ERROR", "x".repeat(PLAIN_PREFIX));
        assert_eq!(Level::of(far.as_bytes()), None);
    }

    #[test]
    fn names() {
        for level in Level::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        assert_eq!("Warning".parse(), Ok(Level::Warn));
        assert_eq!(
            "loud".parse::<Level>().unwrap_err().to_string(),
            "`loud` is not a log level: write trace, debug, info, warn, error or fatal"
        );
    }
}
