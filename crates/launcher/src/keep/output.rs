//! The keeper's output: one line, and nothing after it.
//!
//! A process of the same user with the same rights can open the output through `/proc/KEEPER/fd`,
//! as long as the keeper is accessible. An engine may wait for every process that holds the output:
//! Docker 28 does nothing more with an ended container until then.

use std::fs::File;
use std::io::{self, Read as _, Write as _, stdout};
use std::os::fd::AsFd as _;

use crate::system;

/// Makes the keeper, including its descriptors, inaccessible to other processes until it has
/// printed its line.
pub(super) fn make_inaccessible() {
    // The keeper also works without this.
    let _shown = system::make_inaccessible();
}

/// Prints the line. If it is the `last` one, also closes the output before the keeper becomes
/// accessible.
///
/// The reader of the line may use `/proc/KEEPER/root` at once, which requires an accessible keeper.
/// So a forked copy, which stays inaccessible, prints the line after the keeper has closed the
/// output.
pub(super) fn print_line(line: &str, last: bool) -> io::Result<()> {
    if last && say_and_leave(line).is_ok() {
        return Ok(());
    }
    // A limit or a seccomp profile may prevent a second process.
    system::make_accessible()?;
    write(line)
}

fn say_and_leave(line: &str) -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    let (mut sign, sender) = io::pipe()?;
    let mut sender = Some(sender);
    system::fork_and_run(|| {
        // Close the copy's own end. Then the end of file arrives once the keeper has closed its
        // end.
        drop(sender.take());
        let _end = sign.read(&mut [0]);
        let _unheard = write(line);
    })?;
    // Now the line is printed in any case.
    let _stays = system::redirect_output(nothing.as_fd());
    let _stays_hidden = system::make_accessible();
    Ok(())
}

fn write(line: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}
