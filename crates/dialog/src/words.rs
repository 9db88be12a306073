//! The wording of a session's notices.

use scratchdbg_backend::{How, Mode, Plan};
use scratchdbg_console::printer::Printer;
use scratchdbg_session::Notice;

/// Prints a notice.
pub fn tell(notice: Notice<'_>, printer: Printer) {
    match notice {
        Notice::LoadsTools { image, origin } => {
            printer.note(&format!("loading the toolkit image {image} (busybox from {origin})"));
        }
        Notice::Begins(plan) => introduce(plan, printer),
        Notice::WithoutSources(plan) => say_what_is_gone(plan, printer),
        Notice::FallsBack { refusal } => {
            printer.warning(&refusal.message);
            printer.note("falling back to a sidecar, which has no capability either");
        }
        Notice::OutranksKeeper(plan) => printer.note(&format!(
            "root in `{}`, whose own user is not: the tools come before its own programs in PATH",
            plan.target_name
        )),
        Notice::Trusts(plan) => {
            let name = &plan.target_name;
            printer.note(&match plan.how {
                How::Exec(_) => {
                    format!("root in `{name}`, whose own user is not: what shares its PID namespace is trusted")
                }
                _ => format!("`{name}` and what shares its PID namespace are trusted with the sidecar's capabilities"),
            });
        }
        Notice::OutOfMemory(plan) => {
            let own = if plan.mode() == Mode::Copy {
                "the copy, which has the original's"
            } else {
                "the sidecar"
            };
            printer.warning(&format!(
                "out of memory: the kernel killed the command at the limit of {own}"
            ));
            printer.note(&format!("`{}` itself was not touched", plan.target_name));
        }
        Notice::Overdue { plan, is_paused } => {
            let seconds = scratchdbg_session::AFTER_SIGNAL.as_secs();
            printer.warning(&format!(
                "the command did not end within {seconds} s of the signal: the session is ended"
            ));
            if is_paused {
                let name = &plan.target_name;
                printer.note(&format!("`{name}` is paused: what runs in it ends when it goes on"));
            }
        }
        Notice::Detached => printer.note("detached: the session is ended, and its command with it"),
        Notice::Removed => {
            printer
                .warning("the session was ended from elsewhere: its keeper is gone, as after `scratchdbg sessions rm`");
        }
        Notice::TargetEnded { plan, end, followed } => {
            let name = &plan.target_name;
            let how = match end.exit_code {
                Some(code) => format!("ended with exit code {code}"),
                None => "ended".to_owned(),
            };
            let now = end.state.as_str();
            printer.warning(&format!(
                "container `{name}` {how}, and the session with it; it is {now} now"
            ));
            if !followed {
                printer.hint(&if Notice::restarts(end.state) {
                    "--mode copy looks into a copy of it, which does not end with it; --follow-restarts attaches to its \
                     next run"
                        .to_owned()
                } else {
                    format!("`scratchdbg logs {name}` shows what it said")
                });
            }
        }
        Notice::WaitsForRun(plan) => {
            printer.note(&format!(
                "waiting for `{}` to run again; Ctrl-C ends the wait",
                plan.target_name
            ));
        }
        Notice::RunsAgain => printer.note("it runs again"),
        Notice::PlatformSilent { place } => {
            printer.warning(&format!("{place} does not answer: the session is ended without it"));
        }
        Notice::Failed(error) => printer.warning(&error.message),
    }
}

/// Reports where the session differs from what a user would expect of "inside".
fn introduce(plan: &Plan, printer: Printer) {
    let name = &plan.target_name;
    match &plan.how {
        How::Exec(_) => {}
        How::Sidecar(sidecar) => {
            let has_none = sidecar.capabilities.is_empty() || sidecar.withholds;
            let capabilities =
                if has_none { "no capability".to_owned() } else { sidecar.capabilities.join(", ") };
            let sees_all =
                |name: &String| matches!(name.trim_start_matches("CAP_"), "SYS_PTRACE" | "ALL");
            let sees = has_none || sidecar.capabilities.iter().any(sees_all);
            let shown = if sees { "where the session starts" } else { "if the kernel shows them" };
            printer.note(&format!(
                "a sidecar of `{name}`, as {} with {capabilities}: its processes and network; its files are below \
                 /proc/<pid>/root, {shown}",
                plan.user
            ));
            if sidecar.withholds {
                let asked = sidecar.capabilities.join(", ");
                printer.warning(&format!(
                    "the {} gives {asked} to root alone, and the session is {}",
                    plan.platform, plan.user
                ));
                printer.hint(&format!(
                    "-u 0 --cap-add {} gives it",
                    sidecar.capabilities.join(" --cap-add ")
                ));
            }
        }
        How::Copy(copy) => {
            let line = match copy.entrypoint.join(" ") {
                line if line.is_empty() => "it has no command of its own".to_owned(),
                line => format!("`run-entrypoint` runs: {line}"),
            };
            printer.note(&format!("a copy of `{name}` ({}); {line}", plan.target_kind));
            if let Some(list) = copy.without(false) {
                let more = if copy.as_original { "" } else { "; --same-rights asks for it" };
                printer.note(&format!(
                    "the copy goes without {list}: what the program needs of it, it will miss{more}"
                ));
            }
            say_what_is_gone(plan, printer);
        }
    }
}

/// Reports what a copy lacks because it no longer exists.
fn say_what_is_gone(plan: &Plan, printer: Printer) {
    if let How::Copy(copy) = &plan.how
        && let Some(list) = copy.without(true)
    {
        printer.note(&format!("the copy is made without what is gone: {list}"));
    }
}
