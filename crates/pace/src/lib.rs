//! Decides when a stream is too slow and should be given up.
//!
//! A limit on silence alone is not enough: a byte now and then would renew it forever. So the bytes
//! that arrive are compared with the time spent waiting for them, as in curl's `--speed-limit` and
//! `--speed-time`. Time in which nobody waited, because earlier bytes were still being processed,
//! does not count.

use std::time::Duration;

/// Measures the speed of a stream, window by window.
#[derive(Debug, Clone)]
pub struct Pace {
    window: Duration,
    waited: Duration,
    came: u64,
}

impl Pace {
    /// The least speed in bytes per second. A whole window below it counts as no transfer.
    pub const LEAST: u64 = 1024;

    /// Returns the state of a stream that has not begun.
    pub fn new(window: Duration) -> Self {
        Self { window, waited: Duration::ZERO, came: 0 }
    }

    /// Returns how much longer the stream may be waited for before [`waited`](Self::waited) must be
    /// called.
    pub fn left(&self) -> Duration {
        self.window.saturating_sub(self.waited)
    }

    /// Records that the stream was waited for this long and then returned this many bytes, or none
    /// yet.
    ///
    /// # Errors
    /// [`TooSlow`] if a window is over and too few bytes arrived in it.
    pub fn waited(&mut self, time: Duration, came: usize) -> Result<(), TooSlow> {
        self.waited += time;
        self.came = self.came.saturating_add(came as u64);
        if self.waited < self.window {
            return Ok(());
        }
        let (waited, came) = (std::mem::take(&mut self.waited), std::mem::take(&mut self.came));
        if u128::from(came) * 1000 >= u128::from(Self::LEAST) * self.window.as_millis() {
            return Ok(());
        }
        Err(TooSlow { waited, came })
    }
}

/// A stream is too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSlow {
    /// How long the stream was waited for.
    pub waited: Duration,
    /// How many bytes arrived in that time.
    pub came: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// Returns when a stream that sends this many bytes at this interval is given up, or `None` if
    /// it may continue.
    fn given_up_after(first: usize, bytes: usize, every: Duration) -> Option<Duration> {
        let mut pace = Pace::new(MINUTE);
        pace.waited(Duration::ZERO, first).ok()?;
        let mut waited = Duration::ZERO;
        while waited < Duration::from_hours(10) {
            let (time, came) = if every > pace.left() { (pace.left(), 0) } else { (every, bytes) };
            waited += time;
            if pace.waited(time, came).is_err() {
                return Some(waited);
            }
        }
        None
    }

    #[test]
    fn a_drip_is_given_up_and_a_slow_line_is_not() {
        let second = Duration::from_secs(1);
        for (name, first, bytes, every, given_up) in [
            ("a byte a second", 0, 1, second, Some(MINUTE)),
            ("a byte in a while", 0, 1, second * 59, Some(MINUTE)),
            ("nothing", 0, 0, second, Some(MINUTE)),
            ("much at first, and then a byte a second", 10 << 20, 1, second, Some(MINUTE * 2)),
            ("a modem", 0, 2048, second, None),
            ("64 KiB a minute, at once", 0, 64 << 10, second * 50, None),
            ("a fast line", 0, 1 << 20, Duration::from_millis(10), None),
        ] {
            assert_eq!(given_up_after(first, bytes, every), given_up, "{name}");
        }
    }

    #[test]
    fn what_nobody_waited_for_does_not_count() {
        let mut pace = Pace::new(MINUTE);
        for _ in 0..1000 {
            assert_eq!(pace.waited(Duration::ZERO, 1), Ok(()));
        }
        assert_eq!(pace.left(), MINUTE);
        assert_eq!(pace.waited(MINUTE, 7), Err(TooSlow { waited: MINUTE, came: 1007 }));
        assert_eq!(pace.left(), MINUTE, "another window begins");
    }
}
