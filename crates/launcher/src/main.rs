//! The small static program that runs inside debug sessions. Three roles, chosen by the first argument:
//!
//! - `keep SESSION [SECONDS]`: the keeper. Main process of the ephemeral debug container. Prints its process id as seen in the
//!   PID namespace it shares with the target, and a name that leads to the tools in its root; then lives as long as its client
//!   does; or, with a time, so long after it.
//! - `run KEEPER SESSION [OPTION...] [COMMAND [ARG...]]`: the launcher. Started by the engine's exec inside the target itself
//!   (or as the main process of a container of its own), it starts the command as a child, becomes the reaper of everything
//!   that descends from it, and ends all of it when the command ends, when the keeper is gone, or when the terminal hangs
//!   up. `run.rs` has the options.
//! - `app`: what `scratchdbg demo` ships as its sample application.
//!
//! Called by the name `run-entrypoint`, it runs the command line of the container that a session is a copy of.
//!
//! Why a program of our own and not busybox's shell: only a child subreaper (`prctl(2)`) inside the target can end
//! daemons that left the session, and reap them: without it they become zombies under a PID 1 that reaps nothing,
//! which is the usual PID 1 of a shell-less image.
//!
//! It depends on the standard library alone, and is linked statically, because it runs in a container without files.

mod app;
mod denial;
mod ending;
mod entrypoint;
mod keep;
mod processes;
mod root;
mod run;
mod system;
mod tools;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Exit code for a failure of scratchdbg itself, as `docker run` uses it.
pub(crate) const OWN_FAILURE: u8 = 125;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    let role = arguments.first().and_then(|role| role.to_str()).unwrap_or_default();
    let outcome =
        match role {
            _ if Path::new(&name).file_name().is_some_and(|name| name == entrypoint::NAME) => {
                Err(entrypoint::run_entrypoint(&arguments))
            }
            "keep" => keep::keep(&arguments[1..]),
            "run" => run::run(Path::new(&name), &arguments[1..]),
            "app" => app::app(),
            _ => Err("usage: scratchdbg-launcher keep SESSION [SECONDS] | run KEEPER SESSION COMMAND [ARG...] | app"
                .to_owned()),
        };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            // Nothing can be done about a standard error that is closed.
            let _unwritten = writeln!(std::io::stderr(), "scratchdbg: {message}");
            ExitCode::from(OWN_FAILURE)
        }
    }
}
