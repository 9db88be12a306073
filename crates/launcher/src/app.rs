//! The demo's sample application: prints a few lines and waits to be stopped.

use std::io::{Read as _, Write as _, stderr, stdin, stdout};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;

use crate::system::{self, SIGINT, SIGTERM, Signals};

/// Writes two lines to standard output and one to standard error, then waits for SIGTERM or SIGINT.
/// If its input is a pipe, it also ends with the input: the client that started the demo is gone
/// then.
pub(crate) fn app() -> Result<u8, String> {
    let broken = |error: std::io::Error| format!("app: {error}");
    let signals = Signals::block_all().map_err(broken)?;
    writeln!(stdout(), "level=info msg=\"listening\" addr=:8080").map_err(broken)?;
    writeln!(stderr(), "level=warn msg=\"no configuration file, using defaults\"")
        .map_err(broken)?;
    writeln!(stdout(), "level=info msg=\"ready\"").map_err(broken)?;
    let input = stdin();
    let is_pipe = std::fs::metadata("/proc/self/fd/0").is_ok_and(|file| file.file_type().is_fifo());
    let mut input = is_pipe.then_some(input);
    loop {
        let watched = input.as_ref().map(|input| input.as_fd());
        let [is_signaled, is_readable] =
            system::wait_readable([Some(signals.descriptor()), watched], None).map_err(broken)?;
        let mut ends =
            is_signaled && matches!(signals.next().map_err(broken)?.number, SIGTERM | SIGINT);
        if let (true, Some(input)) = (is_readable, &mut input) {
            ends |= input.read(&mut [0; 64]).map_err(broken)? == 0;
        }
        if ends {
            writeln!(stdout(), "level=info msg=\"stopped\"").map_err(broken)?;
            return Ok(0);
        }
    }
}
