//! The HTTP client below the connection: that of `kube`, with sockets that notice a link without a
//! peer, and with credentials of this crate.
//!
//! `kube` sets no options of sockets. Without keep-alive, a stream that only receives, such as a
//! log, waits for ever after a router or firewall on the way has forgotten the connection.

use std::time::Duration;

use base64::Engine as _;
use hyper::Uri;
use hyper::http::HeaderValue;
use hyper::rt::{Read, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::Config;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use rustls_pki_types::ServerName;
use tower::util::MapErrLayer;
use tower_service::Service;

use crate::config::Problem;
use crate::credentials::{AuthorizationLayer, Credentials};

/// How long a connection may bring nothing before the kernel asks the peer for a sign of life.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);

/// The interval between further requests of the kernel.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// How many of them stay without answer before the connection has failed.
const KEEPALIVE_RETRIES: u32 = 3;

/// How long an unused connection is kept. A request after a longer pause opens a new connection,
/// and so finds out whether the link works.
const MAX_IDLE: Duration = Duration::from_secs(5);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Builds the client of a configuration. The configuration has no credentials of its own.
pub(crate) fn client(config: &Config, credentials: &Credentials) -> Result<kube::Client, Problem> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_keepalive(Some(KEEPALIVE_AFTER));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    let Some(proxy) = &config.proxy_url else { return over(config, credentials, tcp) };
    match proxy.scheme_str() {
        Some("socks5") => over(config, credentials, SocksV5::new(proxy.clone(), tcp)),
        Some("http") => over(config, credentials, tunnel(proxy, tcp)),
        Some("https") => {
            let tls = config.rustls_https_connector_with_connector(tcp);
            over(config, credentials, tunnel(proxy, tls.map_err(|_| NO_TLS)?))
        }
        _ => Err(Problem::Other("the address of the proxy is none of http, https or socks5")),
    }
}

/// The error where TLS cannot be prepared. The errors below it may quote certificates.
const NO_TLS: Problem =
    Problem::Other("TLS does not work with the certificate authorities of the cluster or system");

fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    match authorization(proxy) {
        Some(value) => tunnel.with_auth(value),
        None => tunnel,
    }
}

/// Returns the header for a proxy with a user and a password in its address.
fn authorization(proxy: &Uri) -> Option<HeaderValue> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let user: Vec<u8> = percent_encoding::percent_decode_str(user).collect();
    let text = base64::engine::general_purpose::STANDARD.encode(user);
    let mut value = HeaderValue::from_str(&format!("Basic {text}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Puts TLS, the pool of connections, the credentials and the address over a connector.
fn over<C>(
    config: &Config,
    credentials: &Credentials,
    connector: C,
) -> Result<kube::Client, Problem>
where
    C: Service<Uri, Error: Into<Error>, Future: Send> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
{
    let mut tls = config.rustls_client_config().map_err(|_| NO_TLS)?;
    tls.client_auth_cert_resolver = credentials.identities();
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = config.tls_server_name.as_ref().filter(|name| !name.is_empty()) {
        let name = ServerName::try_from(name.clone()).map_err(|_| Problem::Setting {
            setting: "tls-server-name",
            reason: "is no valid name",
        })?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut limited = TimeoutConnector::new(builder.enable_http1().wrap_connector(connector));
    limited.set_connect_timeout(config.connect_timeout);
    let client: Client<_, Body> = Builder::new(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(MAX_IDLE)
        .build(limited);
    let headers = config.extra_headers_layer();
    let headers = headers.map_err(|_| Problem::Other("a setting `as…` has an invalid value"))?;
    Ok(ClientBuilder::new(client, config.default_namespace.clone())
        .with_layer(&MapErrLayer::new(Error::from))
        .with_layer(&headers)
        .with_layer(&AuthorizationLayer(credentials.clone()))
        .with_layer(&config.base_uri_layer())
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_gets_the_user_of_its_address() {
        for (proxy, header) in [
            ("http://proxy.example:3128", None),
            ("http://user:pa%40ss@proxy.example:3128", Some("Basic dXNlcjpwYUBzcw==")),
            ("http://user@proxy.example", Some("Basic dXNlcg==")),
        ] {
            let found = authorization(&proxy.parse().unwrap());
            assert_eq!(found.as_ref().map(|value| value.to_str().unwrap()), header, "{proxy}");
        }
    }

    #[tokio::test]
    async fn other_proxies_are_refused() {
        let mut config = Config::new("https://k.example:6443".parse().unwrap());
        config.proxy_url = Some("ftp://u:SECRET@proxy.example".parse().unwrap());
        let refused = client(&config, &Credentials::none()).err().unwrap();
        assert!(refused.to_string().starts_with("the address of the proxy"), "{refused}");
        for proxy in ["socks5://proxy.example:1080", "http://u:p@proxy.example:3128"] {
            config.proxy_url = Some(proxy.parse().unwrap());
            assert!(client(&config, &Credentials::none()).is_ok(), "{proxy}");
        }
    }
}
