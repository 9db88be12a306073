//! Sends requests, waits for answers, and gives up after a time limit. No other module sends
//! requests.
//!
//! Every request has a limit for the first byte of its answer. An answer that is read completely
//! also has a limit for all of it ([`Call::limit`], [`Call::whole_limit`]). Requests end early when
//! the [`Scope`] of the command ends. This module does not retry: only the caller knows whether a
//! second attempt does harm.

mod causes;
#[cfg(test)]
pub(crate) mod stand_in;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http_body_util::{BodyExt as _, Limited};
use hyper::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kube::client::{Body, Connection};
use scratchdbg_backend::{Scope, chain};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::causes::{innermost, words};
use crate::call::Call;
use crate::credentials::{CredentialError, Credentials};
use crate::error::{Error, Refusal};
use crate::link::Link;
use crate::list::List;
use crate::place::Place;

/// The most bytes that are read of an answer that is read completely.
const MOST: usize = 64 << 20;

/// The most bytes that are read of an error response.
const MOST_OF_A_REFUSAL: usize = 64 << 10;

/// The number of objects on a page of a list.
const PAGE: &str = "500";

/// The most objects of a list: more than a cluster can have pods.
const MOST_OBJECTS: usize = 500_000;

/// A client of one API server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) inner: kube::Client,
    pub(crate) place: Arc<Place>,
    pub(crate) scope: Scope,
    /// How far this machine's clock is behind that of the API server, in seconds.
    pub(crate) clock: Arc<AtomicI64>,
    pub(crate) link: Link,
    pub(crate) credentials: Credentials,
}

