//! Decodes the output of a session's process from the engine's stream.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use scratchdbg_backend::Output;
use scratchdbg_logs::frame::{FrameDecoder, FrameEvent, Framing, Stream};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::opening::{HELD_FOR, NotExecuted, Opening, REFUSAL_HELD_FOR};
use crate::Error;

/// The buffer size. The engine copies in chunks of 32 KiB.
const BUFFER: usize = 32 << 10;

/// Engines before 23 end the output of an exec with this text when the detach keys are pressed.
const ESCAPED: &[u8] = b"exec attach failed: error on attach stdin: read escape sequence\r\n";

/// What the end of an output shows about the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OutputEnd {
    /// The end shows nothing.
    Plain,
    /// The engine has read the detach keys, as its last output states.
    Escaped {
        /// Whether that output was not forwarded.
        is_held: bool,
    },
    /// The output was only this line, which may be the engine's. It was not forwarded.
    OneLine(Vec<u8>),
    /// The output was only this line, in which the runtime reports that it could not execute the
    /// launcher. It was not forwarded.
    NotExecuted(Vec<u8>),
}

impl OutputEnd {
    /// Returns the engine's error for an exec that never started a process, with the exit code that
    /// the engine reported.
    pub(super) fn refusal(&self, code: u8) -> Error {
        let message = match self {
            Self::OneLine(line) | Self::NotExecuted(line) => {
                String::from_utf8_lossy(line).trim().to_owned()
            }
            Self::Plain | Self::Escaped { .. } => "it does not say why".to_owned(),
        };
        Error::ExecRefused { message, code }
    }

    /// Returns the output that was held back.
    pub(super) fn held(self) -> Vec<u8> {
        match self {
            Self::OneLine(line) => line,
            Self::Escaped { is_held: true } => ESCAPED.to_vec(),
            _ => Vec::new(),
        }
    }
}

/// The output of a process.
pub struct ProcessOutput {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    decoder: FrameDecoder,
    buffer: Vec<u8>,
    tty: bool,
    opening: Opening,
    not_executed: NotExecuted,
    /// The first output on standard error, or on a terminal, if it may be the runtime's.
    refusal: Vec<u8>,
    /// Whether the last output is the text that engines write when they read the detach keys.
    escaped: bool,
    /// Whether that text is being held back. If the end follows, the text is not the command's.
    escape_held: bool,
    /// The chunks to forward.
    pieces: VecDeque<(Stream, Bytes)>,
    has_ended: bool,
    failure: Option<Error>,
}

impl std::fmt::Debug for ProcessOutput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ProcessOutput")
            .field("opening", &self.opening)
            .finish_non_exhaustive()
    }
}

impl ProcessOutput {
    /// Reads from a connection. `not_executed` recognizes the runtime's error if the program could
    /// not be executed.
    pub(super) fn of(
        reader: impl AsyncRead + Send + Unpin + 'static,
        tty: bool,
        not_executed: NotExecuted,
    ) -> Self {
        Self {
            reader: Box::new(reader),
            decoder: FrameDecoder::new(Framing::from_tty(tty)),
            buffer: vec![0; BUFFER],
            tty,
            opening: Opening::default(),
            not_executed,
            refusal: Vec::new(),
            escaped: false,
            escape_held: false,
            pieces: VecDeque::new(),
            has_ended: false,
            failure: None,
        }
    }

