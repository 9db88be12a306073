//! A log stream as lines: the [`FrameDecoder`], and the joining of its pieces, in one.

use crate::frame::{FrameDecoder, FrameError, FrameEvent, Piece};
use crate::line::{Line, LineAssembler, LineOptions};
use crate::search::Search;
use std::sync::Arc;

/// What a log stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole line of the container.
    Line(Line<'a>),
    /// The daemon reports an error of its own. More lines may follow. The text is not trusted: escape it before it is
    /// shown.
    DaemonError(String),
}

/// Resumable decoder of a log stream: feed it chunks cut anywhere. It holds back at most one line per stream, each
/// up to [`LineOptions::max_line`] bytes.
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

    /// The same, which searches lines that are longer than they are held: [`Line::found`].
    #[must_use]
    pub fn searching(mut self, search: Option<&Arc<Search>>) -> Self {
        if let Some(search) = search {
            self.lines.search(search);
        }
        self
    }

    /// The events in the next chunk. Read them all: what is left when the result is dropped is lost.
    pub fn push<'d, 'a>(&'d mut self, chunk: &'a [u8]) -> Events<'d, 'a> {
        Events { decoder: self, chunk, piece: None }
    }

    /// How many of the engine's records there were so far: a long line is several. Zero where there is a TTY, which has no
    /// frames.
    pub fn records(&self) -> u64 {
        self.frames.frames()
    }

    /// After the last chunk, or an error: the next line that was left without an ending. Call until `None`.
    pub fn finish_line(&mut self) -> Option<Line<'_>> {
        self.lines.finish_line()
    }

    /// Say that the stream has ended.
    ///
    /// # Errors
    /// [`FrameError`] when it ended inside a frame, or had failed before.
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
    /// The next event, or `None` at the end of the chunk. (No `Iterator`: a line may borrow from the decoder.)
    ///
    /// # Errors
    /// [`FrameError`] when the stream is not framed as it should be. The lines before it stay good.
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
