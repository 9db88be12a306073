//! Time limits of all requests to an engine.
//!
//! A request is given up if nothing arrived for as long as its kind may take, earlier if the engine
//! does not respond to other requests either, and when the command that it belongs to is canceled.
//! To give up is to drop the request, which closes the connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Request;
use tokio::time::Instant;

use super::{Kind, Transport, full};
use crate::error::{Error, Silent};

/// After this much silence, check whether the engine responds at all.
const CHECK_AFTER: Duration = Duration::from_secs(15);

/// The same duration for an engine that was given up before.
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long the engine may take to respond to that check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// The same limit for an engine that was given up before.
const REDUCED_CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// When data last arrived or was sent. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<Mutex<Instant>>);

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Progress {
    /// Records that data arrived or was sent.
    pub(crate) fn tick(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport {
    /// Waits for a response within the limits of its kind.
    pub(crate) async fn wait<T>(
        &self,
        kind: Kind,
        progress: &Progress,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.expect_sendable(kind)?;
        tokio::select! {
            biased;
            answer = answer => {
                self.scope.set_silent(false);
                answer
            }
            error = self.given_up(kind, progress) => Err(error),
        }
    }

    /// Fails if a request of this kind is not sent: after cancellation, only cleanup is.
    pub(crate) fn expect_sendable(&self, kind: Kind) -> Result<(), Error> {
        if self.scope.is_canceled() && !kind.cleans_up() {
            return Err(Error::Canceled { what: kind.words() });
        }
        Ok(())
    }

    /// Waits until a request of this kind must be given up, and returns why.
    pub(crate) async fn given_up(&self, kind: Kind, progress: &Progress) -> Error {
        tokio::select! {
            error = self.silence(kind, progress) => error,
            () = self.scope.expired(kind.cleans_up()) => Error::Canceled { what: kind.words() },
        }
    }

    async fn silence(&self, kind: Kind, progress: &Progress) -> Error {
        let Some(max_silence) = kind.max_silence() else { return std::future::pending().await };
        // Time during which no caller waited does not count.
        progress.tick();
        let check_after = if self.scope.is_silent() { CHECK_AGAIN_AFTER } else { CHECK_AFTER };
        let mut check_at = progress.last() + check_after;
        loop {
            tokio::time::sleep_until(check_at).await;
            let last = progress.last();
            if last + check_after > check_at {
                check_at = last + check_after;
                continue;
            }
            if last.elapsed() >= max_silence || !self.responds().await {
                // Data may have arrived during the check.
                if progress.last() == last {
                    let waited = last.elapsed();
                    self.scope.set_silent(true);
                    let endpoint = Box::new((*self.endpoint).clone());
                    return Silent { endpoint, waited, what: kind.words() }.into();
                }
            }
            check_at = (Instant::now() + CHECK_AFTER).min(last + max_silence);
        }
    }

    /// Reports whether the engine responds to the simplest request in any way.
    pub(crate) async fn responds(&self) -> bool {
        let Ok(request) = Request::builder().uri("http://engine/_ping").body(full("")) else {
            return false;
        };
        let within = if self.scope.is_silent() { REDUCED_CHECK_TIMEOUT } else { CHECK_TIMEOUT };
        // The request uses a new connection, or an idle one.
        matches!(tokio::time::timeout(within, self.client.request(request)).await, Ok(Ok(_)))
    }
}
