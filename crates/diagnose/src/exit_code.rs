//! The meaning of exit codes.

/// Linux's signals by number (`signal(7)`, for all architectures but Alpha, MIPS and SPARC).
const SIGNALS: &[&str] = &[
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// SIGKILL.
pub(crate) const KILL: u8 = 9;
/// SIGTERM.
pub const TERM: u8 = 15;

/// Returns the signal that ended a process, from its exit code in the form of shells and engines
/// (128 + number).
pub fn signal(exit_code: i64) -> Option<u8> {
    let number = u8::try_from(exit_code.checked_sub(128)?).ok()?;
    // Real-time signals end at 64; 255 and similar codes are no signals.
    (1..=64).contains(&number).then_some(number)
}

/// Returns a signal's name with `SIG`, such as `SIGTERM`.
pub fn signal_name(number: u8) -> String {
    match SIGNALS.get(usize::from(number).wrapping_sub(1)) {
        Some(name) => format!("SIG{name}"),
        None => format!("signal {number}"),
    }
}

/// Returns a signal's number, from a number or a name with or without `SIG`, as in `StopSignal` and
/// events.
pub fn signal_number(text: &str) -> Option<u8> {
    if let Ok(number) = text.parse() {
        return (1..=64).contains(&number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    let name = match name.strip_prefix("SIG").unwrap_or(&name) {
        "CLD" => "CHLD",
        "IOT" => "ABRT",
        "POLL" => "IO",
        name if name.starts_with("RT") => return real_time(name),
        name => name,
    };
    let index = SIGNALS.iter().position(|signal| *signal == name)?;
    u8::try_from(index + 1).ok()
}

/// Parses a real-time signal: 34 to 64, in glibc's numbering, counted from either end.
fn real_time(name: &str) -> Option<u8> {
    let step = |text: &str, most: u8| text.parse().ok().filter(|step| (1..=most).contains(step));
    match name.split_at_checked(5)? {
        ("RTMIN", "") => Some(34),
        ("RTMAX", "") => Some(64),
        ("RTMIN", more) => step(more.strip_prefix('+')?, 15).map(|step| 34 + step),
        ("RTMAX", less) => step(less.strip_prefix('-')?, 14).map(|step| 64 - step),
        _ => None,
    }
}

/// Describes the usual meaning of an exit code in a few words.
pub fn describe(exit_code: i64) -> String {
    match exit_code {
        0 => "success".to_owned(),
        1 => "a general error".to_owned(),
        2 => "bad usage, or a panic of a Go program".to_owned(),
        101 => "a panic of a Rust program".to_owned(),
        125 => "the engine itself failed".to_owned(),
        126 => "the program was found and could not be executed".to_owned(),
        127 => "the program, or a library of it, was not found".to_owned(),
        128 => "the start failed for another reason".to_owned(),
        139 => "SIGSEGV, or abort() in a process that is PID 1".to_owned(),
        255 => {
            "an exit code of -1, a failed start (runc 1.2 and later), or one that the engine does not know".to_owned()
        }
        code => match signal(code) {
            Some(number) => signal_name(number),
            None => "a code of the program's own".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_of_exit_codes() {
        for (code, number) in [
            (137, Some(9)),
            (143, Some(15)),
            (129, Some(1)),
            (159, Some(31)),
            (192, Some(64)),
            (128, None),
            (193, None),
            (255, None),
            (0, None),
            (-1, None),
            (i64::MIN, None),
        ] {
            assert_eq!(signal(code), number, "{code}");
        }
    }

    #[test]
    fn names_and_numbers() {
        for (text, number) in [
            ("SIGTERM", Some(15)),
            ("term", Some(15)),
            ("15", Some(15)),
            ("SIGSYS", Some(31)),
            ("SIGINT", Some(2)),
            ("0", None),
            ("65", None),
            ("SIGNONE", None),
            ("", None),
        ] {
            assert_eq!(signal_number(text), number, "{text}");
        }
        assert_eq!(signal_name(9), "SIGKILL");
        assert_eq!(signal_name(34), "signal 34");
        assert_eq!(signal_name(0), "signal 0");
        assert_eq!(describe(143), "SIGTERM");
        assert_eq!(describe(42), "a code of the program's own");
    }

    #[test]
    fn signals_as_engines_take_them() {
        for (text, number) in [
            ("SIGTERM", Some(15)),
            ("term", Some(15)),
            ("SIGCLD", Some(17)),
            ("IOT", Some(6)),
            ("SIGRTMIN", Some(34)),
            ("RTMIN+3", Some(37)),
            ("SIGRTMAX-14", Some(50)),
            ("64", Some(64)),
            ("RTMIN+16", None),
            ("RTMAX-15", None),
            ("RTMIN+0", None),
            ("RTMAX+1", None),
            ("RT", None),
            ("RTM\u{e4}X", None),
            ("SIGFOO", None),
            ("SIG", None),
            ("", None),
            ("0", None),
            ("65", None),
            ("-1", None),
            ("SIGTERM ", None),
        ] {
            assert_eq!(signal_number(text), number, "{text}");
        }
    }
}
