//! HTTP to the engine: one connection pool for bollard and for raw requests.
//!
//! bollard's own transports are not used. Version 0.21 negotiates an API version but omits it from
//! the request path (its issue 736), so that the engine responds in its newest version. It also
//! guesses from the first byte how to decode logs, attach and exec streams, which loses bytes. This
//! transport sends the version and returns raw streams as they arrive.

mod connector;
mod handshake;
mod hijack;
mod kind;
mod pieces;
mod timeouts;
mod tls;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use jiff::Timestamp;
use scratchdbg_backend::Scope;

use self::connector::Connector;
pub(crate) use self::handshake::Handshake;
pub(crate) use self::hijack::{Hijacked, Upgraded};
pub(crate) use self::kind::Kind;
pub(crate) use self::pieces::Pieces;
pub(crate) use self::timeouts::Progress;
use crate::api_version::ApiVersion;
use crate::clock::Skew;
use crate::endpoint::Endpoint;
use crate::error::{ApiError, Error};

/// The body of a request: bytes, or a stream of bytes.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// How long an engine may take to accept a connection and to respond to the first request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest response that is read completely. Logs and archives are streamed.
pub(crate) const MAX_ANSWER: usize = 16 << 20;

/// A pool of connections to one engine. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: Client<Connector, Body>,
    version: ApiVersion,
    podman: bool,
    endpoint: Arc<Endpoint>,
    /// The scope that requests belong to.
    scope: Scope,
    skew: Skew,
    /// Set if this engine did not finish a response in time: the time limits of later responses are
    /// shorter then.
    is_slow: Arc<AtomicBool>,
}

/// Returns bytes as a body.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

impl Transport {
    /// Connects and negotiates the API version: the newest that both sides support.
    pub(crate) async fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        Handshake::open(endpoint).await?.ping().await
    }

    /// Returns the negotiated API version.
    pub(crate) fn version(&self) -> ApiVersion {
        self.version
    }

    /// Reports whether the engine is Podman with its Docker-compatible API.
    pub(crate) fn is_podman(&self) -> bool {
        self.podman
    }

    /// Returns a request below `/vX.Y`.
    pub(crate) fn request(
        &self,
        method: Method,
        path_and_query: &str,
        body: Body,
    ) -> Result<Request<Body>, Error> {
        Request::builder()
            .method(method)
            .uri(format!("http://engine/v{}{path_and_query}", self.version))
            .body(body)
            .map_err(|error| Error::transport(path_and_query, error))
    }

    /// Returns a request with a JSON body.
    pub(crate) fn json_request(
        &self,
        method: Method,
        path_and_query: &str,
        body: &impl serde::Serialize,
    ) -> Result<Request<Body>, Error> {
        let body =
            serde_json::to_vec(body).map_err(|error| Error::transport(path_and_query, error))?;
        let mut request = self.request(method, path_and_query, full(body))?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(request)
    }

    /// Returns the same engine for requests that are part of this scope.
    pub(crate) fn within(&self, scope: &Scope) -> Self {
        Self { scope: scope.clone(), ..self.clone() }
    }

    /// Returns the scope that requests belong to.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the estimate of the engine's clock.
    pub(crate) fn skew(&self) -> &Skew {
        &self.skew
    }

    /// Sends a request. An error response is read and returned as [`Error::Api`]. Any status that
    /// does not mean success for this request is an error too.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        self.send_with(request, &Progress::default()).await
    }

    /// Like [`send`](Self::send), for a request with a long body that updates `progress`.
    pub(crate) async fn send_with(
        &self,
        request: Request<Body>,
        progress: &Progress,
    ) -> Result<Response<Incoming>, Error> {
        let what = format!("{} {}", request.method(), request.uri().path());
        let kind = kind_of(&request);
        tracing::trace!(request = %what);
        let sent = async {
            let asked = Timestamp::now();
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| Error::transport(&what, innermost(error)))?;
            self.skew.learn(answer.headers(), asked);
            let status = answer.status();
            if kind.is_done_with(status) {
                return Ok(answer);
            }
            if status.is_client_error() || status.is_server_error() {
                return Err(Error::Api(ApiError {
                    status: status.as_u16(),
                    message: error_message(answer).await,
                }));
            }
            Err(Error::transport(&what, NotAnEngine(status).to_string()))
        };
        self.wait(kind.headers(self.podman), progress, sent).await
    }

    /// Sends a request and reads the complete response.
    pub(crate) async fn fetch(&self, request: Request<Body>) -> Result<Bytes, Error> {
        let mut pieces = self.stream(request).await?;
        pieces.collect(MAX_ANSWER).await
    }

    /// Sends a request and returns the response in chunks as they arrive.
    pub(crate) async fn stream(&self, request: Request<Body>) -> Result<Pieces, Error> {
        let (kind, what) = (kind_of(&request), request.uri().path().to_owned());
        let answer = self.send(request).await?;
        Ok(self.pieces(kind, &what, answer))
    }

    /// Returns the body of a response.
    pub(crate) fn pieces(&self, kind: Kind, what: &str, answer: Response<Incoming>) -> Pieces {
        Pieces::new(self.clone(), kind, what.to_owned(), answer.into_body())
    }

    /// Waits for a request of bollard.
    pub(crate) fn ask<T>(
        &self,
        kind: Kind,
        request: impl Future<Output = Result<T, bollard::errors::Error>> + Send,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        // bollard's futures are large.
        let request = Box::pin(request);
        async move {
            let answer =
                async { request.await.map_err(|error| Error::bollard(kind.words(), error)) };
            self.wait(kind, &Progress::default(), answer).await
        }
    }

    /// Returns a bollard client on this pool, to be used with [`Transport::ask`]. Its own time
    /// limit covers only the time until the headers of a response, and ours is shorter.
    pub(crate) fn bollard(&self) -> Result<bollard::Docker, Error> {
        const HEADERS_WITHIN_SECONDS: u64 = 3600;
        let transport = self.clone();
        bollard::Docker::connect_with_custom_transport(
            move |request| transport.send_for_bollard(request),
            Some("http://engine"),
            HEADERS_WITHIN_SECONDS,
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|error| Error::bollard("connect", error))
    }

    fn send_for_bollard(
        &self,
        request: bollard::BollardRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Incoming>, bollard::errors::Error>> + Send>>
    {
        let transport = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            parts.uri = versioned(&parts.uri, transport.version)?;
            tracing::trace!(method = %parts.method, uri = %parts.uri);
            let request =
                Request::from_parts(parts, body.map_err(std::io::Error::other).boxed_unsync());
            let kind = kind_of(&request);
            let answer = transport.client.request(request).await;
            let answer = answer.map_err(|error| std::io::Error::other(innermost(error)))?;
            let status = answer.status();
            // bollard treats too many statuses as success.
            let is_error = status.is_client_error() || status.is_server_error();
            if !is_error && !kind.is_done_with(status) {
                return Err(std::io::Error::other(NotAnEngine(status)).into());
            }
            Ok(answer)
        })
    }
}

