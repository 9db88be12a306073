//! The engine's multiplexed stream, used by logs, attach and exec without a TTY.
//!
//! A frame is `[type u8][0, 0, 0][length u32, big endian][payload]`. The types are 0 stdin, 1
//! stdout, 2 stderr, and 3 an error of the daemon itself that occurs in the middle of a stream
//! (moby `api/pkg/stdcopy/stdcopy.go`). A container with a TTY sends plain bytes instead. Only
//! inspect's `Config.Tty` distinguishes the two: the bytes do not, since a terminal program may
//! begin with `\x01`.
//!
//! Payloads are returned as they arrive, as slices of the caller's chunk. The decoder holds at most
//! one header and one message of the daemon.

use thiserror::Error;

/// The most empty frames accepted in a row. Engines send none; a stream of nothing else would never
/// end.
const MAX_EMPTY_FRAMES: u32 = 1 << 16;

/// The longest accepted payload. Docker's log frames hold 16 KiB and a timestamp, its exec frames
/// 32 KiB. A length far above that means that the bytes are not a header.
pub const MAX_FRAME_LEN: u32 = 16 << 20;

/// How many bytes of a daemon's error message are kept. The rest is read and dropped.
const MAX_DAEMON_ERROR_LEN: usize = 64 << 10;

const HEADER_LEN: usize = 8;

/// The stream of the process that the bytes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Echoed input (attach only).
    Stdin,
    /// Standard output, and all output of a TTY.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// `stdin`, `stdout` or `stderr`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdin => "stdin",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// The framing of a stream, from inspect's `Config.Tty` of the container or exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No TTY: frames.
    Multiplexed,
    /// A TTY: plain bytes, all of them [`Stream::Stdout`].
    Raw,
}

impl Framing {
    /// Returns the framing of a container or exec with or without a TTY.
    pub fn from_tty(tty: bool) -> Self {
        if tty { Self::Raw } else { Self::Multiplexed }
    }
}

/// A piece of a frame's payload: all of it, or the part in the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The stream that the bytes belong to.
    pub stream: Stream,
    /// The bytes. Empty only for an empty frame.
    pub payload: &'a [u8],
    /// Whether these are the first bytes of their frame. Never set with [`Framing::Raw`].
    pub starts_frame: bool,
    /// Whether these are the last bytes of their frame. Never set with [`Framing::Raw`].
    pub ends_frame: bool,
}

/// One event of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameEvent<'a> {
    /// Bytes of the process.
    Data(Piece<'a>),
    /// The daemon reports an error of its own (frame type 3). Earlier data is valid, and more may
    /// follow. The text is untrusted: escape it before showing it.
    DaemonError(String),
}

/// The stream is invalid. Data that was decoded before is valid; decoding cannot continue.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The first byte of a header is not 0..=3.
    #[error(
        "the stream holds a frame of unknown type {kind} (header {header:02x?}): it is damaged, or the container has a tty and sends plain bytes"
    )]
    UnknownType {
        /// The byte found.
        kind: u8,
        /// The header that contains it.
        header: [u8; HEADER_LEN],
    },
    /// Bytes 1..=3 of a header are not zero.
    #[error(
        "the stream holds a frame header whose padding is not zero ({header:02x?}): it is damaged, or the container has a tty and sends plain bytes"
    )]
    BadPadding {
        /// The header found.
        header: [u8; HEADER_LEN],
    },
    /// The length exceeds [`MAX_FRAME_LEN`].
    #[error(
        "the stream announces a frame of {length} bytes, more than the {MAX_FRAME_LEN} that are plausible: it is damaged"
    )]
    TooLong {
        /// The announced length.
        length: u32,
    },
    /// Too many empty frames in a row.
    #[error(
        "the stream holds {MAX_EMPTY_FRAMES} frames in a row with nothing in them: it has no end in sight"
    )]
    NothingButFrames,
    /// The stream ended inside a header.
    #[error(
        "the stream ended inside a frame header ({got} of {HEADER_LEN} bytes): the connection or the engine broke off"
    )]
    TruncatedHeader {
        /// Bytes of the header that arrived.
        got: usize,
    },
    /// The stream ended inside a payload. The part that arrived was returned.
    #[error(
        "the stream ended inside a frame ({got} of {length} bytes): the connection or the engine broke off"
    )]
    TruncatedPayload {
        /// Bytes of the payload that arrived.
        got: u32,
        /// Bytes announced.
        length: u32,
    },
    /// The stream ended inside an error message of the daemon.
    #[error(
        "the stream ended inside an error message of the daemon ({got} of {length} bytes): {message}"
    )]
    TruncatedDaemonError {
        /// Bytes of the message that arrived.
        got: u32,
        /// Bytes announced.
        length: u32,
        /// The part of the message that arrived. Untrusted: escape it before showing it.
        message: String,
    },
}

/// Resumable decoder. Chunks may be cut anywhere.
///
/// ```
/// use scratchdbg_logs::frame::{FrameDecoder, FrameEvent, Framing};
///
/// let mut decoder = FrameDecoder::new(Framing::Multiplexed);
/// let mut out = Vec::new();
/// for mut chunk in [&b"\x01\0\0\0\0\0"[..], b"\0\x05hel", b"lo"] {
///     while let Some(event) = decoder.decode(&mut chunk)? {
///         if let FrameEvent::Data(piece) = event {
///             out.extend_from_slice(piece.payload);
///         }
///     }
/// }
/// decoder.finish()?;
/// assert_eq!(out, b"hello");
/// # Ok::<(), scratchdbg_logs::FrameError>(())
/// ```
#[derive(Debug)]
pub struct FrameDecoder {
    framing: Framing,
    state: State,
    frames: u64,
    /// How many empty frames came in a row.
    empty: u32,
}

