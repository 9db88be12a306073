//! The engine's clock, from the `Date` header of its answers (RFC 9110). Objects in the engine are
//! dated by that clock, and the client's clock may differ by minutes or years.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use hyper::Request;
use hyper::header::{DATE, HeaderMap};
use jiff::{SignedDuration, Timestamp};

use crate::transport::{Body, Kind, MAX_ANSWER};
use crate::{Engine, Error};

/// Returns when an answer was given, to the second, or `None` if the answer has no date.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

/// Estimates how far the engine's clock is ahead of the client's, from the date of an answer (to
/// the second) and the client's times of the request and of the answer. Returns zero if both clocks
/// may agree.
pub(crate) fn ahead(date: Timestamp, asked: Timestamp, answered: Timestamp) -> SignedDuration {
    const SECOND: SignedDuration = SignedDuration::from_secs(1);
    let (least, most) =
        (date.duration_since(answered), date.duration_since(asked).saturating_add(SECOND));
    if least <= SignedDuration::ZERO && most >= SignedDuration::ZERO {
        return SignedDuration::ZERO;
    }
    least.saturating_add(most.saturating_sub(least) / 2)
}

/// The estimate of how far the engine's clock is ahead of the client's, in nanoseconds. Cheap to
/// clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skew(Arc<AtomicI64>);

impl Skew {
    /// Updates the estimate from the headers of an answer.
    pub(crate) fn learn(&self, headers: &HeaderMap, asked: Timestamp) {
        if let Some(date) = date(headers) {
            let ahead = ahead(date, asked, Timestamp::now()).as_nanos();
            self.0.store(i64::try_from(ahead).unwrap_or_default(), Ordering::Relaxed);
        }
    }

    fn get(&self) -> SignedDuration {
        SignedDuration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Engine {
    /// Returns the time by the engine's clock: the client's time, corrected with an accuracy of
    /// about a second if the engine's answers differ.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.transport.skew().get()).unwrap_or(now)
    }

    /// Returns a time in the near future by the engine's clock. All events that the engine has now
    /// are before this time.
    pub(crate) fn soon(&self) -> Timestamp {
        const UNCERTAIN: SignedDuration = SignedDuration::from_secs(1);
        let now = self.now();
        if self.transport.skew().get().is_zero() {
            now
        } else {
            now.checked_add(UNCERTAIN).unwrap_or(now)
        }
    }

    /// Sends a request and reads the whole answer. Also returns when the answer was given.
    pub(crate) async fn fetch_dated(
        &self,
        request: Request<Body>,
    ) -> Result<(Bytes, Option<Timestamp>), Error> {
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
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn answers_tell_the_engines_time() {
        for (text, expected) in [
            ("Thu, 26 Nov 2026 16:39:10 GMT", Some("2026-11-26T16:39:10Z")),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some("1970-01-01T00:00:00Z")),
            ("yesterday", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static(text))]);
            assert_eq!(
                super::date(&headers).map(|time| time.to_string()).as_deref(),
                expected,
                "{text:?}"
            );
        }
        assert_eq!(super::date(&HeaderMap::new()), None);
    }

    #[test]
    fn clocks_that_may_be_the_same_are_and_others_are_told_apart() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (date, asked, answered, least, most) in [
            ("2026-11-26T12:00:00Z", "2026-11-26T12:00:00.1Z", "2026-11-26T12:00:00.2Z", 0, 0),
            ("2026-11-26T12:00:00Z", "2026-11-26T12:00:00.9Z", "2026-11-26T12:00:01.2Z", 0, 0),
            // A slow answer reveals little.
            ("2026-11-26T12:00:05Z", "2026-11-26T12:00:00Z", "2026-11-26T12:00:20Z", 0, 0),
            // The client's clock is ahead, and behind.
            (
                "2026-11-26T12:00:00Z",
                "2026-11-26T12:00:30Z",
                "2026-11-26T12:00:30Z",
                -30_000,
                -29_000,
            ),
            (
                "2026-11-26T12:05:00Z",
                "2026-11-26T12:00:00Z",
                "2026-11-26T12:00:00.2Z",
                299_800,
                301_000,
            ),
            (
                "1970-01-01T00:00:00Z",
                "2026-11-26T12:00:00Z",
                "2026-11-26T12:00:00Z",
                -1_795_694_400_000,
                -1_795_694_399_000,
            ),
        ] {
            let ahead = super::ahead(at(date), at(asked), at(answered));
            let range = SignedDuration::from_millis(least)..=SignedDuration::from_millis(most);
            assert!(range.contains(&ahead), "{date} of {asked}: {ahead}");
        }
    }
}
