//! The authentication that a registry requires: `WWW-Authenticate` (RFC 9110 section 11.6.1, RFC
//! 6750).

use std::collections::BTreeMap;

use hyper::HeaderMap;
use hyper::header::WWW_AUTHENTICATE;

/// Longer headers are ignored: realm, service and scope have some hundred bytes.
const LONGEST: usize = 16 * 1024;

/// An authentication method that a registry accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A token from the server at `realm`.
    Bearer { realm: String, service: Option<String> },
    /// User name and password.
    Basic,
}

impl Challenge {
    /// Returns the best method in the headers, or `None` if no method is known.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let texts =
            headers.get_all(WWW_AUTHENTICATE).into_iter().filter_map(|value| value.to_str().ok());
        let offers: Vec<_> = texts.filter(|text| text.len() <= LONGEST).flat_map(parse).collect();
        let bearer = offers.iter().find_map(|offer| {
            let realm = offer.parameters.get("realm").filter(|_| offer.scheme == "bearer")?;
            Some(Self::Bearer {
                realm: realm.clone(),
                service: offer.parameters.get("service").cloned(),
            })
        });
        bearer.or_else(|| offers.iter().any(|offer| offer.scheme == "basic").then_some(Self::Basic))
    }
}

/// One challenge of a header.
#[derive(Debug, Default)]
struct Offer {
    scheme: String,
    parameters: BTreeMap<String, String>,
}

/// Parses all challenges of a header, up to the first error.
fn parse(text: &str) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let word;
        (word, rest) = token(rest);
        if word.is_empty() {
            return offers;
        }
        let after = rest.trim_start_matches([' ', '\t']);
        match (after.strip_prefix('='), offers.last_mut()) {
            (Some(value), Some(offer)) => {
                let Some((value, after)) = parameter(value.trim_start_matches([' ', '\t'])) else {
                    return offers;
                };
                offer.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
                rest = after;
            }
            (Some(_), None) => return offers,
            (None, _) => {
                offers.push(Offer { scheme: word.to_ascii_lowercase(), ..Offer::default() });
            }
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte);
    text.split_at(text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len()))
}

/// Parses a token or a quoted string, and returns the text after it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(texts: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(WWW_AUTHENTICATE, text.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) }
    }

    #[test]
    fn challenges_of_real_registries() {
        for (texts, expected) in [
            (
                &[r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#][..],
                Some(bearer("https://auth.docker.io/token", Some("registry.docker.io"))),
            ),
            (
                &[
                    r#"bearer Realm = "https://a/t" , error="insufficient_scope", scope="repository:a/b:pull,push""#,
                ],
                Some(bearer("https://a/t", None)),
            ),
            (&[r#"Basic realm="Registry Realm""#], Some(Challenge::Basic)),
            (&["Basic"], Some(Challenge::Basic)),
            (
                &[r#"Basic realm="x", Bearer realm="https://a/t",service=s"#],
                Some(bearer("https://a/t", Some("s"))),
            ),
            (
                &[r#"Basic realm="x""#, r#"Bearer realm="https://a/t""#],
                Some(bearer("https://a/t", None)),
            ),
            (&[r#"Negotiate, Basic realm="a \"quoted\" word""#], Some(Challenge::Basic)),
            (&[r#"Bearer realm="a", realm="b""#], Some(bearer("a", None))),
        ] {
            assert_eq!(of(texts), expected, "{texts:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends_in_a_result(text in "\\PC{0,60}|[Bb]earer [a-z=\",\\\\ ]{0,40}") {
            let parsed = parse(&text);
            prop_assert!(parsed.iter().all(|offer| !offer.scheme.is_empty()));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_nothing() {
        for text in [
            "",
            "Bearer",
            "Bearer service=x",
            r#"Bearer realm="never ends"#,
            "=x",
            "Digest realm=\"x\"",
            r#"Bearer realm="\"#,
        ] {
            assert_eq!(of(&[text]), None, "{text}");
        }
    }
}
