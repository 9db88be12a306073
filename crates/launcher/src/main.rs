//! The small static program that runs inside debug sessions. Its first argument selects one of
//! these roles:
//!
//! - `keep [--asked] SESSION [SECONDS]`: the keeper, the main process of the ephemeral debug
//!   container. Prints its process id in the PID namespace that it shares with the target, and a
//!   name that leads to the tools in its root. Then lives as long as its client or, with a time,
//!   that much longer.
//! - `run KEEPER SESSION [OPTION...] [COMMAND [ARG...]]`: the launcher. The engine's exec starts it
//!   inside the target, or it is the main process of a container of its own. It starts the command
//!   as a child and becomes the reaper of all its descendants. It ends all of them when the command
//!   ends, when the keeper is gone, or when the terminal hangs up. See `run.rs` for the options.
//! - `via KEEPER SESSION [OPTION...] [COMMAND [ARG...]]`: the same, with the launcher as a process
//!   beside this one, see `front.rs`.
//! - `install FOLDER`: copies the tools of a toolkit image to a volume, for a container of another
//!   image.
//! - `pack [--follow] [--contents] PATH`: writes a file or a folder to standard output, for `cp`.
//! - `unpack [--any] [--owner] PATH`: writes standard input to a file or a folder, for `cp`.
//! - `relay`: makes connections as the client asks on standard input, for `forward`.
//! - `app`: the sample application of `scratchdbg demo`.
//!
//! When called as `run-entrypoint`, it runs the command line of the container that a session is a
//! copy of.
//!
//! Busybox's shell cannot do this. Only a child subreaper (`prctl(2)`) inside the target can find,
//! end and reap daemons that left the session. Without one they become zombies, because the PID 1
//! of a shell-less image usually reaps nothing.
//!
//! The program depends on the standard library and two crates of ours alone, and is linked statically, because it runs in a
//! container without files.

mod advice;
mod app;
mod copy;
mod denial;
mod entrypoint;
mod front;
mod ids;
mod install;
mod keep;
mod mounts;
mod preamble;
mod process;
mod processes;
mod record;
mod relay;
mod root;
mod run;
mod system;
mod tools;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// The exit code for a failure of scratchdbg itself, as `docker run` uses it.
pub(crate) const OWN_FAILURE: u8 = 125;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    let role = arguments.first().and_then(|role| role.to_str()).unwrap_or_default();
    let outcome = match role {
        _ if Path::new(&name).file_name().is_some_and(|name| name == entrypoint::NAME) => {
            Err(entrypoint::run_entrypoint(&arguments))
        }
        "keep" => keep::keep(&arguments[1..]),
        "run" => run::run(Path::new(&name), &arguments[1..], None),
        front::ROLE => front::via(Path::new(&name), &arguments[1..]),
        "install" => install::install(&arguments[1..]),
        "pack" => copy::pack(&arguments[1..]),
        "unpack" => copy::unpack(&arguments[1..]),
        "relay" => relay::relay(),
        "app" => app::app(),
        _ => Err(
            "usage: scratchdbg-launcher keep [--asked] SESSION [SECONDS] | run|via KEEPER SESSION COMMAND [ARG...] | install FOLDER | pack PATH | unpack PATH | relay | app"
                .to_owned(),
        ),
    };
    ExitCode::from(finish(outcome))
}

/// Reports a failure, and returns the exit code of this program.
pub(crate) fn finish(outcome: Result<u8, String>) -> u8 {
    outcome.unwrap_or_else(|message| {
        // If standard error is closed, nothing can be done.
        let _unwritten = writeln!(std::io::stderr(), "scratchdbg: {message}");
        OWN_FAILURE
    })
}
