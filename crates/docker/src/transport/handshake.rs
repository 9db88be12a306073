//! The first request to an engine, which negotiates the API version: every response of an engine
//! contains its newest version.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use scratchdbg_backend::Scope;

use super::connector::Connector;
use super::{Body, BoxError, CONNECT_TIMEOUT, MAX_ANSWER, Transport, full, innermost};
use crate::api_version::ApiVersion;
use crate::clock::Skew;
use crate::endpoint::Endpoint;
use crate::error::{Error, Unreachable};

/// An engine about which nothing is known yet.
pub(crate) struct Handshake {
    client: Client<Connector, Body>,
    endpoint: Endpoint,
    skew: Skew,
}

/// A response to a request without an API version, in the engine's newest version.
#[derive(Debug)]
pub(crate) struct FirstAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl FirstAnswer {
    /// Returns the newest API version of the engine.
    fn version(&self) -> Option<ApiVersion> {
        self.headers.get("Api-Version")?.to_str().ok()?.parse().ok()
    }

    /// Returns the time of the response by the engine's clock.
    pub(crate) fn date(&self) -> Option<jiff::Timestamp> {
        crate::clock::date(&self.headers)
    }

    /// Returns the body, if the request succeeded and the version is supported.
    pub(crate) fn known(&self) -> Option<&Bytes> {
        let known = ApiVersion::OLDEST_SUPPORTED..=ApiVersion::NEWEST_KNOWN;
        (self.status == StatusCode::OK && known.contains(&self.version()?)).then_some(&self.body)
    }
}

impl Handshake {
    /// Prepares connections. Sends no request.
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Self, Error> {
        let client =
            Client::builder(TokioExecutor::new()).build(Connector::new(&endpoint.address).await?);
        Ok(Self { client, endpoint: endpoint.clone(), skew: Skew::default() })
    }

    fn unreachable(&self, source: impl Into<BoxError>) -> Error {
        Unreachable { endpoint: Box::new(self.endpoint.clone()), source: source.into() }.into()
    }

    /// Sends a request without an API version.
    pub(crate) async fn ask(&self, path_and_query: &str) -> Result<FirstAnswer, Error> {
        let request = Request::builder()
            .uri(format!("http://engine{path_and_query}"))
            .body(full(Bytes::new()))
            .map_err(|error| self.unreachable(error))?;
        let answer = async {
            let asked = Timestamp::now();
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| self.unreachable(innermost(error)))?;
            self.skew.learn(answer.headers(), asked);
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER)
                .collect()
                .await
                .map_err(|error| self.unreachable(error))?;
            Ok(FirstAnswer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(CONNECT_TIMEOUT, answer).await.map_err(|_| {
            self.unreachable(format!("no answer within {} seconds", CONNECT_TIMEOUT.as_secs()))
        })?
    }

    /// Negotiates the API version with a request that has no other purpose.
    pub(crate) async fn ping(self) -> Result<Transport, Error> {
        let answer = self.ask("/_ping").await?;
        if answer.status != StatusCode::OK {
            return Err(self.unreachable(format!("it answers {} to /_ping", answer.status)));
        }
        self.settle(&answer)
    }

    /// Negotiates the API version from any response of the engine.
    pub(crate) fn settle(self, answer: &FirstAnswer) -> Result<Transport, Error> {
        let theirs = answer.version();
        let theirs = theirs
            .ok_or_else(|| self.unreachable("it names no API version: is it a Docker engine?"))?;
        let version = theirs.min(ApiVersion::NEWEST_KNOWN);
        if version < ApiVersion::OLDEST_SUPPORTED {
            return Err(Error::EngineTooOld { endpoint: Box::new(self.endpoint), version: theirs });
        }
        tracing::debug!(endpoint = %self.endpoint, engine = %theirs, used = %version, "connected");
        let podman = answer.headers.contains_key("Libpod-Api-Version");
        Ok(Transport {
            client: self.client,
            version,
            podman,
            endpoint: Arc::new(self.endpoint),
            scope: Scope::default(),
            skew: self.skew,
            is_slow: Arc::default(),
        })
    }
}
