//! Determines whether a node has rotated away the beginning of a log. Pure.
//!
//! A kubelet returns only the newest file of a log, and does not mention earlier files. By default
//! it rotates a file at 10 MiB, so at least that much is missing after a rotation. The log of a
//! program that was silent at first begins late, too. Lines are therefore only reported as missing
//! if the run would have written several MiB before the first line, at the rate at which it wrote
//! the lines that are there.

use jiff::{SignedDuration, Timestamp};

/// The measurements of the log of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewestFile {
    /// The start of the run.
    pub(crate) begun: Option<Timestamp>,
    /// The time of the first line.
    pub(crate) first: Option<Timestamp>,
    /// The time of the last line.
    pub(crate) last: Option<Timestamp>,
    /// The number of bytes that were received.
    pub(crate) bytes: u64,
}

impl NewestFile {
    /// A log with fewer bytes is not considered rotated.
    const SUBSTANCE: u64 = 64 << 10;

    /// The least number of bytes that must be missing. The limit of a kubelet may be lower than the
    /// default.
    const MISSING: u64 = 2 << 20;

    /// Returns the time of the first line if lines before it are missing.
    pub(crate) fn misses_lines_before(self) -> Option<Timestamp> {
        /// The API reports the start of a run in whole seconds.
        const SECOND: SignedDuration = SignedDuration::from_secs(1);
        let (begun, first, last) = (self.begun?, self.first?, self.last?);
        let missing = first.duration_since(begun) - SECOND;
        let shown = last.duration_since(first).max(SignedDuration::from_millis(1));
        if self.bytes < Self::SUBSTANCE || !missing.is_positive() {
            return None;
        }
        let volume = u128::from(self.bytes) * missing.as_millis().unsigned_abs()
            / shown.as_millis().unsigned_abs();
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
            let file = NewestFile {
                begun: Some(at(begun)),
                first: Some(at(first)),
                last: Some(at(last)),
                bytes,
            };
            file.misses_lines_before().is_some()
        };
        assert!(misses(0, 30_000, 40_000, 9 << 20), "9 MiB in 10 s, and 30 s before them");
        assert!(!misses(0, 900, 10_000, 9 << 20), "it begins within the second of the begin");
        assert!(!misses(0, 60_000, 61_000, 2000), "a few lines after a minute of silence");
        assert!(
            !misses(0, 3_600_000, 7_200_000, 1 << 20),
            "an hour of silence, and 1 MiB in the next"
        );
        assert!(misses(0, 86_400_000, 90_000_000, 5 << 20), "5 MiB in the last hour of a day");
        let none = NewestFile { begun: None, first: None, last: None, bytes: 0 };
        assert_eq!(none.misses_lines_before(), None);
    }
}
