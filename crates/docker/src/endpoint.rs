//! Finds the engine to connect to, by the rules of Docker's own client.
//!
//! The order is that of the client's code: `--context` or `--host`, `DOCKER_HOST`,
//! `DOCKER_CONTEXT`, the current context of the configuration file, the default socket. (Docker's
//! manual puts `DOCKER_CONTEXT` before `DOCKER_HOST`. The code, which users run, does the
//! opposite.)

mod address;
mod context;

use std::fmt;
use std::path::{Path, PathBuf};

use self::address::parse_address;
pub use self::address::{Address, Tls};
pub use self::context::ContextError;
pub(crate) use self::context::all as stored_contexts;

/// The default address of Docker's daemon.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The settings of the user and the environment that select the engine. As in Docker, empty strings
/// count as absent.
#[derive(Debug, Clone, Default)]
pub struct EndpointRequest {
    /// `--host`.
    pub host: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// Whether TLS is used: `--tls`, or `DOCKER_TLS` is present and not empty. `tls_verify` implies
    /// it.
    pub tls: bool,
    /// Whether the engine's certificate is verified: `--tlsverify`, or `DOCKER_TLS_VERIFY` is
    /// present and not empty.
    pub tls_verify: bool,
    /// `--tlscacert`, `--tlscert` and `--tlskey`.
    pub tls_files: TlsFiles,
    /// `DOCKER_CERT_PATH`: the directory of `ca.pem`, `cert.pem` and `key.pem`. By default, the
    /// configuration directory.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`, or `.docker` in the home directory. `None` if neither is known.
    pub config_dir: Option<PathBuf>,
}

/// The files of TLS that the user named. By default, they are in the directory of certificates.
#[derive(Debug, Clone, Default)]
pub struct TlsFiles {
    /// The trusted authorities.
    pub ca: Option<PathBuf>,
    /// The client's certificate.
    pub cert: Option<PathBuf>,
    /// The key of that certificate.
    pub key: Option<PathBuf>,
}

/// An engine's address, and the setting that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address to connect to.
    pub address: Address,
    /// The setting that the address comes from.
    pub origin: Origin,
}

/// The setting that the endpoint comes from. Included in every connection error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--host`.
    HostFlag,
    /// `--context`.
    ContextFlag(String),
    /// `DOCKER_HOST`.
    HostVariable,
    /// `DOCKER_CONTEXT`.
    ContextVariable(String),
    /// `currentContext` in Docker's configuration file.
    CurrentContext(String),
    /// No setting: the default socket.
    Default,
}

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Two flags that exclude each other were given.
    #[error("conflicting options: both --host and --context are given")]
    HostAndContext,
    /// The address is invalid.
    #[error("invalid engine address `{address}` ({origin}): {reason}")]
    InvalidAddress {
        /// The address as given.
        address: String,
        /// The setting that the address comes from.
        origin: Origin,
        /// The problem.
        reason: String,
    },
    /// The scheme of the address is not supported.
    #[error("cannot use the engine address `{address}` ({origin}): `{scheme}` is not supported")]
    UnsupportedScheme {
        /// The address as given.
        address: String,
        /// The scheme.
        scheme: String,
        /// The setting that the address comes from.
        origin: Origin,
    },
    /// The context cannot be read from Docker's context store.
    #[error("{source} ({origin})")]
    Context {
        /// The problem.
        source: ContextError,
        /// The setting that the context comes from.
        origin: Origin,
    },
}

