//! Asks a person at a terminal to confirm rights that were not requested.

use std::io::{IsTerminal as _, Read as _, stderr, stdin};

use rustix::termios::{QueueSelector, tcflush};
use scratchdbg_backend::{Error, Interrupts, Plan};
use scratchdbg_console::printer::Printer;
use scratchdbg_console::streams::WaitingStream;
use scratchdbg_session::Consent;

/// Asks the user. Returns `false` if nobody can be asked or the answer is not yes.
pub(super) async fn obtain(
    plan: &Plan,
    refusal: &Error,
    printer: Printer,
    interrupts: &mut Interrupts,
) -> Consent {
    if !(stdin().is_terminal() && stderr().is_terminal()) {
        return Consent::Refused;
    }
    printer.warning(&refusal.message);
    // What was typed before the question, or put there by a program, is no answer.
    let _none_waits = tcflush(stdin(), QueueSelector::IFlush);
    let given = format!("as {} with {}", plan.user, plan.unasked().join(" and "));
    printer.question(&format!("Start a container beside `{}`, {given}? [y/N] ", plan.target_name));
    let answer = tokio::task::spawn_blocking(read_line);
    tokio::select! {
        answer = answer => match answer {
            Ok(Ok(line)) if is_yes(&line) => Consent::Given,
            _ => Consent::Refused,
        },
        code = interrupts.next() => Consent::Interrupted(code),
    }
}

/// Reads the answer byte by byte: further input belongs to the session.
fn read_line() -> Result<Vec<u8>, std::io::Error> {
    const LONGEST: usize = 1024;
    let mut input = WaitingStream(std::fs::File::from(
        std::os::fd::AsFd::as_fd(&stdin()).try_clone_to_owned()?,
    ));
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < LONGEST && input.read(&mut byte)? == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    Ok(line)
}

fn is_yes(line: &[u8]) -> bool {
    let answer = line.trim_ascii().to_ascii_lowercase();
    answer == b"y" || answer == b"yes"
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y", "Y", "yes", " YES \r"] {
            assert!(is_yes(yes.as_bytes()), "{yes:?}");
        }
        for no in ["", "n", "no", "ye", "yes please", "y\u{301}"] {
            assert!(!is_yes(no.as_bytes()), "{no:?}");
        }
    }
}
