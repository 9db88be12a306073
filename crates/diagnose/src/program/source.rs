//! The reader for the ELF parser. Remembers why a read failed, which `object` does not.

use std::io::{self, Read, Seek, SeekFrom};

/// A reader that keeps its first I/O error, and whether bytes after the available ones were
/// requested.
#[derive(Debug)]
pub(super) struct Tracked<R> {
    inner: R,
    pub(super) error: Option<io::Error>,
    pub(super) hit_gap: bool,
}

impl<R> Tracked<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, error: None, hit_gap: false }
    }

    fn track<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let copy = io::Error::from(error.kind());
            if error.kind() == io::ErrorKind::UnexpectedEof {
                self.hit_gap = true;
            } else if self.error.is_none() {
                self.error = Some(error);
            }
            copy
        })
    }
}

impl<R: Read> Read for Tracked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buf) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return self.track(result),
            }
        }
    }
}

impl<R: Seek> Seek for Tracked<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let result = self.inner.seek(position);
        self.track(result)
    }
}

/// The first bytes of a file of known size. Reading after them fails with `UnexpectedEof`, unlike
/// the end of the file.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) bytes: &'a [u8],
    /// Another part of the file, with its offset.
    pub(super) part: (u64, &'a [u8]),
    pub(super) size: u64,
    pub(super) position: u64,
}

impl<'a> Head<'a> {
    /// The available bytes from the position on.
    fn rest(&self) -> &'a [u8] {
        let (at, part) = self.part;
        let from = |bytes: &'a [u8], offset: Option<u64>| {
            let start = usize::try_from(offset?).ok()?;
            bytes.get(start..).filter(|rest| !rest.is_empty())
        };
        let of_part = || from(part, self.position.checked_sub(at));
        from(self.bytes, Some(self.position)).or_else(of_part).unwrap_or_default()
    }
}

impl Read for Head<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.position >= self.size {
            return Ok(0);
        }
        let rest = self.rest();
        if rest.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Head<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let target = match position {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
