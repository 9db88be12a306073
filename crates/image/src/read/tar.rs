//! Reads untrusted tar streams.
//!
//! Every size is checked before use, and names and extended headers have limits. Content that
//! different readers would interpret differently (sparse files, data after a link, a duplicate
//! name) is refused, with the name of the entry.

mod extension;
mod form;
mod member;

pub use member::{Member, MemberKind};

use std::io::{self, Read};

use extension::Extension;
use member::Listed;
use tar::{EntryType, Header};

use super::ReadError;

const BLOCK: usize = 512;
/// The maximum size of an extended header, which contains paths and extended attributes. Linux
/// allows 64 KiB for each attribute.
const LARGEST_EXTENSION: u64 = 1024 * 1024;
/// The maximum number of entries of a layer. The largest base images have several hundred thousand.
const MOST_ENTRIES: u64 = 1_000_000;
/// The maximum number of zeros after the end. Writers pad to a record, usually of 10 KiB. A file of
/// zeros only is not an archive.
const MOST_PADDING: u64 = 64 * 1024 * 1024;

/// Reads entry by entry. Between two entries, [`Read`] returns the data of the first.
pub(crate) struct TarReader<R> {
    input: R,
    what: String,
    data: u64,
    padding: u64,
    entries: u64,
    most_entries: u64,
    /// The size of all paths and links so far, in bytes.
    names: u64,
    /// How the name of the last entry is written.
    listed: Listed,
}

/// The input of a tar reader.
pub(crate) trait TarInput: Read {
    /// Skips the next `count` bytes. Returns how many there were.
    fn pass_over(&mut self, count: u64) -> io::Result<u64>
    where
        Self: Sized,
    {
        io::copy(&mut self.by_ref().take(count), &mut io::sink())
    }
}

impl TarInput for &[u8] {}
impl TarInput for &mut dyn Read {}

impl<R: TarInput> TarReader<R> {
    /// Creates a reader. `what` names the stream in errors.
    pub(crate) fn new(input: R, what: impl Into<String>) -> Self {
        let what = what.into();
        let listed = Listed::default();
        Self {
            input,
            what,
            data: 0,
            padding: 0,
            entries: 0,
            most_entries: MOST_ENTRIES,
            names: 0,
            listed,
        }
    }

    /// How the name of the last entry is written. Engines take two entries for the same only if
    /// their names are written alike but for `.` and `..` within: `/app` replaces `app`, `./app` is
    /// refused beside it.
    pub(crate) fn listed(&self) -> Listed {
        self.listed
    }

    /// Returns the next entry, or `None` at the end of the archive.
    pub(crate) fn next(&mut self) -> Result<Option<Member>, ReadError> {
        let mut extension = Extension::default();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            self.entries += 1;
            if self.entries > self.most_entries {
                return Err(self.invalid(format!("it has more than {} entries", self.most_entries)));
            }
            let size = header
                .entry_size()
                .map_err(|error| self.invalid(format!("an entry's size: {error}")))?;
            match header.entry_type() {
                EntryType::XHeader => {
                    let records = self.extension(size)?;
                    extension.add(&records).map_err(|reason| self.invalid(reason))?;
                }
                // Go's reader forgets what came before it.
                EntryType::XGlobalHeader if !extension.is_empty() => {
                    return Err(self.invalid(
                        "a global header stands between an entry and its extended headers",
                    ));
                }
                EntryType::XGlobalHeader => {
                    let records = self.extension(size)?;
                    extension::check_global(&records).map_err(|reason| self.invalid(reason))?;
                }
                EntryType::GNULongName => {
                    let name = self.extension(size)?;
                    extension.long_path(name).map_err(|reason| self.invalid(reason))?;
                }
                EntryType::GNULongLink => {
                    let link = self.extension(size)?;
                    extension.long_link(link).map_err(|reason| self.invalid(reason))?;
                }
                kind => return self.member(&header, kind, size, extension).map(Some),
            }
        }
    }

    /// Returns the next header, or `None` at two blocks of zeros or at the end of the stream.
    fn header(&mut self) -> Result<Option<Header>, ReadError> {
        let mut header = Header::new_old();
        match self.block(header.as_mut_bytes())? {
            0 => return Ok(None),
            BLOCK => {}
            _ => return Err(self.invalid("it ends within a header")),
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            self.end()?;
            return Ok(None);
        }
        let sum: u32 = header.as_bytes()[..148]
            .iter()
            .chain(&header.as_bytes()[156..])
            .map(|byte| u32::from(*byte))
            .sum();
        // The checksum field itself counts as eight blanks.
        if header.cksum().ok() != Some(sum + 8 * u32::from(b' ')) {
            return Err(self.invalid("a header's checksum is wrong"));
        }
        Ok(Some(header))
    }

    /// After the end, only zeros are allowed, which some writers pad with.
    fn end(&mut self) -> Result<(), ReadError> {
        let mut block = [0; BLOCK];
        let mut padding = 0;
        loop {
            let size = self.block(&mut block)?;
            padding += size as u64;
            if padding > MOST_PADDING {
                return Err(self.invalid("there are more than 64 MiB of zeros after its end"));
            }
            if block[..size].iter().any(|byte| *byte != 0) {
                return Err(self.invalid("there is something after its end"));
            }
            if size < BLOCK {
                return Ok(());
            }
        }
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, ReadError> {
        if size > LARGEST_EXTENSION {
            return Err(
                self.invalid(format!("an extended header of {size} bytes; at most 1 MiB is read"))
            );
        }
        self.expect(size)?;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(|error| self.failed(&error))?;
        Ok(bytes)
    }

    fn expect(&mut self, size: u64) -> Result<(), ReadError> {
        let padded = size.checked_next_multiple_of(BLOCK as u64);
        let padded = padded.ok_or_else(|| self.invalid(format!("an entry claims {size} bytes")))?;
        (self.data, self.padding) = (size, padded - size);
        Ok(())
    }

    /// Skips the rest of the current entry.
    fn skip(&mut self) -> Result<(), ReadError> {
        let left = self.data + self.padding;
        if left > 0 && self.input.pass_over(left).map_err(|error| self.failed(&error))? < left {
            return Err(self.invalid("it ends within an entry"));
        }
        (self.data, self.padding) = (0, 0);
        Ok(())
    }

    /// Fills `block` as far as possible.
    fn block(&mut self, block: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while filled < block.len() {
            match self.input.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(size) => filled += size,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(filled)
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.input
    }

    fn failed(&self, error: &io::Error) -> ReadError {
        self.invalid(error.to_string())
    }

    fn invalid(&self, reason: impl Into<String>) -> ReadError {
        ReadError::invalid(self.what.clone(), reason)
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.data).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        match self.input.read(&mut buffer[..want])? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends within an entry")),
            size => {
                self.data -= size as u64;
                Ok(size)
            }
        }
    }
}

#[cfg(test)]
mod tests;
