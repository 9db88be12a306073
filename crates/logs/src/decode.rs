//! Decodes a log stream into lines: [`FrameDecoder`] and the joining of its pieces in one step.

use std::sync::Arc;

use crate::frame::{FrameDecoder, FrameError, FrameEvent, Piece};
use crate::line::{Line, LineAssembler, LineOptions};
use crate::search::Search;

/// One event of a log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A complete line of the container.
    Line(Line<'a>),
    /// The daemon reports an error of its own. More lines may follow. The text is untrusted: escape
    /// it before showing it.
    DaemonError(String),
}

/// Resumable decoder of a log stream. Chunks may be cut anywhere. The decoder holds at most one
/// line per stream, each up to [`LineOptions::max_line`] bytes.
///
/// ```
/// use scratchdbg_logs::line::{Joining, LineOptions};
/// use scratchdbg_logs::{Event, Framing, LogDecoder};
///
/// let options = LineOptions {
///     framing: Framing::from_tty(false),
///     joining: Joining::Docker,
///     timestamps: false,
///     max_line: LineOptions::MAX_LINE,
///     in_parts: false,
/// };
/// let mut decoder = LogDecoder::new(options);
/// let mut lines = Vec::new();
/// for chunk in [&b"\x01\0\0\0\0\0\0\x06hel"[..], b"lo\n"] {
///     let mut events = decoder.push(chunk);
///     while let Some(event) = events.next()? {
///         if let Event::Line(line) = event {
///             lines.push(line.into_owned());
///         }
///     }
/// }
/// while let Some(line) = decoder.finish_line() {
///     lines.push(line.into_owned());
/// }
/// decoder.finish()?;
/// assert_eq!(lines[0].text, &b"hello"[..]);
/// # Ok::<(), scratchdbg_logs::FrameError>(())
/// ```
#[derive(Debug)]
pub struct LogDecoder {
    frames: FrameDecoder,
    lines: LineAssembler,
}

impl LogDecoder {
    /// A decoder at the start of a stream.
    pub fn new(options: LineOptions) -> Self {
        Self { frames: FrameDecoder::new(options.framing), lines: LineAssembler::new(options) }
    }

    /// Also searches lines that are longer than the limit. The result is in [`Line::found`].
    #[must_use]
    pub fn searching(mut self, search: Option<&Arc<Search>>) -> Self {
        if let Some(search) = search {
            self.lines.search(search);
        }
        self
    }

    /// Returns the events in the next chunk. Read all of them: events left when the result is
    /// dropped are lost.
    pub fn push<'d, 'a>(&'d mut self, chunk: &'a [u8]) -> Events<'d, 'a> {
        Events { decoder: self, chunk, piece: None }
    }

    /// Returns how many of the engine's records were read so far. A long line is several records.
    /// Zero with a TTY, which has no frames.
    pub fn records(&self) -> u64 {
        self.frames.frames()
    }

    /// Returns the next line that has no ending. Call after the last chunk or an error, until
    /// `None`.
    pub fn finish_line(&mut self) -> Option<Line<'_>> {
        self.lines.finish_line()
    }

    /// Declares the end of the stream.
    ///
    /// # Errors
    /// [`FrameError`] if the stream ended inside a frame, or failed earlier.
    pub fn finish(self) -> Result<(), FrameError> {
        self.frames.finish()
    }
}

/// The events of one chunk.
#[derive(Debug)]
#[must_use = "what is not read is lost"]
pub struct Events<'d, 'a> {
    decoder: &'d mut LogDecoder,
    chunk: &'a [u8],
    piece: Option<Piece<'a>>,
}

impl Events<'_, '_> {
    /// Returns the next event, or `None` at the end of the chunk. This is not an `Iterator` because
    /// a line may borrow from the decoder.
    ///
    /// # Errors
    /// [`FrameError`] if the stream is not framed correctly. The lines before the error are valid.
    #[expect(clippy::should_implement_trait, reason = "an iterator's items cannot borrow from it")]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, FrameError> {
        loop {
            if let Some(piece) = &mut self.piece {
                if let Some(ready) = self.decoder.lines.advance(piece) {
                    return Ok(Some(Event::Line(self.decoder.lines.lend(&ready))));
                }
                self.piece = None;
            }
            match self.decoder.frames.decode(&mut self.chunk)? {
                Some(FrameEvent::Data(piece)) => self.piece = Some(piece),
                Some(FrameEvent::DaemonError(text)) => return Ok(Some(Event::DaemonError(text))),
                None => return Ok(None),
            }
        }
    }
}
