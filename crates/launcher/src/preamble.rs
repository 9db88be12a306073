//! Reads what a client says to the launcher before the command's own input.
//!
//! An exec on Kubernetes has no environment of its own, and everybody may read a command line. So
//! the secret of the session comes in the first line of standard input, where only processes that
//! may look into the launcher could find it. The size of the terminal comes with it: the platform
//! sets it only after the command has started.
//!
//! The line is `SECRET COLUMNS ROWS`, the size `0 0` without a terminal. A terminal may echo it;
//! the client takes the echo out. No byte after the line is read: it is the command's.

use std::fs::File;
use std::io::{self, Read, stdin};
use std::os::fd::AsFd as _;

use crate::record::Secret;
use crate::system;

/// Longer than any such line.
const LONGEST: usize = 128;

/// How long the client may take to send it, in milliseconds.
const TIMEOUT: i32 = 30_000;

/// Reads the line, and sets the size of the terminal.
pub(crate) fn read() -> Result<Secret, String> {
    let failed = |error: io::Error| format!("the client said nothing: {error}");
    // Not through the standard library's buffer, which would read the command's input.
    let input = stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    let wait = || match system::wait_readable([Some(input.as_fd())], Some(TIMEOUT))? {
        [true] => Ok(()),
        [false] => Err(io::ErrorKind::TimedOut.into()),
    };
    let input = File::from(input.try_clone().map_err(failed)?);
    let line = read_line(input, wait).map_err(failed)?;
    let (secret, columns, rows) = parse(&line).ok_or("the client said nothing that makes sense")?;
    if columns > 0 && rows > 0 {
        // The platform sets the size too, a moment later.
        let _no_terminal = system::set_window(stdin().as_fd(), columns, rows);
    }
    Ok(Secret::of(secret.to_vec()))
}

/// Reads up to the end of the line, byte by byte.
fn read_line(mut input: impl Read, wait: impl Fn() -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    while line.len() < LONGEST {
        let mut byte = [0];
        wait()?;
        match input.read(&mut byte) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) if byte == *b"\n" => return Ok(line),
            Ok(_) => line.extend(byte),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn parse(line: &[u8]) -> Option<(&[u8], u16, u16)> {
    let mut words = line.split(|&byte| byte == b' ');
    let secret = words
        .next()
        .filter(|secret| !secret.is_empty() && secret.iter().all(u8::is_ascii_digit))?;
    let mut number = || std::str::from_utf8(words.next()?).ok()?.parse().ok();
    let (columns, rows) = (number()?, number()?);
    words.next().is_none().then_some((secret, columns, rows))
}

#[cfg(test)]
mod tests {
    use super::{parse, read_line};

    #[test]
    fn only_the_first_line_is_read() {
        let mut input = &b"123 80 24\nthe command's"[..];
        assert_eq!(read_line(&mut input, || Ok(())).unwrap(), b"123 80 24");
        assert_eq!(input, b"the command's");
        for bad in [&b""[..], b"123 80 24", &[b'1'; 300]] {
            assert!(read_line(bad, || Ok(())).is_err());
        }
        assert!(read_line(&b"1 0 0\n"[..], || Err(std::io::ErrorKind::TimedOut.into())).is_err());
    }

    #[test]
    fn a_line_has_three_numbers() {
        assert_eq!(parse(b"123 80 24"), Some((&b"123"[..], 80, 24)));
        assert_eq!(parse(b"00123 0 0"), Some((&b"00123"[..], 0, 0)));
        for bad in [
            &b""[..],
            b"123",
            b"123 80",
            b"123 80 24 1",
            b" 80 24",
            b"x 80 24",
            b"1 -80 24",
            b"1 99999 1",
            b"1  80 24",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