impl Endpoint {
    /// Finds the endpoint. Reads Docker's configuration directory if a context is named or may be
    /// current.
    pub fn resolve(request: &EndpointRequest) -> Result<Self, EndpointError> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let (host, context) = (given(&request.host), given(&request.context));
        if host.is_some() && context.is_some() {
            return Err(EndpointError::HostAndContext);
        }
        if let Some(name) = context {
            return Self::of_context(request, Origin::ContextFlag(name.clone()), &name);
        }
        if let Some(host) = host {
            return Self::of_host(request, &host, Origin::HostFlag);
        }
        if let Some(host) = given(&request.docker_host) {
            return Self::of_host(request, &host, Origin::HostVariable);
        }
        if let Some(name) = given(&request.docker_context) {
            return Self::of_context(request, Origin::ContextVariable(name.clone()), &name);
        }
        let current = request.config_dir.as_deref().map(context::current).transpose();
        let current = current
            .map_err(|source| EndpointError::Context { source, origin: Origin::Default })?
            .flatten();
        match current {
            Some(name) => Self::of_context(request, Origin::CurrentContext(name.clone()), &name),
            None => Ok(Self::default_socket(Origin::Default)),
        }
    }

    fn default_socket(origin: Origin) -> Self {
        Self { address: Address::Unix(PathBuf::from(DEFAULT_SOCKET)), origin }
    }

    /// Returns the endpoint of a flag or a variable. Its TLS settings come from the environment.
    fn of_host(
        request: &EndpointRequest,
        host: &str,
        origin: Origin,
    ) -> Result<Self, EndpointError> {
        let tls = (request.tls || request.tls_verify).then(|| {
            let folder = request
                .cert_path
                .as_deref()
                .or(request.config_dir.as_deref())
                .unwrap_or(Path::new("."));
            let file =
                |given: &Option<PathBuf>, name| given.clone().unwrap_or_else(|| folder.join(name));
            let TlsFiles { ca, cert, key } = &request.tls_files;
            let identity = (file(cert, "cert.pem"), file(key, "key.pem"));
            // A file that was named must exist; whoever reads it says so.
            let has_identity = cert.is_some() || key.is_some() || identity.0.exists();
            Tls {
                ca: request.tls_verify.then(|| file(ca, "ca.pem")),
                identity: has_identity.then_some(identity),
            }
        });
        Ok(Self { address: parse_address(host, tls, &origin)?, origin })
    }

    fn of_context(
        request: &EndpointRequest,
        origin: Origin,
        name: &str,
    ) -> Result<Self, EndpointError> {
        if name == "default" {
            // The default context is not in the store: it consists of the settings in the
            // environment.
            return match request.docker_host.as_deref().filter(|host| !host.is_empty()) {
                Some(host) => Self::of_host(request, host, Origin::HostVariable),
                None => Ok(Self::default_socket(origin)),
            };
        }
        let stored = context::load(request.config_dir.as_deref(), name)
            .map_err(|source| EndpointError::Context { source, origin: origin.clone() })?;
        Ok(Self { address: parse_address(&stored.host, stored.tls, &origin)?, origin })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.address, self.origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostFlag => write!(formatter, "from --host"),
            Self::ContextFlag(name) => write!(formatter, "from --context {name}"),
            Self::HostVariable => write!(formatter, "from DOCKER_HOST"),
            Self::ContextVariable(name) => write!(formatter, "from DOCKER_CONTEXT={name}"),
            Self::CurrentContext(name) => write!(formatter, "from the current context `{name}`"),
            Self::Default => write!(formatter, "the default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &str) -> Address {
        Address::Unix(PathBuf::from(path))
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port, tls: None }
    }

    #[test]
    fn addresses() {
        let cases = [
            ("unix:///run/d.sock", unix("/run/d.sock")),
            ("tcp://10.0.0.1:2375", tcp("10.0.0.1", 2375)),
            ("tcp://build-host", tcp("build-host", 2375)),
            ("tcp://:4243", tcp("127.0.0.1", 4243)),
            ("tcp://[::1]:2375", tcp("::1", 2375)),
            ("tcp://[::1]", tcp("::1", 2375)),
            ("http://h:80/", tcp("h", 80)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_address(text, None, &Origin::HostFlag).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn bad_addresses() {
        for text in [
            "",
            "/var/run/docker.sock",
            "unix://relative",
            "tcp://h:port",
            "tcp://h:1/p",
            "tcp://u@h:1",
            "tcp://[::1",
            "https://h",
        ] {
            let error = parse_address(text, None, &Origin::HostVariable).unwrap_err();
            assert!(error.to_string().contains("DOCKER_HOST"), "{text}: {error}");
        }
        let error = parse_address("ssh://me@host", None, &Origin::HostFlag).unwrap_err();
        assert!(
            matches!(error, EndpointError::UnsupportedScheme { scheme, .. } if scheme == "ssh")
        );
    }

    #[test]
    fn the_order_is_dockers() {
        let home = tempfile::tempdir().unwrap();
        context::tests::write_context(home.path(), "far", "tcp://far:1");
        context::tests::write_context(home.path(), "cur", "tcp://cur:1");
        std::fs::write(home.path().join("config.json"), r#"{"currentContext":"cur"}"#).unwrap();
        let all = EndpointRequest {
            docker_host: Some("tcp://variable:1".to_owned()),
            docker_context: Some("far".to_owned()),
            config_dir: Some(home.path().to_owned()),
            ..EndpointRequest::default()
        };
        let resolve = |request: &EndpointRequest| Endpoint::resolve(request).unwrap().address;
        assert_eq!(
            resolve(&EndpointRequest { host: Some("tcp://flag:1".to_owned()), ..all.clone() }),
            tcp("flag", 1)
        );
        assert_eq!(
            resolve(&EndpointRequest { context: Some("far".to_owned()), ..all.clone() }),
            tcp("far", 1)
        );
        assert_eq!(resolve(&all), tcp("variable", 1));
        let without_host = EndpointRequest { docker_host: None, ..all.clone() };
        assert_eq!(resolve(&without_host), tcp("far", 1));
        let without_variables =
            EndpointRequest { docker_context: Some(String::new()), ..without_host };
        assert_eq!(resolve(&without_variables), tcp("cur", 1));
        let without_config = EndpointRequest { config_dir: None, ..without_variables };
        assert_eq!(resolve(&without_config), unix(DEFAULT_SOCKET));
        let both =
            EndpointRequest { host: Some("a".to_owned()), context: Some("b".to_owned()), ..all };
        assert!(matches!(Endpoint::resolve(&both), Err(EndpointError::HostAndContext)));
    }

    #[test]
    fn tls_of_the_environment() {
        let request = EndpointRequest {
            docker_host: Some("tcp://h".to_owned()),
            tls_verify: true,
            cert_path: Some(PathBuf::from("/certs")),
            ..EndpointRequest::default()
        };
        let tls = Some(Tls { ca: Some(PathBuf::from("/certs/ca.pem")), identity: None });
        let expected = Address::Tcp { host: "h".to_owned(), port: 2376, tls };
        assert_eq!(Endpoint::resolve(&request).unwrap().address, expected);
    }
}
