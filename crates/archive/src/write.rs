//! Writes tar streams: ustar, with extended headers for what does not fit.

use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;

use crate::read::{BLOCK, sum};
use crate::{Entry, Error, Kind};

/// The largest numbers of the fields of 8 and of 12 bytes.
const MOST_OF_8: u64 = 0o7_777_777;
const MOST_OF_12: u64 = 0o77_777_777_777;

/// Writes entry by entry. The data of a file follows its entry.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    padding: usize,
}

impl<W: Write> Writer<W> {
    /// Writes to this stream.
    pub fn new(out: W) -> Self {
        Self { out, padding: 0 }
    }

    /// Writes an entry. Exactly the bytes that it announces have to follow, by
    /// [`data`](Self::data).
    ///
    /// # Errors
    ///
    /// Fails if the stream cannot be written.
    pub fn entry(&mut self, entry: &Entry) -> Result<(), Error> {
        let mut path = entry.path.as_os_str().as_bytes().to_vec();
        let (kind, size, link) = match &entry.kind {
            Kind::File(size) => (b'0', *size, &b""[..]),
            Kind::Folder => {
                if path.is_empty() {
                    path.push(b'.');
                }
                path.push(b'/');
                (b'5', 0, &b""[..])
            }
            Kind::Link(target) => (b'2', 0, target.as_os_str().as_bytes()),
            Kind::SameAs(path) => (b'1', 0, path.as_os_str().as_bytes()),
            // Nobody takes a pipe for anything else.
            Kind::Special => (b'6', 0, &b""[..]),
        };
        let mut records = Vec::new();
        let mut header = [0; BLOCK];
        let mut words = |at: usize, length: usize, key: &str, value: &[u8]| {
            if value.len() > length {
                record(&mut records, key, value);
            }
            let fits = value.len().min(length);
            header[at..at + fits].copy_from_slice(&value[..fits]);
        };
        words(0, 100, "path", &path);
        words(157, 100, "linkpath", link);
        let mut put = |at: usize, length: usize, key: &str, number: u64, most: u64| {
            let fits = number <= most;
            if !fits {
                record(&mut records, key, number.to_string().as_bytes());
            }
            octal(&mut header[at..at + length], if fits { number } else { 0 });
        };
        put(100, 8, "mode", u64::from(entry.mode & 0o7777), MOST_OF_8);
        put(108, 8, "uid", entry.uid.into(), MOST_OF_8);
        put(116, 8, "gid", entry.gid.into(), MOST_OF_8);
        put(124, 12, "size", size, MOST_OF_12);
        put(136, 12, "mtime", u64::try_from(entry.mtime).unwrap_or(0), MOST_OF_12);
        if !records.is_empty() {
            let mut extended = [0; BLOCK];
            extended[..14].copy_from_slice(b"././@PaxHeader");
            for (at, length, number) in
                [(100, 8, 0o644), (108, 8, 0), (116, 8, 0), (124, 12, records.len()), (136, 12, 0)]
            {
                octal(&mut extended[at..at + length], number as u64);
            }
            self.header(extended, b'x')?;
            self.data(&records)?;
            self.pad(records.len() as u64);
        }
        self.header(header, kind)?;
        self.pad(size);
        Ok(())
    }

    /// Writes data of the last entry.
    ///
    /// # Errors
    ///
    /// Fails if the stream cannot be written.
    pub fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(Error::Write)
    }

    /// Marks the end.
    ///
    /// # Errors
    ///
    /// Fails if the stream cannot be written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.fill()?;
        self.data(&[0; 2 * BLOCK])?;
        self.out.flush().map_err(Error::Write)
    }

    fn header(&mut self, mut header: [u8; BLOCK], kind: u8) -> Result<(), Error> {
        self.fill()?;
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum = format!("{:06o}\0 ", sum(&header));
        header[148..156].copy_from_slice(sum.as_bytes());
        self.data(&header)
    }

    /// Remembers the padding behind data of this size.
    fn pad(&mut self, size: u64) {
        let last = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        self.padding = (BLOCK - last) % BLOCK;
    }

    fn fill(&mut self) -> Result<(), Error> {
        let padding = std::mem::take(&mut self.padding);
        self.data(&[0; BLOCK][..padding])
    }
}

fn octal(field: &mut [u8], number: u64) {
    let digits = format!("{number:0width$o}\0", width = field.len() - 1);
    field.copy_from_slice(digits.as_bytes());
}

/// Appends a record of a pax header. Its length counts its own digits.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + b" =\n".len();
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}
