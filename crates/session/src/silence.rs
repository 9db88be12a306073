//! A session whose streams are silent: whether its command has ended, and whether the platform is there.
//!
//! A session may be silent for hours, and so no time limit can be put on its streams. What can be known is asked: a platform
//! that says that the process has ended, and does not end its streams, has lost them. One that answers nothing at all may go on
//! later, and is only given up when somebody asks for the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scratchdbg_backend::{Probe, SessionBackend};
use tokio::time::Instant;

use crate::keys::Typed;

/// After so much silence the platform is asked how the process is.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// A command that was asked to end may take so long to say something before the platform is asked.
const ASKED: Duration = Duration::from_secs(1);

/// How long the platform may take to answer. It is asked for what it has in memory.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// How long after the end of a process its last words may take.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Why a session is not to be waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stall {
    /// The process has ended, and its streams have not.
    Ended,
    /// The end was asked for, and the platform does not answer.
    PlatformSilent,
}

/// Since when a stream is waited for. While its reader does something else, nobody waits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silence(Arc<Shared>);

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

    /// Waits for a piece of a stream.
    pub(crate) async fn during<T>(&self, wait: impl Future<Output = T>) -> T {
        let mut wait = std::pin::pin!(wait);
        std::future::poll_fn(|context| {
            let polled = wait.as_mut().poll(context);
            self.set(polled.is_pending());
            polled
        })
        .await
    }
}

/// Waits until a session is not to be waited for any longer.
pub(crate) async fn watch<B: SessionBackend>(
    backend: &B,
    process: &impl Probe,
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
        match tokio::time::timeout(ANSWER_WITHIN, process.goes_on()).await {
            // A terminal echoes what is typed, or a program takes the screen: one that was never heard of is not there.
            Ok(Ok(true)) if is_asked && is_terminal && !silence.is_heard() => {
                asked += 1;
                if asked > 1 {
                    return Stall::PlatformSilent;
                }
            }
            Ok(Ok(false)) => {
                tokio::time::sleep(LAST_WORDS).await;
                if silent(LAST_WORDS) {
                    return Stall::Ended;
                }
            }
            // It may have been told of an end that it did not like to hear of; or it is not there.
            Ok(Err(_)) | Err(_) if is_asked && silent(patience) && !backend.is_there().await => {
                return Stall::PlatformSilent;
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
        let (mut writer, mut reader) = tokio::io::duplex(8);
        assert!(silence.since().is_none(), "nobody has waited yet");
        let mut buffer = [0; 8];
        let short = Duration::from_millis(1);
        assert!(tokio::time::timeout(short, silence.during(reader.read(&mut buffer))).await.is_err());
        let since = silence.since().expect("it is waited for");
        assert!(tokio::time::timeout(short, silence.during(reader.read(&mut buffer))).await.is_err());
        assert_eq!(silence.since(), Some(since), "a second look does not begin it anew");
        writer.write_all(b"x").await.expect("there is room");
        assert_eq!(silence.during(reader.read(&mut buffer)).await.expect("it came"), 1);
        assert!(silence.since().is_none());
    }
}
