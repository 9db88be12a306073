//! Copies bytes between the user and the session's process, and interprets the end of its streams.
//!
//! The launcher writes a [record](crate::record) of how the command ended after the command's
//! output. Only streams with that record are known to be complete. Without it, output may be lost
//! even if the platform reports that the command succeeded, so the session does not count as a
//! success. The record is legitimately missing if the launcher could not be started, was killed, or
//! could not do its work. The exit code that the platform reports is the launcher's then, and never
//! passed on as the command's.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;

use scratchdbg_backend::{Error, ErrorKind, Output, Plan, Process, ProcessEnd, Window};
use scratchdbg_logs::frame::Stream;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

use crate::attempt::AttemptEnd;
use crate::control::Control;
use crate::input::{InputEnd, forward_input};
use crate::keys::{Keys, Typed};
use crate::record::{Record, Secret};
use crate::silence::Silence;
use crate::user::{StreamsOf, User};
use crate::window::follow_window;

/// The launcher's exit code if it could not do its work.
const OWN_FAILURE: u8 = 125;

/// After reading from a terminal failed, how long to wait for the signal that tells why.
const SIGNAL_TIMEOUT: Duration = Duration::from_millis(200);

/// How long the platform may take to answer before the user is told about it.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// What a terminal echoes for such a key.
const ECHO: &[u8] = b"^C\r\n";

/// The parts of a session that its streams interact with.
#[derive(Clone, Copy)]
pub(crate) struct StreamContext<'a> {
    pub(crate) secret: &'a Secret,
    pub(crate) silence: &'a Silence,
    pub(crate) typed: &'a Typed,
    pub(crate) control: &'a Control<'a>,
}