    /// Describes how the output ended.
    pub(super) fn end(&self) -> OutputEnd {
        match &self.opening {
            _ if !self.refusal.is_empty() => OutputEnd::NotExecuted(self.refusal.clone()),
            Opening::Held(line) => OutputEnd::OneLine(line.clone()),
            _ if self.escaped => OutputEnd::Escaped { is_held: self.escape_held },
            _ => OutputEnd::Plain,
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let held_for = self.held_for();
        let more = self.reader.read(&mut self.buffer);
        let more = match held_for {
            Some(limit) => tokio::time::timeout(limit, more).await,
            None => Ok(more.await),
        };
        let Ok(more) = more else {
            self.release();
            return Ok(());
        };
        let count = more.map_err(|error| Error::transport("the session's stream", error))?;
        let buffer = std::mem::take(&mut self.buffer);
        let decoded = self.decode(&buffer[..count]);
        self.buffer = buffer;
        decoded?;
        if count == 0 {
            self.has_ended = true;
            std::mem::replace(&mut self.decoder, FrameDecoder::new(Framing::from_tty(self.tty)))
                .finish()?;
        }
        Ok(())
    }

    fn decode(&mut self, mut chunk: &[u8]) -> Result<(), Error> {
        loop {
            let (stream, piece) = match self.decoder.decode(&mut chunk)? {
                Some(FrameEvent::Data(piece)) => {
                    (piece.stream, Bytes::copy_from_slice(piece.payload))
                }
                Some(FrameEvent::DaemonError(message)) => {
                    return Err(Error::transport("the session's stream", message));
                }
                None => return Ok(()),
            };
            self.pass(stream, piece);
        }
    }

    /// Forwards a chunk, unless it may be the engine's.
    fn pass(&mut self, stream: Stream, piece: Bytes) {
        let is_first = self.opening.is_awaited() && self.refusal.is_empty();
        if is_first && (self.tty || stream == Stream::Stderr) && self.not_executed.begins(&piece) {
            self.refusal = piece.to_vec();
            return;
        }
        if stream == Stream::Stderr {
            self.release();
            self.pieces.push_back((stream, piece));
            return;
        }
        if piece.is_empty() {
            return;
        }
        self.escaped = self.tty && piece.ends_with(ESCAPED);
        // The text is the engine's, in a session that has begun. It must not be held back as the
        // opening.
        if self.escaped || self.escape_held || !self.refusal.is_empty() {
            self.release();
        }
        if self.escaped {
            let before = piece.slice(..piece.len() - ESCAPED.len());
            if !before.is_empty() {
                self.pieces.push_back((stream, before));
            }
            self.escape_held = true;
            return;
        }
        let passed = self.opening.output(&piece);
        if passed.len() == piece.len() {
            self.pieces.push_back((stream, piece));
        } else if !passed.is_empty() {
            self.pieces.push_back((stream, passed.into_owned().into()));
        }
    }

    /// Forwards what was held back.
    fn release(&mut self) {
        let (refusal, opening) = (std::mem::take(&mut self.refusal), self.opening.end());
        let of_refusal = if self.tty { Stream::Stdout } else { Stream::Stderr };
        for (stream, held) in [(of_refusal, refusal), (Stream::Stdout, opening)] {
            if !held.is_empty() {
                self.pieces.push_back((stream, held.into()));
            }
        }
        if std::mem::take(&mut self.escape_held) {
            self.pieces.push_back((Stream::Stdout, Bytes::from_static(ESCAPED)));
        }
    }

    /// Returns how long to hold back a chunk that may be the engine's.
    fn held_for(&self) -> Option<Duration> {
        if self.refusal.is_empty() && !self.escape_held {
            self.opening.is_held().then_some(HELD_FOR)
        } else {
            Some(REFUSAL_HELD_FOR)
        }
    }
}

impl Output for ProcessOutput {
    async fn next(&mut self) -> Result<Option<(Stream, Bytes)>, scratchdbg_backend::Error> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure.into());
            }
            if self.has_ended {
                return Ok(None);
            }
            if let Err(error) = self.read().await {
                // Forward earlier output first.
                (self.failure, self.has_ended) = (Some(error), true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], payload].concat()
    }

    /// Reads all of an input: the end, standard output, standard error.
    async fn read(input: &[u8], tty: bool) -> (OutputEnd, Vec<u8>, Vec<u8>) {
        let mut read =
            ProcessOutput::of(std::io::Cursor::new(input.to_vec()), tty, NotExecuted::of("/l"));
        let (mut output, mut error) = (Vec::new(), Vec::new());
        while let Some((stream, piece)) = read.next().await.unwrap() {
            if stream == Stream::Stderr { error.extend(piece) } else { output.extend(piece) }
        }
        (read.end(), output, error)
    }

    #[tokio::test]
    async fn the_streams_stay_apart() {
        let input = [frame(1, b"a"), frame(2, b"e"), frame(1, b"b")].concat();
        assert_eq!(read(&input, false).await, (OutputEnd::Plain, b"ab".to_vec(), b"e".to_vec()));
    }

    #[tokio::test]
    async fn a_terminals_bytes_are_not_taken_for_frames() {
        let bytes = b"\x01\x00\x02 any bytes";
        assert_eq!(read(bytes, true).await, (OutputEnd::Plain, bytes.to_vec(), Vec::new()));
    }

    #[tokio::test]
    async fn a_line_that_may_be_the_engines_is_not_passed_on() {
        let line = b"task 7ab1 not found: not found\r\n";
        for (input, tty) in [(frame(1, line), false), (line.to_vec(), true)] {
            assert_eq!(
                read(&input, tty).await,
                (OutputEnd::OneLine(line.to_vec()), Vec::new(), Vec::new())
            );
        }
        let input = [frame(1, line), frame(2, b"e")].concat();
        assert_eq!(read(&input, false).await, (OutputEnd::Plain, line.to_vec(), b"e".to_vec()));
    }

    #[tokio::test]
    async fn a_launcher_that_was_not_executed_is_no_end_of_a_command() {
        let line = b"exec /l: resource temporarily unavailable\n";
        assert_eq!(
            read(&frame(2, line), false).await,
            (OutputEnd::NotExecuted(line.to_vec()), Vec::new(), Vec::new())
        );
        assert_eq!(
            read(line, true).await,
            (OutputEnd::NotExecuted(line.to_vec()), Vec::new(), Vec::new())
        );
        assert_eq!(read(&[&line[..], b"# "].concat(), true).await.0, OutputEnd::Plain);
        // A command that writes the same text writes more.
        for (more, output) in [(frame(2, b"e"), &b""[..]), (frame(1, b"o"), b"o")] {
            let (end, written, error) = read(&[frame(2, line), more].concat(), false).await;
            assert_eq!((end, &written[..]), (OutputEnd::Plain, output));
            assert!(error.starts_with(line));
        }
        let later = [frame(2, b"e\n"), frame(2, line)].concat();
        assert_eq!(read(&later, false).await.0, OutputEnd::Plain);
    }

    #[tokio::test]
    async fn a_line_that_stays_alone_is_passed_on() {
        let (reader, mut process) = tokio::io::duplex(64);
        let mut output = ProcessOutput::of(reader, true, NotExecuted::none());
        process.write_all(b"220 ready\r\n").await.unwrap();
        let piece = output.next().await.unwrap().unwrap().1;
        assert_eq!(&piece[..], b"220 ready\r\n");
        drop(process);
        assert_eq!(output.next().await.unwrap(), None);
        assert_eq!(output.end(), OutputEnd::Plain);
    }

    #[tokio::test]
    async fn detach_keys_are_told_from_an_end() {
        let said = [b"# ", ESCAPED].concat();
        // The text is the engine's, not output of the command.
        for (said, output) in [(&said[..], &b"# "[..]), (ESCAPED, b"")] {
            let end = OutputEnd::Escaped { is_held: true };
            assert_eq!(read(said, true).await, (end, output.to_vec(), Vec::new()));
        }
        // A program that writes the same text writes more.
        let more = [&said[..], b"# "].concat();
        assert_eq!(read(&more, true).await, (OutputEnd::Plain, more, Vec::new()));
        let twice = [&said[..], ESCAPED].concat();
        assert_eq!(read(&twice, true).await.1, said);
        assert_eq!(read(&frame(1, &said), false).await.0, OutputEnd::OneLine(said));
    }

    #[tokio::test]
    async fn a_cut_stream_is_an_error_after_what_came() {
        let input = [frame(1, b"first"), frame(1, b"abcdef")[..10].to_vec()].concat();
        let mut output = ProcessOutput::of(std::io::Cursor::new(input), false, NotExecuted::none());
        assert_eq!(&output.next().await.unwrap().unwrap().1[..], b"first");
        while let Ok(more) = output.next().await {
            assert!(more.is_some(), "it is not a whole one");
        }
    }
}
