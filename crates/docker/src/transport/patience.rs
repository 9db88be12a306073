//! How long an engine is waited for: the one place that decides it, for all requests.
//!
//! A request is given up when nothing has come for as long as its kind may take; sooner when the engine answers nothing else
//! either; and when the command that it is part of was called off. To give up is to drop it: the connection is closed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Request;
use tokio::time::Instant;

use super::{Kind, Transport, full};
use crate::error::{Error, Silent};

/// After so much silence the engine is asked whether it is there at all.
const LOOK_AFTER: Duration = Duration::from_secs(15);

/// The same of an engine that was given up before.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long it may take to say so.
const HERE_WITHIN: Duration = Duration::from_secs(5);
const HERE_AGAIN_WITHIN: Duration = Duration::from_secs(1);

/// When something last came, or was taken. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<Mutex<Instant>>);

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Progress {
    /// Something came.
    pub(crate) fn tick(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport {
    /// Waits for an answer, as long as an engine may take for one of this kind.
    pub(crate) async fn wait<T>(
        &self,
        kind: Kind,
        progress: &Progress,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        // What was called off makes nothing more.
        if self.scope.is_canceled() && !kind.cleans_up() {
            return Err(Error::CalledOff { what: kind.words() });
        }
        tokio::select! {
            biased;
            answer = answer => {
                self.scope.set_silent(false);
                answer
            }
            error = self.given_up(kind, progress) => Err(error),
        }
    }

    /// Waits until a request of this kind is to be given up; why.
    pub(crate) async fn given_up(&self, kind: Kind, progress: &Progress) -> Error {
        tokio::select! {
            error = self.silence(kind, progress) => error,
            () = self.scope.expired(kind.cleans_up()) => Error::CalledOff { what: kind.words() },
        }
    }

    async fn silence(&self, kind: Kind, progress: &Progress) -> Error {
        let Some(patience) = kind.patience() else { return std::future::pending().await };
        // Of what came while nobody waited, the time does not count.
        progress.tick();
        let look_after = if self.scope.is_silent() { LOOK_AGAIN_AFTER } else { LOOK_AFTER };
        let mut look_at = progress.last() + look_after;
        loop {
            tokio::time::sleep_until(look_at).await;
            let last = progress.last();
            if last + look_after > look_at {
                look_at = last + look_after;
                continue;
            }
            if last.elapsed() >= patience || !self.is_there().await {
                // It may have come while the engine was asked.
                if progress.last() == last {
                    let waited = last.elapsed();
                    self.scope.set_silent(true);
                    let endpoint = Box::new((*self.endpoint).clone());
                    return Silent { endpoint, waited, what: kind.words() }.into();
                }
            }
            look_at = (Instant::now() + LOOK_AFTER).min(last + patience);
        }
    }

    /// Whether the engine answers the simplest question, in whatever way.
    pub(crate) async fn is_there(&self) -> bool {
        let Ok(request) = Request::builder().uri("http://engine/_ping").body(full("")) else { return false };
        let within = if self.scope.is_silent() { HERE_AGAIN_WITHIN } else { HERE_WITHIN };
        // Over a connection of its own, or one that is idle.
        matches!(tokio::time::timeout(within, self.client.request(request)).await, Ok(Ok(_)))
    }
}
