//! The names of levels.

use super::Level;

/// Returns the level with this name, in any case.
pub(super) fn level(word: &[u8]) -> Option<Level> {
    // The longest name.
    let mut lower = [0; 13];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"trace" | b"trc" | b"trce" | b"vrb" | b"verbose" | b"finest" | b"finer" | b"silly" => {
            Level::Trace
        }
        b"debug" | b"dbg" | b"debu" | b"dbug" | b"fine" | b"config" => Level::Debug,
        b"info" | b"inf" | b"information" | b"informational" | b"notice" | b"success" => {
            Level::Info
        }
        b"warn" | b"wrn" | b"warning" => Level::Warn,
        b"error" | b"err" | b"eror" | b"erro" | b"severe" => Level::Error,
        b"fatal" | b"ftl" | b"fata" | b"critical" | b"crit" | b"alert" | b"emerg"
        | b"emergency" | b"panic" | b"pani" | b"pnc" | b"dpanic" => Level::Fatal,
        // Postgres has numbered debug levels, Apache numbered trace levels.
        [rest @ .., b'1'..=b'8'] if rest == b"debug" => Level::Debug,
        [rest @ .., b'1'..=b'8'] if rest == b"trace" => Level::Trace,
        _ => return None,
    })
}

/// Reports whether the name is also an everyday word. Such a name counts only where it cannot be a
/// word of a sentence.
pub(super) fn is_everyday(word: &[u8]) -> bool {
    [
        &b"fine"[..],
        b"finer",
        b"finest",
        b"config",
        b"success",
        b"alert",
        b"verbose",
        b"silly",
        b"notice",
        b"information",
    ]
    .iter()
    .any(|each| word.eq_ignore_ascii_case(each))
}

/// Returns the level that a letter stands for.
pub(super) fn letter(letter: u8) -> Option<Level> {
    Some(match letter {
        b'T' | b'V' => Level::Trace,
        b'D' => Level::Debug,
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' => Level::Error,
        b'F' | b'C' => Level::Fatal,
        _ => return None,
    })
}

/// Returns the level of a syslog severity (RFC 5424), which is also that of a priority without its
/// facility.
pub(super) fn syslog(severity: u32) -> Level {
    match severity & 7 {
        0..=2 => Level::Fatal,
        3 => Level::Error,
        4 => Level::Warn,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    }
}
