//! The ends of a container's runs, as the platform reports them.
//!
//! A platform may keep only a few events (Docker: 256) and forget the oldest. While a log is
//! followed, a task listens for events, so that none is lost on a busy machine.

use futures_util::StreamExt as _;
use scratchdbg_backend::{LogBackend, RunEnd};
use tokio::sync::mpsc;

/// Listens for the ends of one container's runs.
#[derive(Debug)]
pub(crate) struct Listener {
    id: String,
    ends: mpsc::UnboundedReceiver<RunEnd>,
}

impl Listener {
    /// Starts listening. If the platform does not report events, the ends that it remembers later
    /// have to suffice.
    pub(crate) async fn begin(backend: &impl LogBackend, id: &str) -> Self {
        let (sender, ends) = mpsc::unbounded_channel();
        if let Ok(mut coming) = backend.run_ends(id).await {
            tokio::spawn(async move {
                while let Some(Ok(end)) = coming.next().await {
                    if sender.send(end).is_err() {
                        return;
                    }
                }
            });
        }
        Self { id: id.to_owned(), ends }
    }

    /// Returns the ends received since the last call, without a request.
    pub(crate) fn heard(&mut self) -> Vec<RunEnd> {
        std::iter::from_fn(|| self.ends.try_recv().ok()).collect()
    }

    /// Returns all ends received or still remembered by the platform, in order. Restarts listening
    /// for another container, and after the connection broke.
    pub(crate) async fn ends(&mut self, backend: &impl LogBackend, id: &str) -> Vec<RunEnd> {
        let mut ends = self.heard();
        if self.id != id {
            ends.clear();
        }
        if self.id != id || self.ends.is_closed() {
            *self = Self::begin(backend, id).await;
        }
        // A platform that reports no ends is not an error.
        ends.extend(backend.run_history(id).await.unwrap_or_default().ends);
        ends.sort_by_key(|end| end.at);
        ends.dedup_by_key(|end| end.at);
        ends
    }
}
