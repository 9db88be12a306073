//! The demo's sample application: says a few things, and waits to be stopped.

use std::io::{Write as _, stderr, stdout};

use crate::system::{SIGINT, SIGTERM, Signals};

/// Writes two lines to standard output and one to standard error, then waits for SIGTERM or SIGINT.
pub(crate) fn app() -> Result<u8, String> {
    let broken = |error: std::io::Error| format!("app: {error}");
    let signals = Signals::block_all().map_err(broken)?;
    writeln!(stdout(), "level=info msg=\"listening\" addr=:8080").map_err(broken)?;
    writeln!(stderr(), "level=warn msg=\"no configuration file, using defaults\"").map_err(broken)?;
    writeln!(stdout(), "level=info msg=\"ready\"").map_err(broken)?;
    loop {
        if matches!(signals.next().map_err(broken)?.number, SIGTERM | SIGINT) {
            writeln!(stdout(), "level=info msg=\"stopped\"").map_err(broken)?;
            return Ok(0);
        }
    }
}
