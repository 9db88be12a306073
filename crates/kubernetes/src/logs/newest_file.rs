//! Whether a node has rotated away the begin of a log. Pure.
//!
//! A kubelet gives the newest file of a log alone, and says nothing of those before it. It rotates a file of 10 MiB (its
//! default), so what is missing is at least that much. A program that was silent at first has a log that begins late, too: so
//! the lines are said to be missing only where the run would have written several MiB before them, at the speed at which it
//! wrote what is there.

use jiff::{SignedDuration, Timestamp};

/// What came of the log of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewestFile {
    /// The begin of the run.
    pub(crate) begun: Option<Timestamp>,
    /// The first line.
    pub(crate) first: Option<Timestamp>,
    /// The last line.
    pub(crate) last: Option<Timestamp>,
    /// How much came.
    pub(crate) bytes: u64,
}

impl NewestFile {
    /// Less than this is not said to be a log that was rotated.
    const SUBSTANCE: u64 = 64 << 10;

    /// At least this much must be missing. Kubelets may have a smaller limit than the default.
    const MISSING: u64 = 2 << 20;

    /// The time of the first line, if lines before it are missing.
    pub(crate) fn misses_lines_before(self) -> Option<Timestamp> {
        /// The begin is told in whole seconds.
        const SECOND: SignedDuration = SignedDuration::from_secs(1);
        let (begun, first, last) = (self.begun?, self.first?, self.last?);
        let missing = first.duration_since(begun) - SECOND;
        let shown = last.duration_since(first).max(SignedDuration::from_millis(1));
        if self.bytes < Self::SUBSTANCE || !missing.is_positive() {
            return None;
        }
        let volume = u128::from(self.bytes) * missing.as_millis().unsigned_abs() / shown.as_millis().unsigned_abs();
        (volume >= u128::from(Self::MISSING)).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_that_must_have_had_more_miss_lines() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let misses = |begun: i64, first: i64, last: i64, bytes: u64| {
            let file = NewestFile { begun: Some(at(begun)), first: Some(at(first)), last: Some(at(last)), bytes };
            file.misses_lines_before().is_some()
        };
        assert!(misses(0, 30_000, 40_000, 9 << 20), "9 MiB in 10 s, and 30 s before them");
        assert!(!misses(0, 900, 10_000, 9 << 20), "it begins within the second of the begin");
        assert!(!misses(0, 60_000, 61_000, 2000), "a few lines after a minute of silence");
        assert!(!misses(0, 3_600_000, 7_200_000, 1 << 20), "an hour of silence, and 1 MiB in the next");
        assert!(misses(0, 86_400_000, 90_000_000, 5 << 20), "5 MiB in the last hour of a day");
        let none = NewestFile { begun: None, first: None, last: None, bytes: 0 };
        assert_eq!(none.misses_lines_before(), None);
    }
}
