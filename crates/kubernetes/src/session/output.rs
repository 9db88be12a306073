//! The output of a session's process.

use std::borrow::Cow;

use bytes::Bytes;
use scratchdbg_backend::{Error, Output};
use scratchdbg_logs::frame::Stream;

use super::channel::Status;
use super::socket::{Event, Reader};

/// The output, until the platform reports the end of the process, or the connection ends.
pub struct PodOutput {
    reader: Reader,
    /// The terminal's echo of the preamble, which is removed.
    echo: Echo,
    /// Whether some output was passed on.
    is_heard: bool,
    end: Option<StreamEnd>,
}

/// Why the output ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// The platform reported how the process ended.
    Status(Status),
    /// The connection ended without such a report.
    Cut(Option<String>),
    /// The link to the API server is dead. The text tells how that was noticed.
    Dead(String),
}

impl std::fmt::Debug for PodOutput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PodOutput").field("end", &self.end).finish_non_exhaustive()
    }
}

impl PodOutput {
    /// Creates the output. `echoed` is the text that a terminal may echo at the beginning. Empty
    /// without a terminal.
    pub(super) fn of(reader: Reader, echoed: &str) -> Self {
        Self { reader, echo: Echo::of(echoed), is_heard: false, end: None }
    }

    /// Returns why the output ended, and whether there was any output.
    pub(super) fn end(self) -> (StreamEnd, bool) {
        (self.end.unwrap_or(StreamEnd::Cut(None)), self.is_heard)
    }
}

impl Output for PodOutput {
    async fn next(&mut self) -> Result<Option<(Stream, Bytes)>, Error> {
        while self.end.is_none() {
            match self.reader.next().await {
                Event::Output(stream, bytes) => {
                    let passed = match self.echo.take(&bytes) {
                        Cow::Borrowed(part) => bytes.slice_ref(part),
                        Cow::Owned(all) => all.into(),
                    };
                    if !passed.is_empty() {
                        self.is_heard = true;
                        return Ok(Some((stream, passed)));
                    }
                }
                Event::Status(status) => self.end = Some(StreamEnd::Status(status)),
                Event::End(reason) => {
                    tracing::debug!(reason, "the connection ended");
                    self.end = Some(StreamEnd::Cut(reason));
                }
                Event::Dead(reason) => self.end = Some(StreamEnd::Dead(reason)),
            }
            let rest = self.echo.rest();
            if self.end.is_some() && !rest.is_empty() {
                self.is_heard = true;
                return Ok(Some((Stream::Stdout, rest.into())));
            }
        }
        Ok(None)
    }
}

/// Removes a line from the beginning of a stream, if it is there: a terminal echoes input that
/// arrives before the launcher reads it.
#[derive(Debug, Default)]
struct Echo {
    /// The expected line, without its end.
    line: Vec<u8>,
    /// The bytes received so far, as long as they may be the line.
    held: Vec<u8>,
}

impl Echo {
    fn of(line: &str) -> Self {
        Self { line: line.trim_end().as_bytes().to_vec(), held: Vec::new() }
    }

    fn take<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        if self.line.is_empty() {
            return Cow::Borrowed(piece);
        }
        self.held.extend_from_slice(piece);
        // Some terminals turn line ends into two characters.
        for end in ["\r\n", "\n"] {
            let whole = [&self.line[..], end.as_bytes()].concat();
            if self.held.starts_with(&whole) {
                self.line.clear();
                return Cow::Owned(std::mem::take(&mut self.held).split_off(whole.len()));
            }
            if whole.starts_with(&self.held) {
                return Cow::Borrowed(&[]);
            }
        }
        self.line.clear();
        Cow::Owned(std::mem::take(&mut self.held))
    }

    /// Returns the bytes that were held back, at the end of the stream.
    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::Echo;

    fn passed(line: &str, stream: &[u8], length: usize) -> Vec<u8> {
        let mut echo = Echo::of(line);
        let mut passed = Vec::new();
        for piece in stream.chunks(length) {
            passed.extend_from_slice(&echo.take(piece));
        }
        passed.extend(echo.rest());
        passed
    }

    #[test]
    fn an_echo_is_taken_out_however_it_is_cut() {
        for length in 1..20 {
            for (stream, expected) in [
                (&b"123 80 24\r\n# "[..], &b"# "[..]),
                (b"123 80 24\n# ", b"# "),
                (b"# 123 80 24\r\n", b"# 123 80 24\r\n"),
                (b"123 80 25\r\n", b"123 80 25\r\n"),
                (b"123 80 24\r\n123 80 24\r\n", b"123 80 24\r\n"),
                (b"123 80 24", b"123 80 24"),
                (b"", b""),
            ] {
                assert_eq!(
                    passed("123 80 24\n", stream, length),
                    expected,
                    "{stream:?} in pieces of {length}"
                );
            }
            assert_eq!(passed("", b"123\n", length), b"123\n");
        }
    }
}
