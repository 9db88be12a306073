//! Reads lines from Docker's own log files. The lines are the same that the engine would send.
//!
//! The caller reads the files, rotated ones first and decompressed, and pushes their bytes one
//! after the other into the same decoder, because lines continue across rotations.

mod json_file;
mod json_rescue;
mod local;

use std::sync::Arc;

use crate::Timestamp;
use crate::frame::{Framing, Stream};
use crate::line::{Joining, Line, LineAssembler, LineOptions};
use crate::search::Search;

/// The longest accepted record, as stored. Docker's records hold 16 KiB of text, each byte of which
/// may be escaped to six, and those of a driver's plugin up to 1 MB.
const MAX_RECORD: usize = 8 << 20;

/// The logging driver that wrote the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// `json-file`: one JSON object per line.
    JsonFile,
    /// `local`: protobuf messages, each between its length and the same length again.
    Local,
}

/// One event of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEvent<'a> {
    /// A complete line of the container, with its timestamp if the record has one.
    Line(Line<'a>),
    /// Bytes that are not a record were skipped: the file is damaged (a crash of the host, a full
    /// disk). Emitted once per damaged place, before the line that follows.
    Hole(Hole),
}

/// A damaged place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// How many bytes of all files precede the damage.
    pub at: u64,
    /// The length in bytes.
    pub bytes: u64,
}

/// Resumable decoder of log files. Chunks may be cut anywhere. Holds at most one record, and one
/// line per stream.
///
/// Damage does not end decoding: the decoder continues with the next complete record.
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
/// decoder.push(file, &mut take);
/// decoder.finish(&mut take);
/// assert_eq!(lines[0].text, &b"hello"[..]);
/// ```
#[derive(Debug)]
pub struct FileDecoder {
    format: FileFormat,
    /// The beginning of a record whose end has not been read.
    carry: Vec<u8>,
    /// The text of the current record, unescaped.
    unescaped: Vec<u8>,
    out: Out,
}

/// Turns records into lines.
#[derive(Debug)]
struct Out {
    /// How many bytes were decoded.
    position: u64,
    /// The damaged place that the next record will end.
    hole: Option<Hole>,
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
    /// Returns a decoder at the start of the oldest file. `tty` is inspect's `Config.Tty`;
    /// `max_line` is as in [`LineOptions::max_line`].
    pub fn new(format: FileFormat, tty: bool, max_line: usize) -> Self {
        let framing = Framing::from_tty(tty);
        Self::with(
            format,
            LineOptions {
                framing,
                joining: Joining::Docker,
                timestamps: false,
                max_line,
                in_parts: false,
            },
        )
    }

    /// Like [`new`](Self::new), but emits lines longer than `max_line` in parts; see
    /// [`LineOptions::in_parts`].
    pub fn in_parts(format: FileFormat, tty: bool, max_line: usize) -> Self {
        let framing = Framing::from_tty(tty);
        Self::with(
            format,
            LineOptions {
                framing,
                joining: Joining::Docker,
                timestamps: false,
                max_line,
                in_parts: true,
            },
        )
    }

    /// Also searches lines that are longer than the limit. The result is in [`Line::found`].
    #[must_use]
    pub fn searching(mut self, search: Option<&Arc<Search>>) -> Self {
        if let Some(search) = search {
            self.out.lines.search(search);
        }
        self
    }

    fn with(format: FileFormat, options: LineOptions) -> Self {
        let lines = LineAssembler::new(options);
        Self {
            format,
            carry: Vec::new(),
            unescaped: Vec::new(),
            out: Out { position: 0, hole: None, lines },
        }
    }

