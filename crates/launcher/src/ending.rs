//! Telling the client how the command ended, behind what it wrote.
//!
//! The engine knows it too, but later, and only when it is asked once more. The client (`session/ending.rs` of the engine
//! crate) knows the session's name, which is random, and takes the record out.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _, stderr, stdout};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;

use crate::system;

/// What a record begins and ends with: ASCII's record separator.
const MARK: u8 = 0x1e;

/// Writes the record to both streams. Where it cannot be written at once, the client asks the engine.
pub(crate) fn tell(session: &OsStr, code: u8) {
    let record = record(session, code);
    let _untold = [stdout().as_fd(), stderr().as_fd()].into_iter().try_for_each(|stream| write(stream, &record));
}

fn record(session: &OsStr, code: u8) -> Vec<u8> {
    [&[MARK], session.as_bytes(), format!(" {code:03}").as_bytes(), &[MARK]].concat()
}

/// Writes to a pipe with room for it. Nobody else writes there any more, and so this does not block.
fn write(stream: BorrowedFd<'_>, record: &[u8]) -> io::Result<()> {
    if !system::is_writable(stream)? {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    // Not by way of the standard library's buffers, which are for lines.
    File::from(stream.try_clone_to_owned()?).write_all(record)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::record;

    #[test]
    fn a_record_has_a_code_of_three_digits() {
        assert_eq!(record(OsStr::new("7ab1"), 3), b"\x1e7ab1 003\x1e");
        assert_eq!(record(OsStr::new("7ab1"), 137), b"\x1e7ab1 137\x1e");
    }
}
