//! The session with one registry: finds it, authenticates, sends requests and retries them.

mod access;

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use scratchdbg_pace::TooSlow;
use tokio::sync::{Mutex, OnceCell};

use self::access::Access;
use crate::answer::Refusal;
use crate::body::{Content, Progress};
use crate::challenge::Challenge;
use crate::credentials::CredentialStore;
use crate::error::Error;
use crate::origin::Origin;
use crate::retry::{self, RetryPolicy, WaitReporter};
use crate::transport::{Failure, Transport};

/// How often to try to find a registry. An unreachable registry is rarely a temporary problem.
const ATTEMPTS_TO_FIND: u32 = 3;
/// The most redirects of one request.
const MOST_REDIRECTS: usize = 5;
const AGENT: &str = concat!("scratchdbg/", env!("CARGO_PKG_VERSION"));

/// A session with one registry.
#[derive(Debug)]
pub(crate) struct Session {
    /// The registry's name as in image names.
    pub(crate) registry: String,
    pub(crate) policy: RetryPolicy,
    pub(crate) reporter: WaitReporter,
    transport: Transport,
    store: CredentialStore,
    origin: OnceCell<Origin>,
    access: Mutex<Access>,
}

/// A request to a registry that can be sent several times.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// The access that the request needs, in the form of token servers:
    /// `repository:NAME:pull,push`, several separated by spaces.
    pub(crate) scope: &'a str,
    /// The operation, for errors.
    pub(crate) what: &'a str,
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, uri: Uri, scope: &'a str, what: &'a str) -> Self {
        Self { method, uri, headers: Vec::new(), body: Bytes::new(), scope, what }
    }
}

impl Session {
    pub(crate) fn new(
        registry: &str,
        transport: Transport,
        store: CredentialStore,
        policy: RetryPolicy,
    ) -> Self {
        let registry = registry.to_owned();
        let reporter = WaitReporter::default();
        Self {
            registry,
            policy,
            reporter,
            transport,
            store,
            origin: OnceCell::new(),
            access: Mutex::default(),
        }
    }

    /// Returns the session with waits reported to `reporter`.
    pub(crate) fn with_wait_reporter(self, reporter: WaitReporter) -> Self {
        Self { reporter, ..self }
    }

    /// Returns an absolute URI of this registry's API: `/v2/` and `path`.
    pub(crate) async fn uri(&self, path: &str) -> Result<Uri, Error> {
        let origin = self.origin().await?;
        origin
            .uri(&format!("/v2/{path}"))
            .map_err(|error| self.protocol(format!("cannot be asked for {path}: {error}")))
    }

    /// Returns the registry's origin. Finds it with a request (OCI distribution-spec, end-1), whose
    /// response also states how to authenticate.
    async fn origin(&self) -> Result<&Origin, Error> {
        self.origin.get_or_try_init(|| self.find()).await
    }

    async fn find(&self) -> Result<Origin, Error> {
        let mut candidates = Origin::candidates(&self.registry).into_iter().peekable();
        while let Some(origin) = candidates.next() {
            match self.ping(&origin).await {
                Ok(answer) => {
                    let challenge = Challenge::of(answer.headers())
                        .filter(|_| answer.status() == StatusCode::UNAUTHORIZED);
                    tracing::debug!(%origin, status = %answer.status(), "registry found");
                    self.access.lock().await.challenge = challenge;
                    return Ok(origin);
                }
                // The server does not speak TLS. An untrusted certificate is a different error.
                Err(Failure::PlainHttp | Failure::Handshake(_)) if candidates.peek().is_some() => {}
                Err(failure) => return Err(self.failed(failure, "its address")),
            }
        }
        Err(self.protocol("has no address".into()))
    }

    async fn ping(&self, origin: &Origin) -> Result<Response<Incoming>, Failure> {
        let uri = origin.uri("/v2/").map_err(|error| Failure::Connect(error.to_string()))?;
        let mut failures = 0;
        loop {
            let request = request(Method::GET, &uri, Content::bytes(Bytes::new()));
            match self.transport.send(request, self.policy.silence).await {
                Err(failure)
                    if failure.is_passing()
                        && failures + 1 < ATTEMPTS_TO_FIND.min(self.policy.attempts) =>
                {
                    // A registry on this machine that closes a TLS connection may not support TLS.
                    if matches!(failure, Failure::Handshake(_)) && origin.is_loopback() {
                        return Err(failure);
                    }
                    failures += 1;
                    self.back_off(failures, None, "its address").await;
                }
                Ok(answer)
                    if retry::is_passing(answer.status())
                        && self
                            .policy
                            .may_retry(failures + 1, retry::retry_after(answer.headers())) =>
                {
                    failures += 1;
                    self.back_off(failures, retry::retry_after(answer.headers()), "its address")
                        .await;
                }
                answered => return answered,
            }
        }
    }

