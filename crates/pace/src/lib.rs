//! How slow a stream may be before it is given up.
//!
//! A limit of silence alone is none: who sends a byte now and then renews it for ever. So what comes is counted against the
//! time in which it was waited for, as curl does with `--speed-limit` and `--speed-time`. The time in which nobody waited,
//! since there was enough to do with what had come, does not count.

use std::time::Duration;

/// The speed of a stream, window by window.
#[derive(Debug, Clone)]
pub struct Pace {
    window: Duration,
    waited: Duration,
    came: u64,
}

impl Pace {
    /// Bytes a second. Less than that, over a whole window, is no transfer.
    pub const LEAST: u64 = 1024;

    /// A stream that has not begun.
    pub fn new(window: Duration) -> Self {
        Self { window, waited: Duration::ZERO, came: 0 }
    }

    /// How much longer it may be waited for before [`waited`](Self::waited) is to be told of it.
    pub fn left(&self) -> Duration {
        self.window.saturating_sub(self.waited)
    }

    /// It was waited for so long, and then so many bytes came, or none yet.
    ///
    /// # Errors
    /// [`TooSlow`] where a window is over, and too little came in it.
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

/// A stream is slower than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSlow {
    /// How long it was waited for.
    pub waited: Duration,
    /// How many bytes came in that time.
    pub came: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// How long a stream is waited for that sends so many bytes each so often; nothing where it may go on.
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
