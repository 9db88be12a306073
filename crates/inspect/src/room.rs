//! Copies an image to disk without filling the disk. A stream that is not an archive is not written
//! at all. Copying stops if the archive is far larger than the image should be, or would use the
//! last of the disk.

use std::fs::File;
use std::io::{self, Write};

use rustix::fs::fstatvfs;

/// A block of a tar archive.
const BLOCK: usize = 512;

/// How much longer than twice the size of the files in it an archive may be: each file has headers.
const SLACK: u64 = 2 << 30;

/// How much of the disk stays free for others. Less on a small disk.
const LEFT_FREE: u64 = 256 << 20;
const SMALL_PART: u64 = 20;

/// How many bytes are written between two checks of the disk.
const STRIDE: u64 = 16 << 20;

/// Why a copy is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The platform's stream does not begin like an archive.
    #[error("what is sent is no archive")]
    NoArchive,
    /// The stream is far longer than it should be.
    #[error("more than {} MiB of it were sent, and it should have {} MiB", sent >> 20, size >> 20)]
    NoEnd {
        /// How many bytes arrived.
        sent: u64,
        /// The image's size according to the platform.
        size: u64,
    },
    /// The disk would be full.
    #[error("less than {} MiB would be left free for temporary files", left_free >> 20)]
    NoRoom {
        /// How much must stay free.
        left_free: u64,
    },
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Copy {
    file: File,
    /// The first bytes, until there are enough to recognize an archive.
    head: Vec<u8>,
    written: u64,
    /// The size of the image according to the platform.
    size: Option<u64>,
    look_at: u64,
    refusal: Option<Refusal>,
}

impl Copy {
    pub(crate) fn new(file: File, size: Option<u64>) -> Self {
        Self { file, head: Vec::with_capacity(BLOCK), written: 0, size, look_at: 0, refusal: None }
    }

    /// Returns why the copy was refused, if it was.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// Returns the file with all data.
    pub(crate) fn finish(mut self) -> io::Result<File> {
        if self.written == 0 {
            self.file.write_all(&self.head)?;
        }
        Ok(self.file)
    }

    fn refuse(&mut self, refusal: Refusal) -> io::Error {
        self.refusal = Some(refusal);
        io::Error::other(refusal)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        if let Some(size) =
            self.size.filter(|size| self.written > size.saturating_mul(2).saturating_add(SLACK))
        {
            return Err(self.refuse(Refusal::NoEnd { sent: self.written, size }));
        }
        if self.written >= self.look_at {
            self.look_at = self.written + STRIDE;
            let disk = fstatvfs(&self.file)?;
            let (free, all) = (
                disk.f_bavail.saturating_mul(disk.f_frsize),
                disk.f_blocks.saturating_mul(disk.f_frsize),
            );
            if let Some(left_free) = shortage(free, all, bytes.len() as u64) {
                return Err(self.refuse(Refusal::NoRoom { left_free }));
            }
        }
        self.file.write_all(bytes)
    }
}

/// Returns how much must stay free, if less would be after writing `more` bytes.
fn shortage(free: u64, all: u64, more: u64) -> Option<u64> {
    let left_free = LEFT_FREE.min(all / SMALL_PART);
    (free < left_free.saturating_add(more.max(STRIDE.min(all / SMALL_PART)))).then_some(left_free)
}

impl Write for Copy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written > 0 {
            self.append(bytes)?;
            return Ok(bytes.len());
        }
        let taken = bytes.len().min(BLOCK - self.head.len());
        self.head.extend_from_slice(&bytes[..taken]);
        if self.head.len() == BLOCK {
            let head = std::mem::take(&mut self.head);
            if !begins_archive(&head) {
                return Err(self.refuse(Refusal::NoArchive));
            }
            self.append(&head)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reports whether a block is the header of a member, by its checksum (POSIX.1-2017, pax, "ustar
/// Interchange Format"), or the end of an empty archive.
fn begins_archive(block: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    let text = String::from_utf8_lossy(&block[SUM]);
    let said = u32::from_str_radix(text.trim_matches([' ', '\0']), 8).ok();
    let plain = |(at, byte): (usize, &u8)| u32::from(if SUM.contains(&at) { b' ' } else { *byte });
    let sum: u32 = block.iter().enumerate().map(plain).sum();
    said == Some(sum) || block.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::io::Seek as _;

    use super::*;

    /// Returns the header of an empty file.
    fn header() -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[..4].copy_from_slice(b"file");
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }

    fn copy(size: Option<u64>) -> Copy {
        Copy::new(tempfile::tempfile().unwrap(), size)
    }

    #[test]
    fn what_is_no_archive_is_not_written() {
        for junk in [&b"[\"aaaaaaaaaaaaaaaaaaaaaa"[..], b"<html>", &[0xff; 64]] {
            let mut copy = copy(Some(1 << 20));
            let sent = (0..1000).try_for_each(|_| copy.write_all(junk));
            assert!(sent.is_err());
            assert_eq!(copy.refusal(), Some(Refusal::NoArchive));
            assert_eq!(copy.file.metadata().unwrap().len(), 0);
        }
    }

    #[test]
    fn what_comes_is_copied_however_it_is_cut() {
        let archive = [header(), vec![0; 3 * BLOCK]].concat();
        for size in [1, 7, 512, 4096] {
            let mut copy = copy(None);
            archive.chunks(size).for_each(|chunk| copy.write_all(chunk).unwrap());
            let (mut file, mut read) = (copy.finish().unwrap(), Vec::new());
            file.rewind().unwrap();
            file.read_to_end(&mut read).unwrap();
            assert_eq!(read, archive, "{size}");
        }
        // Reading the copy reports what is wrong with it.
        let mut short = copy(None);
        short.write_all(b"short").unwrap();
        assert_eq!(short.finish().unwrap().metadata().unwrap().len(), 5);
    }

    #[test]
    fn a_copy_has_an_end() {
        let mut copy = copy(Some(10));
        copy.write_all(&header()).unwrap();
        copy.written = 19 + SLACK;
        assert!(copy.write_all(b"a").is_ok(), "an archive is longer than its files");
        let error = copy.write_all(b"a").unwrap_err();
        assert!(matches!(copy.refusal(), Some(Refusal::NoEnd { size: 10, .. })));
        assert_eq!(
            error.to_string(),
            "more than 2048 MiB of it were sent, and it should have 0 MiB"
        );
    }

    #[test]
    fn some_of_the_disk_is_left() {
        const MIB: u64 = 1 << 20;
        for (free, all, refused) in [
            (100_000 * MIB, 250_000 * MIB, None),
            (300 * MIB, 250_000 * MIB, None),
            (260 * MIB, 250_000 * MIB, Some(256 * MIB)),
            (20 * MIB, 40 * MIB, None),
            (3 * MIB, 40 * MIB, Some(2 * MIB)),
            (0, 0, None),
        ] {
            assert_eq!(shortage(free, all, 0), refused, "{free} of {all}");
        }
        assert_eq!(
            shortage(300 * MIB, 250_000 * MIB, 100 * MIB),
            Some(256 * MIB),
            "what is written at once counts"
        );
    }
}