    /// Sends a request until the response is not a temporary failure. A response without success is
    /// an error.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Response<Incoming>, Error> {
        let mut failures = 0;
        loop {
            let (error, retry_after) = match self.follow(call).await? {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => {
                    let retry_after = retry::retry_after(answer.headers());
                    let refusal = Refusal::read(answer).await;
                    let is_passing = retry::is_passing(refusal.status);
                    let error = refusal.into_error(&self.registry, call.what);
                    if !is_passing {
                        return Err(error);
                    }
                    (error, retry_after)
                }
                Err(failure) if failure.is_passing() => (self.failed(failure, call.what), None),
                Err(failure) => return Err(self.failed(failure, call.what)),
            };
            failures += 1;
            if !self.policy.may_retry(failures, retry_after) {
                return Err(error);
            }
            self.back_off(failures, retry_after, call.what).await;
        }
    }

    /// Waits before the next attempt.
    pub(crate) async fn back_off(&self, failures: u32, retry_after: Option<Duration>, what: &str) {
        let wait = self.policy.wait(failures, retry_after);
        tracing::debug!(registry = %self.registry, what, failures, ?wait, "trying again");
        self.reporter.report(&self.registry, wait);
        tokio::time::sleep(wait).await;
    }

    /// Makes one attempt: follows redirects, and authenticates once if required.
    async fn follow(&self, call: &Call<'_>) -> Result<Result<Response<Incoming>, Failure>, Error> {
        let own = self.origin().await?;
        let (mut uri, mut is_renewed) = (call.uri.clone(), false);
        for _ in 0..=MOST_REDIRECTS + 1 {
            let is_own = Origin::of(&uri).as_ref() == Some(own);
            let mut request = request(call.method.clone(), &uri, Content::bytes(call.body.clone()));
            for (name, value) in &call.headers {
                request.headers_mut().insert(name, value.clone());
            }
            let shown = self.authorization(&uri, call.scope).await?;
            request.headers_mut().extend(shown.clone().map(|shown| (AUTHORIZATION, shown)));
            let answer = match self.transport.send(request, self.policy.silence).await {
                Ok(answer) => answer,
                Err(failure) => return Ok(Err(failure)),
            };
            match answer.status() {
                StatusCode::UNAUTHORIZED if is_own && !is_renewed => {
                    is_renewed = true;
                    self.renew(&answer, call.scope, shown.as_ref()).await?;
                }
                StatusCode::UNAUTHORIZED if is_own => return Err(self.unauthorized().await),
                status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                    uri = self.redirect_target(call, &uri, &answer).await?;
                }
                _ => return Ok(Ok(answer)),
            }
        }
        Err(self.protocol(format!("sends us from one place to the next for {}", call.what)))
    }

    /// Returns where a redirect leads, if that is allowed.
    async fn redirect_target(
        &self,
        call: &Call<'_>,
        from: &Uri,
        answer: &Response<Incoming>,
    ) -> Result<Uri, Error> {
        let keeps_method = matches!(
            answer.status(),
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
        );
        if !keeps_method && !matches!(call.method, Method::GET | Method::HEAD) {
            return Err(self.protocol(format!(
                "sends us elsewhere with {} for {}",
                answer.status(),
                call.what
            )));
        }
        self.location(from, answer, call.what).await
    }

    /// Returns the location in a response, relative or absolute, if a client of this registry may
    /// go there.
    pub(crate) async fn location(
        &self,
        from: &Uri,
        answer: &Response<Incoming>,
        what: &str,
    ) -> Result<Uri, Error> {
        let own = self.origin().await?;
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let location = location
            .ok_or_else(|| self.protocol(format!("does not say where to go for {what}")))?;
        let uri = resolve(from, location).map(|uri| own.with_tls(uri));
        let uri = uri.ok_or_else(|| self.protocol(format!("names no place to go for {what}")))?;
        let here = Origin::of(from).unwrap_or_else(|| own.clone());
        match Origin::of(&uri) {
            Some(there)
                if there == here || (own.may_send_to(&there) && here.may_send_to(&there)) =>
            {
                Ok(uri)
            }
            Some(there) => Err(self.protocol(format!(
                "sends us to {there} for {what}, where nothing safe can come of it"
            ))),
            None => Err(self.protocol(format!("names no place to go for {what}"))),
        }
    }

    /// Sends a blob of `size` bytes, once: sending consumes the content.
    pub(crate) async fn send_blob(
        &self,
        uri: &Uri,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        content: Content,
        progress: &Progress,
        size: u64,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = request(Method::PUT, uri, content);
        request.headers_mut().extend(headers);
        self.transport.send_slowly(request, progress, size, self.policy.silence).await
    }

    /// Sends a request to a token server, without authorization.
    pub(crate) async fn ask_token_server(
        &self,
        request: Request<Content>,
    ) -> Result<Response<Incoming>, Failure> {
        self.transport.send(request, self.policy.silence).await
    }

    pub(crate) fn failed(&self, failure: Failure, what: &str) -> Error {
        let (registry, what) = (self.registry.clone(), what.to_owned());
        match failure {
            Failure::Connect(reason) | Failure::Handshake(reason) => {
                Error::Unreachable { registry, reason }
            }
            Failure::PlainHttp => Error::PlainHttp { registry },
            Failure::Tls(reason) => Error::Tls { registry, reason },
            Failure::Broken(reason) => Error::Broken { registry, what, reason },
            Failure::Silent(after) => Error::Silent { registry, what, after },
        }
    }

    /// Returns the error for a response that stalls. If no response came at all, a retry may help.
    pub(crate) fn too_slow(&self, slow: TooSlow, what: &str) -> Error {
        let (registry, what, after) = (self.registry.clone(), what.to_owned(), slow.waited);
        match slow.came {
            0 => Error::Silent { registry, what, after },
            came => Error::Slow { registry, what, after, came },
        }
    }

    pub(crate) fn protocol(&self, reason: String) -> Error {
        Error::Protocol { registry: self.registry.clone(), reason }
    }
}

