//! The engine's own clock, which its answers tell (RFC 9110, `Date`): what the engine made is dated by it, and the client's
//! may be minutes or years off.

use bytes::Bytes;
use hyper::Request;
use hyper::header::{DATE, HeaderMap};
use jiff::Timestamp;

use crate::transport::{Body, Kind, MAX_ANSWER};
use crate::{Engine, Error};

/// When an answer was given, to the second; nothing where it does not tell.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

impl Engine {
    /// Sends a request and reads the whole answer, and when it was given.
    pub(crate) async fn fetch_dated(&self, request: Request<Body>) -> Result<(Bytes, Option<Timestamp>), Error> {
        let what = request.uri().path().to_owned();
        let answer = self.transport.send(request).await?;
        let date = date(answer.headers());
        let body = self.transport.pieces(Kind::List, &what, answer).collect(MAX_ANSWER).await?;
        Ok((body, date))
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{DATE, HeaderMap, HeaderValue};

    #[test]
    fn answers_tell_the_engines_time() {
        for (text, expected) in [
            ("Thu, 26 Nov 2026 16:39:10 GMT", Some("2026-11-26T16:39:10Z")),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some("1970-01-01T00:00:00Z")),
            ("yesterday", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static(text))]);
            assert_eq!(super::date(&headers).map(|time| time.to_string()).as_deref(), expected, "{text:?}");
        }
        assert_eq!(super::date(&HeaderMap::new()), None);
    }
}
