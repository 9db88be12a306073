//! Asks a person at a terminal to confirm rights that were not requested.

use std::io::{IsTerminal as _, stderr, stdin};

use scratchdbg_backend::{Error, Interrupts, Plan};
use scratchdbg_console::printer::Printer;
use scratchdbg_console::terminal::Input;
use scratchdbg_session::Consent;

/// Asks the user. Returns `false` if nobody can be asked or the answer is not yes.
pub(crate) async fn obtain(
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
    let mut input = Input::open();
    input.discard().await;
    let given = format!("as {} with {}", plan.user, plan.unasked().join(" and "));
    printer.question(&format!("Start a container beside `{}`, {given}? [y/N] ", plan.target_name));
    tokio::select! {
        answer = input.read_line() => match answer {
            Ok(line) if is_yes(&line) => Consent::Given,
            _ => Consent::Refused,
        },
        code = interrupts.next() => Consent::Interrupted(code),
    }
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
