//! Resumes a broken stream where it ended, without losing or repeating a line.
//!
//! An engine can only be asked for the records since a time. Records share timestamps, and time may
//! go back. So this module remembers the *latest* time seen, and how many lines came from the first
//! line with that time on. When asked for records since that time, the engine begins with exactly
//! that first line: all lines before it are older (moby `daemon/logger/loggerutils/logfile.go`
//! drops records until one is not older, and tests none after it). So that many lines are skipped,
//! and the next one is new.

use crate::Timestamp;
use crate::line::Line;

/// How a line relates to the lines before the interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The line is new.
    New,
    /// The line was delivered before: leave it out.
    Seen,
    /// The line is new, and lines that were delivered before are gone because the engine rotated
    /// its log. Lines written in between, from `since` to this line, may be lost.
    NewAfterGap {
        /// The time of the last line that was delivered before.
        since: Timestamp,
    },
}

/// Tracks the position in one container's log. The log must be read with timestamps, and always
/// with the same streams.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    latest: Option<(jiff::Timestamp, Timestamp)>,
    /// How many lines came from the first line at `latest` on.
    since_latest: u64,
    /// How many of those lines the resumed stream has yet to repeat.
    to_skip: u64,
    is_first: bool,
    gap_expected: bool,
}

impl Resume {
    /// Returns the position at the start of the log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Prepares for a new stream after an interruption. Returns the time to ask the engine for,
    /// which is inclusive; `None` asks for everything. (Podman excludes that time: ask it for a
    /// nanosecond less.)
    ///
    /// A line that the interruption left without its end must not have been
    /// [admitted](Self::admit): the new stream sends it again, complete.
    pub fn restart(&mut self) -> Option<jiff::Timestamp> {
        self.to_skip = self.since_latest;
        self.is_first = true;
        self.latest.map(|(at, _)| at)
    }

    /// Declares that the next stream may not continue the last one: the next new line is one after
    /// a gap.
    pub fn expect_gap(&mut self) {
        self.gap_expected = true;
    }

    /// Reports whether [`admit`](Self::admit) would find a gap before this line because it is not
    /// the requested one. A caller with more information may then request more.
    pub fn misses_lines(&self, line: &Line<'_>) -> bool {
        if self.to_skip == 0 || !self.is_first {
            return false;
        }
        let at = line.timestamp.and_then(|stamp| stamp.instant());
        at.is_some() && at != self.latest.map(|(latest, _)| latest)
    }

    /// Classifies the next line. Call it for every line, in order.
    pub fn admit(&mut self, line: &Line<'_>) -> Admission {
        self.admit_at(line, line.timestamp.and_then(|stamp| stamp.instant()))
    }

    /// Like [`admit`](Self::admit), if the line's timestamp has been converted already.
    pub fn admit_at(&mut self, line: &Line<'_>, at: Option<jiff::Timestamp>) -> Admission {
        let misses_lines = self.misses_lines(line);
        self.is_first = false;
        if self.to_skip > 0 {
            match self.latest {
                Some((_, since)) if misses_lines => {
                    self.to_skip = 0;
                    self.note(line.timestamp, at);
                    return Admission::NewAfterGap { since };
                }
                _ => {
                    self.to_skip -= 1;
                    return Admission::Seen;
                }
            }
        }
        let before = self.latest;
        self.note(line.timestamp, at);
        match (std::mem::take(&mut self.gap_expected), before) {
            (true, Some((_, since))) => Admission::NewAfterGap { since },
            _ => Admission::New,
        }
    }

    fn note(&mut self, timestamp: Option<Timestamp>, at: Option<jiff::Timestamp>) {
        if let (Some(instant), Some(stamp)) = (at, timestamp)
            && self.latest.is_none_or(|(latest, _)| instant > latest)
        {
            self.latest = Some((instant, stamp));
            self.since_latest = 0;
        }
        self.since_latest += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Stream;
    use crate::line::Ending;

    fn line(second: i64, text: usize) -> Line<'static> {
        let stamp = jiff::Timestamp::from_second(second).map(|at| format!("{at:.9}")).unwrap();
        Line {
            stream: Stream::Stdout,
            timestamp: Timestamp::new(stamp.as_bytes()),
            text: text.to_string().into_bytes().into(),
            ending: Ending::Lf,
            cut: 0,
            found: None,
            run: None,
        }
    }

    /// Returns the lines that Docker sends when asked for those since a time.
    fn since(log: &[Line<'static>], at: Option<jiff::Timestamp>) -> Vec<Line<'static>> {
        let is_old = |line: &&Line<'_>| line.timestamp.and_then(|stamp| stamp.instant()) < at;
        log.iter().skip_while(is_old).cloned().collect()
    }

    #[test]
    fn a_log_that_was_rotated_away_is_a_gap() {
        let mut resume = Resume::new();
        assert_eq!(resume.restart(), None);
        assert_eq!(resume.admit(&line(10, 0)), Admission::New);
        assert_eq!(resume.restart(), jiff::Timestamp::from_second(10).ok());
        assert_eq!(resume.admit(&line(15, 1)), Admission::NewAfterGap { since: line(10, 0).timestamp.unwrap() });
        assert_eq!(resume.admit(&line(15, 2)), Admission::New);
        resume.restart();
        assert_eq!(resume.admit(&line(15, 1)), Admission::Seen);
        assert_eq!(resume.admit(&line(15, 2)), Admission::Seen);
        assert_eq!(resume.admit(&line(15, 3)), Admission::New);
    }

    #[test]
    fn a_gap_that_is_known_of_is_before_the_next_new_line() {
        let mut resume = Resume::new();
        resume.expect_gap();
        assert_eq!(resume.admit(&line(10, 0)), Admission::New, "nothing was there before");
        resume.expect_gap();
        assert_eq!(resume.admit(&line(11, 1)), Admission::NewAfterGap { since: line(10, 0).timestamp.unwrap() });
        assert_eq!(resume.admit(&line(12, 2)), Admission::New);
    }

    #[test]
    fn lines_without_a_time_are_counted_too() {
        let mut resume = Resume::new();
        let untimed = Line { timestamp: None, ..line(0, 0) };
        for line in [&line(10, 0), &untimed] {
            assert_eq!(resume.admit(line), Admission::New);
        }
        resume.restart();
        for (line, want) in [(&line(10, 0), Admission::Seen), (&untimed, Admission::Seen), (&untimed, Admission::New)] {
            assert_eq!(resume.admit(line), want);
        }
    }

    proptest! {
        /// 35: equal times, and times that go back.
        #[test]
        fn every_line_exactly_once(
            seconds in proptest::collection::vec(0_i64..6, 0..40),
            breaks in proptest::collection::vec(0_usize..12, 0..10),
        ) {
            let log: Vec<_> = seconds.iter().enumerate().map(|(text, second)| line(*second, text)).collect();
            let mut resume = Resume::new();
            let mut got = Vec::new();
            for taken in breaks.into_iter().chain([usize::MAX]) {
                for line in since(&log, resume.restart()).into_iter().take(taken) {
                    match resume.admit(&line) {
                        Admission::New => got.push(line),
                        Admission::Seen => {}
                        Admission::NewAfterGap { .. } => prop_assert!(false, "no gap here"),
                    }
                }
            }
            prop_assert_eq!(got, log);
        }
    }
}
