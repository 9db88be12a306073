//! Pushes pairs to registries and reads images from them, by the OCI distribution specification
//! 1.1, which is also Docker's registry API v2.
//!
//! [`Registry::push`] takes images as values of `scratchdbg-image`. [`Registry::pull`] returns an
//! image that is read blob by blob, so that nothing is stored on disk or in memory. Credentials are
//! Docker's. They are sent only to the registry they belong to, and only over TLS unless the
//! registry is on this machine: redirects, upload locations and token servers are checked for that.
//!
//! The HTTP client is hyper with rustls and the system's certificate authorities, without a
//! higher-level client: this crate alone decides which redirects are followed, what is retried and
//! which headers are sent.

mod answer;
mod body;
mod challenge;
mod credentials;
mod document;
mod error;
mod origin;
mod plan;
mod pull;
mod push;
mod reader;
mod reference;
mod retry;
mod session;
mod text;
mod token;
mod transport;
mod upload;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use self::credentials::CredentialError;
use self::credentials::CredentialStore;
pub use self::error::Error;
pub use self::pull::PulledImage;
pub use self::push::{PushReport, Pushed};
pub use self::reference::Reference;
use self::retry::{RetryPolicy, WaitReporter};
use self::session::Session;
use self::transport::Transport;

/// A client for all registries.
#[derive(Debug)]
pub struct Registry {
    transport: Transport,
    store: CredentialStore,
    policy: RetryPolicy,
    reporter: WaitReporter,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

impl Registry {
    /// Returns a client with the credentials of the `config.json` in Docker's configuration
    /// directory.
    pub fn new(docker_config: Option<&Path>) -> Result<Self, Error> {
        let tls =
            |error: rustls::Error| Error::Tls { registry: "any".into(), reason: error.to_string() };
        Ok(Self {
            transport: Transport::new().map_err(tls)?,
            store: CredentialStore::new(docker_config),
            policy: RetryPolicy::default(),
            reporter: WaitReporter::default(),
            sessions: Mutex::default(),
        })
    }

    /// Returns a client that calls `report` before each wait of some seconds, with the registry's
    /// name and the length of the wait.
    #[must_use]
    pub fn with_wait_reporter(
        self,
        report: impl Fn(&str, Duration) + Send + Sync + 'static,
    ) -> Self {
        Self { reporter: WaitReporter::new(report), ..self }
    }

    /// Returns the session with a registry. All operations on a registry share one session.
    fn session(&self, registry: &str) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.entry(registry.to_owned()).or_insert_with(|| {
            let session =
                Session::new(registry, self.transport.clone(), self.store.clone(), self.policy);
            Arc::new(session.with_wait_reporter(self.reporter.clone()))
        });
        Arc::clone(session)
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