/// Copies bytes until the process ends.
pub(crate) async fn pass_bytes<P: Process, U: User>(
    plan: &Plan,
    StreamContext { secret, silence, typed, control }: StreamContext<'_>,
    process: &mut P,
    (mut output, input): (P::Output, P::Input),
    mut streams: StreamsOf<U>,
    windows: watch::Receiver<Option<Window>>,
) -> Result<AttemptEnd, Error> {
    let keys = plan.tty.then(|| Keys::watch(process.detach_keys(), typed.clone()));
    let mut input = tokio::spawn(forward_input(streams.input, input, keys));
    let probe = process.probe();
    let shown = Cell::new(0);
    let pumped = {
        let resizing = async {
            if plan.tty {
                follow_window(&probe, windows).await;
            }
            std::future::pending::<Infallible>().await
        };
        let input_ends = async {
            match (&mut input).await {
                Ok(Ok(InputEnd::Detached)) => Ok(()),
                Ok(Err(error)) => Err(error),
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            pumped = pump_output(&mut output, plan.tty, secret, silence, &mut streams.output, &mut streams.error, &shown) => pumped,
            never = resizing => match never {},
            end = input_ends => match end {
                Ok(()) => Ok(PumpEnd::Detached),
                Err(error) => {
                    // Closing a terminal causes both a read error and a signal. The signal tells
                    // more.
                    tokio::time::sleep(SIGNAL_TIMEOUT).await;
                    Err(Error::new(ErrorKind::Local, format!("cannot read standard input: {error}")))
                }
            },
        }
    };
    input.abort();
    // From here on, no command can receive a signal.
    control.is_ending();
    match pumped? {
        PumpEnd::OutputClosed => return Ok(AttemptEnd::OutputClosed),
        PumpEnd::Recorded(code) => return Ok(AttemptEnd::Exited(code)),
        PumpEnd::Detached => return Ok(AttemptEnd::Detached),
        PumpEnd::EndOfFile => {}
    }
    let end = {
        let mut end = std::pin::pin!(process.end_of(output, typed.detached()));
        tokio::select! {
            biased;
            end = &mut end => end?,
            () = tokio::time::sleep(REPORT_AFTER), if !typed.detached() => {
                control.is_unclear();
                end.await?
            }
        }
    };
    if let ProcessEnd::Exited(_, rest) | ProcessEnd::StillRunning(rest) = &end
        && !write(&mut streams.output, rest).await?
    {
        return Ok(AttemptEnd::OutputClosed);
    }
    match without_record(end, plan.platform)? {
        // The key came before the launcher could pass its signal on, and ended it.
        AttemptEnd::Unrecorded(code)
            if typed.signal() == Some(code) && shown.get() <= ECHO.len() =>
        {
            Ok(AttemptEnd::Exited(code))
        }
        end => Ok(end),
    }
}

/// Interprets the end of streams without a record.
fn without_record(end: ProcessEnd, platform: &str) -> Result<AttemptEnd, Error> {
    let words = match end {
        ProcessEnd::Detached => return Ok(AttemptEnd::Detached),
        ProcessEnd::NotStarted(error) => return Err(error),
        ProcessEnd::Lost(error) => return Ok(AttemptEnd::Lost(error)),
        // The launcher could not do its work, was not found, or was killed before it wrote the
        // record. The caller may know why.
        ProcessEnd::Exited(code @ (OWN_FAILURE | 127..), _) => {
            return Ok(AttemptEnd::Unrecorded(code));
        }
        ProcessEnd::Exited(code, _) => {
            format!(" before all output arrived; the command itself ended with {code}")
        }
        ProcessEnd::StillRunning(_) => ", and the command did not".to_owned(),
        ProcessEnd::Unknown => "; how the command ended is not known".to_owned(),
    };
    Err(cut(platform, &words))
}

/// Returns the error for a launcher that ended with this code and recorded nothing.
pub(crate) fn unrecorded(platform: &str, code: u8) -> Error {
    let message = match code {
        // It has printed why.
        OWN_FAILURE => "the launcher failed before it could say how the command ended".to_owned(),
        129.. => {
            let signal = code - 128;
            format!(
                "the launcher did not say how the command ended: the {platform} reports {code}, as after signal {signal}"
            )
        }
        _ => {
            format!("the launcher did not say how the command ended: the {platform} reports {code}")
        }
    };
    Error::new(ErrorKind::Broken, message)
}

/// Returns the error for streams that ended early.
pub(crate) fn cut(platform: &str, words: &str) -> Error {
    Error::new(ErrorKind::Broken, format!("the connection to the {platform} ended{words}"))
}

/// Why copying the output ended.
#[derive(Debug, PartialEq, Eq)]
enum PumpEnd {
    /// The output ended.
    EndOfFile,
    /// The launcher recorded that the command exited with this code.
    Recorded(u8),
    /// The user's side was closed.
    OutputClosed,
    /// The user typed the detach keys.
    Detached,
}

/// Copies the process's output until it ends, and counts its bytes in `shown`. `secret` identifies
/// the launcher's record.
async fn pump_output(
    from: &mut impl Output,
    tty: bool,
    secret: &Secret,
    silence: &Silence,
    output: &mut (impl AsyncWrite + Unpin),
    error: &mut (impl AsyncWrite + Unpin),
    shown: &Cell<usize>,
) -> Result<PumpEnd, Error> {
    let (mut out_record, mut err_record) = (Record::of(secret), Record::of(secret));
    while let Some((stream, piece)) = silence.during(from.next()).await? {
        shown.set(shown.get().saturating_add(piece.len()));
        let is_read = match stream {
            Stream::Stderr => write(error, &err_record.take(&piece)).await?,
            _ => write(output, &out_record.take(&piece)).await?,
        };
        if !is_read {
            return Ok(PumpEnd::OutputClosed);
        }
        // The launcher writes the record to both streams, which arrive independently; with a
        // terminal there is only one. After the record, the command has written nothing more.
        if let Some(code) = out_record.code()
            && (tty || err_record.code() == Some(code))
        {
            return Ok(PumpEnd::Recorded(code));
        }
    }
    // Bytes that were held back because they could have been a record.
    let is_read =
        write(output, &out_record.rest()).await? && write(error, &err_record.rest()).await?;
    Ok(if is_read { PumpEnd::EndOfFile } else { PumpEnd::OutputClosed })
}

/// Writes and flushes bytes. Returns false if the reader has closed the stream.
async fn write(sink: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<bool, Error> {
    if bytes.is_empty() {
        return Ok(true);
    }
    let written = async {
        sink.write_all(bytes).await?;
        // Flush at once, because a prompt has no newline.
        sink.flush().await
    };
    match written.await {
        Ok(()) => Ok(true),
        // A socket may say that its other end was reset.
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(Error::new(
            ErrorKind::Local,
            format!("cannot pass on the session's streams: {error}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Output that is available at once.
    struct Pieces(std::collections::VecDeque<(Stream, Bytes)>);

    impl Output for Pieces {
        async fn next(&mut self) -> Result<Option<(Stream, Bytes)>, Error> {
            Ok(self.0.pop_front())
        }
    }

    async fn pump(pieces: &[(Stream, &[u8])], tty: bool) -> (PumpEnd, Vec<u8>, Vec<u8>) {
        let (mut output, mut error) = (Vec::new(), Vec::new());
        let secret = Secret::of("7123");
        let pieces =
            pieces.iter().map(|(stream, piece)| (*stream, Bytes::copy_from_slice(piece))).collect();
        let silence = Silence::default();
        let end = pump_output(
            &mut Pieces(pieces),
            tty,
            &secret,
            &silence,
            &mut output,
            &mut error,
            &Cell::new(0),
        )
        .await
        .unwrap();
        (end, output, error)
    }

    const RECORD: &[u8] = b"\x1e7123 003\x1e";
    const OUT: Stream = Stream::Stdout;
    const ERR: Stream = Stream::Stderr;

    #[tokio::test]
    async fn the_launchers_record_is_taken_out_of_both_streams() {
        let told = [(OUT, &b"a\r\n"[..]), (OUT, RECORD), (ERR, b"e"), (ERR, RECORD)];
        assert_eq!(
            pump(&told, false).await,
            (PumpEnd::Recorded(3), b"a\r\n".to_vec(), b"e".to_vec())
        );
        assert_eq!(
            pump(&[(OUT, b"a\r\n\x1e7123 003\x1e")], true).await,
            (PumpEnd::Recorded(3), b"a\r\n".to_vec(), Vec::new())
        );
        // A process that could not be killed keeps writing.
        let late = [(OUT, &b"a\n"[..]), (OUT, RECORD), (OUT, b"b"), (ERR, RECORD)];
        assert_eq!(pump(&late, false).await, (PumpEnd::Recorded(3), b"a\nb".to_vec(), Vec::new()));
        // The record of one stream does not mean that the other is complete.
        let half = [(OUT, &b"a\n"[..]), (OUT, RECORD), (ERR, b"e")];
        assert_eq!(pump(&half, false).await, (PumpEnd::EndOfFile, b"a\n".to_vec(), b"e".to_vec()));
        let none = [(OUT, &b"a\n\x1e7123 "[..]), (ERR, b"\x1e")];
        assert_eq!(
            pump(&none, false).await,
            (PumpEnd::EndOfFile, b"a\n\x1e7123 ".to_vec(), b"\x1e".to_vec())
        );
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
            let mut read = Pieces(
                pieces
                    .iter()
                    .map(|(stream, piece)| (*stream, Bytes::copy_from_slice(piece)))
                    .collect(),
            );
            let (secret, silence) = (Secret::of("7123"), Silence::default());
            // The other end of this pipe is gone.
            let (mut gone, _) = tokio::io::duplex(8);
            let mut whole = Vec::new();
            let end = if broken == OUT {
                pump_output(
                    &mut read,
                    false,
                    &secret,
                    &silence,
                    &mut gone,
                    &mut whole,
                    &Cell::new(0),
                )
                .await
            } else {
                pump_output(
                    &mut read,
                    false,
                    &secret,
                    &silence,
                    &mut whole,
                    &mut gone,
                    &Cell::new(0),
                )
                .await
            };
            assert_eq!(end, Ok(PumpEnd::OutputClosed), "{broken:?} {pieces:?}");
        }
    }

    #[test]
    fn without_a_record_nothing_is_a_success() {
        use ProcessEnd::{Detached, Exited, NotStarted, StillRunning, Unknown};
        for (end, words) in [
            (Exited(0, Vec::new()), "ended with 0"),
            (Exited(1, Vec::new()), "ended with 1"),
            (Exited(124, Vec::new()), "ended with 124"),
            (Exited(126, Vec::new()), "ended with 126"),
            (StillRunning(Vec::new()), "and the command did not"),
            (Unknown, "is not known"),
            (NotStarted(Error::new(ErrorKind::NotStarted, "no such file")), "no such file"),
        ] {
            let error = without_record(end.clone(), "engine").unwrap_err();
            assert!(error.message.contains(words), "{end:?}: {error}");
        }
        // The launcher writes no record with these codes unless it failed itself, or was killed.
        for (code, words) in [
            (125, "the launcher failed"),
            (127, "reports 127"),
            (128, "reports 128"),
            (129, "signal 1"),
            (137, "signal 9"),
            (178, "signal 50"),
            (255, "signal 127"),
        ] {
            assert_eq!(
                without_record(Exited(code, Vec::new()), "engine"),
                Ok(AttemptEnd::Unrecorded(code))
            );
            let error = unrecorded("engine", code);
            assert!(
                error.message.ends_with(words) || error.message.starts_with(words),
                "{code}: {error}"
            );
        }
        assert_eq!(without_record(Detached, "engine"), Ok(AttemptEnd::Detached));
    }
}
