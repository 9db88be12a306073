//! Passing bytes between the user and the session's process, from the beginning of its streams to their end, and what that end
//! means.
//!
//! The launcher writes how the command ended behind what the command wrote, see [`record`](crate::record). Only streams with that
//! record are known to have come whole. Without it the platform may say that the command ended well: what it wrote may be lost all
//! the same, and so that is no success. The record is missing by right where there was no launcher, or none any more: it could not
//! be started, was killed, or could not do its work; the exit code tells these.

use std::convert::Infallible;
use std::time::Duration;

use scratchdbg_backend::{Error, ErrorKind, Output, Plan, Probe, Process, ProcessEnd, Window};
use scratchdbg_logs::frame::Stream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

use crate::attempt::Outcome;
use crate::control::Control;
use crate::keys::{Keys, Typed};
use crate::record::{Record, Secret};
use crate::silence::Silence;
use crate::user::Streams;

/// Platforms copy in pieces of 32 KiB.
const BUFFER: usize = 32 << 10;

/// How long after the input of a terminal failed the signal that says why may take.
const SIGNALLED_WITHIN: Duration = Duration::from_millis(200);

/// How often the first resize is tried. Platforms answer before the process, and with it the terminal, exists.
const RESIZE_ATTEMPTS: u32 = 10;

/// After so much time without an answer it is said what is waited for.
const SAID_AFTER: Duration = Duration::from_secs(1);

/// What of a session its streams have to do with.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) secret: &'a Secret,
    pub(crate) silence: &'a Silence,
    pub(crate) typed: &'a Typed,
    pub(crate) control: &'a Control<'a>,
}

/// Passes bytes until the process ends.
pub(crate) async fn pass_bytes<P, I, O, E>(
    plan: &Plan,
    Around { secret, silence, typed, control }: Around<'_>,
    process: &mut P,
    (mut output, input): (P::Output, P::Input),
    mut streams: Streams<I, O, E>,
    windows: watch::Receiver<Option<Window>>,
) -> Result<Outcome, Error>
where
    P: Process,
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    let keys = plan.tty.then(|| Keys::watch(process.detach_keys(), typed.clone()));
    let mut input = tokio::spawn(forward_input(streams.input, input, keys));
    let probe = process.probe();
    let pumped = {
        let resizing = async {
            if plan.tty {
                follow_window(&probe, windows).await;
            }
            std::future::pending::<Infallible>().await
        };
        let unreadable = async {
            match (&mut input).await {
                Ok(Err(error)) => error,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            pumped = pump_output(&mut output, plan.tty, secret, silence, &mut streams.output, &mut streams.error) => pumped,
            never = resizing => match never {},
            error = unreadable => {
                // A terminal that is closed says so in more ways than one: the signal tells more.
                tokio::time::sleep(SIGNALLED_WITHIN).await;
                Err(Error::new(ErrorKind::Local, format!("cannot read standard input: {error}")))
            }
        }
    };
    input.abort();
    // From here on there is nobody whom a signal could be passed on to.
    control.is_ending();
    match pumped? {
        PumpEnd::OutputClosed => return Ok(Outcome::OutputClosed),
        PumpEnd::Told(code) => return Ok(Outcome::Exited(code)),
        PumpEnd::Ended => {}
    }
    let end = {
        let mut end = std::pin::pin!(process.end_of(output, typed.detached()));
        tokio::select! {
            biased;
            end = &mut end => end?,
            () = tokio::time::sleep(SAID_AFTER), if !typed.detached() => {
                control.is_unclear();
                end.await?
            }
        }
    };
    if let ProcessEnd::Exited(_, rest) | ProcessEnd::GoesOn(rest) = &end
        && !write(&mut streams.output, rest).await?
    {
        return Ok(Outcome::OutputClosed);
    }
    without_record(end)
}

/// What streams mean that ended without a record.
fn without_record(end: ProcessEnd) -> Result<Outcome, Error> {
    let words = match end {
        ProcessEnd::Detached => return Ok(Outcome::Detached),
        ProcessEnd::NeverBegan(error) => return Err(error),
        // The launcher could not do its work, was not found, or was killed, and nobody was left to write a record.
        ProcessEnd::Exited(code @ (125 | 127..), _) => return Ok(Outcome::Exited(code)),
        ProcessEnd::Exited(code, _) => {
            format!(" before all output had come; the command itself ended with {code}")
        }
        ProcessEnd::GoesOn(_) => ", and the command did not".to_owned(),
        ProcessEnd::Unknown => "; how the command ended is not known".to_owned(),
    };
    Err(cut(&words))
}

