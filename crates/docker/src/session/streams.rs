//! Passing bytes between the user and the session's process.

use std::time::Duration;

use scratchdbg_logs::frame::{FrameDecoder, FrameEvent, Framing, Stream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::ending::{Ending, Secret};
use super::keys::Keys;
use super::opening::{HELD_FOR, NotExecuted, Opening, REFUSAL_HELD_FOR};
use crate::Error;

/// The engine copies in pieces of 32 KiB.
const BUFFER: usize = 32 << 10;

/// What engines before 23 end the output of an exec with when the detach keys are pressed.
const ESCAPED: &[u8] = b"exec attach failed: error on attach stdin: read escape sequence\r\n";

/// Why the output ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PumpEnd {
    /// The process is done.
    Ended,
    /// The command is done, as the launcher tells, with this exit code.
    Told(u8),
    /// The process is done, or the engine has read the detach keys: the last that it wrote says so.
    Escaped,
    /// The user's side of it was closed.
    OutputClosed,
    /// The process is done, or there never was one: this line is all that came, and it may be the engine's. It has not
    /// been passed on.
    OneLine(Vec<u8>),
    /// The runtime could not execute the launcher: it says so in this line, which is all that came. It has not been passed on.
    NotExecuted(Vec<u8>),
}

impl PumpEnd {
    /// The engine's refusal of an exec that never was a process, with the exit code that it made up.
    pub(super) fn refusal(self, code: u8) -> Error {
        let message = match self {
            Self::OneLine(line) | Self::NotExecuted(line) => String::from_utf8_lossy(&line).trim().to_owned(),
            _ => "it does not say why".to_owned(),
        };
        Error::ExecRefused { message, code }
    }
}

/// Passes the user's input on, if there is any, past `keys` that see it. Its end of file is passed on too: the process may
/// still answer. An input that cannot be read has not ended: that is an error.
pub(super) async fn forward_input(
    input: Option<impl AsyncRead + Unpin>,
    mut writer: impl AsyncWrite + Unpin,
    mut keys: Option<Keys>,
) -> std::io::Result<()> {
    if let Some(mut input) = input {
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = input.read(&mut buffer).await?;
            let piece = &buffer[..count];
            if let Some(keys) = &mut keys {
                keys.see(piece);
            }
            // A failure means that the process has closed its input or is gone: its output tells the rest.
            if count == 0 || writer.write_all(piece).await.is_err() || writer.flush().await.is_err() {
                break;
            }
        }
    }
    let _closed = writer.shutdown().await;
    Ok(())
}

/// Passes the process's output on until it ends. `secret` is that of the launcher that tells the exit code, `not_executed` is what comes
/// where there is no launcher.
pub(super) async fn pump_output(
    mut reader: impl AsyncRead + Unpin,
    tty: bool,
    secret: Option<&Secret>,
    not_executed: &NotExecuted,
    output: impl AsyncWrite + Unpin,
    error: impl AsyncWrite + Unpin,
) -> Result<PumpEnd, Error> {
    let mut decoder = FrameDecoder::new(Framing::from_tty(tty));
    let mut buffer = vec![0; BUFFER];
    let ending = || secret.map(Ending::of).unwrap_or_default();
    let (output, error) = (Sink { sink: output, ending: ending() }, Sink { sink: error, ending: ending() });
    let mut sinks =
        Sinks { output, error, opening: Opening::default(), not_executed, refusal: Vec::new(), tty, escaped: false };
    loop {
        let more = reader.read(&mut buffer);
        let more = match sinks.held_for() {
            Some(limit) => tokio::time::timeout(limit, more).await,
            None => Ok(more.await),
        };
        let Ok(more) = more else {
            if !sinks.release().await? {
                return Ok(PumpEnd::OutputClosed);
            }
            continue;
        };
        let count = more.map_err(|error| Error::transport("the session's stream", error))?;
        let mut chunk = &buffer[..count];
        while let Some(event) = decoder.decode(&mut chunk)? {
            let piece = match event {
                FrameEvent::Data(piece) => piece,
                FrameEvent::DaemonError(message) => return Err(Error::transport("the session's stream", message)),
            };
            if !sinks.pass(piece.stream, piece.payload).await? {
                return Ok(PumpEnd::OutputClosed);
            }
        }
        if let Some(code) = sinks.told() {
            return Ok(if sinks.release().await? { PumpEnd::Told(code) } else { PumpEnd::OutputClosed });
        }
        if count == 0 {
            let end = sinks.end().await?;
            decoder.finish()?;
            return Ok(end);
        }
    }
}

/// One of the user's streams.
struct Sink<W> {
    sink: W,
    ending: Ending,
}