#[derive(Debug)]
enum State {
    Header { bytes: [u8; HEADER_LEN], filled: usize },
    Payload { stream: Stream, length: u32, got: u32 },
    DaemonError { message: Vec<u8>, length: u32, got: u32 },
    Failed(FrameError),
}

const START: State = State::Header { bytes: [0; HEADER_LEN], filled: 0 };

impl FrameDecoder {
    /// A decoder at the start of a stream.
    pub fn new(framing: Framing) -> Self {
        Self { framing, state: START, frames: 0, empty: 0 }
    }

    /// Decodes the next event and advances `input` past it. Returns `None` when all of `input` is
    /// consumed.
    ///
    /// # Errors
    /// [`FrameError`] if the stream is not framed correctly. Each later call returns the same
    /// error.
    pub fn decode<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<FrameEvent<'a>>, FrameError> {
        if self.framing == Framing::Raw {
            let payload = std::mem::take(input);
            let piece =
                Piece { stream: Stream::Stdout, payload, starts_frame: false, ends_frame: false };
            return Ok((!payload.is_empty()).then_some(FrameEvent::Data(piece)));
        }
        loop {
            match &mut self.state {
                State::Header { bytes, filled } => {
                    let taken = take(input, HEADER_LEN - *filled);
                    bytes[*filled..*filled + taken.len()].copy_from_slice(taken);
                    *filled += taken.len();
                    if *filled < HEADER_LEN {
                        return Ok(None);
                    }
                    self.state = match parse_header(*bytes) {
                        Ok((Some(_), 0)) if self.empty == MAX_EMPTY_FRAMES => {
                            State::Failed(FrameError::NothingButFrames)
                        }
                        Ok((Some(stream), 0)) => {
                            self.state = START;
                            self.empty += 1;
                            self.frames += 1;
                            let piece = Piece {
                                stream,
                                payload: &[],
                                starts_frame: true,
                                ends_frame: true,
                            };
                            return Ok(Some(FrameEvent::Data(piece)));
                        }
                        Ok((Some(stream), length)) => State::Payload { stream, length, got: 0 },
                        Ok((None, length)) => {
                            State::DaemonError { message: Vec::new(), length, got: 0 }
                        }
                        Err(error) => State::Failed(error),
                    };
                }
                State::Payload { stream, length, got } => {
                    let payload = take(input, (*length - *got) as usize);
                    if payload.is_empty() {
                        return Ok(None);
                    }
                    self.empty = 0;
                    let starts_frame = *got == 0;
                    *got += as_u32(payload.len());
                    let ends_frame = got == length;
                    let piece = Piece { stream: *stream, payload, starts_frame, ends_frame };
                    if ends_frame {
                        self.state = START;
                        self.frames += 1;
                    }
                    return Ok(Some(FrameEvent::Data(piece)));
                }
                State::DaemonError { message, length, got } => {
                    let taken = take(input, (*length - *got) as usize);
                    *got += as_u32(taken.len());
                    let room = MAX_DAEMON_ERROR_LEN - message.len();
                    message.extend_from_slice(&taken[..taken.len().min(room)]);
                    if got < length {
                        return Ok(None);
                    }
                    let text = message_text(message);
                    self.state = START;
                    return Ok(Some(FrameEvent::DaemonError(text)));
                }
                State::Failed(error) => return Err(error.clone()),
            }
        }
    }

    /// Returns how many frames of the process were read so far. Zero with [`Framing::Raw`].
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Declares the end of the stream.
    ///
    /// # Errors
    /// [`FrameError`] if the stream ended inside a frame or failed earlier.
    pub fn finish(self) -> Result<(), FrameError> {
        match self.state {
            State::Header { filled: 0, .. } => Ok(()),
            State::Header { filled, .. } => Err(FrameError::TruncatedHeader { got: filled }),
            State::Payload { length, got, .. } => Err(FrameError::TruncatedPayload { got, length }),
            State::DaemonError { message, length, got } => Err(FrameError::TruncatedDaemonError {
                got,
                length,
                message: message_text(&message),
            }),
            State::Failed(error) => Err(error),
        }
    }
}

/// Returns the stream (`None`: the daemon itself) and the payload's length.
fn parse_header(header: [u8; HEADER_LEN]) -> Result<(Option<Stream>, u32), FrameError> {
    let [kind, padding @ .., l0, l1, l2, l3] = header;
    let stream = match kind {
        0 => Some(Stream::Stdin),
        1 => Some(Stream::Stdout),
        2 => Some(Stream::Stderr),
        3 => None,
        _ => return Err(FrameError::UnknownType { kind, header }),
    };
    if padding != [0; 3] {
        return Err(FrameError::BadPadding { header });
    }
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    if length > MAX_FRAME_LEN {
        return Err(FrameError::TooLong { length });
    }
    Ok((stream, length))
}

fn message_text(message: &[u8]) -> String {
    String::from_utf8_lossy(message.trim_ascii_end()).into_owned()
}

/// Splits up to `count` bytes off the front of `input`.
fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(count.min(input.len()));
    *input = rest;
    taken
}

/// Payload lengths are below [`MAX_FRAME_LEN`], so this never saturates.
fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
