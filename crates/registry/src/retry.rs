//! When to try again, and how long to wait.

use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use hyper::header::RETRY_AFTER;
use hyper::{HeaderMap, StatusCode};

/// How patient we are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How often something is tried, the first time included.
    pub(crate) attempts: u32,
    /// The wait after the first failure; doubled after each further one.
    pub(crate) first_wait: Duration,
    /// No wait is longer, whatever the registry asks for.
    pub(crate) longest_wait: Duration,
    /// How long a registry may take for an answer, and a stream may stand still.
    pub(crate) silence: Duration,
    /// How long all of a small answer may take.
    pub(crate) whole: Duration,
}

impl Default for Patience {
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

impl Patience {
    /// The wait after failure number `failures`, counted from 1. A random part of it keeps those apart who failed together.
    pub(crate) fn wait(&self, failures: u32, asked_for: Option<Duration>) -> Duration {
        if let Some(asked_for) = asked_for {
            return asked_for.min(self.longest_wait);
        }
        let doubled = self.first_wait.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.longest_wait);
        // Between three quarters and all of it.
        doubled / 4 * 3 + doubled / 4 * (random() % 256) / 255
    }
}

fn random() -> u32 {
    let word = std::hash::RandomState::new().build_hasher().finish();
    u32::try_from(word & 0xffff_ffff).unwrap_or_default()
}

/// Whether the same request may succeed later.
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

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
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
        let patience = Patience::default();
        let first = patience.wait(1, None);
        assert!(first <= Duration::from_millis(300) && first >= Duration::from_millis(225), "{first:?}");
        for failures in 2..100 {
            let (least, most) = (patience.wait(failures, None), patience.longest_wait);
            assert!(least >= patience.first_wait && least <= most, "{failures}: {least:?}");
        }
        assert_eq!(patience.wait(1, Some(Duration::from_secs(2))), Duration::from_secs(2));
        assert_eq!(patience.wait(1, Some(Duration::from_hours(24))), Duration::from_secs(30));
    }

    #[test]
    fn the_registrys_own_word() {
        let of = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(of("Tue, 01 Jan 2999 00:00:00 GMT").unwrap() > Duration::from_hours(24));
        for bad in ["", "soon", "-1"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
