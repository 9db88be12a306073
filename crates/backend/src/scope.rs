//! What a command does on a platform, from its first request to its last: it can be called off, and knows what it made.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// What a command does on a platform. All connections and requests of one command share it. Cheap to clone.
///
/// A command that is called off requests nothing more, except to remove what it created; a platform that does not answer
/// is not waited for longer than [`Scope::GRACE`] in all.
#[derive(Debug, Clone)]
pub struct Scope(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Since when it is called off.
    called_off: watch::Sender<Option<Instant>>,
    /// What it made and has not yet seen gone.
    made: Mutex<BTreeSet<String>>,
    /// The platform was given up once, and has not answered since.
    is_silent: AtomicBool,
}

impl Default for Scope {
    fn default() -> Self {
        Self(Arc::new(Shared {
            called_off: watch::Sender::new(None),
            made: Mutex::default(),
            is_silent: AtomicBool::new(false),
        }))
    }
}

impl Scope {
    /// How long the end of a command that is called off may take.
    pub const GRACE: Duration = Duration::from_secs(5);

    /// How long it waits for the answer to a request that was on its way, and that tells what there is to take away.
    const UNDER_WAY: Duration = Duration::from_secs(3);

    /// Calls it off.
    pub fn call_off(&self) {
        self.0.called_off.send_if_modified(|since| {
            let first = since.is_none();
            since.get_or_insert_with(Instant::now);
            first
        });
    }

    /// All that was made is known to be gone.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// It is called off.
    pub fn is_called_off(&self) -> bool {
        self.0.called_off.borrow().is_some()
    }

    /// Waits until it is called off.
    pub async fn called_off(&self) {
        self.since().await;
    }

    /// All that was made is gone, as far as the engine said so.
    pub fn is_clear(&self) -> bool {
        self.lock().is_empty()
    }

    /// Something is being made, which is to be gone at the end.
    pub fn made(&self, what: &str) {
        self.lock().insert(what.to_owned());
    }

    /// It is gone, was never made, or is to stay.
    pub fn gone(&self, what: &str) {
        self.lock().remove(what);
    }

    /// What was made, and is not known to be gone.
    pub fn left(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    /// Whether the platform was given up, and has not answered since: it is not waited for so long again.
    pub fn is_silent(&self) -> bool {
        self.0.is_silent.load(Ordering::Relaxed)
    }

    /// It was given up, or has answered.
    pub fn set_silent(&self, is_silent: bool) {
        self.0.is_silent.store(is_silent, Ordering::Relaxed);
    }

    /// Waits until there is no time left for a request: one that tidies has longer.
    pub async fn over(&self, tidies: bool) {
        let since = self.since().await;
        tokio::time::sleep_until(since + if tidies { Self::GRACE } else { Self::UNDER_WAY }).await;
    }

    async fn since(&self) -> Instant {
        let mut called_off = self.0.called_off.subscribe();
        // The sender lives as long as `self`.
        let since = called_off.wait_for(Option::is_some).await.ok().and_then(|since| *since);
        since.unwrap_or_else(Instant::now)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_over_before_it_is_called_off() {
        let scope = Scope::default();
        assert!(tokio::time::timeout(Duration::from_millis(1), scope.called_off()).await.is_err());
        scope.call_off();
        assert!(scope.is_called_off());
        scope.called_off().await;
        let first = scope.since().await;
        scope.call_off();
        assert_eq!(scope.since().await, first, "the first call counts");
        // There is time to tidy, and then no more.
        assert!(Scope::UNDER_WAY < Scope::GRACE);
        assert!(tokio::time::timeout(Duration::from_millis(1), scope.over(false)).await.is_err());
    }

    #[test]
    fn what_was_made_is_known_until_it_is_gone() {
        let scope = Scope::default();
        assert!(scope.is_clear());
        scope.made("a");
        scope.made("b");
        scope.clone().gone("a");
        assert!(!scope.is_clear());
        scope.gone("b");
        assert!(scope.is_clear());
    }
}