/// The user's side, and what is known of what goes there.
struct Sinks<'a, O, E> {
    output: Sink<O>,
    error: Sink<E>,
    opening: Opening,
    not_executed: &'a NotExecuted,
    /// The first that came on standard error, or on a terminal, where that may be the runtime's.
    refusal: Vec<u8>,
    tty: bool,
    /// What came last is what engines say of detach keys.
    escaped: bool,
}

impl<O: AsyncWrite + Unpin, E: AsyncWrite + Unpin> Sinks<'_, O, E> {
    /// Passes a piece of a stream on; false when nobody reads it any more.
    async fn pass(&mut self, stream: Stream, piece: &[u8]) -> Result<bool, Error> {
        let is_first = self.opening.is_awaited() && self.refusal.is_empty();
        if is_first && (self.tty || stream == Stream::Stderr) && self.not_executed.begins(piece) {
            self.refusal = piece.to_vec();
            return Ok(true);
        }
        if stream == Stream::Stderr {
            return Ok(self.release().await? && write(&mut self.error.sink, &self.error.ending.take(piece)).await?);
        }
        self.escaped = self.tty && piece.ends_with(ESCAPED);
        // A line of the engine's, and of a session that began: not to be held back as the opening.
        if self.escaped && !self.release().await? {
            return Ok(false);
        }
        if !self.refusal.is_empty() && !piece.is_empty() && !self.release().await? {
            return Ok(false);
        }
        let piece = self.output.ending.take(piece);
        write(&mut self.output.sink, &self.opening.output(&piece)).await
    }

    /// How long what waits for more, or for the end, waits.
    fn held_for(&self) -> Option<Duration> {
        if self.refusal.is_empty() { self.opening.is_held().then_some(HELD_FOR) } else { Some(REFUSAL_HELD_FOR) }
    }

    /// Passes on what was held back.
    async fn release(&mut self) -> Result<bool, Error> {
        let refusal = std::mem::take(&mut self.refusal);
        let opening = self.opening.end();
        if self.tty {
            return write(&mut self.output.sink, &[refusal, opening].concat()).await;
        }
        Ok(write(&mut self.output.sink, &opening).await? && write(&mut self.error.sink, &refusal).await?)
    }

    /// The exit code, when the launcher has written it to both streams, which come at their own pace; a terminal is one. The command
    /// has written nothing more.
    fn told(&self) -> Option<u8> {
        let code = self.output.ending.code()?;
        (self.tty || self.error.ending.code() == Some(code)).then_some(code)
    }

    /// Passes on what was held back as a record and is none.
    async fn end(&mut self) -> Result<PumpEnd, Error> {
        let rest = self.output.ending.rest();
        let is_read = write(&mut self.output.sink, &self.opening.output(&rest)).await?
            && write(&mut self.error.sink, &self.error.ending.rest()).await?;
        Ok(match std::mem::take(&mut self.opening) {
            _ if !is_read => PumpEnd::OutputClosed,
            _ if !self.refusal.is_empty() => PumpEnd::NotExecuted(std::mem::take(&mut self.refusal)),
            Opening::Held(line) => PumpEnd::OneLine(line),
            _ if self.escaped => PumpEnd::Escaped,
            _ => PumpEnd::Ended,
        })
    }
}

