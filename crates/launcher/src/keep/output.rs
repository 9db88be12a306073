//! The keeper's output: one line, and then nobody's.
//!
//! A process of the same user with as many rights can open it through `/proc/KEEPER/fd`, as long as the keeper may be looked into. An
//! engine can wait for whoever holds it: Docker 28 does nothing more with a container that has ended until then.

use std::fs::File;
use std::io::{self, Read as _, Write as _, stdout};
use std::os::fd::AsFd as _;

use crate::system;

/// Forbids others to look into the keeper, until it has spoken: its descriptors too.
pub(super) fn hide() {
    // It can be done without.
    let _shown = system::forbid_to_be_looked_into();
}

/// Says the line. Where it is the `last`, it leaves the output, and both before anybody may look.
///
/// Who hears the line may go through `/proc/KEEPER/root` at once, which takes a keeper that may be looked into. So a copy of
/// it speaks, which may not, after it has left.
pub(super) fn say(line: &str, last: bool) -> io::Result<()> {
    if last && say_and_leave(line).is_ok() {
        return Ok(());
    }
    // There may be no second process, by a limit or a seccomp profile.
    system::allow_to_be_looked_into()?;
    write(line)
}

fn say_and_leave(line: &str) -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    let (mut sign, sender) = io::pipe()?;
    let mut sender = Some(sender);
    system::in_a_copy(|| {
        // The copy's own. What comes is the end, once the keeper has closed its.
        drop(sender.take());
        let _end = sign.read(&mut [0]);
        let _unheard = write(line);
    })?;
    // The line is said in any case now.
    let _stays = system::lead_output_to(nothing.as_fd());
    let _stays_hidden = system::allow_to_be_looked_into();
    Ok(())
}

fn write(line: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}
