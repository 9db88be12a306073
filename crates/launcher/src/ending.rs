//! Telling the client how the command ended, behind what it wrote.
//!
//! The engine knows it too, but later, and only when it is asked once more; and it does not say whether all that was written has
//! reached the client. The client (`crates/session/src/record.rs`) takes the record out.
//!
//! What a record begins with is a secret of the client's, made for this session: a command that knew it could end both streams
//! with a record of its own. So it comes in a variable that no command gets, and is wiped where it came in; and this program
//! forbids to be looked into before it does anything else.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _, stderr, stdout};
use std::os::fd::{AsFd as _, BorrowedFd};

use crate::system;

/// Where the secret comes in.
const VARIABLE: &CStr = c"SCRATCHDBG_RECORD";

/// What a record begins and ends with: ASCII's record separator.
const MARK: u8 = 0x1e;

/// Whether a stream that takes nothing more is to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It takes something, or fails.
    Ready,
    /// The session is over: nobody waits for the record.
    Over,
}

/// The secret of a session.
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// The name of the variable, which no command is to get.
    pub(crate) fn variable() -> String {
        VARIABLE.to_string_lossy().into_owned()
    }

    /// Takes it out of the environment. Nothing where the client expects no record.
    pub(crate) fn take() -> Option<Self> {
        // A kernel that refuses leaves us as open to others of our user as the command is.
        let _refused = system::forbid_to_be_looked_into();
        system::take_variable(VARIABLE).filter(|secret| !secret.is_empty()).map(Self)
    }

    /// Writes the record to both streams, which are one on a terminal. `wait` is asked to wait for one that is full. The client
    /// takes a stream without a record for one that was cut.
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

/// Writes without being held up: a terminal may be stopped, and what could not be killed may still write.
fn write(
    stream: BorrowedFd<'_>,
    mut record: &[u8],
    wait: &mut impl FnMut(BorrowedFd<'_>) -> io::Result<Wait>,
) -> io::Result<()> {
    system::do_not_block(stream)?;
    // Not by way of the standard library's buffers, which are for lines.
    let mut file = File::from(stream.try_clone_to_owned()?);
    while !record.is_empty() {
        if wait(stream)? == Wait::Over {
            return Ok(());
        }
        match file.write(record) {
            Ok(count) => record = &record[count..],
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
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
        crate::system::do_not_block(writer.as_fd()).unwrap();
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
        // Nobody waits any more.
        write(writer.as_fd(), b"record", &mut |_| Ok(Wait::Over)).unwrap();
        drop(writer);
        assert_eq!(reader.read(&mut rest).unwrap(), 0);
    }
}
