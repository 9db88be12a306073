//! Formats that are recognized by how a line begins.

use super::{Level, labels, word};

/// The level of a line in a recognized format (the inner `None`: no level), or the outer `None` if
/// the format is another one.
pub(super) type Known = Option<Option<Level>>;

/// The recognizers. Each one checks the first bytes of the line.
pub(super) const FORMS: &[fn(&[u8]) -> Known] = &[
    priority,
    klog,
    crash,
    access,
    tools,
    frameworks,
    letters,
    timed_letter,
    redis,
    erlang,
    labels::named,
    labels::timed,
];

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

/// `E1123 07:01:20.422028       1 main.go:42] message`, optionally with the year first
/// (`CockroachDB`: two digits).
fn klog(text: &[u8]) -> Known {
    // brpc adds a bracket.
    let text = text.strip_prefix(b"[").filter(|rest| rest.contains(&b']')).unwrap_or(text);
    let (letter, rest) = text.split_first()?;
    if !matches!(letter, b'I' | b'W' | b'E' | b'F') {
        return None;
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_klog = matches!(digits, 4 | 6 | 8)
        && rest[digits..].starts_with(b" ")
        && rest.get(digits + 1)?.is_ascii_digit();
    // The month and the day come last.
    let is_date = || {
        let [.., m1, m2, d1, d2] = rest[..digits] else { return false };
        (1..=12).contains(&((m1 - b'0') * 10 + m2 - b'0'))
            && (1..=31).contains(&((d1 - b'0') * 10 + d2 - b'0'))
    };
    (is_klog && is_date()).then(|| word::letter(*letter))
}

/// Messages of programs that crash.
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
        b'P' if starts(b"PHP Deprecated: ") => Some(Some(Level::Warn)),
        // Rust's compiler: `error[E0425]: cannot find value`.
        b'e' if starts(b"error[") && memchr::memmem::find(text, b"]: ").is_some() => {
            Some(Some(Level::Error))
        }
        b'w' if starts(b"warning[") && memchr::memmem::find(text, b"]: ").is_some() => {
            Some(Some(Level::Warn))
        }
        // GitHub Actions: `::error file=a.js,line=1::message`, `::warning::message`.
        b':' if starts(b"::") => {
            let len = text[2..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
            let (word, rest) = text[2..].split_at(len);
            let is_command = rest.starts_with(b"::")
                || (rest.starts_with(b" ") && memchr::memmem::find(rest, b"::").is_some());
            word::level(word).filter(|_| is_command).map(Some)
        }
        b't' if starts(b"thread '") && memchr::memmem::find(text, b" panicked at").is_some() => {
            Some(Some(Level::Fatal))
        }
        // Unit messages of systemd as PID 1.
        b'[' if starts(b"[FAILED] ") => Some(Some(Level::Error)),
        b'*' if starts(b"*** stack smashing detected ***")
            || starts(b"*** buffer overflow detected ***") =>
        {
            Some(Some(Level::Fatal))
        }
        // .NET.
        b'U' if starts(b"Unhandled exception. ") || starts(b"Unhandled Exception: ") => {
            Some(Some(Level::Fatal))
        }
        b'T' | b'E'
            if starts(b"Traceback (most recent call last)") || starts(b"Exception in thread ") =>
        {
            Some(Some(Level::Error))
        }
        _ => None,
    }
}

/// The access log of a web server, most of which a client controls:
/// `192.0.2.1 - - [23/Nov/2026:07:01:20 +0000] "GET / …`. A level before it counts.
fn access(text: &[u8]) -> Known {
    let open = memchr::memchr(b'[', text)?;
    let [d1, d2, b'/', m1, _, _, b'/', y1, _, _, _, b':', h1, rest @ ..] = &text[open + 1..] else {
        return None;
    };
    let is_date = [d1, d2, y1, h1].into_iter().all(u8::is_ascii_digit) && m1.is_ascii_alphabetic();
    let is_access = is_date && memchr::memmem::find(rest, b"] \"").is_some();
    let words = text[..open].split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let has_level = words.clone().any(|word| {
        word::level(word.trim_ascii_end().strip_suffix(b":").unwrap_or(word)).is_some()
    });
    (is_access && !has_level && words.count() >= 3).then_some(None)
}

/// npm (`npm ERR! code ENOENT`, without the mark since version 10), Node's warnings
/// (`(node:1) [DEP0005] DeprecationWarning: …`), and Logback's status lines
/// (`07:01:20,123 |-WARN in …`).
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

