//! The keys of a terminal in raw mode.

use std::fs::File;
use std::io::{self, Read as _, stdin};
use std::os::fd::AsFd as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::streams::WaitingStream;

/// What a key means in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A character to filter by.
    Character(char),
    /// Removes the last character.
    Erase,
    /// Removes all that was typed.
    EraseAll,
    Up,
    Down,
    Enter,
    Leave,
    /// A key without a meaning here.
    Other,
}

/// Reads one key from standard input, byte by byte: what follows belongs to the session.
pub(super) fn read_key() -> io::Result<Key> {
    let stdin = stdin();
    let mut input = WaitingStream(File::from(stdin.as_fd().try_clone_to_owned()?));
    let mut next = || -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((input.read(&mut byte)? == 1).then_some(byte[0]))
    };
    let follows = || -> io::Result<bool> {
        // The bytes of one key come at once; over a slow link, nearly so.
        const WITHIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let mut wait = [PollFd::new(&stdin, PollFlags::IN)];
        Ok(poll(&mut wait, Some(&WITHIN))? > 0)
    };
    decode(&mut next, &follows)
}

/// Decodes one key. `follows` reports whether a byte comes at once.
fn decode(
    next: &mut impl FnMut() -> io::Result<Option<u8>>,
    follows: &impl Fn() -> io::Result<bool>,
) -> io::Result<Key> {
    const ESCAPE: u8 = 0x1b;
    let Some(first) = next()? else { return Ok(Key::Leave) };
    Ok(match first {
        b'\r' | b'\n' => Key::Enter,
        0x03 | 0x04 => Key::Leave,
        0x08 | 0x7f => Key::Erase,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 | 0x17 => Key::EraseAll,
        ESCAPE if !follows()? => Key::Leave,
        ESCAPE => sequence(next)?,
        byte if byte.is_ascii_control() => Key::Other,
        byte => character(byte, next)?,
    })
}

/// Reads the rest of a sequence such as `ESC [ A`, to its end.
fn sequence(next: &mut impl FnMut() -> io::Result<Option<u8>>) -> io::Result<Key> {
    const LONGEST: usize = 16;
    if !matches!(next()?, Some(b'[' | b'O')) {
        return Ok(Key::Other);
    }
    for position in 0..LONGEST {
        match next()? {
            Some(b'A') if position == 0 => return Ok(Key::Up),
            Some(b'B') if position == 0 => return Ok(Key::Down),
            None | Some(0x40..=0x7e) => break,
            Some(_) => {}
        }
    }
    Ok(Key::Other)
}

/// Reads the rest of a character in UTF-8.
fn character(first: u8, next: &mut impl FnMut() -> io::Result<Option<u8>>) -> io::Result<Key> {
    let length = match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    };
    let mut bytes = vec![first];
    while bytes.len() < length {
        let Some(byte) = next()? else { break };
        bytes.push(byte);
    }
    let character = str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
    Ok(character.map_or(Key::Other, Key::Character))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let left = std::cell::RefCell::new(bytes.iter().copied());
        let mut next = || Ok(left.borrow_mut().next());
        let follows = || Ok(left.borrow().len() > 0);
        let mut keys = Vec::new();
        while left.borrow().len() > 0 {
            keys.push(decode(&mut next, &follows).unwrap());
        }
        keys
    }

    #[test]
    fn keys_are_told_apart() {
        assert_eq!(
            keys("aé\u{1f600}".as_bytes()),
            [Key::Character('a'), Key::Character('é'), Key::Character('\u{1f600}')]
        );
        assert_eq!(
            keys(b"\x1b[A\x1b[B\x1bOA\x0e\x10"),
            [Key::Up, Key::Down, Key::Up, Key::Down, Key::Up]
        );
        assert_eq!(keys(b"\r"), [Key::Enter]);
        assert_eq!(keys(b"\x1b"), [Key::Leave]);
        assert_eq!(keys(b"\x03"), [Key::Leave]);
        assert_eq!(keys(b"\x7f\x15"), [Key::Erase, Key::EraseAll]);
        assert_eq!(
            keys(b"\x1b[1;5Ca\xff\x00"),
            [Key::Other, Key::Character('a'), Key::Other, Key::Other]
        );
        assert_eq!(keys(b"\x1b[3~x"), [Key::Other, Key::Character('x')]);
    }
}
