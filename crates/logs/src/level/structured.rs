//! The fields of JSON and logfmt lines that contain a level.

use super::{Level, word};
use crate::fields;

/// The interpretation of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// A name, or a number of pino, bunyan or syslog.
    Common,
    /// A name, or a number of Google Cloud's, pino, bunyan or syslog.
    Severity,
    /// A name only: numbers in such fields have no fixed meaning.
    Name,
    /// A name, or a syslog severity if the line is from the journal. Queues and tasks have
    /// priorities too.
    Journal,
    /// A syslog severity: 0 is the worst.
    Syslog,
    /// A severity number of OpenTelemetry: 1 to 24.
    OpenTelemetry,
    /// A Python level number: 10 to 50.
    Python,
    /// An Application Insights severity level: 0 to 4.
    Insights,
    /// A `MongoDB` letter.
    Mongo,
}

fn scale(key: &[u8]) -> Option<Scale> {
    Some(match key {
        b"level" | b"Level" | b"LEVEL" | b"lvl" | b"levelname" | b"levelName" | b"level_name"
        | b"log.level" | b"loglevel" | b"log_level" | b"logLevel" | b"LogLevel" | b"@l"
        | b"@level" | b"severity_text" | b"severityText" | b"SeverityText" | b"syslog_level" => {
            Scale::Common
        }
        b"severity" | b"Severity" | b"SEVERITY" => Scale::Severity,
        b"priority" => Scale::Journal,
        b"l" => Scale::Name,
        b"PRIORITY" | b"syslog.severity" | b"syslog.severity.code" => Scale::Syslog,
        b"severityNumber" | b"severity_number" | b"SeverityNumber" => Scale::OpenTelemetry,
        b"levelno" => Scale::Python,
        b"severityLevel" => Scale::Insights,
        b"s" => Scale::Mongo,
        _ => return None,
    })
}

/// Returns the level in a field of the line. With `is_text`, there are words before the fields.
pub(super) fn level(line: &[u8], is_text: bool) -> Option<Level> {
    let of = |scale, value: &str| {
        let level = match scale {
            // After words, a level number is that of a game or a flood.
            Scale::Common | Scale::Severity if is_text => self::value(value, Scale::Name, line),
            Scale::Mongo | Scale::Journal if is_text => None,
            scale => self::value(value, scale, line),
        };
        level.map(|level| (level, is_ambiguous(scale, value)))
    };
    let found =
        if is_text { fields::pick_beside(line, scale, of) } else { fields::pick(line, scale, of) };
    let Some((level, is_number)) = found else { return serilog(line) };
    if !is_number {
        return Some(level);
    }
    // Numbers have many scales, and a name is unambiguous: {"level":400,"level_name":"ERROR"}.
    let named = fields::pick(line, scale, |scale, value| match scale {
        Scale::Common | Scale::Severity => self::value(value, Scale::Name, line),
        _ => None,
    });
    named.or_else(|| is_of_a_log(line).then_some(level))
}

/// Reports whether a number is a log level: it is the only member, or it comes first in its object
/// as Pino's does, or it is beside members that log lines have. Other objects have levels too.
fn is_of_a_log(line: &[u8]) -> bool {
    const BESIDE: &[&str] = &[
        "msg",
        "message",
        "Message",
        "MESSAGE",
        "short_message",
        "text",
        "body",
        "log",
        "err",
        "error",
        "time",
        "ts",
        "timestamp",
        "@timestamp",
        "Timestamp",
        "date",
        "datetime",
        "logger",
        "channel",
        "pid",
        "hostname",
    ];
    let pairs = line.iter().filter(|byte| matches!(byte, b':' | b'=')).count();
    let is_first = line
        .strip_prefix(b"{\"")
        .is_some_and(|rest| rest.starts_with(b"level\"") || rest.starts_with(b"severity\""));
    pairs <= 1 || is_first || BESIDE.iter().any(|name| fields::get(line, name).is_some())
}

/// Serilog's compact form leaves out the level `Information`.
fn serilog(line: &[u8]) -> Option<Level> {
    let has = |key: &str| fields::get(line, key).is_some();
    (line.starts_with(b"{\"@t\"") && (has("@mt") || has("@m")) && !has("@l")).then_some(Level::Info)
}

/// Reports whether the value is a number whose scale the key does not determine.
fn is_ambiguous(scale: Scale, value: &str) -> bool {
    matches!(scale, Scale::Common | Scale::Severity)
        && value.trim_matches([' ', '[', ']']).parse::<u32>().is_ok()
}

