//! Tests against registries that are malicious or broken. Each fault case of the network has a
//! test.

mod access;
mod faults;
mod pull;
mod push;
mod redirects;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::Registry;
use crate::fake::Answer;
use crate::retry::RetryPolicy;

/// The password in every test. No error and no debugging output may contain it.
const SECRET: &str = "hidden-word";
/// `user:hidden-word` in base64.
const BASIC: &str = "dXNlcjpoaWRkZW4td29yZA==";

/// A client with short time limits and the credentials for some registries.
struct Client {
    registry: Registry,
    _folder: TempDir,
}

impl Client {
    fn with_credentials_for(registries: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let auths: serde_json::Map<_, _> = registries
            .iter()
            .map(|name| ((*name).to_owned(), serde_json::json!({"auth": BASIC})))
            .collect();
        fs::write(
            folder.path().join("config.json"),
            serde_json::json!({"auths": auths}).to_string(),
        )
        .unwrap();
        let mut registry = Registry::new(Some(folder.path())).unwrap();
        registry.policy = RetryPolicy {
            attempts: 3,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(40),
            silence: Duration::from_millis(400),
            whole: Duration::from_secs(2),
        };
        Self { registry, _folder: folder }
    }

    fn anonymous() -> Self {
        Self::with_credentials_for(&[])
    }
}

impl std::ops::Deref for Client {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.registry
    }
}

/// Returns `fault` the first `times` times.
struct Times {
    left: AtomicUsize,
    fault: Answer,
}

impl Times {
    fn new(times: usize, fault: Answer) -> Self {
        Self { left: AtomicUsize::new(times), fault }
    }

    fn next(&self) -> Option<Answer> {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.is_ok().then(|| self.fault.clone())
    }
}

fn bearer_challenge(realm: &str) -> Answer {
    Answer::error(401, "UNAUTHORIZED", "authentication required").header(
        "WWW-Authenticate",
        format!(r#"Bearer realm="{realm}",service="test",scope="repository:app:pull""#),
    )
}