/// Adds the API version before the path.
fn versioned(uri: &Uri, version: ApiVersion) -> Result<Uri, bollard::errors::Error> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(Uri::builder()
        .scheme("http")
        .authority("engine")
        .path_and_query(format!("/v{version}{path}"))
        .build()?)
}

fn kind_of<B>(request: &Request<B>) -> Kind {
    Kind::of(request.method(), request.uri().path_and_query().map_or("/", |path| path.as_str()))
}

/// The response does not come from an engine.
#[derive(Debug, thiserror::Error)]
#[error("it answers {0}, as no engine does: is there something else at this address?")]
struct NotAnEngine(StatusCode);

/// An error of any kind.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Returns the last error of a chain, which states what happened ("connection refused"). The errors
/// around it only state "client error".
fn innermost(error: impl std::error::Error + Send + Sync + 'static) -> BoxError {
    let mut current: &dyn std::error::Error = &error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string().into()
}

/// Returns the `message` of an error response, or its text if it is not the JSON that the API
/// specifies.
async fn error_message(answer: Response<Incoming>) -> String {
    #[derive(serde::Deserialize)]
    struct ErrorAnswer {
        message: String,
    }
    let status = answer.status();
    let body = http_body_util::Limited::new(answer.into_body(), MAX_ANSWER);
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    match serde_json::from_slice::<ErrorAnswer>(&body) {
        Ok(answer) => answer.message,
        Err(_) if body.is_empty() => status.to_string(),
        Err(_) => String::from_utf8_lossy(&body).trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_on_the_wire() {
        let uri: Uri = "http://engine/containers/web/json?size=true".parse().unwrap();
        let version = "1.41".parse().unwrap();
        assert_eq!(
            versioned(&uri, version).unwrap(),
            "http://engine/v1.41/containers/web/json?size=true"
        );
    }
}