fn value(value: &str, scale: Scale, line: &[u8]) -> Option<Level> {
    let text = value.trim_matches([' ', '[', ']']);
    if scale == Scale::Mongo {
        // `s` means many things. MongoDB writes it beside a time and a component.
        let is_mongo =
            || fields::get(line, "t.$date").is_some() && fields::get(line, "c").is_some();
        let letter = text
            .as_bytes()
            .first()
            .copied()
            .filter(|first| matches!(first, b'F' | b'E' | b'W' | b'I' | b'D'))?;
        let is_level = matches!(text.as_bytes(), [_] | [b'D', b'1'..=b'5']);
        return word::letter(letter).filter(|_| is_level && is_mongo());
    }
    let number = text.parse::<u32>().ok();
    match (scale, number) {
        (Scale::Name, Some(_)) => None,
        (Scale::Journal, Some(number)) => {
            (number < 8 && is_of_the_journal(line)).then(|| word::syslog(number))
        }
        (Scale::Syslog, Some(number)) => (number < 8).then(|| word::syslog(number)),
        (Scale::OpenTelemetry, Some(number)) => match number {
            1..=4 => Some(Level::Trace),
            5..=8 => Some(Level::Debug),
            9..=12 => Some(Level::Info),
            13..=16 => Some(Level::Warn),
            17..=20 => Some(Level::Error),
            21..=24 => Some(Level::Fatal),
            _ => None,
        },
        (Scale::Python, Some(number)) => Some(match number {
            0..=9 => return None,
            10..=19 => Level::Debug,
            20..=29 => Level::Info,
            30..=39 => Level::Warn,
            40..=49 => Level::Error,
            _ => Level::Fatal,
        }),
        (Scale::Insights, Some(number)) => {
            [Level::Trace, Level::Info, Level::Warn, Level::Error, Level::Fatal]
                .get(number as usize)
                .copied()
        }
        (Scale::Common | Scale::Severity, Some(number)) => Some(match number {
            0..=7 => word::syslog(number),
            8..=10 => Level::Trace,
            11..=20 => Level::Debug,
            21..=30 => Level::Info,
            31..=40 => Level::Warn,
            41..=50 => Level::Error,
            51..=60 => Level::Fatal,
            number => return hundreds(number, scale),
        }),
        _ => name(text),
    }
}

/// Reports whether the line has nothing but a priority, or a message with the journal's facts about
/// its sender.
fn is_of_the_journal(line: &[u8]) -> bool {
    const MESSAGE: &[&str] = &["message", "MESSAGE", "msg"];
    const SENDER: &[&str] = &[
        "hostname",
        "host",
        "pid",
        "unit",
        "systemd_unit",
        "syslog_identifier",
        "syslog_facility",
        "facility",
        "identifier",
        "comm",
        "transport",
        "boot_id",
        "machine_id",
        "_HOSTNAME",
        "_PID",
        "_SYSTEMD_UNIT",
        "SYSLOG_IDENTIFIER",
    ];
    let has = |names: &[&str]| names.iter().any(|name| fields::get(line, name).is_some());
    !line.contains(&b',') || (has(MESSAGE) && has(SENDER))
}

/// The numbers of Monolog (`level`) and of Google Cloud (`severity`).
fn hundreds(number: u32, scale: Scale) -> Option<Level> {
    Some(match (scale, number) {
        (_, 100) => Level::Debug,
        (Scale::Common, 200 | 250) | (Scale::Severity, 200 | 300) => Level::Info,
        (Scale::Common, 300) | (Scale::Severity, 400) => Level::Warn,
        (Scale::Common, 400) | (Scale::Severity, 500) => Level::Error,
        (Scale::Common, 500 | 550 | 600) | (Scale::Severity, 600 | 700 | 800) => Level::Fatal,
        _ => return None,
    })
}

/// Reads a name, a letter for it, or a name with an offset of Go's slog (`ERROR+2`).
fn name(text: &str) -> Option<Level> {
    if let [only] = text.as_bytes() {
        return word::letter(*only);
    }
    // Winston colors the names in its objects too, and has one more name.
    let plain = super::plain::without_colors(text.as_bytes());
    if &*plain == b"http" {
        return Some(Level::Debug);
    }
    if let Some(level) = word::level(&plain) {
        return Some(level);
    }
    // loguru stores the name in a nested object.
    if text.starts_with('{') {
        return fields::get(text.as_bytes(), "name").and_then(|name| word::level(name.as_bytes()));
    }
    // OpenTelemetry's names may end in numbers: ERROR2.
    let (name, offset) = text.find(['+', '-', '2', '3', '4']).map(|at| text.split_at(at))?;
    let offset = offset.parse::<i32>().ok()?;
    match word::level(name.as_bytes())? {
        Level::Debug if offset <= -4 => Some(Level::Trace),
        level => Some(level),
    }
}
