//! Sends requests, waits for answers, and gives up after a time limit. No other module sends
//! requests.
//!
//! Every request has a limit for the first byte of its answer. An answer that is read completely
//! also has a limit for all of it ([`Call::limit`], [`Call::whole_limit`]). Requests end early when
//! the [`Scope`] of the command ends. This module does not retry: only the caller knows whether a
//! second attempt does harm.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body_util::{BodyExt as _, Limited};
use hyper::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kube::client::{Body, Connection};
use scratchdbg_backend::{Scope, chain};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::error::{Error, Refusal};
use crate::list::List;
use crate::place::Place;

/// The most bytes that are read of an answer that is read completely.
const MOST: usize = 64 << 20;

/// The most bytes that are read of an error response.
const MOST_OF_A_REFUSAL: usize = 64 << 10;

/// The number of objects on a page of a list.
const PAGE: &str = "500";

/// A client of one API server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) inner: kube::Client,
    pub(crate) place: Arc<Place>,
    pub(crate) scope: Scope,
    /// How far this machine's clock is behind that of the API server, in seconds.
    pub(crate) clock: Arc<AtomicI64>,
}

impl Client {
    /// Reads an object.
    pub(crate) async fn get<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.read(call, None, Vec::new()).await
    }

    /// Reads a complete list, page by page. All pages show the same moment if the API server still
    /// has that version.
    pub(crate) async fn list<T: DeserializeOwned>(&self, call: &Call) -> Result<List<T>, Error> {
        let mut all: List<T> =
            self.read(&call.clone().with("limit", PAGE), None, Vec::new()).await?;
        while !all.metadata.next.is_empty() {
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
    /// of the answer; an open stream may be silent for any time. Returns `None` if the answer has
    /// no content (204).
    pub(crate) async fn stream(
        &self,
        call: &Call,
    ) -> Result<Option<impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + use<>>, Error>
    {
        let answer = self.send(call, None, Vec::new()).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let call = call.clone();
        let data = answer.into_body().into_data_stream();
        Ok(Some(data.map(move |piece| piece.map_err(|error| Error::broken(&call, words(&error))))))
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
            kube::Error::Auth(error) => {
                Error::Credentials { place: Arc::clone(&self.place), reason: credentials(&error) }
            }
            kube::Error::Service(_) | kube::Error::HyperError(_) => {
                Error::Unreachable { place: Arc::clone(&self.place), reason: innermost(&error) }
            }
            error => Error::broken(call, chain(&error)),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Returns why there are no credentials, in the words of the credential program if there is one.
pub(crate) fn credentials(error: &kube::client::AuthError) -> String {
    match error {
        kube::client::AuthError::AuthExecRun { cmd, out } => {
            let words = String::from_utf8_lossy(&out.stderr);
            let last = words
                .lines()
                .map(str::trim)
                .rfind(|line| !line.is_empty())
                .unwrap_or("it says nothing");
            // The command's environment precedes the program.
            let program = cmd.rsplit_once("}}\" ").map_or(cmd.as_str(), |(_, program)| program);
            format!("`{program}` ended with {}: {last}", out.status)
        }
        error => chain(error),
    }
}

/// Returns the message of the innermost error. The outer errors only state that something failed.
fn innermost(error: &kube::Error) -> String {
    if is_cut(error) {
        return CUT.to_owned();
    }
    sources(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Returns why an answer could not be read to its end.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    if is_cut(error) { CUT.to_owned() } else { chain(error) }
}

const CUT: &str = "the connection was cut";

/// Whether the other side, or something between, closed the connection too early. TLS reports this
/// in words of its own.
fn is_cut(error: &(dyn std::error::Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    sources(error).filter_map(|source| source.downcast_ref::<io::Error>()).any(|error| {
        matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    })
}

/// Returns an error and its causes, the innermost last.
fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_cut_is_told_in_plain_words() {
        for (kind, cut) in [
            (io::ErrorKind::UnexpectedEof, true),
            (io::ErrorKind::ConnectionReset, true),
            (io::ErrorKind::ConnectionRefused, false),
        ] {
            let error = kube::Error::Service(io::Error::new(kind, "without close_notify").into());
            assert_eq!(is_cut(&error), cut, "{kind}");
            assert_eq!(innermost(&error), if cut { CUT } else { "without close_notify" });
            assert_eq!(words(&error) == CUT, cut);
        }
    }
}