/// Passes bytes on at once; false when nobody reads them any more.
pub(super) async fn write(sink: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<bool, Error> {
    if bytes.is_empty() {
        return Ok(true);
    }
    let written = async {
        sink.write_all(bytes).await?;
        // What a process has written, its user should see: a prompt has no newline.
        sink.flush().await
    };
    match written.await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::Streams(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is looked for.
    static NONE: NotExecuted = NotExecuted::none();

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], payload].concat()
    }

    async fn pump(input: &[u8], tty: bool) -> (PumpEnd, Vec<u8>, Vec<u8>) {
        let (mut output, mut error) = (Vec::new(), Vec::new());
        let end = pump_output(input, tty, Some(&Secret::of("7123")), &NotExecuted::of("/l"), &mut output, &mut error)
            .await
            .unwrap();
        (end, output, error)
    }

    #[tokio::test]
    async fn the_streams_stay_apart() {
        let input = [frame(1, b"a"), frame(2, b"e"), frame(1, b"b")].concat();
        assert_eq!(pump(&input, false).await, (PumpEnd::Ended, b"ab".to_vec(), b"e".to_vec()));
    }

    #[tokio::test]
    async fn a_terminals_bytes_are_not_taken_for_frames() {
        let bytes = b"\x01\x00\x02 any bytes";
        assert_eq!(pump(bytes, true).await, (PumpEnd::Ended, bytes.to_vec(), Vec::new()));
    }

    #[tokio::test]
    async fn the_launchers_record_is_taken_out_of_both_streams() {
        const RECORD: &[u8] = b"\x1e7123 003\x1e";
        let told = [frame(1, b"a\r\n"), frame(1, RECORD), frame(2, b"e"), frame(2, RECORD)].concat();
        assert_eq!(pump(&told, false).await, (PumpEnd::Told(3), b"a\r\n".to_vec(), b"e".to_vec()));
        assert_eq!(pump(b"a\r\n\x1e7123 003\x1e", true).await, (PumpEnd::Told(3), b"a\r\n".to_vec(), Vec::new()));
        // What could not be killed goes on writing.
        let late = [frame(1, b"a\n"), frame(1, RECORD), frame(1, b"b"), frame(2, RECORD)].concat();
        assert_eq!(pump(&late, false).await, (PumpEnd::Told(3), b"a\nb".to_vec(), Vec::new()));
        // Of one stream alone, it does not say that the other is done.
        let half = [frame(1, b"a\n"), frame(1, RECORD), frame(2, b"e")].concat();
        assert_eq!(pump(&half, false).await, (PumpEnd::Ended, b"a\n".to_vec(), b"e".to_vec()));
        let none = [frame(1, b"a\n\x1e7123 "), frame(2, b"\x1e")].concat();
        assert_eq!(pump(&none, false).await, (PumpEnd::Ended, b"a\n\x1e7123 ".to_vec(), b"\x1e".to_vec()));
    }

    #[tokio::test]
    async fn a_line_that_may_be_the_engines_is_not_passed_on() {
        let line = b"task 7ab1 not found: not found\r\n";
        for (input, tty) in [(frame(1, line), false), (line.to_vec(), true)] {
            assert_eq!(pump(&input, tty).await, (PumpEnd::OneLine(line.to_vec()), Vec::new(), Vec::new()));
        }
        let input = [frame(1, line), frame(2, b"e")].concat();
        assert_eq!(pump(&input, false).await, (PumpEnd::Ended, line.to_vec(), b"e".to_vec()));
    }

    #[tokio::test]
    async fn a_launcher_that_was_not_executed_is_no_end_of_a_command() {
        let line = b"exec /l: resource temporarily unavailable\n";
        assert_eq!(pump(&frame(2, line), false).await, (PumpEnd::NotExecuted(line.to_vec()), Vec::new(), Vec::new()));
        assert_eq!(pump(line, true).await, (PumpEnd::NotExecuted(line.to_vec()), Vec::new(), Vec::new()));
        assert_eq!(pump(&[&line[..], b"# "].concat(), true).await.0, PumpEnd::Ended);
        // A command that says the same has a launcher, or says more.
        let record = b"\x1e7123 001\x1e";
        let told = [frame(2, line), frame(1, record), frame(2, record)].concat();
        assert_eq!(pump(&told, false).await, (PumpEnd::Told(1), Vec::new(), line.to_vec()));
        for (more, output) in [(frame(2, b"e"), &b""[..]), (frame(1, b"o"), b"o")] {
            let (end, written, error) = pump(&[frame(2, line), more].concat(), false).await;
            assert_eq!((end, &written[..]), (PumpEnd::Ended, output));
            assert!(error.starts_with(line));
        }
        let later = [frame(2, b"e\n"), frame(2, line)].concat();
        assert_eq!(pump(&later, false).await.0, PumpEnd::Ended);
    }

    #[tokio::test]
    async fn a_line_that_stays_alone_is_passed_on() {
        let (reader, mut process) = tokio::io::duplex(64);
        let (output, mut terminal) = tokio::io::duplex(64);
        let pumping = tokio::spawn(pump_output(reader, true, None, &NONE, output, tokio::io::sink()));
        process.write_all(b"220 ready\r\n").await.unwrap();
        let mut seen = [0; 11];
        terminal.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"220 ready\r\n");
        drop(process);
        assert_eq!(pumping.await.unwrap().unwrap(), PumpEnd::Ended);
    }

    #[tokio::test]
    async fn detach_keys_are_told_from_an_end() {
        let said = [b"# ", ESCAPED].concat();
        for said in [&said[..], ESCAPED] {
            assert_eq!(pump(said, true).await, (PumpEnd::Escaped, said.to_vec(), Vec::new()));
        }
        assert_eq!(pump(&[&said[..], b"# "].concat(), true).await.0, PumpEnd::Ended);
        assert_eq!(pump(&frame(1, &said), false).await.0, PumpEnd::OneLine(said));
    }

    #[tokio::test]
    async fn a_cut_stream_is_an_error() {
        let input = &frame(1, b"abcdef")[..10];
        let error = pump_output(input, false, None, &NONE, &mut Vec::new(), &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, Error::Frame(_)));
    }
}