impl Client {
    /// Reads an object.
    pub(crate) async fn get<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.read(call, None, Vec::new()).await
    }

    /// Reads a complete list, page by page. All pages show the same moment if the API server still
    /// has that version.
    pub(crate) async fn list<T: DeserializeOwned>(&self, call: &Call) -> Result<List<T>, Error> {
        self.wait(call, call.whole_limit(), self.pages(call)).await
    }

    async fn pages<T: DeserializeOwned>(&self, call: &Call) -> Result<List<T>, Error> {
        let mut all: List<T> =
            self.read(&call.clone().with("limit", PAGE), None, Vec::new()).await?;
        while !all.metadata.next.is_empty() {
            if all.items.len() > MOST_OBJECTS {
                let reason = format!("the list has more than {MOST_OBJECTS} objects");
                return Err(Error::broken(call, reason));
            }
            let page = call.clone().with("limit", PAGE).with("continue", all.metadata.next.clone());
            let next: List<T> = self.read(&page, None, Vec::new()).await?;
            all.items.extend(next.items);
            all.metadata.next = next.metadata.next;
        }
        Ok(all)
    }

    /// Reads the beginning of a list, up to a number of pages. Returns whether there are more
    /// pages.
    pub(crate) async fn list_begin<T: DeserializeOwned>(
        &self,
        call: &Call,
        pages: usize,
    ) -> Result<(Vec<T>, bool), Error> {
        let mut items = Vec::new();
        let mut next = String::new();
        for _ in 0..pages {
            let mut page = call.clone().with("limit", PAGE);
            if !next.is_empty() {
                page = page.with("continue", next);
            }
            let list: List<T> = self.read(&page, None, Vec::new()).await?;
            items.extend(list.items);
            next = list.metadata.next;
            if next.is_empty() {
                break;
            }
        }
        Ok((items, !next.is_empty()))
    }

    /// Creates an object. Returns the object as the API server stored it.
    pub(crate) async fn create<T: DeserializeOwned>(
        &self,
        call: &Call,
        object: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(object).map_err(|error| Error::broken(call, error))?;
        self.read(call, Some("application/json"), body).await
    }

    /// Changes an object. The answer is the whole object, also if the user may change only a part
    /// of it.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        call: &Call,
        change: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(change).map_err(|error| Error::broken(call, error))?;
        // A strategic merge patch merges lists by the names of their elements.
        self.read(call, Some("application/strategic-merge-patch+json"), body).await
    }

    /// Deletes an object if it still has this `uid`. An empty `uid` matches every object of that
    /// name. The request is also sent after the command was canceled.
    pub(crate) async fn delete(&self, call: &Call, uid: &str) -> Result<(), Error> {
        let mut options = serde_json::json!({ "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0 });
        if !uid.is_empty() {
            options["preconditions"] = serde_json::json!({ "uid": uid });
        }
        let body = serde_json::to_vec(&options).map_err(|error| Error::broken(call, error))?;
        let _removed: serde_json::Value = self.read(call, Some("application/json"), body).await?;
        Ok(())
    }

    /// Opens a stream of bytes, such as a log or a watch. The time limit applies to the beginning
    /// of the answer; an open stream may be silent for any time, but ends with an error if the link
    /// is dead. Returns `None` if the answer has no content (204).
    pub(crate) async fn stream(
        &self,
        call: &Call,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
        let answer = self.send(call, None, Vec::new()).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let open = Open {
            data: answer.into_body().into_data_stream().boxed(),
            client: self.clone(),
            call: call.clone(),
        };
        // The stream keeps the future of a step, so that questions about the link go on where the
        // caller stops to wait.
        let stream = futures_util::stream::unfold(Some(open), async |open| open?.step().await);
        Ok(Some(stream.fuse().boxed()))
    }

    /// Waits until the link to the API server is dead.
    pub(crate) async fn dead(&self) {
        self.link.dead(|| self.answers()).await;
    }

    /// Whether the link to the API server is dead.
    pub(crate) async fn is_dead(&self) -> bool {
        self.link.is_dead(|| self.answers()).await
    }

    /// Returns why a stream is given up whose link is dead.
    pub(crate) fn no_sign_of_life(&self) -> String {
        format!("nothing has come from the cluster for {} s", self.link.limits().total().as_secs())
    }

    /// Whether the API server answers a small question. Any answer counts, a refusal too.
    async fn answers(&self) -> bool {
        let Ok(request) = Call::version().request(None, Body::from(Vec::new())) else {
            return true;
        };
        self.inner.send(request).await.is_ok()
    }

    /// Opens a WebSocket. The connection speaks `v5.channel.k8s.io`, in which input can be closed,
    /// or `v4.channel.k8s.io`. Each message begins with the number of its channel. An open
    /// connection has no time limit: the caller keeps it alive and closes it.
    pub(crate) async fn connect(&self, call: &Call) -> Result<Connection, Error> {
        let request = call.request(None, Vec::new()).map_err(|error| Error::broken(call, error))?;
        let connected =
            async { self.inner.connect(request).await.map_err(|error| self.explain(call, error)) };
        self.wait(call, call.limit(), connected).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        call: &Call,
        content_type: Option<&'static str>,
        body: Vec<u8>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let answer = self.send(call, content_type, body).await?;
        let rest = call.whole_limit().saturating_sub(begun.elapsed());
        let whole = async {
            let body = Limited::new(answer.into_body(), MOST).collect().await;
            body.map_err(|error| Error::broken(call, words(&*error)))
        };
        let bytes = self.wait(call, rest, whole).await?.to_bytes();
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::broken(call, format!("the answer is not understood: {error}")))
    }

    /// Sends a request. An error status is returned as an error.
    async fn send(
        &self,
        call: &Call,
        content_type: Option<&'static str>,
        body: Vec<u8>,
    ) -> Result<Response<Body>, Error> {
        let request = call
            .request(content_type, Body::from(body))
            .map_err(|error| Error::broken(call, error))?;
        let sent =
            async { self.inner.send(request).await.map_err(|error| self.explain(call, error)) };
        let answer = self.wait(call, call.limit(), sent).await?;
        self.link.note_answer();
        self.set_clock(&answer);
        if answer.status().is_success() {
            return Ok(answer);
        }
        let code = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MOST_OF_A_REFUSAL).collect();
        let body = self
            .wait(call, call.limit(), async {
                Ok(body.await.map(http_body_util::Collected::to_bytes).unwrap_or_default())
            })
            .await?;
        Err(self.refused(call, Refusal::read(code, &body)))
    }

    /// Returns the time by the clock of the API server, as of its last answer. The times of objects
    /// come from that clock, or from the clocks of nodes.
    pub(crate) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(SignedDuration::from_secs(self.clock.load(Ordering::Relaxed)))
            .unwrap_or(now)
    }

    fn set_clock(&self, answer: &Response<Body>) {
        let told = answer.headers().get("date").and_then(|date| date.to_str().ok());
        let told = told.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(told) = told {
            // The `Date` header has whole seconds, so a clock that is right is not moved.
            let behind = told.timestamp().duration_since(Timestamp::now()).as_secs();
            self.clock.store(if behind.abs() <= 1 { 0 } else { behind }, Ordering::Relaxed);
        }
    }

    /// Waits for an answer until the time limit, or until the command ends.
    async fn wait<T>(
        &self,
        call: &Call,
        limit: Duration,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.expect_sendable(call)?;
        tokio::select! {
            biased;
            answer = answer => answer,
            () = tokio::time::sleep(limit) => {
                Err(Error::Silent { place: Arc::clone(&self.place), call: Box::new(call.clone()), waited: limit })
            }
            () = self.scope.expired(call.cleans_up) => Err(Error::Canceled { call: Box::new(call.clone()) }),
        }
    }

    /// Fails if this request is not sent: after cancellation, only cleanup is.
    pub(crate) fn expect_sendable(&self, call: &Call) -> Result<(), Error> {
        if self.scope.is_canceled() && !call.cleans_up {
            return Err(Error::Canceled { call: Box::new(call.clone()) });
        }
        Ok(())
    }

    fn refused(&self, call: &Call, refusal: Refusal) -> Error {
        // A server, or a proxy before it, may repeat the request's headers.
        let message = self.credentials.taken_out(refusal.message);
        let refusal = Refusal { message, ..refusal };
        Error::Refused { call: Box::new(call.clone()), refusal, place: Arc::clone(&self.place) }
    }

    fn explain(&self, call: &Call, error: kube::Error) -> Error {
        match error {
            kube::Error::Api(status) => {
                let refusal =
                    Refusal { code: status.code, reason: status.reason, message: status.message };
                self.refused(call, refusal)
            }
            kube::Error::UpgradeConnection(
                kube::client::UpgradeConnectionError::ProtocolSwitch(code),
            ) => self.refused(
                call,
                Refusal { code: code.as_u16(), reason: String::new(), message: String::new() },
            ),
            kube::Error::Service(error) if error.is::<CredentialError>() => {
                Error::Credentials { place: Arc::clone(&self.place), reason: error.to_string() }
            }
            kube::Error::Service(_) | kube::Error::HyperError(_) => {
                Error::Unreachable { place: Arc::clone(&self.place), reason: innermost(&error) }
            }
            error => Error::broken(call, chain(&error)),
        }
    }
}

/// An open stream.
struct Open {
    data: BoxStream<'static, Result<Bytes, kube::Error>>,
    client: Client,
    call: Call,
}

impl Open {
    /// Returns the next piece, and the stream unless it is given up.
    async fn step(mut self) -> Option<(Result<Bytes, Error>, Option<Self>)> {
        let piece = tokio::select! {
            biased;
            piece = self.data.next() => piece?,
            () = self.client.dead() => {
                let dead = Error::broken(&self.call, self.client.no_sign_of_life());
                return Some((Err(dead), None));
            }
        };
        self.client.link.note_answer();
        let piece = piece.map_err(|error| Error::broken(&self.call, words(&error)));
        Some((piece, Some(self)))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("place", &self.place).finish_non_exhaustive()
    }
}
