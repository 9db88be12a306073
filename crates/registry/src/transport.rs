//! Connections: TCP and TLS, with a time limit on every step.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, InvalidMessage, RootCertStore};

use crate::body::{Content, Progress};

const CONNECT: Duration = Duration::from_secs(15);
/// How long a connection may be idle. A connection that is idle for longer may have been closed
/// unnoticed.
const IDLE: Duration = Duration::from_secs(20);
/// How many times the silence limit a registry may take to store a blob, after its last byte.
const FINAL_SILENCES: u32 = 5;

/// A pool of connections to all registries.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Content>,
}

/// Why a request got no response.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection could be established.
    Connect(String),
    /// The server responds, but does not speak TLS.
    PlainHttp,
    /// The server closed the connection during the TLS handshake.
    Handshake(String),
    /// The connection would not be secure.
    Tls(String),
    /// The connection broke.
    Broken(String),
    /// No data arrived for this long.
    Silent(Duration),
}

impl Transport {
    /// Creates a pool that trusts the certificate authorities of the system.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = match builder.clone().with_native_roots() {
            Ok(builder) => builder.with_no_client_auth(),
            Err(error) => {
                // A registry on this machine needs none. The certificates of other registries will
                // not be trusted.
                tracing::debug!(%error, "the system has no certificates of authorities");
                builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
            }
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_keepalive(Some(IDLE));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector.wrap_connector(tcp));
        Ok(Self { client })
    }

    /// Sends a request, and waits for the head of the response.
    pub(crate) async fn send(
        &self,
        request: Request<Content>,
        silence: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        let answered = tokio::time::timeout(silence, self.client.request(request)).await;
        answered.map_err(|_| Failure::Silent(silence))?.map_err(|error| Failure::of(&error))
    }

    /// Like [`send`](Self::send), for a large body of `size` bytes: the limit applies to pauses,
    /// not to the total time.
    pub(crate) async fn send_slowly(
        &self,
        request: Request<Content>,
        progress: &Progress,
        size: u64,
        silence: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        let mut answer = std::pin::pin!(self.client.request(request));
        let (mut before, mut silences) = (0, 0);
        loop {
            if let Ok(answered) = tokio::time::timeout(silence, &mut answer).await {
                return answered.map_err(|error| Failure::of(&error));
            }
            let now = progress.bytes();
            silences = if now == before { silences + 1 } else { 0 };
            let allowed = if now == size { FINAL_SILENCES } else { 0 };
            if silences > allowed {
                return Err(Failure::Silent(silence * silences));
            }
            before = now;
        }
    }
}

impl Failure {
    fn of(error: &ClientError) -> Self {
        match tls_error(error) {
            Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
                Self::PlainHttp
            }
            Some(error) => Self::Tls(error.to_string()),
            None if error.is_connect() && is_hang_up(error) => Self::Handshake(innermost(error)),
            None if error.is_connect() => Self::Connect(innermost(error)),
            None => Self::Broken(innermost(error)),
        }
    }

    /// Reports whether a retry may succeed.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Handshake(_) | Self::Broken(_) | Self::Silent(_))
    }
}

/// Reports whether an existing connection ended before it was used.
fn is_hang_up(error: &(dyn StdError + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let mut kinds =
        chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.any(|kind| {
        matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    })
}

/// Returns the TLS error in a chain of causes.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// Returns an error and its causes. An I/O error does not list the error it wraps among its
/// sources.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn StdError + 'static)| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

/// Returns the last error of a chain, which states what happened ("connection refused"). The errors
/// around it only state "client error".
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}
