//! Reads a text of any length from standard input.

use std::io::{self, Read};

use crate::streams::WaitingStream;

/// The number of bytes that are kept from each of the beginning and the end.
const KEPT: usize = 512 << 10;
/// The most bytes that are read to find the end.
const MOST_READ: u64 = 64 << 20;

/// Reads standard input. Of a long text, returns only the beginning and the end: failures are
/// usually at the end.
///
/// # Errors
///
/// Fails if standard input cannot be read.
pub fn read() -> io::Result<String> {
    let bytes = read_ends(WaitingStream(io::stdin().lock()).take(MOST_READ))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_ends(mut input: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => kept.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if kept.len() > 4 * KEPT {
            kept.drain(KEPT..kept.len() - KEPT);
        }
    }
    if kept.len() > 2 * KEPT {
        kept.drain(KEPT..kept.len() - KEPT);
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        for len in [0, 1, 2 * KEPT, 2 * KEPT + 1, 4 * KEPT + 7, 9 * KEPT] {
            let text: Vec<u8> =
                (0..len).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
            let kept = read_ends(text.as_slice()).unwrap();
            assert_eq!(kept.len(), len.min(2 * KEPT), "{len}");
            let half = kept.len() / 2;
            assert!(text.starts_with(&kept[..half]) && text.ends_with(&kept[half..]), "{len}");
        }
    }
}
