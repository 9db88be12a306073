//! The addresses of engines.

use std::fmt;
use std::path::PathBuf;

use super::{EndpointError, Origin};

/// The address at which an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port, with TLS if there are certificates for it.
    Tcp {
        /// The host name or address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// The TLS settings; `None` means plain text.
        tls: Option<Tls>,
    },
}

/// TLS certificates and keys, as files in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The only trusted authorities. Without them, nothing is verified (`SkipTLSVerify` of a
    /// context).
    pub ca: Option<PathBuf>,
    /// The client's certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Parses `unix:///path`, `tcp://host[:port]`, `http://…` and `https://…`, as Docker's client does.
pub(super) fn parse_address(
    text: &str,
    tls: Option<Tls>,
    origin: &Origin,
) -> Result<Address, EndpointError> {
    let invalid = |reason: &str| EndpointError::InvalidAddress {
        address: text.to_owned(),
        origin: origin.clone(),
        reason: reason.to_owned(),
    };
    let (scheme, rest) = text
        .split_once("://")
        .ok_or_else(|| invalid("it has no kind: write unix:///path or tcp://host:port"))?;
    match scheme {
        "unix" if rest.starts_with('/') => Ok(Address::Unix(PathBuf::from(rest))),
        "unix" => Err(invalid("the path of a socket must be absolute: unix:///path")),
        "tcp" | "http" | "https" => {
            if scheme == "https" && tls.is_none() {
                return Err(invalid(
                    "https needs DOCKER_TLS_VERIFY=1 and the certificates in DOCKER_CERT_PATH",
                ));
            }
            let default_port = if tls.is_some() { 2376 } else { 2375 };
            let (host, port) = split_port(rest.trim_end_matches('/'))
                .ok_or_else(|| invalid("the port is no number"))?;
            if host.contains(['/', '?', '#', '@']) {
                return Err(invalid("only a host and a port may stand behind tcp://"));
            }
            let host = if host.is_empty() { "127.0.0.1" } else { host };
            Ok(Address::Tcp { host: host.to_owned(), port: port.unwrap_or(default_port), tls })
        }
        other => Err(EndpointError::UnsupportedScheme {
            address: text.to_owned(),
            scheme: other.to_owned(),
            origin: origin.clone(),
        }),
    }
}

/// Splits `host:port`, `host`, `[v6]:port` or `[v6]`. Returns `None` if the port is not a number.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp { host, port, .. } if host.contains(':') => {
                write!(formatter, "tcp://[{host}]:{port}")
            }
            Self::Tcp { host, port, .. } => write!(formatter, "tcp://{host}:{port}"),
        }
    }
}
