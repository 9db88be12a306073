//! Passing bytes between the user and the session's process.

use scratchdbg_logs::frame::{FrameDecoder, FrameEvent, Framing, Stream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::RUNTIME_REFUSAL;
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
    /// The process is done, or the engine has read the detach keys: the last that it wrote says so.
    Escaped,
    /// The user's side of it was closed.
    OutputClosed,
    /// The runtime did not start the process, and says why, in place of the process's output.
    Refused(String),
}

/// Passes the user's input on. Its end of file is passed on too: the process may still answer.
pub(super) async fn forward_input(mut input: impl AsyncRead + Unpin, mut writer: impl AsyncWrite + Unpin) {
    // A failure means that the process has closed its input or is gone: its output tells the rest.
    let _copied = tokio::io::copy(&mut input, &mut writer).await;
    let _closed = writer.shutdown().await;
}

/// Passes the process's output on until it ends.
pub(super) async fn pump_output(
    mut reader: impl AsyncRead + Unpin,
    tty: bool,
    mut output: impl AsyncWrite + Unpin,
    mut error: impl AsyncWrite + Unpin,
) -> Result<PumpEnd, Error> {
    let mut decoder = FrameDecoder::new(Framing::from_tty(tty));
    let mut buffer = vec![0; BUFFER];
    let mut opening = Some(Vec::new());
    let mut escaped = false;
    loop {
        let count = reader.read(&mut buffer).await.map_err(|error| Error::transport("the session's stream", error))?;
        let mut chunk = &buffer[..count];
        while let Some(event) = decoder.decode(&mut chunk)? {
            let piece = match event {
                FrameEvent::Data(piece) => piece,
                FrameEvent::DaemonError(message) => return Err(Error::transport("the session's stream", message)),
            };
            let mut payload = piece.payload;
            let held;
            if piece.stream == Stream::Stdout
                && let Some(mut begin) = opening.take()
            {
                begin.extend_from_slice(payload);
                if could_be_refusal(&begin) {
                    opening = Some(begin);
                    continue;
                }
                held = begin;
                payload = &held;
            }
            escaped = tty && payload.ends_with(ESCAPED);
            let written = match piece.stream {
                Stream::Stderr => write(&mut error, payload).await,
                Stream::Stdin | Stream::Stdout => write(&mut output, payload).await,
            };
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(PumpEnd::OutputClosed),
                Err(error) => return Err(Error::Streams(error)),
            }
        }
        if count == 0 {
            break;
        }
    }
    decoder.finish()?;
    match opening {
        Some(text) if text.starts_with(RUNTIME_REFUSAL) => {
            Ok(PumpEnd::Refused(String::from_utf8_lossy(&text).trim().to_owned()))
        }
        Some(text) if !text.is_empty() => {
            write(&mut output, &text).await.map_err(Error::Streams)?;
            Ok(PumpEnd::Ended)
        }
        _ if escaped => Ok(PumpEnd::Escaped),
        _ => Ok(PumpEnd::Ended),
    }
}

/// Whether what came so far may be the runtime's refusal: its beginning, or one line that begins with it. A process
/// that prints the same is not held up: its own output does not end there.
fn could_be_refusal(text: &[u8]) -> bool {
    const LONGEST: usize = 8 << 10;
    let agreed = text.len().min(RUNTIME_REFUSAL.len());
    text[..agreed] == RUNTIME_REFUSAL[..agreed] && text.len() <= LONGEST && !text.trim_ascii_end().contains(&b'\n')
}

async fn write(sink: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    sink.write_all(bytes).await?;
    // What a process has written, its user should see: a prompt has no newline.
    sink.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], payload].concat()
    }

    async fn pump(input: &[u8], tty: bool) -> (PumpEnd, Vec<u8>, Vec<u8>) {
        let (mut output, mut error) = (Vec::new(), Vec::new());
        let end = pump_output(input, tty, &mut output, &mut error).await.unwrap();
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
    async fn the_runtimes_refusal_is_no_output() {
        let text = b"OCI runtime exec failed: exec failed: permission denied: unknown\r\n";
        let (end, output, _) = pump(&frame(1, text), false).await;
        assert!(matches!(end, PumpEnd::Refused(message) if message.ends_with("unknown")));
        assert!(output.is_empty());
    }

    #[tokio::test]
    async fn detach_keys_are_told_from_an_end() {
        let said = [b"# ", ESCAPED].concat();
        assert_eq!(pump(&said, true).await.0, PumpEnd::Escaped);
        assert_eq!(pump(&[&said[..], b"# "].concat(), true).await.0, PumpEnd::Ended);
        assert_eq!(pump(&frame(1, &said), false).await.0, PumpEnd::Ended);
    }

    #[tokio::test]
    async fn output_that_begins_like_a_refusal_is_passed_on() {
        let input = [frame(1, b"OCI runtime"), frame(1, b" is fine\n")].concat();
        assert_eq!(pump(&input, false).await.1, b"OCI runtime is fine\n");
        assert_eq!(pump(&frame(1, b"OCI"), false).await.1, b"OCI");
    }

    #[tokio::test]
    async fn a_cut_stream_is_an_error() {
        let input = &frame(1, b"abcdef")[..10];
        let error = pump_output(input, false, &mut Vec::new(), &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, Error::Frame(_)));
    }
}
