//! Authentication with a registry. Credentials are sent to that registry only.

use std::collections::HashMap;

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Response, Uri};

use super::Session;
use crate::challenge::Challenge;
use crate::credentials::Credential;
use crate::error::Error;
use crate::origin::Origin;
use crate::token;

/// The registry's authentication method and the available credentials.
#[derive(Debug, Default)]
pub(super) struct Access {
    pub(super) challenge: Option<Challenge>,
    /// The authorization header for each scope.
    granted: HashMap<String, Option<HeaderValue>>,
    had_credentials: bool,
}

impl Session {
    /// Returns the authorization header for `uri`: credentials for the registry itself, none for
    /// any other host.
    pub(crate) async fn authorization(
        &self,
        uri: &Uri,
        scope: &str,
    ) -> Result<Option<HeaderValue>, Error> {
        let own = self.origin().await?;
        if Origin::of(uri).as_ref() != Some(own) {
            return Ok(None);
        }
        let mut access = self.access.lock().await;
        let Some(challenge) = access.challenge.clone() else { return Ok(None) };
        if let Some(granted) = access.granted.get(scope) {
            return Ok(granted.clone());
        }
        let credential = self.store.find(&self.registry).await?;
        access.had_credentials = credential.is_some();
        let granted = match (challenge, credential) {
            (_, Some(Credential::Registry(token))) => Some(token::bearer(&token)),
            (Challenge::Basic, Some(Credential::Login { username, password })) => {
                Some(token::basic(&username, &password))
            }
            (Challenge::Basic, Some(Credential::Identity(_)) | None) => None,
            (Challenge::Bearer { realm, service }, credential) => {
                let server = token::Server {
                    session: self,
                    own,
                    realm: &realm,
                    service: service.as_deref(),
                };
                Some(server.token(credential, scope, &mut access.had_credentials).await?)
            }
        };
        let granted = granted
            .transpose()
            .map_err(|_| self.protocol("cannot be shown the credentials for it".into()))?;
        access.granted.insert(scope.to_owned(), granted.clone());
        Ok(granted)
    }

    /// Discards the authorization `shown`, which was insufficient or has expired, unless a newer
    /// one was obtained meanwhile.
    pub(crate) async fn renew(
        &self,
        answer: &Response<Incoming>,
        scope: &str,
        shown: Option<&HeaderValue>,
    ) -> Result<(), Error> {
        let mut access = self.access.lock().await;
        if let Some(challenge) = Challenge::of(answer.headers()) {
            access.challenge = Some(challenge);
        }
        if access.challenge.is_none() {
            return Err(
                self.protocol("wants to see something that scratchdbg does not know".into())
            );
        }
        if access.granted.get(scope).is_some_and(|granted| granted.as_ref() == shown) {
            access.granted.remove(scope);
        }
        Ok(())
    }

    pub(crate) async fn unauthorized(&self) -> Error {
        let had_credentials = self.access.lock().await.had_credentials;
        Error::Unauthorized { registry: self.registry.clone(), had_credentials }
    }
}
