//! A yes to rights that nobody asked for: of a person at a terminal, or an option on the command line.

use std::io::{IsTerminal as _, Read as _, stderr, stdin};

use scratchdbg_docker::{Engine, Mode, Plan};

use crate::error::CommandError;
use crate::interrupt::Interrupts;
use crate::printer::Printer;

/// What a user decided.
#[derive(Debug)]
pub(super) enum Consent {
    /// Go on.
    Given,
    /// A signal came instead of an answer: the exit code that it stands for.
    Interrupted(u8),
}

/// Has the user agree to the capabilities that the plan would give a session without being asked for. `refusal` is why the
/// session cannot be inside the target. Fails where nobody can be asked, or the answer is not yes.
pub(super) async fn obtain(
    plan: &Plan,
    refusal: Option<CommandError>,
    printer: Printer,
    interrupts: &mut Interrupts,
) -> Result<Consent, CommandError> {
    if plan.unasked.is_empty() {
        return Ok(Consent::Given);
    }
    let given = given(plan);
    let refused = refusal.unwrap_or_else(|| {
        CommandError::new(format!("a session beside `{}` would be {given}, which nobody asked for", plan.target_name))
    });
    let refused = refused.hint(format!("--mode sidecar agrees to a container beside it, {given}"));
    if !(stdin().is_terminal() && stderr().is_terminal()) {
        return Err(refused);
    }
    printer.warning(&refused.message);
    let asked = format!("Start a container beside `{}`, {given}? [y/N] ", plan.target_name);
    printer.question(&asked);
    let answer = tokio::task::spawn_blocking(read_line);
    tokio::select! {
        answer = answer => match answer {
            Ok(Ok(line)) if is_yes(&line) => Ok(Consent::Given),
            _ => Err(refused),
        },
        code = interrupts.next() => Ok(Consent::Interrupted(code)),
    }
}

/// Root inside a container of another user has more rights than its keeper can have, and a sidecar can have more than the
/// target. Refuses both where other containers, or the target, could make use of it, and says what it means where none could.
pub(super) async fn neighbours(
    engine: &Engine,
    plan: &Plan,
    are_trusted: bool,
    printer: Printer,
) -> Result<(), CommandError> {
    if plan.mode == Mode::Sidecar && !plan.capabilities.is_empty() {
        return tracers(engine, plan, are_trusted, printer).await;
    }
    if !plan.is_exposed_to_neighbours() {
        return Ok(());
    }
    let name = &plan.target_name;
    if are_trusted {
        printer.note(&format!("root in `{name}`, whose own user is not: what shares its PID namespace is trusted"));
        return Ok(());
    }
    let neighbours = engine.neighbours(plan).await?;
    if neighbours.is_empty() {
        printer
            .note(&format!("root in `{name}`, whose own user is not: the tools come before its own programs in PATH"));
        return Ok(());
    }
    let shown: Vec<_> = neighbours.iter().map(|neighbour| format!("`{}`", neighbour.name)).collect();
    let message = format!(
        "root in `{name}`, whose own user is not, gets its capabilities only as it starts: until then what shares its PID \
         namespace could take its place ({})",
        shown.join(", ")
    );
    Err(CommandError::new(message)
        .hint("without -u the target's own user is safe; --trust-neighbours goes on all the same"))
}

/// Refuses a sidecar whose capabilities would go to whoever could trace it: the target, or what shares its PID namespace.
async fn tracers(engine: &Engine, plan: &Plan, are_trusted: bool, printer: Printer) -> Result<(), CommandError> {
    let name = &plan.target_name;
    if are_trusted {
        printer
            .note(&format!("`{name}` and what shares its PID namespace are trusted with the sidecar's capabilities"));
        return Ok(());
    }
    let mut tracers = Vec::new();
    if plan.is_gain_to(plan.target_capabilities) {
        tracers.push(format!("`{name}` itself"));
    }
    for neighbour in engine.neighbours(plan).await? {
        if plan.is_gain_to(neighbour.capabilities) {
            tracers.push(format!("`{}`", neighbour.name));
        }
    }
    if tracers.is_empty() {
        return Ok(());
    }
    let message = format!(
        "a sidecar of `{name}` with {} could be traced, and its capabilities taken, by what has SYS_PTRACE in the same PID \
         namespace ({})",
        plan.capabilities.join(", "),
        tracers.join(", ")
    );
    Err(CommandError::new(message)
        .hint("--cap-add only what those have is safe, and so is -u; --trust-neighbours goes on all the same"))
}

/// What the session would have, in words.
fn given(plan: &Plan) -> String {
    format!("as {} with {}", plan.user, plan.unasked.join(" and "))
}

/// The answer, byte for byte: what is typed after it is the session's.
fn read_line() -> Result<Vec<u8>, std::io::Error> {
    const LONGEST: usize = 1024;
    let mut input = std::fs::File::from(std::os::fd::AsFd::as_fd(&stdin()).try_clone_to_owned()?);
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
