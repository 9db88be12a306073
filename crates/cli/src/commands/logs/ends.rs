//! The ends of a container's runs, as the engine tells them.
//!
//! An engine keeps few events (Docker: 256) and forgets the oldest. While a log is followed, its container's are listened
//! to, so that a busy engine makes none go missing.

use std::pin::pin;

use futures_util::StreamExt as _;
use scratchdbg_engine::{Engine, RunEnd, RunHistory};
use tokio::sync::mpsc;

use crate::error::CommandError;

/// The ends that the engine still knows. One that tells none is no reason to stop.
pub(super) async fn known(engine: &Engine, id: &str) -> Result<RunHistory, CommandError> {
    Ok(engine.run_history(id).await?)
}

/// Listens to the ends of one container's runs.
#[derive(Debug)]
pub(super) struct Listener {
    id: String,
    ends: mpsc::UnboundedReceiver<RunEnd>,
}

impl Listener {
    /// Begins to listen. Where the engine does not let us, what it still knows later has to do.
    pub(super) async fn begin(engine: &Engine, id: &str) -> Self {
        let (sender, ends) = mpsc::unbounded_channel();
        if let Ok(coming) = engine.coming_run_ends(id).await {
            tokio::spawn(async move {
                let mut coming = pin!(coming);
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
    pub(super) fn heard(&mut self) -> Vec<RunEnd> {
        std::iter::from_fn(|| self.ends.try_recv().ok()).collect()
    }

    /// All ends that were heard or that the engine still knows, in order. Begins anew for another container, and when
    /// the engine had hung up.
    pub(super) async fn ends(&mut self, engine: &Engine, id: &str) -> Vec<RunEnd> {
        let mut ends = self.heard();
        if self.id != id {
            ends.clear();
        }
        if self.id != id || self.ends.is_closed() {
            *self = Self::begin(engine, id).await;
        }
        ends.extend(known(engine, id).await.unwrap_or_default().ends);
        ends.sort_by_key(|end| end.at);
        ends.dedup_by_key(|end| end.at);
        ends
    }
}
