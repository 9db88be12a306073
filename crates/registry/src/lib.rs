//! Registries: pushing pairs and reading images, by the OCI distribution specification 1.1, which Docker's registry API v2
//! is too.
//!
//! [`Registry::push`] takes images as values of `scratchdbg-image`; [`Registry::pull`] gives one to read from, blob by blob,
//! so that nothing is kept on the disk or in memory. Credentials are those that Docker keeps. They go to the registry they
//! are for, over TLS unless the registry is this machine, and to nobody else: redirects, upload locations and token servers
//! are held against that.
//!
//! The HTTP client is hyper, with rustls and the system's authorities, without anything between: what is followed, what is
//! asked again and what is sent along is decided here and nowhere else.

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

use self::credentials::CredentialStore;
use self::retry::Patience;
use self::session::Session;
use self::transport::Transport;

pub use self::credentials::CredentialError;
pub use self::error::Error;
pub use self::pull::PulledImage;
pub use self::push::{PushReport, Pushed};
pub use self::reference::Reference;

/// All registries.
#[derive(Debug)]
pub struct Registry {
    transport: Transport,
    store: CredentialStore,
    patience: Patience,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

impl Registry {
    /// With the credentials of the `config.json` in Docker's configuration folder.
    pub fn new(docker_config: Option<&Path>) -> Result<Self, Error> {
        let tls = |error: rustls::Error| Error::Tls { registry: "any".into(), reason: error.to_string() };
        Ok(Self {
            transport: Transport::new().map_err(tls)?,
            store: CredentialStore::new(docker_config),
            patience: Patience::default(),
            sessions: Mutex::default(),
        })
    }

    /// The session with a registry: one for all that is done with it.
    fn session(&self, registry: &str) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.entry(registry.to_owned()).or_insert_with(|| {
            Arc::new(Session::new(registry, self.transport.clone(), self.store.clone(), self.patience))
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
