//! The ends of a container's runs, as the platform reports them.
//!
//! A platform may keep few events (Docker: 256) and forget the oldest. While a log is followed, a task listens to them, so
//! that none gets lost on a busy machine.

use futures_util::StreamExt as _;
use scratchdbg_backend::{LogBackend, RunEnd};
use tokio::sync::mpsc;

/// Listens to the ends of one container's runs.
#[derive(Debug)]
pub(crate) struct Listener {
    id: String,
    ends: mpsc::UnboundedReceiver<RunEnd>,
}

impl Listener {
    /// Begins to listen. If the platform does not report ends, those that it still knows later have to do.
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

    /// The ends that were heard since the last time, without asking.
    pub(crate) fn heard(&mut self) -> Vec<RunEnd> {
        std::iter::from_fn(|| self.ends.try_recv().ok()).collect()
    }

    /// All ends that were heard or that the platform still knows, in order. Begins anew for another container, and
    /// after the connection broke.
    pub(crate) async fn ends(&mut self, backend: &impl LogBackend, id: &str) -> Vec<RunEnd> {
        let mut ends = self.heard();
        if self.id != id {
            ends.clear();
        }
        if self.id != id || self.ends.is_closed() {
            *self = Self::begin(backend, id).await;
        }
        // A platform that tells none is no reason to stop.
        ends.extend(backend.run_history(id).await.unwrap_or_default().ends);
        ends.sort_by_key(|end| end.at);
        ends.dedup_by_key(|end| end.at);
        ends
    }
}
