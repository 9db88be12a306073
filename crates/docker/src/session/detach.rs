//! Parses detach keys as Docker writes them.

/// The default detach keys of engines.
const DEFAULT_KEYS: &str = "ctrl-p,ctrl-q";

/// Returns the bytes of the detach keys: Docker's defaults if none are given, and none if they are
/// malformed.
pub(super) fn keys(named: Option<&str>) -> Vec<u8> {
    codes(named.unwrap_or(DEFAULT_KEYS)).unwrap_or_default()
}

/// Whether engines understand these detach keys.
pub(crate) fn are_detach_keys(keys: &str) -> bool {
    codes(keys).is_some()
}

/// Returns the bytes of keys such as `ctrl-p,ctrl-q` or `ctrl-x,q` (moby/term, `ascii.go`), or
/// `None` if they are malformed.
fn codes(keys: &str) -> Option<Vec<u8>> {
    const DELETE: u8 = 127;
    let code = |key: &str| match (key.as_bytes(), key.strip_prefix("ctrl-").map(str::as_bytes)) {
        ([key], _) => Some(*key),
        (b"DEL", _) => Some(DELETE),
        (_, Some([letter @ b'a'..=b'z'])) => Some(letter - b'a' + 1),
        (_, Some(b"@")) => Some(0),
        (_, Some([sign @ b'['..=b'_'])) => Some(sign - b'[' + 27),
        _ => None,
    };
    keys.split(',').map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::keys;

    #[test]
    fn detach_keys_are_read_as_docker_writes_them() {
        for (named, bytes) in [
            (None, &b"\x10\x11"[..]),
            (Some("ctrl-x,q"), b"\x18q"),
            (Some("ctrl-@,ctrl-_,ctrl-["), b"\x00\x1f\x1b"),
            (Some("DEL,a"), b"\x7fa"),
            (Some("no such keys"), b""),
        ] {
            assert_eq!(
                super::are_detach_keys(named.unwrap_or("ctrl-p")),
                !bytes.is_empty(),
                "{named:?}"
            );
            assert_eq!(keys(named), bytes, "{named:?}");
        }
    }
}
