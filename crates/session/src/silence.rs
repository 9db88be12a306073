//! Detects sessions whose streams are silent because the command has ended or the platform is gone.
//!
//! A session may be silent for hours, so its streams have no timeout. Instead, the platform is
//! queried. If the platform reports that the process has ended, but does not end its streams, the
//! streams are lost. A platform that does not answer may recover, so the session is given up only
//! when the user asks for its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scratchdbg_backend::{Plan, Probe, SessionBackend, TargetEnd};
use tokio::time::Instant;

use crate::keys::Typed;

/// How long the streams may be silent before the platform is queried about the process.
const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// The same for a target whose PID namespace is not its own. The end of its first process ends no
/// other process, and an engine that ends them all does not tell of an exec's end.
const SHARED_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How long a command may be silent after the user asked it to end, before the platform is queried.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the platform may take to answer. The query needs only what the platform has in memory.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// How long output may still arrive after the process has ended.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Why waiting for a session is pointless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stall {
    /// The process has ended, but its streams have not.
    Ended,
    /// The target has ended, and neither the platform nor the streams tell of the process's end.
    TargetEnded(TargetEnd),
    /// The user asked for the end, and the platform does not answer.
    PlatformSilent,
}

/// Measures how long a reader has waited for a stream. Time in which the reader does something else
/// does not count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silence(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    since: Mutex<Option<Instant>>,
    /// Some output has arrived.
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

    /// Waits for a chunk of a stream.
    pub(crate) async fn during<T>(&self, wait: impl Future<Output = T>) -> T {
        let mut wait = std::pin::pin!(wait);
        std::future::poll_fn(|context| {
            let result = wait.as_mut().poll(context);
            self.set(result.is_pending());
            result
        })
        .await
    }
}

/// Waits until waiting for the session is pointless.
pub(crate) async fn watch<B: SessionBackend>(
    backend: &B,
    plan: &B::Plan,
    process: &impl Probe,
    silence: &Silence,
    typed: &Typed,
) -> Stall {
    let Plan { tty: is_terminal, shares_pids, .. } = *plan.as_ref();
    let interval = if shares_pids { SHARED_POLL_INTERVAL } else { POLL_INTERVAL };
    let mut polled_at = Instant::now();
    let mut asked = 0;
    loop {
        let is_asked = tokio::select! {
            () = typed.asked() => true,
            () = tokio::time::sleep_until(polled_at + interval) => false,
        };
        let threshold = if is_asked {
            tokio::time::sleep(REQUEST_TIMEOUT).await;
            REQUEST_TIMEOUT
        } else {
            interval
        };
        polled_at = Instant::now();
        let silent = |long: Duration| silence.since().is_some_and(|since| since.elapsed() >= long);
        if !silent(threshold) {
            continue;
        }
        // An engine may have forgotten the process by then.
        if shares_pids
            && let Ok(Ok(Some(end))) =
                tokio::time::timeout(ANSWER_TIMEOUT, backend.target_end(plan)).await
        {
            tokio::time::sleep(DRAIN_TIMEOUT).await;
            if silent(DRAIN_TIMEOUT) {
                return Stall::TargetEnded(end);
            }
        }
        match tokio::time::timeout(ANSWER_TIMEOUT, process.is_running()).await {
            // A terminal echoes typed keys, or a program takes over the screen. A process that has
            // never written anything does not respond.
            Ok(Ok(true)) if is_asked && is_terminal && !silence.is_heard() => {
                asked += 1;
                if asked > 1 {
                    return Stall::PlatformSilent;
                }
            }
            Ok(Ok(false)) => {
                tokio::time::sleep(DRAIN_TIMEOUT).await;
                if silent(DRAIN_TIMEOUT) {
                    return Stall::Ended;
                }
            }
            // The command may be ignoring the request to end. Or the platform is gone.
            Ok(Err(_)) | Err(_) if is_asked && silent(threshold) && !backend.is_there().await => {
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
        assert!(
            tokio::time::timeout(short, silence.during(reader.read(&mut buffer))).await.is_err()
        );
        let since = silence.since().expect("it is waited for");
        assert!(
            tokio::time::timeout(short, silence.during(reader.read(&mut buffer))).await.is_err()
        );
        assert_eq!(silence.since(), Some(since), "a second look does not begin it anew");
        writer.write_all(b"x").await.expect("there is room");
        assert_eq!(silence.during(reader.read(&mut buffer)).await.expect("it came"), 1);
        assert!(silence.since().is_none());
    }
}
