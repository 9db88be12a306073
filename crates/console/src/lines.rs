//! Prints log lines on a standard stream.

use std::io::{self, Write};
use std::os::fd::AsFd;

use anstream::stream::RawStream;
use scratchdbg_logs::Stream;
use scratchdbg_logs::render::{Entry, Renderer, Style};

use crate::streams::WaitingStream;

/// How many bytes of lines are buffered until they are written, if more lines follow.
const BUFFER: usize = 64 << 10;

/// A standard stream on which log lines are rendered.
#[derive(Debug)]
pub struct LineStream<W> {
    stream: WaitingStream<W>,
    buffer: Vec<u8>,
    renderer: Renderer,
}

impl<W: Write + AsFd> LineStream<W> {
    /// Creates a stream that renders lines in this style.
    pub fn new(stream: W, style: Style) -> Self {
        let buffer = Vec::with_capacity(BUFFER + BUFFER / 4);
        Self { stream: WaitingStream(stream), buffer, renderer: Renderer::new(style) }
    }

    /// Adds a line. `after_gap` states that lines before it are left out.
    ///
    /// # Errors
    ///
    /// Fails if the buffer is full and cannot be written.
    pub fn line(&mut self, entry: &Entry<'_>, after_gap: bool) -> io::Result<()> {
        if after_gap {
            self.renderer.render_gap(&mut self.buffer);
        }
        self.renderer.render(&mut self.buffer, entry);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Shows the beginning of an unfinished line. Returns `false` if another line must come first.
    ///
    /// # Errors
    ///
    /// Fails if the buffer cannot be written.
    pub fn beginning(&mut self, stream: Stream, text: &[u8]) -> io::Result<bool> {
        let shown = self.renderer.render_beginning(&mut self.buffer, stream, text);
        self.flush()?;
        Ok(shown)
    }

    /// Writes the buffer, and ends the beginning of a line that was shown.
    ///
    /// # Errors
    ///
    /// Fails if the buffer cannot be written.
    pub fn break_beginning(&mut self) -> io::Result<()> {
        self.renderer.break_beginning(&mut self.buffer);
        self.flush()
    }

    /// Writes the buffer.
    ///
    /// # Errors
    ///
    /// Fails if the buffer cannot be written. Its lines are lost.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.stream.write_all(&self.buffer).and_then(|()| self.stream.flush());
        self.buffer.clear();
        written
    }
}

/// Reports whether to use colors on a stream.
pub fn has_colors(stream: &impl RawStream) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}

/// Reports whether two streams lead to the same file, so that the order between them must be kept.
pub fn are_same_file(one: impl AsFd, other: impl AsFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => true,
    }
}
