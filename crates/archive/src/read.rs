//! Reads tar streams that nobody trusts.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt as _;

use crate::entry::plain;
use crate::{Entry, Error, Kind};

/// The unit of a tar stream, in bytes.
pub(crate) const BLOCK: usize = 512;

/// The most bytes of an extended header: a path and a few numbers need less.
const LONGEST_EXTENSION: u64 = 64 << 10;

/// The most extended headers before an entry.
const MOST_EXTENSIONS: usize = 8;

/// Reads entry by entry. Between two entries, [`Read`] returns the data of the first.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    data: u64,
    padding: u64,
}

/// What extended headers say of the next entry.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u32>,
    gid: Option<u32>,
    mtime: Option<i64>,
}

impl<R: Read> Reader<R> {
    /// Reads this stream.
    pub fn new(input: R) -> Self {
        Self { input, data: 0, padding: 0 }
    }

    /// Returns the next entry, or `None` at the marked end.
    ///
    /// # Errors
    ///
    /// Fails if the stream ends before that, or is not one that is known.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        let mut extension = Extension::default();
        for _ in 0..=MOST_EXTENSIONS {
            self.skip()?;
            let mut block = [0; BLOCK];
            self.fill(&mut block)?;
            if block.iter().all(|&byte| byte == 0) {
                return Ok(None);
            }
            check(&block)?;
            let size = number(&block[124..136])?;
            match block[156] {
                b'x' => extension.add(&self.extension(size)?)?,
                b'g' => self.expect(size)?,
                b'L' => extension.path = Some(text(&self.extension(size)?).to_vec()),
                b'K' => extension.link = Some(text(&self.extension(size)?).to_vec()),
                kind => return self.entry(&block, kind, size, extension).map(Some),
            }
        }
        Err(Error::Invalid("an entry has too many extended headers".to_owned()))
    }

    fn entry(
        &mut self,
        block: &[u8; BLOCK],
        kind: u8,
        size: u64,
        extension: Extension,
    ) -> Result<Entry, Error> {
        let path = extension.path.unwrap_or_else(|| name(block));
        let link = extension.link.unwrap_or_else(|| text(&block[157..257]).to_vec());
        // Old archives mark a folder only by the slash.
        let is_folder = kind == b'5' || (matches!(kind, 0 | b'0') && path.ends_with(b"/"));
        let kind = match kind {
            _ if is_folder => Kind::Folder,
            0 | b'0' | b'7' => Kind::File(extension.size.unwrap_or(size)),
            b'1' => Kind::SameAs(plain(&link)?),
            b'2' if link.is_empty() || link.contains(&0) => {
                return Err(Error::Invalid("a link leads nowhere".to_owned()));
            }
            b'2' => Kind::Link(OsString::from_vec(link).into()),
            b'3' | b'4' | b'6' => Kind::Special,
            other => {
                let shown = char::from(other).escape_default();
                return Err(Error::Invalid(format!("an entry has the unknown type `{shown}`")));
            }
        };
        // Only files have data, whatever the size says: as other readers take it.
        self.expect(if let Kind::File(size) = kind { size } else { 0 })?;
        let id = |field| number(field).map(|id| u32::try_from(id).unwrap_or(u32::MAX));
        Ok(Entry {
            path: plain(&path)?,
            kind,
            mode: (number(&block[100..108])? & 0o7777) as u32,
            uid: extension.uid.map_or_else(|| id(&block[108..116]), Ok)?,
            gid: extension.gid.map_or_else(|| id(&block[116..124]), Ok)?,
            mtime: match extension.mtime {
                Some(mtime) => mtime,
                None => number(&block[136..148])?.cast_signed(),
            },
        })
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Error> {
        if size > LONGEST_EXTENSION {
            return Err(Error::Invalid(format!("an extended header has {size} bytes")));
        }
        self.expect(size)?;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(of_input)?;
        Ok(bytes)
    }

    /// Takes the next bytes for data, with the padding after them.
    fn expect(&mut self, size: u64) -> Result<(), Error> {
        let padded = size.checked_next_multiple_of(BLOCK as u64).ok_or_else(too_long)?;
        (self.data, self.padding) = (size, padded - size);
        Ok(())
    }

    /// Skips what was not read of the last entry.
    fn skip(&mut self) -> Result<(), Error> {
        let left = self.data.checked_add(self.padding).ok_or_else(too_long)?;
        (self.data, self.padding) = (0, 0);
        let skipped = io::copy(&mut self.input.by_ref().take(left), &mut io::sink());
        if skipped.map_err(of_input)? < left { Err(Error::Cut) } else { Ok(()) }
    }

    fn fill(&mut self, block: &mut [u8]) -> Result<(), Error> {
        self.input.read_exact(block).map_err(of_input)
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.data).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.input.read(&mut buffer[..most])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.data -= count as u64;
                Ok(count)
            }
        }
    }
}

