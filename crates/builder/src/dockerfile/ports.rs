//! Parses the words of `EXPOSE` as engines do (`nat.ParsePortSpec`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns the container's port of `[[IP:]HOST:]PORT[-PORT][/PROTOCOL]`.
pub(super) fn exposed(text: &str) -> Result<String, String> {
    read(text).ok_or_else(|| {
        format!("`{text}` is no port: expected PORT[-PORT][/tcp|udp|sctp], as in 8080 or 53/udp")
    })
}

fn read(text: &str) -> Option<String> {
    let (host, port) =
        text.rsplit_once(':').map_or((None, text), |(host, port)| (Some(host), port));
    let (ports, protocol) = port.split_once('/').unwrap_or((port, ""));
    let protocol = protocol.to_ascii_lowercase();
    let (first, last) = range(ports)?;
    if let Some(host) = host {
        let (address, ports) = host.rsplit_once(':').unwrap_or(("", host));
        let is_address = match address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().is_ok() || inner.parse::<IpAddr>().is_ok(),
            None => address.is_empty() || address.parse::<Ipv4Addr>().is_ok(),
        };
        // A range of host ports is for a single port, or for as many.
        let fits = |(begin, end): (u16, u16)| first == last || end - begin == last - first;
        if !is_address || (!ports.is_empty() && !range(ports).is_some_and(fits)) {
            return None;
        }
    }
    let ports = if first == last { first.to_string() } else { format!("{first}-{last}") };
    match protocol.as_str() {
        "" => Some(ports),
        "tcp" | "udp" | "sctp" => Some(format!("{ports}/{protocol}")),
        _ => None,
    }
}

/// Parses a single port, or the ends of a range.
fn range(text: &str) -> Option<(u16, u16)> {
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_number)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_in_every_form_that_docker_takes() {
        for (text, expected) in [
            ("80", Some("80")),
            ("080", Some("80")),
            ("0", Some("0")),
            ("80/", Some("80")),
            ("53/UDP", Some("53/udp")),
            ("8000-8010", Some("8000-8010")),
            ("80-80/tcp", Some("80/tcp")),
            ("127.0.0.1:8080:80/tcp", Some("80/tcp")),
            ("[::1]:80:80", Some("80")),
            (":80", Some("80")),
            ("8080-8081:80", Some("80")),
            ("http", None),
            ("80/icmp", None),
            ("70000", None),
            ("+80", None),
            ("65535-1", None),
            ("80-", None),
            ("1-2-3", None),
            ("99999:80", None),
            ("x:8080:80", None),
            ("::1:80:80", None),
            ("8080-8082:80-81", None),
            ("80:", None),
            ("/tcp", None),
            ("", None),
        ] {
            assert_eq!(exposed(text).ok().as_deref(), expected, "{text}");
        }
    }
}
