//! Connections: TCP and TLS, with a limit of time on every step.

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
/// A connection that was idle for longer may be gone without our knowing.
const IDLE: Duration = Duration::from_secs(20);
/// After the last byte of a blob a registry may take as many silences to store it.
const SILENCES_AT_THE_END: u32 = 5;

/// A pool of connections to all registries.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Content>,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection.
    Connect(String),
    /// The other side speaks, and not TLS.
    PlainHttp,
    /// The other side hangs up on TLS.
    Handshake(String),
    /// A connection that would not be safe.
    Tls(String),
    /// The connection broke.
    Broken(String),
    /// Nothing came for this long.
    Silent(Duration),
}

impl Transport {
    /// Trusts the authorities that the system trusts.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = match builder.clone().with_native_roots() {
            Ok(builder) => builder.with_no_client_auth(),
            Err(error) => {
                // A registry on this machine needs none; any other will be told to be unknown.
                tracing::debug!(%error, "the system has no certificates of authorities");
                builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
            }
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_keepalive(Some(IDLE));
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector.wrap_connector(tcp));
        Ok(Self { client })
    }

    /// Sends a request, and waits for the beginning of the answer.
    pub(crate) async fn send(
        &self,
        request: Request<Content>,
        silence: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        let answered = tokio::time::timeout(silence, self.client.request(request)).await;
        answered.map_err(|_| Failure::Silent(silence))?.map_err(|error| Failure::of(&error))
    }

    /// The same for a body of `size` bytes that takes its time: what is limited is how long it stands still.
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
            let allowed = if now == size { SILENCES_AT_THE_END } else { 0 };
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
            Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => Self::PlainHttp,
            Some(error) => Self::Tls(error.to_string()),
            None if error.is_connect() && hung_up(error) => Self::Handshake(innermost(error)),
            None if error.is_connect() => Self::Connect(innermost(error)),
            None => Self::Broken(innermost(error)),
        }
    }

    /// Whether the same may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Handshake(_) | Self::Broken(_) | Self::Silent(_))
    }
}

/// A connection that was there, and ended before it was of use.
fn hung_up(error: &(dyn StdError + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let mut kinds = chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.any(|kind| matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

/// What TLS has to do with it.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error and its causes. An I/O error does not count what it wraps among its sources.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn StdError + 'static)| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

/// The last error of a chain says what happened ("connection refused"); those around it say "client error".
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}