impl Extension {
    /// Reads the records of a pax header, `LENGTH KEY=VALUE`.
    fn add(&mut self, mut records: &[u8]) -> Result<(), Error> {
        let invalid = || Error::Invalid("an extended header is damaged".to_owned());
        while !records.is_empty() {
            let blank = records.iter().position(|&byte| byte == b' ').ok_or_else(invalid)?;
            let length: usize = parse(&records[..blank]).ok_or_else(invalid)?;
            let record = records.get(blank + 1..length).ok_or_else(invalid)?;
            records = &records[length..];
            let record = record.strip_suffix(b"\n").ok_or_else(invalid)?;
            let equals = record.iter().position(|&byte| byte == b'=').ok_or_else(invalid)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(parse(value).ok_or_else(invalid)?),
                b"uid" => self.uid = Some(parse(value).ok_or_else(invalid)?),
                b"gid" => self.gid = Some(parse(value).ok_or_else(invalid)?),
                b"mtime" => {
                    let seconds = value.split(|&byte| byte == b'.').next().unwrap_or_default();
                    self.mtime = Some(parse(seconds).ok_or_else(invalid)?);
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(Error::Invalid("a file is stored with holes".to_owned()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn parse<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn too_long() -> Error {
    Error::Invalid("an entry is longer than any file".to_owned())
}

pub(crate) fn of_input(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { Error::Cut } else { Error::Read(error) }
}

/// The sum of a header, with its own field as blanks.
pub(crate) fn sum(block: &[u8; BLOCK]) -> u64 {
    let field = 148..156;
    let byte = |(at, &byte)| u64::from(if field.contains(&at) { b' ' } else { byte });
    block.iter().enumerate().map(byte).sum()
}

fn check(block: &[u8; BLOCK]) -> Result<(), Error> {
    match number(&block[148..156]) {
        Ok(stated) if stated == sum(block) => Ok(()),
        _ => Err(Error::Invalid("a header is damaged".to_owned())),
    }
}

/// Returns a field up to its first zero byte.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Returns the name of a header, with the prefix of ustar.
fn name(block: &[u8; BLOCK]) -> Vec<u8> {
    let (name, prefix) = (text(&block[..100]), text(&block[345..500]));
    // GNU's own format has other fields in the place of the prefix.
    let is_ustar = &block[257..263] == b"ustar\0";
    if is_ustar && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() }
}

/// Reads a number: octal digits, or with the highest bit set, a binary number.
fn number(field: &[u8]) -> Result<u64, Error> {
    let invalid = || Error::Invalid("a header has a damaged number".to_owned());
    if field[0] & 0x80 != 0 {
        let (head, low) = field.split_at(field.len() - size_of::<u64>());
        let is_small = matches!(head, [] | [0x80])
            || matches!(head, [0x80, rest @ ..] if rest.iter().all(|&byte| byte == 0));
        let mut bytes: [u8; 8] = low.try_into().map_err(|_| invalid())?;
        if head.is_empty() {
            bytes[0] &= 0x7f;
        }
        let number = u64::from_be_bytes(bytes);
        return if is_small && i64::try_from(number).is_ok() { Ok(number) } else { Err(invalid()) };
    }
    let digits = text(field).trim_ascii();
    digits
        .iter()
        .try_fold(0_u64, |number, &digit| match digit {
            b'0'..=b'7' => number.checked_mul(8).map(|number| number + u64::from(digit - b'0')),
            _ => None,
        })
        .ok_or_else(invalid)
}
