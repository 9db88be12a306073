//! The keeper's output: one line, and nothing after it.
//!
//! A process of the same user with the same rights can open the output through `/proc/KEEPER/fd`,
//! as long as the keeper is accessible. An engine may wait for every process that holds the output:
//! Docker 28 does nothing more with an ended container until then.

use std::fs::File;
use std::io::{self, Read as _, Write as _, stdout};
use std::mem::ManuallyDrop;
use std::os::fd::AsFd as _;

use super::folder::{Folder, Identity};
use crate::system;

/// Makes the keeper, including its descriptors, inaccessible to other processes until it has
/// printed its line.
pub(super) fn make_inaccessible() {
    // The keeper also works without this.
    let _shown = system::make_inaccessible();
}

/// Makes the keeper accessible, and then prints a line.
pub(super) fn print_line(line: &str) -> io::Result<()> {
    system::make_accessible()?;
    write(line)
}

/// Creates the path to the tools for the keeper's only session, closes the output, and makes the
/// keeper accessible. Then prints the keeper's process id and the name of the path.
///
/// The reader of the line may use `/proc/KEEPER/root` at once, which requires an accessible keeper.
/// An accessible keeper must have neither the output nor the name. So a forked copy, which stays
/// inaccessible, chooses the name, and prints the line after the keeper has closed the output.
pub(super) fn print_hidden_name() -> io::Result<Identity> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    let keeper = std::process::id();
    let (mut sign, sender) = io::pipe()?;
    let (told, teller) = io::pipe()?;
    let mut sender = Some(sender);
    let mut teller = Some(teller);
    system::fork_and_run(|| {
        // Close the copy's own end. Then the end of file arrives once the keeper has closed its
        // end.
        drop(sender.take());
        let Some(teller) = teller.take() else { return };
        // It stays when the copy exits.
        let Ok(folder) = Folder::make(None).map(ManuallyDrop::new) else { return };
        if folder.identity().is_some_and(|identity| identity.write(teller).is_ok()) {
            let _end = sign.read(&mut [0]);
            let _unheard = write(&format!("keeper {keeper} {}", folder.name()));
        }
    })?;
    drop(teller);
    let identity = Identity::read(told)?;
    // Now the line is printed in any case.
    system::redirect_output(nothing.as_fd())?;
    system::make_accessible()?;
    Ok(identity)
}

fn write(line: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}