    /// Decodes the next chunk and emits what is complete.
    pub fn push(&mut self, chunk: &[u8], mut emit: impl FnMut(FileEvent<'_>)) {
        match self.format {
            FileFormat::JsonFile => self.push_json(chunk, &mut emit),
            FileFormat::Local => self.push_local(chunk, false, &mut emit),
        }
    }

    /// Reports whether a record has begun and not ended: the engine is writing it, or was killed
    /// while it did.
    pub fn is_in_record(&self) -> bool {
        !self.carry.is_empty()
    }

    /// Declares the end of the files and emits the rest: a record without its end, a line without
    /// an ending.
    pub fn finish(mut self, mut emit: impl FnMut(FileEvent<'_>)) {
        match self.format {
            FileFormat::JsonFile => {
                let rest = std::mem::take(&mut self.carry);
                if !rest.is_empty() {
                    self.out.json_line(&rest, &mut self.unescaped, &mut emit);
                }
            }
            FileFormat::Local => self.push_local(&[], true, &mut emit),
        }
        self.out.tell_hole(&mut emit);
        self.out.end_lines(&mut emit);
    }

    fn push_json(&mut self, chunk: &[u8], emit: &mut impl FnMut(FileEvent<'_>)) {
        let mut input = chunk;
        while let Some(end) = memchr::memchr(b'\n', input) {
            let (head, rest) = input.split_at(end + 1);
            input = rest;
            if self.carry.is_empty() {
                self.out.json_line(head, &mut self.unescaped, emit);
            } else {
                self.carry.extend_from_slice(head);
                self.out.json_line(&self.carry, &mut self.unescaped, emit);
                self.carry.clear();
            }
        }
        self.carry.extend_from_slice(input);
        if self.carry.len() > MAX_RECORD {
            // No record is that long. Another record may have begun after the damage.
            let skipped = json_rescue::last_begin(&self.carry);
            self.carry.drain(..skipped);
            self.out.skip(skipped);
        }
    }

    fn push_local(&mut self, chunk: &[u8], is_last: bool, emit: &mut impl FnMut(FileEvent<'_>)) {
        let mut carry = std::mem::take(&mut self.carry);
        if carry.is_empty() {
            let done = self.local_records(chunk, is_last, emit);
            carry.extend_from_slice(&chunk[done..]);
        } else {
            carry.extend_from_slice(chunk);
            let done = self.local_records(&carry, is_last, emit);
            carry.drain(..done);
        }
        self.carry = carry;
    }

    /// Decodes complete records and returns how many bytes they took.
    fn local_records(
        &mut self,
        input: &[u8],
        is_last: bool,
        emit: &mut impl FnMut(FileEvent<'_>),
    ) -> usize {
        let mut done = 0;
        while done < input.len() {
            match local::next(&input[done..], is_last) {
                local::Next::Record(len, record) => {
                    self.out.record(&record, emit);
                    self.out.position += len as u64;
                    done += len;
                }
                local::Next::Damaged(len) => {
                    self.out.skip(len);
                    done += len;
                }
                local::Next::Incomplete => break,
            }
        }
        done
    }
}

impl Out {
    /// Skips bytes that are not a record.
    fn skip(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.hole.get_or_insert(Hole { at: self.position, bytes: 0 }).bytes += bytes;
        self.position += bytes;
    }

    fn tell_hole(&mut self, emit: &mut impl FnMut(FileEvent<'_>)) {
        if let Some(hole) = self.hole.take() {
            emit(FileEvent::Hole(hole));
        }
    }

    fn end_lines(&mut self, emit: &mut impl FnMut(FileEvent<'_>)) {
        while let Some(line) = self.lines.finish_line() {
            emit(FileEvent::Line(line));
        }
    }

    fn record(&mut self, record: &Record<'_>, emit: &mut impl FnMut(FileEvent<'_>)) {
        if self.hole.is_some() {
            // The rest of an unfinished line may be lost. Other text must not be joined to it.
            self.end_lines(emit);
            self.tell_hole(emit);
        }
        let Record { stream, timestamp, text, is_terminated } = *record;
        if let Some(line) = self.lines.record(stream, timestamp, text, is_terminated) {
            emit(FileEvent::Line(line));
        }
    }

    /// Decodes a line of a json-file: one record, unless the line is damaged.
    fn json_line(
        &mut self,
        line: &[u8],
        unescaped: &mut Vec<u8>,
        emit: &mut impl FnMut(FileEvent<'_>),
    ) {
        if let Some(record) = json_file::parse(line, unescaped) {
            self.record(&record, emit);
            self.position += line.len() as u64;
            return;
        }
        let mut rest = line;
        while let Some((range, record)) = json_rescue::find(rest, unescaped) {
            if range.start > 0 {
                self.skip(range.start);
            }
            self.record(&record, emit);
            self.position += range.len() as u64;
            rest = &rest[range.end..];
        }
        if rest.len() == line.len() || !rest.trim_ascii().is_empty() {
            self.skip(rest.len());
        } else {
            self.position += rest.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests;
