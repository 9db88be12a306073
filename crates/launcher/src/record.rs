//! Writes the record of how the command ended after the command's output.
//!
//! The engine knows the exit code too, but later, and only on request. It also cannot tell whether
//! all output reached the client. The client (`crates/session/src/record.rs`) removes the record
//! from the output.
//!
//! A record begins with a secret that the client created for this session. A command that knew the
//! secret could end both streams with a record of its own. So the secret arrives in a variable that
//! the command does not get and that is wiped from memory, and before anything else this program
//! makes itself inaccessible to other processes.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _, stderr, stdout};
use std::os::fd::{AsFd as _, BorrowedFd};

use crate::system;

/// The variable that contains the secret.
const VARIABLE: &CStr = c"SCRATCHDBG_RECORD";

/// The first and last byte of a record: ASCII's record separator.
const MARK: u8 = 0x1e;

/// The result of waiting for a stream that is not writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The stream is writable, or fails.
    Ready,
    /// The session is over: nobody reads the record.
    Over,
}

/// The secret of a session.
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// The name of the variable, which the command must not get.
    pub(crate) fn variable() -> String {
        VARIABLE.to_string_lossy().into_owned()
    }

    /// Takes the secret from the environment. Returns `None` if the client expects no record.
    pub(crate) fn take() -> Option<Self> {
        // If the kernel refuses, the launcher is as accessible to processes of the same user as the
        // command is.
        let _refused = system::make_inaccessible();
        system::take_variable(VARIABLE).filter(|secret| !secret.is_empty()).map(Self)
    }

    /// Uses the secret that came another way.
    pub(crate) fn of(secret: Vec<u8>) -> Self {
        Self(secret)
    }

    /// Writes the record to both streams, which are the same on a terminal. Calls `wait` for a
    /// stream that is not writable. The client treats a stream without a record as incomplete.
    pub(crate) fn tell(&self, code: u8, mut wait: impl FnMut(BorrowedFd<'_>) -> io::Result<Wait>) {
        let record = self.record(code);
        let (output, error) = (stdout(), stderr());
        let second = (!output.is_terminal()).then(|| error.as_fd());
        for stream in [Some(output.as_fd()), second].into_iter().flatten() {
            let _nobody_reads = write(stream, &record, &mut wait);
        }
    }

    fn record(&self, code: u8) -> Vec<u8> {
        [&[MARK], &self.0[..], format!(" {code:03}").as_bytes(), &[MARK]].concat()
    }
}

/// Writes without blocking: a terminal may be stopped, and a process that could not be killed may
/// still be writing.
fn write(
    stream: BorrowedFd<'_>,
    mut record: &[u8],
    wait: &mut impl FnMut(BorrowedFd<'_>) -> io::Result<Wait>,
) -> io::Result<()> {
    system::set_nonblocking(stream)?;
    // Not through the standard library's line buffers.
    let mut file = File::from(stream.try_clone_to_owned()?);
    while !record.is_empty() {
        if wait(stream)? == Wait::Over {
            return Ok(());
        }
        match file.write(record) {
            Ok(count) => record = &record[count..],
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;

    use super::{Secret, Wait, write};

    #[test]
    fn a_record_has_a_code_of_three_digits() {
        let secret = Secret(b"7123".to_vec());
        assert_eq!(secret.record(3), b"\x1e7123 003\x1e");
        assert_eq!(secret.record(137), b"\x1e7123 137\x1e");
    }

    #[test]
    fn a_stream_that_is_full_is_waited_for() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        crate::system::set_nonblocking(writer.as_fd()).unwrap();
        let mut filled = 0;
        while let Ok(count) = writer.write(&[b'x'; 4096]) {
            filled += count;
        }
        let mut waits = 0;
        let mut read = vec![0; filled];
        let mut wait = |_: std::os::fd::BorrowedFd<'_>| {
            waits += 1;
            if waits == 2 {
                reader.read_exact(&mut read)?;
            }
            Ok(Wait::Ready)
        };
        write(writer.as_fd(), b"record", &mut wait).unwrap();
        assert_eq!(waits, 2);
        let mut rest = [0; 6];
        reader.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"record");
        // The session is over.
        write(writer.as_fd(), b"record", &mut |_| Ok(Wait::Over)).unwrap();
        drop(writer);
        assert_eq!(reader.read(&mut rest).unwrap(), 0);
    }
}
