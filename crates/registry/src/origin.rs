//! Origins of registries, and the rules for which of them a request may be sent to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;

/// The registry of names without a host, and its address.
pub(crate) const HUB: &str = "docker.io";
const HUB_HOST: &str = "registry-1.docker.io";
const HUB_TOKEN_HOST: &str = "auth.docker.io";

/// Scheme, host and port of a URI (RFC 6454). Credentials are sent to exactly one origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) is_encrypted: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// Returns the possible origins of a registry, in the order to try. As in Docker, only a
    /// registry on this machine may do without TLS.
    pub(crate) fn candidates(registry: &str) -> Vec<Self> {
        let registry = if registry == HUB { HUB_HOST } else { registry };
        let (host, port) = match registry.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (registry, None),
        };
        let host = host.to_ascii_lowercase();
        let encrypted = Self { is_encrypted: true, host: host.clone(), port: port.unwrap_or(443) };
        let plain = Self { is_encrypted: false, host, port: port.unwrap_or(80) };
        if plain.is_loopback() { vec![encrypted, plain] } else { vec![encrypted] }
    }

    /// Returns the origin of an absolute `http` or `https` URI.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let is_encrypted = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        // A link with `user:password@host` can disguise its host.
        if authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        let port = authority.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        Some(Self { is_encrypted, host, port })
    }

    /// Returns an absolute URI of this origin.
    pub(crate) fn uri(&self, path_and_query: &str) -> Result<Uri, hyper::http::Error> {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        Uri::builder()
            .scheme(scheme)
            .authority(self.authority())
            .path_and_query(path_and_query)
            .build()
    }

    fn authority(&self) -> String {
        match (self.is_encrypted, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    fn ip(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Reports whether the origin is this machine, so that no network is involved.
    pub(crate) fn is_loopback(&self) -> bool {
        // An address that is not specified leads to this machine too.
        let is_own = |ip: Ipv6Addr| {
            ip.is_loopback() || ip.is_unspecified() || mapped(ip).is_some_and(|ip| ip.is_loopback())
        };
        self.host == "localhost"
            || match self.ip() {
                Some(IpAddr::V4(ip)) => ip.is_loopback(),
                Some(IpAddr::V6(ip)) => is_own(ip),
                None => false,
            }
    }

    /// Reports whether the address is link-local. Metadata services of clouds have such addresses;
    /// registries do not.
    fn is_link_local(&self) -> bool {
        match self.ip() {
            Some(IpAddr::V4(ip)) => is_link_local(ip),
            Some(IpAddr::V6(ip)) => {
                ip.is_unicast_link_local() || mapped(ip).is_some_and(is_link_local)
            }
            None => false,
        }
    }

    /// Reports whether a registry at this origin may redirect to `other`: never from TLS to plain
    /// text, and never from elsewhere to an address that is local to this machine.
    pub(crate) fn may_send_to(&self, other: &Self) -> bool {
        let stays_safe =
            other.is_encrypted || (!self.is_encrypted && self.is_loopback() && other.is_loopback());
        let stays_outside = self.is_loopback() || !other.is_loopback();
        stays_safe && stays_outside && !other.is_link_local()
    }

    /// Returns `uri` with TLS if it is this origin's. A registry behind a TLS proxy may not know of
    /// the proxy and write `http` into links to itself. Such links are requested over TLS.
    pub(crate) fn with_tls(&self, uri: Uri) -> Uri {
        let is_own = |other: &Self| {
            self.is_encrypted
                && !other.is_encrypted
                && self.host == other.host
                && [80, self.port].contains(&other.port)
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        match Self::of(&uri) {
            Some(other) if is_own(&other) => self.uri(path).unwrap_or(uri),
            _ => uri,
        }
    }

    /// Reports whether the token server at `realm` may receive the credentials of the registry at
    /// this origin: it is the same host, or one that controls the registry's name anyway because
    /// the name is in its domain.
    pub(crate) fn shares_credentials_with(&self, realm: &Self) -> bool {
        if !realm.is_encrypted {
            return self == realm;
        }
        let same_host = self.host == realm.host;
        let is_parent = self.ip().is_none()
            && realm.host.contains('.')
            && self.host.strip_suffix(&realm.host).is_some_and(|rest| rest.ends_with('.'));
        let is_hub = self.host == HUB_HOST && realm.host == HUB_TOKEN_HOST;
        self.is_encrypted && (same_host || is_parent || is_hub)
    }
}

fn is_link_local(ip: Ipv4Addr) -> bool {
    ip.is_link_local() || ip.is_unspecified()
}

fn mapped(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    ip.to_ipv4_mapped()
}

/// Formats the origin as `https://host[:port]`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_encrypted { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::of(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn only_this_machine_may_do_without_tls() {
        for (name, expected) in [
            ("docker.io", &["https://registry-1.docker.io"][..]),
            ("Registry.example.com", &["https://registry.example.com"]),
            ("registry.example.com:5000", &["https://registry.example.com:5000"]),
            ("192.168.1.1:5000", &["https://192.168.1.1:5000"]),
            ("localhost:5000", &["https://localhost:5000", "http://localhost:5000"]),
            ("127.3.2.1", &["https://127.3.2.1", "http://127.3.2.1"]),
            ("localhost.example.com", &["https://localhost.example.com"]),
        ] {
            let origins: Vec<_> =
                Origin::candidates(name).iter().map(ToString::to_string).collect();
            assert_eq!(origins, expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_origin() {
        for text in ["ftp://host/", "/path", "https://user:secret@host/"] {
            assert_eq!(Origin::of(&text.parse().unwrap()), None, "{text}");
        }
        assert_eq!(origin("https://HOST:443/x"), origin("https://host"));
    }

    #[test]
    fn where_a_registry_may_send_us() {
        for (from, to, expected) in [
            ("https://r.example", "https://cdn.example", true),
            ("https://r.example", "http://r.example", false),
            ("https://r.example", "http://cdn.example", false),
            ("https://r.example", "http://169.254.169.254", false),
            ("https://r.example", "https://169.254.169.254", false),
            ("https://r.example", "https://[fe80::1]", false),
            ("https://r.example", "https://[::ffff:169.254.169.254]", false),
            ("https://r.example", "https://0.0.0.0", false),
            ("https://r.example", "https://127.0.0.1", false),
            ("https://r.example", "https://[::ffff:7f00:1]", false),
            ("https://r.example", "https://[0:0:0:0:0:ffff:127.0.0.1]", false),
            ("https://r.example", "https://[::]", false),
            ("https://r.example", "https://0.0.0.0", false),
            ("https://r.example", "https://localhost:2375", false),
            ("http://127.0.0.1:5000", "http://127.0.0.1:6000", true),
            ("http://127.0.0.1:5000", "http://cdn.example", false),
            ("http://127.0.0.1:5000", "http://169.254.169.254", false),
            ("http://127.0.0.1:5000", "https://cdn.example", true),
            ("https://localhost:5000", "http://localhost:5000", false),
        ] {
            assert_eq!(origin(from).may_send_to(&origin(to)), expected, "{from} {to}");
        }
    }

    #[test]
    fn links_of_a_registry_to_itself_keep_to_tls() {
        for (from, to, expected) in [
            ("https://r.example", "http://r.example/x?y", "https://r.example/x?y"),
            ("https://r.example:5000", "http://r.example:5000/x", "https://r.example:5000/x"),
            ("https://r.example:5000", "http://r.example/x", "https://r.example:5000/x"),
            ("https://r.example", "http://other.example/x", "http://other.example/x"),
            ("https://r.example", "http://r.example:8080/x", "http://r.example:8080/x"),
            ("https://r.example", "https://cdn.example/x", "https://cdn.example/x"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000/x", "http://127.0.0.1:5000/x"),
        ] {
            assert_eq!(origin(from).with_tls(to.parse().unwrap()), expected, "{from} {to}");
        }
    }

    #[test]
    fn who_is_told_the_password() {
        for (registry, realm, expected) in [
            ("https://r.example", "https://r.example", true),
            ("https://r.example:5000", "https://r.example:5001", true),
            ("https://registry.gitlab.com", "https://gitlab.com", true),
            ("https://registry-1.docker.io", "https://auth.docker.io", true),
            ("https://registry.example", "https://auth.docker.io", false),
            ("https://registry.example", "https://auth.example", false),
            ("https://a.example", "https://b.a.example", false),
            ("https://evilgitlab.com", "https://gitlab.com", false),
            ("https://registry.com", "https://com", false),
            ("https://10.1.2.3", "https://2.3", false),
            ("https://r.example", "http://r.example", false),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000", true),
            ("http://127.0.0.1:5000", "http://127.0.0.1:6000", false),
            ("http://127.0.0.1:5000", "https://127.0.0.1:5000", false),
        ] {
            assert_eq!(
                origin(registry).shares_credentials_with(&origin(realm)),
                expected,
                "{registry} {realm}"
            );
        }
    }
}
