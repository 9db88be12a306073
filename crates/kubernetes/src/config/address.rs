//! The address of an API server.

use hyper::Uri;

/// Returns an address of HTTP without a user, a password and a query, none of which is used. What
/// connections are made to may be in debugging output.
pub(super) fn bare(address: &Uri) -> Option<String> {
    let scheme = address.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let authority = address.authority()?;
    let host = authority.host();
    let port = authority.port_u16();
    // A port that is none may be a part of a password.
    let (_, of_host) = authority.as_str().rsplit_once('@').unwrap_or(("", authority.as_str()));
    if host.is_empty() || (port.is_none() && of_host.len() > host.len()) {
        return None;
    }
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{host}{port}{}", address.path()))
}

/// Returns an address for messages, without what may belong to a password with a slash.
pub(super) fn shown(address: &Uri) -> String {
    let text = bare(address).unwrap_or_default();
    let end = if address.path().contains('@') { address.path().len() } else { 0 };
    text[..text.len().saturating_sub(end)].trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        for (address, expected) in [
            ("https://u:p@k.example:6443/", Some("https://k.example:6443")),
            ("https://k.example/", Some("https://k.example")),
            ("https://[::1]:6443/c/d/", Some("https://[::1]:6443/c/d")),
            ("https://k.example/c?token=p", Some("https://k.example/c")),
            ("https://u/p@k.example/", Some("https://u")),
            ("https://u:p/p@k.example/", None),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(shown(&address), expected.unwrap_or_default(), "{address}");
            assert_eq!(bare(&address).is_some(), expected.is_some(), "{address}");
        }
    }
}