/// Celery (`[2026-11-23 07:01:20,123: ERROR/ForkPoolWorker-1] …`), Laravel (`[2026-11-23 07:01:20]
/// production.ERROR: …`) and Nest (`[Nest] 1  - 11/23/2026, 7:01:20 AM     LOG [App] …`).
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
        return word::level(word)
            .filter(|_| is_process && word.iter().all(u8::is_ascii_uppercase))
            .map(Some);
    }
    let (channel, after) = split_at_byte(rest[close + 1..].strip_prefix(b" ")?, b'.')?;
    let len = after.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_channel = !channel.is_empty()
        && channel.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    word::level(&after[..len]).filter(|_| is_channel && after[len..].starts_with(b": ")).map(Some)
}

fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|each| *each == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A letter as the level: Android's `E/Tag( 123): ` and `11-23 07:01:20.123  12  34 E Tag: `,
/// Jupyter's `[E 07:01:20 app]`, Ruby's `E, [2026-11-23T07:01:20 #1] ERROR -- : `.
fn letters(text: &[u8]) -> Known {
    match text {
        [b'[', letter, b' ', digit, ..] if digit.is_ascii_digit() => {
            Some(Some(word::letter(*letter)?))
        }
        [letter, b',', b' ', b'[', digit, ..] if digit.is_ascii_digit() => {
            Some(Some(word::letter(*letter)?))
        }
        [letter, b'/', rest @ ..] => android_tag(*letter, rest),
        [d1, d2, b'-', d3, d4, b' ', rest @ ..]
            if [d1, d2, d3, d4].into_iter().all(u8::is_ascii_digit) =>
        {
            let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let time = words.next()?;
            if time.len() < 12 || time[2] != b':' || time[5] != b':' || time[8] != b'.' {
                return None;
            }
            let next = words.next()?;
            if let [letter, b'/', rest @ ..] = next {
                return android_tag(
                    *letter,
                    if rest.contains(&b':') {
                        rest
                    } else {
                        text.rsplit(|byte| *byte == b'/').next()?
                    },
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

/// `MongoDB` before 4.4 (`2026-11-23T07:01:20.123+0000 E  STORAGE  [main] …`) and etcd before 3.4
/// (`2026-11-23 07:01:20.123456 C | etcdmain: …`).
fn timed_letter(text: &[u8]) -> Known {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut time = words.next()?;
    let mut next = words.next()?;
    let is_etcd = next.contains(&b':') && next[0].is_ascii_digit();
    if is_etcd {
        (time, next) = (next, words.next()?);
    }
    if !time.contains(&b':') {
        return None;
    }
    let ([letter], true) = (next, true) else { return android_studio(next, words.next()?) };
    let component = words.next()?;
    // TensorFlow writes a colon after the time, and the source location after the letter.
    if time.ends_with(b":") && component.ends_with(b"]") && component.contains(&b':') {
        return Some(word::letter(*letter));
    }
    let is_component = component == b"-" || component.iter().all(u8::is_ascii_uppercase);
    let is_form =
        if is_etcd { component == b"|" } else { is_component && words.next()?.starts_with(b"[") };
    is_form.then(|| word::letter(*letter))
}

/// `2026-11-23 07:01:20.123 7-7/com.example E/Tag: message`, and Telegraf's `2026-11-23T07:01:20Z
/// E! message`.
fn android_studio(process: &[u8], tag: &[u8]) -> Known {
    if let [letter @ (b'E' | b'W' | b'I' | b'D'), b'!'] = process {
        return Some(word::letter(*letter));
    }
    let [letter, b'/', rest @ ..] = tag else { return None };
    let is_process =
        process.first()?.is_ascii_digit() && process.contains(&b'-') && process.contains(&b'/');
    (is_process && rest.len() >= 2 && rest.ends_with(b":")).then_some(Some(android(*letter)?))
}

/// Android's letters. A is a failed assertion.
fn android(letter: u8) -> Option<Level> {
    if letter == b'A' {
        Some(Level::Fatal)
    } else {
        word::letter(letter).filter(|_| !matches!(letter, b'T' | b'C'))
    }
}

fn android_tag(letter: u8, rest: &[u8]) -> Known {
    let level = android(letter)?;
    let tag = rest
        .iter()
        .take_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'$')
        })
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
    if !matches!(role, b'M' | b'S' | b'C' | b'X')
        || day.len() != 2
        || month.len() != 3
        || year.len() != 4
    {
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
