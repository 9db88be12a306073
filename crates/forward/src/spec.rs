//! What is forwarded, as the command line names it.

use std::fmt;
use std::str::FromStr;

/// `[ADDRESS:]LOCAL:REMOTE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The address of this machine to listen on.
    pub address: String,
    /// The port to listen on; 0 for any.
    pub port: u16,
    /// Where connections go in the target.
    pub remote: Remote,
}

/// A socket in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// A TCP port on the loopback address.
    Port(u16),
    /// A Unix socket: a path, or an abstract name that begins with `@`.
    Unix(String),
}

impl fmt::Display for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(formatter, "port {port}"),
            Self::Unix(path) => formatter.write_str(path),
        }
    }
}

impl Remote {
    /// Returns the address as the launcher takes it.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Port(port) => format!("tcp:{port}"),
            Self::Unix(path) => format!("unix:{path}"),
        }
    }
}

/// A text that names no ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The parts do not make sense.
    #[error("`{0}` is not [ADDRESS:]LOCAL:REMOTE")]
    Form(String),
    /// A part is no port.
    #[error("`{0}` is not a port from 1 to 65535")]
    Port(String),
    /// The path of a Unix socket is none.
    #[error(
        "`{0}` cannot be the path of a Unix socket: an absolute path, or @NAME, of at most 107 bytes"
    )]
    Path(String),
}

/// Only this machine reaches what is forwarded, unless the user says otherwise.
const LOOPBACK: &str = "127.0.0.1";

impl FromStr for Forward {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let form = || Invalid::Form(text.to_owned());
        let (local, remote) = match text.split_once(":unix:") {
            Some((local, path)) => (local, Remote::Unix(path.to_owned())),
            // A port alone is the same on both sides.
            None => match text.rsplit_once(':') {
                Some((local, remote)) => (local, Remote::Port(port(remote)?)),
                None => (text, Remote::Port(port(text)?)),
            },
        };
        if let Remote::Unix(path) = &remote {
            let begins = path.starts_with(['/', '@']) && path.len() > 1;
            if !begins || path.len() > 107 || path.contains('\0') {
                return Err(Invalid::Path(path.clone()));
            }
        }
        let (address, local) = local.rsplit_once(':').unwrap_or((LOOPBACK, local));
        let is_bare = !address.contains(':');
        let address = match address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner,
            None if is_bare => address,
            None => return Err(form()),
        };
        // The resolver takes `0` for all addresses, and `17101` for 0.0.66.205.
        let is_number = address.starts_with(|first: char| first.is_ascii_digit());
        let is_odd = is_number && address.parse::<std::net::IpAddr>().is_err();
        if address.is_empty() || local.is_empty() || is_odd {
            return Err(form());
        }
        let port = if local == "0" { 0 } else { port(local)? };
        Ok(Self { address: address.to_owned(), port, remote })
    }
}

fn port(text: &str) -> Result<u16, Invalid> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|&port| port > 0 && is_number);
    port.ok_or_else(|| Invalid::Port(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_they_are_written() {
        let port = |address: &str, port, remote| {
            Ok(Forward { address: address.to_owned(), port, remote: Remote::Port(remote) })
        };
        assert_eq!("8080:80".parse(), port(LOOPBACK, 8080, 80));
        assert_eq!("80".parse(), port(LOOPBACK, 80, 80));
        assert_eq!("0:80".parse(), port(LOOPBACK, 0, 80));
        assert_eq!("0.0.0.0:8080:80".parse(), port("0.0.0.0", 8080, 80));
        assert_eq!("localhost:8080:80".parse(), port("localhost", 8080, 80));
        assert_eq!("[::1]:8080:80".parse(), port("::1", 8080, 80));
        let unix = |address: &str, port, path: &str| {
            let remote = Remote::Unix(path.to_owned());
            Ok(Forward { address: address.to_owned(), port, remote })
        };
        assert_eq!("5432:unix:/run/pg/.s:1".parse(), unix(LOOPBACK, 5432, "/run/pg/.s:1"));
        assert_eq!("[::]:5432:unix:@x".parse(), unix("::", 5432, "@x"));
        for bad in [
            "",
            ":",
            "x:80",
            "80:x",
            "80:0",
            "80:65536",
            "::1:80:80",
            ":80:80",
            "80:+1",
            "80:-1",
            "0:8080:80",
            "17101:80:90",
        ] {
            assert!(bad.parse::<Forward>().is_err(), "{bad}");
        }
        for bad in ["80:unix:", "80:unix:run/x", "80:unix:/", "x:unix:/a"] {
            assert!(bad.parse::<Forward>().is_err(), "{bad}");
        }
    }
}