/// The streams of a session were cut.
pub(crate) fn cut(words: &str) -> Error {
    Error::new(ErrorKind::Broken, format!("the connection to the engine ended{words}"))
}

/// Why the output ended.
#[derive(Debug, PartialEq, Eq)]
enum PumpEnd {
    /// There is no more.
    Ended,
    /// The command is done, as the launcher tells, with this exit code.
    Told(u8),
    /// The user's side of it was closed.
    OutputClosed,
}

/// Passes the user's input on, if there is any, past `keys` that see it. Its end of file is passed on too: the process may
/// still answer. An input that cannot be read has not ended: that is an error.
async fn forward_input(
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

/// Passes the process's output on until it ends. `secret` is that of the launcher that tells the exit code.
async fn pump_output(
    from: &mut impl Output,
    tty: bool,
    secret: &Secret,
    silence: &Silence,
    output: &mut (impl AsyncWrite + Unpin),
    error: &mut (impl AsyncWrite + Unpin),
) -> Result<PumpEnd, Error> {
    let (mut out_record, mut err_record) = (Record::of(secret), Record::of(secret));
    while let Some((stream, piece)) = silence.during(from.next()).await? {
        let is_read = match stream {
            Stream::Stderr => write(error, &err_record.take(&piece)).await?,
            _ => write(output, &out_record.take(&piece)).await?,
        };
        if !is_read {
            return Ok(PumpEnd::OutputClosed);
        }
        // The launcher writes it to both streams, which come at their own pace; a terminal is one. The command has written nothing
        // more.
        if let Some(code) = out_record.code()
            && (tty || err_record.code() == Some(code))
        {
            return Ok(PumpEnd::Told(code));
        }
    }
    // What was held back as a record and is none.
    let is_read = write(output, &out_record.rest()).await? && write(error, &err_record.rest()).await?;
    Ok(if is_read { PumpEnd::Ended } else { PumpEnd::OutputClosed })
}

/// Passes bytes on at once; false when nobody reads them any more.
async fn write(sink: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<bool, Error> {
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
        // A socket may say that its other end was reset.
        Err(error) if matches!(error.kind(), std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset) => {
            Ok(false)
        }
        Err(error) => Err(Error::new(ErrorKind::Local, format!("cannot pass on the session's streams: {error}"))),
    }
}

/// Gives the process's terminal the size of the client's, now and at each change.
async fn follow_window(process: &impl Probe, mut windows: watch::Receiver<Option<Window>>) {
    loop {
        let window = *windows.borrow_and_update();
        // A terminal that says 0×0 does not know its size.
        if let Some(window) = window.filter(|window| window.columns > 0 && window.rows > 0) {
            for attempt in 1..=RESIZE_ATTEMPTS {
                match process.resize(window).await {
                    Ok(()) => break,
                    Err(error) => tracing::debug!(%error, attempt, "cannot resize yet"),
                }
                tokio::time::sleep(Duration::from_millis(10) * attempt).await;
            }
        }
        if windows.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Output that is there already.
    struct Pieces(std::collections::VecDeque<(Stream, Bytes)>);

    impl Output for Pieces {
        async fn next(&mut self) -> Result<Option<(Stream, Bytes)>, Error> {
            Ok(self.0.pop_front())
        }
    }

    async fn pump(pieces: &[(Stream, &[u8])], tty: bool) -> (PumpEnd, Vec<u8>, Vec<u8>) {
        let (mut output, mut error) = (Vec::new(), Vec::new());
        let secret = Secret::of("7123");
        let pieces = pieces.iter().map(|(stream, piece)| (*stream, Bytes::copy_from_slice(piece))).collect();
        let silence = Silence::default();
        let end = pump_output(&mut Pieces(pieces), tty, &secret, &silence, &mut output, &mut error).await.unwrap();
        (end, output, error)
    }

    const RECORD: &[u8] = b"\x1e7123 003\x1e";
    const OUT: Stream = Stream::Stdout;
    const ERR: Stream = Stream::Stderr;

    #[tokio::test]
    async fn the_launchers_record_is_taken_out_of_both_streams() {
        let told = [(OUT, &b"a\r\n"[..]), (OUT, RECORD), (ERR, b"e"), (ERR, RECORD)];
        assert_eq!(pump(&told, false).await, (PumpEnd::Told(3), b"a\r\n".to_vec(), b"e".to_vec()));
        assert_eq!(
            pump(&[(OUT, b"a\r\n\x1e7123 003\x1e")], true).await,
            (PumpEnd::Told(3), b"a\r\n".to_vec(), Vec::new())
        );
        // What could not be killed goes on writing.
        let late = [(OUT, &b"a\n"[..]), (OUT, RECORD), (OUT, b"b"), (ERR, RECORD)];
        assert_eq!(pump(&late, false).await, (PumpEnd::Told(3), b"a\nb".to_vec(), Vec::new()));
        // Of one stream alone, it does not say that the other is done.
        let half = [(OUT, &b"a\n"[..]), (OUT, RECORD), (ERR, b"e")];
        assert_eq!(pump(&half, false).await, (PumpEnd::Ended, b"a\n".to_vec(), b"e".to_vec()));
        let none = [(OUT, &b"a\n\x1e7123 "[..]), (ERR, b"\x1e")];
        assert_eq!(pump(&none, false).await, (PumpEnd::Ended, b"a\n\x1e7123 ".to_vec(), b"\x1e".to_vec()));
    }

    /// Also where the launcher has told how the command ended: what it wrote was not passed on.
    #[tokio::test]
    async fn a_reader_that_has_left_is_no_success_on_either_stream() {
        for (broken, pieces) in [
            (OUT, &[(OUT, &b"a\n"[..]), (ERR, b"e")][..]),
            (ERR, &[(OUT, b"a\n"), (ERR, b"e\n")]),
            (OUT, &[(ERR, RECORD), (OUT, b"a\n\x1e7123 000\x1e")]),
            (ERR, &[(OUT, RECORD), (ERR, b"e\n\x1e7123 000\x1e")]),
            (OUT, &[(OUT, b"\x1e7123 ")]),
        ] {
            let mut read =
                Pieces(pieces.iter().map(|(stream, piece)| (*stream, Bytes::copy_from_slice(piece))).collect());
            let (secret, silence) = (Secret::of("7123"), Silence::default());
            // The other end of this pipe is gone.
            let (mut gone, _) = tokio::io::duplex(8);
            let mut whole = Vec::new();
            let end = if broken == OUT {
                pump_output(&mut read, false, &secret, &silence, &mut gone, &mut whole).await
            } else {
                pump_output(&mut read, false, &secret, &silence, &mut whole, &mut gone).await
            };
            assert_eq!(end, Ok(PumpEnd::OutputClosed), "{broken:?} {pieces:?}");
        }
    }

    #[tokio::test]
    async fn an_input_that_cannot_be_read_is_no_end() {
        struct Broken;
        impl AsyncRead for Broken {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                _: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Err(std::io::Error::other("broken")))
            }
        }
        assert!(forward_input(Some(Broken), tokio::io::sink(), None).await.is_err());
        assert!(forward_input(Some(&b"text"[..]), tokio::io::sink(), None).await.is_ok());
        assert!(forward_input(None::<tokio::io::Empty>, tokio::io::sink(), None).await.is_ok());
    }

    #[test]
    fn without_a_record_nothing_is_a_success() {
        use ProcessEnd::{Detached, Exited, GoesOn, NeverBegan, Unknown};
        for (end, words) in [
            (Exited(0, Vec::new()), "ended with 0"),
            (Exited(1, Vec::new()), "ended with 1"),
            (Exited(124, Vec::new()), "ended with 124"),
            (Exited(126, Vec::new()), "ended with 126"),
            (GoesOn(Vec::new()), "and the command did not"),
            (Unknown, "is not known"),
            (NeverBegan(Error::new(ErrorKind::NotStarted, "no such file")), "no such file"),
        ] {
            let error = without_record(end.clone()).unwrap_err();
            assert!(error.message.contains(words), "{end:?}: {error}");
        }
        // No launcher writes these without having come to grief.
        for code in [125, 127, 129, 137, 143, 255] {
            assert_eq!(without_record(Exited(code, Vec::new())), Ok(Outcome::Exited(code)));
        }
        assert_eq!(without_record(Detached), Ok(Outcome::Detached));
    }
}
