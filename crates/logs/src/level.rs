//! Determines the severity of a line: from a field of a structured line, or from the text before
//! the message of a plain line.
//!
//! A word within a message is not a level: "0 errors" says nothing about the severity of its line.

mod known;
mod labels;
mod plain;
mod structured;
mod word;

use std::fmt;
use std::str::FromStr;

use crate::fields::{self, Kind};

/// Severity, least severe first.
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

/// The text is not the name of a level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a log level: write trace, debug, info, warn, error or fatal")]
pub struct UnknownLevel(String);

impl Level {
    /// All levels, least severe first.
    pub const ALL: [Self; 6] =
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Returns the level's name in lower case.
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

    /// Returns the level of a line, or `None` if the line has none.
    ///
    /// A JSON or logfmt field (`level`, `lvl`, `severity`, `levelname`, `log.level`, `@l`, …)
    /// decides, as a word or as a number of pino and bunyan (10 trace … 60 fatal), of syslog (0
    /// emergency … 7 debug) or of OpenTelemetry (`severityNumber`). In other lines, the text before
    /// the message decides: a syslog priority, the letter of klog, Android, Jupyter and others, a
    /// mark of Redis, a level's name in capitals, in brackets or before a colon; or the beginning
    /// of a panic or a stack trace.
    ///
    /// ```
    /// use scratchdbg_logs::Level;
    /// assert_eq!(Level::of(br#"{"level":50,"msg":"boom"}"#), Some(Level::Error));
    /// assert_eq!(Level::of(b"2026-11-23 07:01:20 WARN slow"), Some(Level::Warn));
    /// assert_eq!(Level::of(b"no error was found"), None);
    /// ```
    pub fn of(line: &[u8]) -> Option<Self> {
        match fields::kind(line) {
            Kind::Json | Kind::CutJson => structured::level(line, false),
            Kind::Logfmt => structured::level(line, false).or_else(|| plain::level(line).flatten()),
            // A line in a known format without a level has no level.
            Kind::Text => plain::level(line).unwrap_or_else(|| {
                let of_pairs = || structured::level(line, true);
                labels::behind_a_name(line).and_then(Self::of).or_else(of_pairs)
            }),
        }
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
        word::level(text.as_bytes()).ok_or_else(|| UnknownLevel(text.into()))
    }
}

#[cfg(test)]
#[path = "level/tests.rs"]
mod tests;

#[cfg(test)]
mod formats_tests;

#[cfg(test)]
mod look_alike_tests;
