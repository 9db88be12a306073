//! The detach keys, in Docker's words.

/// What engines take for the detach keys where no others are named.
const DOCKERS: &str = "ctrl-p,ctrl-q";

/// The bytes of the keys that leave a session; of Docker's own where none are named, and none where they cannot be understood.
pub(super) fn keys(named: Option<&str>) -> Vec<u8> {
    codes(named.unwrap_or(DOCKERS)).unwrap_or_default()
}

/// The bytes of keys such as `ctrl-p,ctrl-q` or `ctrl-x,q` (moby/term, `ascii.go`); nothing of what is none.
fn codes(keys: &str) -> Option<Vec<u8>> {
    let code = |key: &str| match (key.as_bytes(), key.strip_prefix("ctrl-").map(str::as_bytes)) {
        ([key], _) => Some(*key),
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
            (Some("no such keys"), b""),
        ] {
            assert_eq!(keys(named), bytes, "{named:?}");
        }
    }
}
