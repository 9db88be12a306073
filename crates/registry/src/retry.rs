//! Determines when to retry a request, and how long to wait.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use hyper::header::RETRY_AFTER;
use hyper::{HeaderMap, StatusCode};

/// Limits of retries and of waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// The number of attempts, including the first.
    pub(crate) attempts: u32,
    /// The wait after the first failure. The wait doubles with each further failure.
    pub(crate) first_wait: Duration,
    /// The longest wait. If a registry asks for a longer one, the request is given up.
    pub(crate) longest_wait: Duration,
    /// How long a registry may take to respond, and a stream may pause.
    pub(crate) silence: Duration,
    /// How long a small response may take in total.
    pub(crate) whole: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(300),
            longest_wait: Duration::from_secs(30),
            silence: Duration::from_mins(1),
            whole: Duration::from_mins(5),
        }
    }
}

impl RetryPolicy {
    /// Reports whether a request may be sent again after so many failures.
    pub(crate) fn may_retry(&self, failures: u32, retry_after: Option<Duration>) -> bool {
        failures < self.attempts && self.is_worthwhile(retry_after)
    }

    /// Reports whether the wait that a registry asks for is not longer than the longest wait.
    fn is_worthwhile(&self, retry_after: Option<Duration>) -> bool {
        retry_after.is_none_or(|wait| wait <= self.longest_wait)
    }

    /// Returns the wait after failure number `failures`, counted from 1. A random part prevents
    /// clients that failed together from retrying together.
    pub(crate) fn wait(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
        if let Some(retry_after) = retry_after {
            return retry_after.min(self.longest_wait);
        }
        let doubled = self
            .first_wait
            .saturating_mul(1 << failures.saturating_sub(1).min(16))
            .min(self.longest_wait);
        // The result is between three quarters of the wait and all of it.
        doubled / 4 * 3 + doubled / 4 * (random() % 256) / 255
    }
}

/// Waits of at least this length are reported.
const REPORTED_FROM: Duration = Duration::from_secs(2);

/// A function that takes the registry's name and the length of a wait.
type Report = dyn Fn(&str, Duration) + Send + Sync;

/// Reports waits to the user.
#[derive(Clone, Default)]
pub(crate) struct WaitReporter(Option<Arc<Report>>);

impl WaitReporter {
    pub(crate) fn new(report: impl Fn(&str, Duration) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(report)))
    }

    pub(crate) fn report(&self, registry: &str, wait: Duration) {
        if let Some(report) = self.0.as_ref().filter(|_| wait >= REPORTED_FROM) {
            report(registry, wait);
        }
    }
}

impl fmt::Debug for WaitReporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WaitReporter")
    }
}

fn random() -> u32 {
    let word = std::hash::RandomState::new().build_hasher().finish();
    u32::try_from(word & 0xffff_ffff).unwrap_or_default()
}

/// Reports whether the same request may succeed later.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Parses `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit() {
        let policy = RetryPolicy::default();
        let first = policy.wait(1, None);
        assert!(
            first <= Duration::from_millis(300) && first >= Duration::from_millis(225),
            "{first:?}"
        );
        for failures in 2..100 {
            let (least, most) = (policy.wait(failures, None), policy.longest_wait);
            assert!(least >= policy.first_wait && least <= most, "{failures}: {least:?}");
        }
        assert_eq!(policy.wait(1, Some(Duration::from_secs(2))), Duration::from_secs(2));
        assert_eq!(policy.wait(1, Some(Duration::from_hours(24))), Duration::from_secs(30));
        let is_worthwhile = |seconds| policy.is_worthwhile(Some(Duration::from_secs(seconds)));
        assert!(policy.is_worthwhile(None) && is_worthwhile(30) && !is_worthwhile(31));
    }

    #[test]
    fn the_registrys_own_word() {
        let of =
            |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(of("Tue, 01 Jan 2999 00:00:00 GMT").unwrap() > Duration::from_hours(24));
        for bad in ["", "soon", "-1"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