/// Returns a request with the headers that all requests have.
pub(crate) fn request(method: Method, uri: &Uri, body: Content) -> Request<Content> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri.clone();
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
    request
}

/// Resolves a reference against its base (RFC 3986 section 5.2, as far as servers use it).
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    if location.contains("://") {
        return location.parse().ok();
    }
    let (scheme, authority) = (base.scheme_str()?, base.authority()?.as_str());
    if let Some(other) = location.strip_prefix("//") {
        return format!("{scheme}://{other}").parse().ok();
    }
    if location.starts_with('/') {
        return format!("{scheme}://{authority}{location}").parse().ok();
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if location.starts_with('?') {
        format!("{}{location}", base.path())
    } else {
        format!("{folder}/{location}")
    };
    format!("{scheme}://{authority}{path}").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any redirect either has an origin that can be checked or is invalid.
        #[test]
        fn any_location_ends_in_a_result(location in "\\PC{0,40}|(https?:)?//[a-z@:\\[\\]./?#%0-9-]{0,30}") {
            let base: Uri = "https://r.example/v2/".parse().unwrap();
            let origin = resolve(&base, &location).map(|uri| Origin::of(&uri));
            if let Some(Some(origin)) = origin {
                prop_assert!(!origin.host.contains('@'));
            }
        }
    }

    #[test]
    fn locations_are_relative_or_absolute() {
        let base: Uri = "https://r.example:5000/v2/app/blobs/uploads/?mount=x".parse().unwrap();
        for (location, expected) in [
            ("/v2/app/1?_state=a%2Fb", "https://r.example:5000/v2/app/1?_state=a%2Fb"),
            ("https://cdn.example/x?y", "https://cdn.example/x?y"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("1234?s=t", "https://r.example:5000/v2/app/blobs/uploads/1234?s=t"),
            ("?s=t", "https://r.example:5000/v2/app/blobs/uploads/?s=t"),
            ("/x#fragment", "https://r.example:5000/x"),
        ] {
            assert_eq!(resolve(&base, location).unwrap().to_string(), expected, "{location}");
        }
        for bad in ["/a b", "https://", "http://[", "/\u{7f}"] {
            assert_eq!(resolve(&base, bad), None, "{bad}");
        }
    }
}
