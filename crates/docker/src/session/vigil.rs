//! A session whose streams are silent: whether its command has ended, and whether the engine is there.
//!
//! A session may be silent for hours, and so no time limit can be put on its streams. What can be known is asked: an engine
//! that says that the process has ended, and does not end its streams, has lost them. One that answers nothing at all may go on
//! later, and is only given up when somebody wishes for the end.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::keys::Typed;
use super::process::ProcessRef;
use crate::Engine;

/// After so much silence the engine is asked how the process is.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// A command that was asked to end may take so long to say something before the engine is asked.
const ASKED: Duration = Duration::from_secs(1);

/// How long the engine may take to answer. It is asked for what it has in memory.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// How long after the end of a process its last words may take.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Why a session is not to be waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stall {
    /// The process has ended, and its streams have not.
    Ended,
    /// The end was wished for, and the engine does not answer.
    EngineSilent,
}

/// Since when a stream is waited for. While its reader does something else, nobody waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Silence(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    since: Mutex<Option<Instant>>,
    /// Something has come.
    is_heard: AtomicBool,
}

impl Silence {
    fn since(&self) -> Option<Instant> {
        *self.0.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, waits: bool) {
        let mut since = self.0.since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if waits { since.or_else(|| Some(Instant::now())) } else { None };
        self.0.is_heard.fetch_or(!waits, Ordering::Relaxed);
    }

    fn is_heard(&self) -> bool {
        self.0.is_heard.load(Ordering::Relaxed)
    }

    /// A stream that tells here when it is waited for.
    pub(super) fn of<R>(&self, stream: R) -> Listened<R> {
        Listened { stream, silence: self.clone() }
    }
}

/// A stream that tells when it is waited for.
#[derive(Debug)]
pub(super) struct Listened<R> {
    stream: R,
    silence: Silence,
}

impl<R: AsyncRead + Unpin> AsyncRead for Listened<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.silence.set(read.is_pending());
        read
    }
}

/// Waits until a session is not to be waited for any longer.
pub(super) async fn watch(
    engine: &Engine,
    process: &ProcessRef,
    silence: &Silence,
    typed: &Typed,
    is_terminal: bool,
) -> Stall {
    let mut looked_at = Instant::now();
    let mut asked = 0;
    loop {
        let is_asked = tokio::select! {
            () = typed.asked() => true,
            () = tokio::time::sleep_until(looked_at + LOOK_EVERY) => false,
        };
        let patience = if is_asked {
            tokio::time::sleep(ASKED).await;
            ASKED
        } else {
            LOOK_EVERY
        };
        looked_at = Instant::now();
        let silent = |long: Duration| silence.since().is_some_and(|since| since.elapsed() >= long);
        if !silent(patience) {
            continue;
        }
        match tokio::time::timeout(ANSWER_WITHIN, process.goes_on(engine)).await {
            // A terminal echoes what is typed, or a program takes the screen: one that was never heard of is not there.
            Ok(Ok(true)) if is_asked && is_terminal && !silence.is_heard() => {
                asked += 1;
                if asked > 1 {
                    return Stall::EngineSilent;
                }
            }
            Ok(Ok(false)) => {
                tokio::time::sleep(LAST_WORDS).await;
                if silent(LAST_WORDS) {
                    return Stall::Ended;
                }
            }
            // It may have been told of an end that it did not like to hear of; or it is not there.
            Ok(Err(_)) | Err(_) if is_asked && silent(patience) && !engine.is_there().await => {
                return Stall::EngineSilent;
            }
            Ok(Ok(true) | Err(_)) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn silence_is_what_is_waited_for() {
        let silence = Silence::default();
        let (mut writer, reader) = tokio::io::duplex(8);
        let mut reader = silence.of(reader);
        assert!(silence.since().is_none(), "nobody has waited yet");
        let mut buffer = [0; 8];
        assert!(tokio::time::timeout(Duration::from_millis(1), reader.read(&mut buffer)).await.is_err());
        let since = silence.since().expect("it is waited for");
        assert!(tokio::time::timeout(Duration::from_millis(1), reader.read(&mut buffer)).await.is_err());
        assert_eq!(silence.since(), Some(since), "a second look does not begin it anew");
        writer.write_all(b"x").await.expect("there is room");
        assert_eq!(reader.read(&mut buffer).await.expect("it came"), 1);
        assert!(silence.since().is_none());
    }
}
