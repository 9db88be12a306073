//! `Authorization` headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::http::HeaderValue;
use scratchdbg_secrets::Secret;

/// Returns the header for a user name and a password (RFC 7617).
pub(crate) fn basic(name: &str, password: &Secret) -> Option<HeaderValue> {
    let pair = STANDARD.encode(format!("{name}:{}", password.reveal()));
    sensitive(&format!("Basic {pair}"))
}

/// Returns the header for a token (RFC 6750), or the predicate of a sentence about the token. White
/// space around it does not belong to it.
pub(crate) fn bearer(token: &Secret) -> Result<HeaderValue, &'static str> {
    let token = token.reveal().trim();
    if token.is_empty() {
        return Err("has no token");
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has characters that no token can have");
    }
    sensitive(&format!("Bearer {token}")).ok_or("cannot be sent")
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_checked_and_not_shown() {
        let long = format!(" {}\r\n", "t".repeat(70_000));
        for (token, expected) in [
            ("abc", Ok("Bearer abc")),
            ("\tabc.d-e_f~+/==\n", Ok("Bearer abc.d-e_f~+/==")),
            (" \n", Err("has no token")),
            ("a\nX-Evil: 1", Err("has characters that no token can have")),
            ("caf\u{e9}", Err("has characters that no token can have")),
            ("a\0b", Err("has characters that no token can have")),
            ("a b", Err("has characters that no token can have")),
        ] {
            let header = bearer(&Secret::new(token));
            assert!(!format!("{header:?}").contains("abc"), "{header:?}");
            let shown =
                header.as_ref().map(|header| header.to_str().unwrap()).map_err(|error| *error);
            assert_eq!(shown, expected);
        }
        assert!(bearer(&Secret::new(long)).is_ok());
        let header = basic("us\u{e9}r", &Secret::new("p\nq")).unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic dXPDqXI6cApx");
        assert_eq!(format!("{header:?}"), "Sensitive");
    }
}
