//! Tokens from token servers, and the form of credentials in a header (docker's token
//! authentication, RFC 7617, RFC 6750).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, InvalidHeaderValue};
use hyper::{Method, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use scratchdbg_secrets::Secret;
use serde::Deserialize;

use crate::answer::Refusal;
use crate::body::Content;
use crate::credentials::Credential;
use crate::document;
use crate::error::Error;
use crate::origin::Origin;
use crate::retry;
use crate::session::{Session, request};

/// The largest accepted response. Tokens have some KiB.
const LARGEST: usize = 1024 * 1024;
const CLIENT: &str = "scratchdbg";

/// Returns `Bearer TOKEN`, hidden from debugging output.
pub(crate) fn bearer(token: &Secret) -> Result<HeaderValue, InvalidHeaderValue> {
    secret_header(&format!("Bearer {}", token.reveal()))
}

/// Returns `Basic BASE64`, hidden from debugging output.
pub(crate) fn basic(username: &str, password: &Secret) -> Result<HeaderValue, InvalidHeaderValue> {
    secret_header(&format!(
        "Basic {}",
        STANDARD.encode(format!("{username}:{}", password.reveal()))
    ))
}

fn secret_header(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A token server, and the registry that referred to it.
pub(crate) struct Server<'a> {
    pub(crate) session: &'a Session,
    /// The registry that referred to the server.
    pub(crate) own: &'a Origin,
    pub(crate) realm: &'a str,
    pub(crate) service: Option<&'a str>,
}

/// Not `Debug`: it contains a token.
#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Server<'_> {
    /// Requests a token for `scope`, with the registry's credentials if they may be sent to the
    /// server. Otherwise requests an anonymous token if there are none, and fails if there are.
    ///
    /// Credentials of the server itself are never used: the token goes to the registry, which chose
    /// the server, the service and, by its own name, the scope.
    pub(crate) async fn token(
        &self,
        credential: Option<Credential>,
        scope: &str,
        had_credentials: &mut bool,
    ) -> Result<Result<HeaderValue, InvalidHeaderValue>, Error> {
        let (uri, origin) = self.place()?;
        if credential.is_some() && !self.own.shares_credentials_with(&origin) {
            let (registry, realm) = (self.session.registry.clone(), origin.to_string());
            return Err(Error::ForeignRealm { registry, realm });
        }
        *had_credentials = credential.is_some();
        let refusal = match self.ask(&uri, credential.as_ref(), scope).await? {
            Ok(token) => return Ok(bearer(&token)),
            Err(refusal) => refusal,
        };
        Err(match refusal.status.as_u16() {
            // In OAuth, an expired identity token is a bad request.
            400 | 401 | 403 => Error::Unauthorized {
                registry: self.session.registry.clone(),
                had_credentials: *had_credentials,
            },
            _ => refusal.into_error(&self.session.registry, "a token"),
        })
    }

    /// Returns the server's address, if the registry may refer to it.
    fn place(&self) -> Result<(Uri, Origin), Error> {
        let uri: Option<Uri> = self.realm.parse().ok();
        let place = uri.and_then(|uri| Some((Origin::of(&uri)?, uri)));
        let (origin, uri) =
            place.ok_or_else(|| self.session.protocol("names no token server".into()))?;
        if origin != *self.own && !self.own.may_send_to(&origin) {
            let reason =
                format!("names {origin} as its token server, where nothing safe can come of it");
            return Err(self.session.protocol(reason));
        }
        Ok((uri, origin))
    }

    async fn ask(
        &self,
        uri: &Uri,
        credential: Option<&Credential>,
        scope: &str,
    ) -> Result<Result<Secret, Refusal>, Error> {
        let mut failures = 0;
        loop {
            let request = match credential {
                Some(Credential::Identity(token)) => Some(self.refresh(uri, token, scope)),
                Some(Credential::Login { username, password }) => {
                    self.get(uri, scope).and_then(|mut request| {
                        request
                            .headers_mut()
                            .insert(AUTHORIZATION, basic(username, password).ok()?);
                        Some(request)
                    })
                }
                Some(Credential::Registry(_)) | None => self.get(uri, scope),
            };
            let request = request
                .ok_or_else(|| self.session.protocol("cannot be asked for a token".into()))?;
            let (is_passing, wait, outcome) = match self.session.ask_token_server(request).await {
                // Redirects are not followed: the registry alone names the token server.
                Ok(answer) if answer.status().is_success() => {
                    return self.read(answer).await.map(Ok);
                }
                Ok(answer) => {
                    let wait = retry::retry_after(answer.headers());
                    let refusal = Refusal::read(answer).await;
                    (retry::is_passing(refusal.status), wait, Ok(Err(refusal)))
                }
                Err(failure) => {
                    (failure.is_passing(), None, Err(self.session.failed(failure, "a token")))
                }
            };
            failures += 1;
            if !is_passing || !self.session.policy.may_retry(failures, wait) {
                return outcome;
            }
            self.session.back_off(failures, wait, "a token").await;
        }
    }

    /// Returns `GET realm?service=…&scope=…`, with or without a user.
    fn get(&self, uri: &Uri, scope: &str) -> Option<Request<Content>> {
        let mut parameters: Vec<(&str, &str)> = Vec::new();
        parameters.extend(self.service.map(|service| ("service", service)));
        parameters.extend(scope.split_whitespace().map(|scope| ("scope", scope)));
        let own = uri.query().map(|query| format!("{query}&")).unwrap_or_default();
        let origin = Origin::of(uri)?;
        let uri = origin.uri(&format!("{}?{own}{}", uri.path(), form(&parameters))).ok()?;
        let mut request = request(Method::GET, &uri, Content::bytes(Bytes::new()));
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        Some(request)
    }

    /// Returns `POST realm` with an identity token (OAuth 2, RFC 6749 section 6).
    fn refresh(&self, uri: &Uri, token: &Secret, scope: &str) -> Request<Content> {
        let parameters = BTreeMap::from([
            ("client_id", CLIENT),
            ("grant_type", "refresh_token"),
            ("refresh_token", token.reveal()),
            ("scope", scope),
            ("service", self.service.unwrap_or_default()),
        ]);
        let form = form(&parameters.into_iter().collect::<Vec<_>>());
        let mut request = request(Method::POST, uri, Content::bytes(form.into()));
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form_type);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }

    async fn read(&self, answer: hyper::Response<hyper::body::Incoming>) -> Result<Secret, Error> {
        let body = match document::read(self.session, answer, LARGEST, "a token").await {
            Err(error @ (Error::Slow { .. } | Error::Silent { .. })) => return Err(error),
            body => body.unwrap_or_default(),
        };
        let answer: Option<Answer> = serde_json::from_slice(&body).ok();
        let token = answer
            .and_then(|answer| answer.token.or(answer.access_token))
            .filter(|token| !token.is_empty());
        token
            .map(Secret::new)
            .ok_or_else(|| self.session.protocol("has a token server that gives no token".into()))
    }
}

/// Encodes parameters as `application/x-www-form-urlencoded`, also for queries.
fn form(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The unreserved characters (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes text (RFC 3986 section 2.1).
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_cannot_be_broken_out_of() {
        assert_eq!(
            form(&[("service", "a&b=c d"), ("scope", "repository:x/y:pull,push")]),
            "service=a%26b%3Dc%20d&scope=repository%3Ax%2Fy%3Apull%2Cpush"
        );
    }

    #[test]
    fn headers_are_hidden() {
        let header = basic("user", &Secret::new("hidden-word")).unwrap();
        assert_eq!(header, "Basic dXNlcjpoaWRkZW4td29yZA==");
        let shown = format!("{header:?} {:?}", bearer(&Secret::new("hidden-word")).unwrap());
        assert!(!shown.contains("hidden") && !shown.contains("aGlkZGVu"), "{shown}");
        assert!(bearer(&Secret::new("a\nb")).is_err());
    }
}
