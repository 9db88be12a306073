//! Lines out of Docker's own log files: the same that the engine would send, without its decoding in between.
//!
//! The caller reads the files, rotated ones first and unpacked, and pushes their bytes one after the other into the
//! same decoder: lines go on over rotation.

mod json_file;
mod local;

use crate::Timestamp;
use crate::frame::{Framing, Stream};
use crate::line::{Joining, Line, LineAssembler, LineOptions};
use thiserror::Error;

/// The longest record that is believed, as it stands in a file. Docker's hold 16 KiB of text, each byte of which may be
/// escaped to six, and a driver's plugin up to 1 MB.
const MAX_RECORD: usize = 8 << 20;

/// The logging driver that wrote the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// `json-file`: one JSON object a line.
    JsonFile,
    /// `local`: protobuf messages between their lengths.
    Local,
}

/// What a log file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEvent<'a> {
    /// A whole line of the container, always with its timestamp.
    Line(Line<'a>),
    /// Bytes that are no record were skipped: the file is damaged (a crash of the host, a full disk).
    Hole {
        /// How many.
        bytes: u64,
    },
}

/// The file cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FileError {
    /// Where the next record begins is not known any more.
    #[error("the log file is damaged: a record's length does not fit; read this log through the engine instead")]
    Damaged,
}

/// Resumable decoder of log files: feed it chunks cut anywhere. It holds at most one record, and one line per stream.
///
/// ```
/// use scratchdbg_logs::LineOptions;
/// use scratchdbg_logs::file::{FileDecoder, FileEvent, FileFormat};
///
/// let file = br#"{"log":"hello\n","stream":"stdout","time":"2026-11-23T07:01:20.5Z"}
/// "#;
/// let mut decoder = FileDecoder::new(FileFormat::JsonFile, false, LineOptions::MAX_LINE);
/// let mut lines = Vec::new();
/// let mut take = |event: FileEvent<'_>| {
///     if let FileEvent::Line(line) = event {
///         lines.push(line.into_owned());
///     }
/// };
/// decoder.push(file, &mut take)?;
/// decoder.finish(&mut take);
/// assert_eq!(lines[0].text, &b"hello"[..]);
/// # Ok::<(), scratchdbg_logs::file::FileError>(())
/// ```
#[derive(Debug)]
pub struct FileDecoder {
    format: FileFormat,
    /// The begin of a record whose end is not there yet.
    carry: Vec<u8>,
    /// The text of a record that has escapes, without them.
    unescaped: Vec<u8>,
    /// Bytes skipped and not yet reported.
    hole: u64,
    is_damaged: bool,
    lines: LineAssembler,
}

/// One record.
#[derive(Debug, PartialEq, Eq)]
struct Record<'a> {
    stream: Stream,
    timestamp: Option<Timestamp>,
    text: &'a [u8],
    is_terminated: bool,
}

impl FileDecoder {
    /// A decoder at the start of the oldest file; `tty` is inspect's `Config.Tty`, `max_line` as in
    /// [`LineOptions::max_line`].
    pub fn new(format: FileFormat, tty: bool, max_line: usize) -> Self {
        let framing = Framing::from_tty(tty);
        let lines = LineAssembler::new(LineOptions { framing, joining: Joining::Docker, timestamps: false, max_line });
        Self { format, carry: Vec::new(), unescaped: Vec::new(), hole: 0, is_damaged: false, lines }
    }

    /// Decode the next chunk, and emit what is complete.
    ///
    /// # Errors
    /// [`FileError`] when the files cannot be read on. What was emitted before stays good.
    pub fn push(&mut self, chunk: &[u8], mut emit: impl FnMut(FileEvent<'_>)) -> Result<(), FileError> {
        if self.is_damaged {
            return Err(FileError::Damaged);
        }
        let mut carry = std::mem::take(&mut self.carry);
        let mut input = chunk;
        while let Some(missing) = self.missing(&carry, input)? {
            let (head, rest) = input.split_at(missing);
            input = rest;
            if carry.is_empty() {
                self.record(head, &mut emit)?;
            } else {
                carry.extend_from_slice(head);
                self.record(&carry, &mut emit)?;
                carry.clear();
            }
        }
        carry.extend_from_slice(input);
        if carry.len() > MAX_RECORD + 2 * local::LENGTH_LEN {
            // No record of json-file's: the next newline ends it.
            self.hole += carry.len() as u64;
            carry.clear();
        }
        self.carry = carry;
        Ok(())
    }

    /// Say that the files have ended, and emit what is left: a line without an ending, a record without its end.
    pub fn finish(mut self, mut emit: impl FnMut(FileEvent<'_>)) {
        let bytes = self.hole + self.carry.len() as u64;
        if bytes > 0 {
            emit(FileEvent::Hole { bytes });
        }
        while let Some(line) = self.lines.finish_line() {
            emit(FileEvent::Line(line));
        }
    }

    /// How many bytes of `input` complete the record that `carry` begins; `None` when more are needed.
    fn missing(&mut self, carry: &[u8], input: &[u8]) -> Result<Option<usize>, FileError> {
        let missing = match self.format {
            FileFormat::JsonFile => Ok(memchr::memchr(b'\n', input).map(|at| at + 1)),
            FileFormat::Local => local::missing(carry, input),
        };
        self.is_damaged |= missing.is_err();
        missing
    }

    fn record(&mut self, bytes: &[u8], emit: &mut impl FnMut(FileEvent<'_>)) -> Result<(), FileError> {
        let record = match self.format {
            FileFormat::JsonFile => json_file::parse(bytes, &mut self.unescaped),
            FileFormat::Local => local::parse(bytes),
        };
        let Some(Record { stream, timestamp, text, is_terminated }) = record else {
            self.is_damaged = self.format == FileFormat::Local;
            self.hole += bytes.len() as u64;
            return if self.is_damaged { Err(FileError::Damaged) } else { Ok(()) };
        };
        if self.hole > 0 {
            emit(FileEvent::Hole { bytes: std::mem::take(&mut self.hole) });
        }
        if let Some(line) = self.lines.record(stream, timestamp, text, is_terminated) {
            emit(FileEvent::Line(line));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
