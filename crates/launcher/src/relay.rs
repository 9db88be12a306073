//! `forward`, on the side of the target.

use std::fs::File;
use std::io::{self, stdin, stdout};
use std::os::fd::AsFd as _;

/// Makes connections as the client asks, until it says no more.
pub(crate) fn relay() -> Result<u8, String> {
    let failed = |error: io::Error| format!("relay: {error}");
    // Not through the standard library's buffers, which poll(2) does not see.
    let input = stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    let output = stdout().as_fd().try_clone_to_owned().map_err(failed)?;
    scratchdbg_relay::serve(File::from(input), File::from(output)).map_err(failed)?;
    Ok(0)
}
