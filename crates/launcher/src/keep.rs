//! The keeper: a dead-man switch that lives as long as the client holds its standard input.

use std::io::{BufRead as _, Write as _, stdin, stdout};

use crate::{processes, system};

/// Prints `keeper PID`, then follows the client's orders, one a line, until end of file:
///
/// - `signal SESSION NUMBER` sends a signal to the launcher of that session, which passes it on to the command. The
///   engine has no call of its own to signal what an exec started.
///
/// The end of file means that the client is done, or gone in whatever way. The launchers watch this process and end
/// their sessions with it, so nothing is left to do here.
pub(crate) fn keep() -> Result<u8, String> {
    let own = std::process::id();
    let mut out = stdout().lock();
    writeln!(out, "keeper {own}").and_then(|()| out.flush()).map_err(|error| format!("keeper: {error}"))?;
    for line in stdin().lock().lines() {
        let Ok(line) = line else { break };
        if let Some((session, signal)) = parse_signal(&line) {
            let launcher = format!("/proc/{own}/root/bin/scratchdbg-launcher");
            for pid in processes::with_arguments(&[&launcher, "run", &own.to_string(), session]) {
                // The session may have ended in between: there is nobody left to signal then.
                let _gone = system::send(pid, signal);
            }
        }
    }
    Ok(0)
}

/// `signal SESSION NUMBER`.
fn parse_signal(line: &str) -> Option<(&str, i32)> {
    let mut words = line.split_ascii_whitespace();
    match (words.next()?, words.next()?, words.next()?.parse().ok()?, words.next()) {
        ("signal", session, number @ 1..=64, None) => Some((session, number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse_signal;

    #[test]
    fn orders_are_read_strictly() {
        assert_eq!(parse_signal("signal s1 15"), Some(("s1", 15)));
        for bad in
            ["", "signal", "signal s1", "signal s1 x", "signal s1 0", "signal s1 65", "signal s1 9 9", "kill s1 9"]
        {
            assert_eq!(parse_signal(bad), None, "{bad:?}");
        }
    }
}
