//! A registry that does not mean well, or does not work: fault cases of the network, each a test.

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
use crate::retry::Patience;

/// The password in every test: no error, no debugging output may have it.
const SECRET: &str = "hidden-word";
/// `user:hidden-word` in base64.
const BASIC: &str = "dXNlcjpoaWRkZW4td29yZA==";

/// A client that is in a hurry, with the credentials for some registries.
struct Client {
    registry: Registry,
    _folder: TempDir,
}

impl Client {
    fn with_credentials_for(registries: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let auths: serde_json::Map<_, _> =
            registries.iter().map(|name| ((*name).to_owned(), serde_json::json!({"auth": BASIC}))).collect();
        fs::write(folder.path().join("config.json"), serde_json::json!({"auths": auths}).to_string()).unwrap();
        let mut registry = Registry::new(Some(folder.path())).unwrap();
        registry.patience = Patience {
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

/// Gives `fault` the first `times` times, and then leaves it to others.
struct Times {
    left: AtomicUsize,
    fault: Answer,
}

impl Times {
    fn new(times: usize, fault: Answer) -> Self {
        Self { left: AtomicUsize::new(times), fault }
    }

    fn next(&self) -> Option<Answer> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.is_ok().then(|| self.fault.clone())
    }
}

fn bearer_challenge(realm: &str) -> Answer {
    Answer::error(401, "UNAUTHORIZED", "authentication required")
        .header("WWW-Authenticate", format!(r#"Bearer realm="{realm}",service="test",scope="repository:app:pull""#))
}
