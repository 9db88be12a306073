//! The lifetime of a command on a platform: its cancellation, and what it has created.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The lifetime of a command on a platform. All connections and requests of one command share it.
/// Cheap to clone.
///
/// A canceled command sends no further requests, except to remove what it created. If the platform
/// does not answer, the command waits for at most [`Scope::GRACE`] in all.
#[derive(Debug, Clone)]
pub struct Scope(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// When the command was canceled.
    canceled: watch::Sender<Option<Instant>>,
    /// What the command created and has not yet seen removed.
    made: Mutex<BTreeSet<String>>,
    /// The platform timed out, and has not answered since.
    is_silent: AtomicBool,
    /// What to do about what may be left.
    remedy: OnceLock<String>,
}

impl Default for Scope {
    fn default() -> Self {
        Self(Arc::new(Shared {
            canceled: watch::Sender::new(None),
            made: Mutex::default(),
            is_silent: AtomicBool::new(false),
            remedy: OnceLock::new(),
        }))
    }
}

impl Scope {
    /// How long a canceled command may take to clean up.
    pub const GRACE: Duration = Duration::from_secs(5);

    /// How long a canceled command waits for a pending request whose answer tells what to remove.
    const UNDER_WAY: Duration = Duration::from_secs(3);

    /// Cancels the command.
    pub fn cancel(&self) {
        self.0.canceled.send_if_modified(|since| {
            let first = since.is_none();
            since.get_or_insert_with(Instant::now);
            first
        });
    }

    /// Records that everything the command created is removed.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Whether the command is canceled.
    pub fn is_canceled(&self) -> bool {
        self.0.canceled.borrow().is_some()
    }

    /// Waits until the command is canceled.
    pub async fn canceled(&self) {
        self.since().await;
    }

    /// Whether everything that the command created is removed, as far as the engine reports.
    pub fn is_clear(&self) -> bool {
        self.lock().is_empty()
    }

    /// Records that something is being created which must be removed at the end.
    pub fn made(&self, what: &str) {
        self.lock().insert(what.to_owned());
    }

    /// Records that it was removed, was never created, or is meant to stay.
    pub fn gone(&self, what: &str) {
        self.lock().remove(what);
    }

    /// Lists what was created and is not known to be removed.
    pub fn left(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    /// Tells what may be left if something is, and what to do about it. The first call counts.
    pub fn set_remedy(&self, remedy: impl Into<String>) {
        let _earlier = self.0.remedy.set(remedy.into());
    }

    /// What may be left and what to do about it, if a platform has told it.
    pub fn remedy(&self) -> Option<&str> {
        self.0.remedy.get().map(String::as_str)
    }

    /// Whether the platform timed out and has not answered since. Then requests do not wait as long
    /// again.
    pub fn is_silent(&self) -> bool {
        self.0.is_silent.load(Ordering::Relaxed)
    }

    /// Records that the platform timed out, or that it answered.
    pub fn set_silent(&self, is_silent: bool) {
        self.0.is_silent.store(is_silent, Ordering::Relaxed);
    }

    /// Waits until a request has no time left. A request that cleans up has longer.
    pub async fn expired(&self, cleans_up: bool) {
        let since = self.since().await;
        tokio::time::sleep_until(since + if cleans_up { Self::GRACE } else { Self::UNDER_WAY })
            .await;
    }

    async fn since(&self) -> Instant {
        let mut canceled = self.0.canceled.subscribe();
        // The sender lives as long as `self`.
        let since = canceled.wait_for(Option::is_some).await.ok().and_then(|since| *since);
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
        assert!(tokio::time::timeout(Duration::from_millis(1), scope.canceled()).await.is_err());
        scope.cancel();
        assert!(scope.is_canceled());
        scope.canceled().await;
        let first = scope.since().await;
        scope.cancel();
        assert_eq!(scope.since().await, first, "the first call counts");
        // There is time to clean up, and then no more.
        assert!(Scope::UNDER_WAY < Scope::GRACE);
        assert!(
            tokio::time::timeout(Duration::from_millis(1), scope.expired(false)).await.is_err()
        );
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
