//! Resumes a broken stream where it ended, without losing or repeating a line.
//!
//! An engine can only be asked for the records since a time. Records share timestamps, and times
//! may go back: the engine stamps standard output and standard error in different threads, and
//! clocks are set. Docker before 23.0 and Podman send every record that is not older than the
//! requested time; later versions of Docker begin with the first such record and send everything
//! after it (moby `daemon/logger/loggerutils`). So positions are not counted. This module remembers
//! the last lines, asks for the records since a little before the last of them, and recognizes each
//! line that was delivered before. As a log keeps its order, everything up to the last of them was
//! delivered, and everything after it is new.

use std::collections::{HashMap, VecDeque};
use std::hash::{Hash as _, Hasher as _};

use jiff::SignedDuration;
use rustc_hash::FxHasher;

use crate::Timestamp;
use crate::line::Line;

/// How far before the last line to begin: records that were still to come may have older
/// timestamps.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);

/// How many lines are remembered at most.
const MAX_REMEMBERED: usize = 1 << 17;

/// How many lines are remembered until old ones are looked for.
const ROUND: usize = 64;

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
    /// The last lines that were delivered, oldest first.
    remembered: VecDeque<Remembered>,
    /// Lines before the remembered ones may be as new as these.
    begins_late: bool,
    /// The latest time of the lines that are no longer remembered.
    forgotten: Option<jiff::Timestamp>,
    /// The time of the last line that has one.
    last: Option<(jiff::Timestamp, Timestamp)>,
    resumed: Option<Resumed>,
    gap_expected: bool,
}

/// A line that was delivered.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    identity: u64,
    at: Option<jiff::Timestamp>,
}

/// What is known of a resumed stream that has not yet had a new line.
#[derive(Clone, Debug)]
struct Resumed {
    /// How many times the stream may still repeat each remembered line.
    repeats: HashMap<u64, u32>,
    /// The latest time of all lines that were delivered.
    latest: Option<jiff::Timestamp>,
    /// The last line that was delivered, and how many times the stream may still repeat it.
    last: (u64, u32),
    /// A remembered line was repeated.
    is_found: bool,
}

impl Resume {
    /// Returns the position at the start of the log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares that older lines of the log were left out, and will not be requested.
    pub fn begin_late(&mut self) {
        self.begins_late = true;
    }

    /// Prepares for a new stream after an interruption. Returns the time to ask the engine for,
    /// which is inclusive; `None` asks for everything. (Podman excludes that time: ask it for a
    /// nanosecond less.)
    ///
    /// A line that the interruption left without its end must not have been
    /// [admitted](Self::admit): the new stream sends it again, complete.
    pub fn restart(&mut self) -> Option<jiff::Timestamp> {
        let mut repeats: HashMap<u64, u32> = HashMap::with_capacity(self.remembered.len());
        for line in &self.remembered {
            *repeats.entry(line.identity).or_default() += 1;
        }
        let latest = self.remembered.iter().map(|line| line.at).max().flatten().max(self.forgotten);
        self.resumed = self.remembered.back().map(|line| {
            let count = repeats.get(&line.identity).copied().unwrap_or_default();
            Resumed { repeats, latest, last: (line.identity, count), is_found: false }
        });
        let (last, _) = self.last?;
        let since = last.checked_sub(OVERLAP).unwrap_or(last);
        let oldest = self.remembered.front().and_then(|line| line.at).filter(|_| self.begins_late);
        Some(oldest.map_or(since, |oldest| since.max(oldest.min(last))))
    }

    /// After [`restart`](Self::restart): returns the index of the first remembered line, if the
    /// last line that was delivered is among these. Then those after it are all that is new.
    pub fn first_known(&self, lines: &[Line<'_>]) -> Option<usize> {
        let resumed = self.resumed.as_ref()?;
        let identity =
            |line: &Line<'_>| identity(line, line.timestamp.and_then(|stamp| stamp.instant()));
        lines.iter().rposition(|line| identity(line) == resumed.last.0)?;
        lines.iter().position(|line| resumed.repeats.contains_key(&identity(line)))
    }

    /// Declares that the next stream may not continue the last one: the next new line is one after
    /// a gap.
    pub fn expect_gap(&mut self) {
        self.gap_expected = true;
    }

    /// Reports whether [`admit`](Self::admit) would find a gap before this line because no line
    /// was repeated before it. A caller with more information may then request more.
    pub fn misses_lines(&self, line: &Line<'_>) -> bool {
        let at = line.timestamp.and_then(|stamp| stamp.instant());
        self.resumed.as_ref().is_some_and(|resumed| {
            resumed.is_after_gap(at) && !resumed.repeats.contains_key(&identity(line, at))
        })
    }

    /// After the end of a stream: returns the time of the last line that was delivered, if the
    /// resumed stream did not repeat it, though it has to. Lines after it may be lost.
    pub fn lost_position(&self) -> Option<Timestamp> {
        let (_, stamp) = self.last?;
        self.resumed.as_ref().is_some_and(|resumed| resumed.last.1 > 0).then_some(stamp)
    }

    /// Classifies the next line. Call it for every line, in order.
    pub fn admit(&mut self, line: &Line<'_>) -> Admission {
        self.admit_at(line, line.timestamp.and_then(|stamp| stamp.instant()))
    }

    /// Like [`admit`](Self::admit), if the line's timestamp has been converted already.
    pub fn admit_at(&mut self, line: &Line<'_>, at: Option<jiff::Timestamp>) -> Admission {
        let identity = identity(line, at);
        let mut is_after_gap = std::mem::take(&mut self.gap_expected);
        if let Some(resumed) = &mut self.resumed {
            if resumed.repeat(identity) {
                self.gap_expected = is_after_gap;
                return Admission::Seen;
            }
            // A line before the last one was delivered before those that are remembered, or is the
            // rest of a line whose beginning is older than what was requested.
            if resumed.last.1 > 0 && at <= resumed.latest {
                self.gap_expected = is_after_gap;
                return Admission::Seen;
            }
            is_after_gap |= resumed.is_after_gap(at);
            self.resumed = None;
        }
        let before = self.last;
        self.remember(Remembered { identity, at }, line.timestamp);
        match before {
            Some((_, since)) if is_after_gap => Admission::NewAfterGap { since },
            _ => Admission::New,
        }
    }

    fn remember(&mut self, line: Remembered, timestamp: Option<Timestamp>) {
        self.remembered.push_back(line);
        if let (Some(at), Some(timestamp)) = (line.at, timestamp) {
            self.last = Some((at, timestamp));
        }
        let count = self.remembered.len();
        if !count.is_multiple_of(ROUND) && count <= MAX_REMEMBERED {
            return;
        }
        let Some((last, _)) = self.last else { return };
        // A resumed stream begins later than this.
        let old = last.checked_sub(OVERLAP * 2).unwrap_or(last);
        while let Some(line) = self.remembered.front().copied() {
            let is_too_many = self.remembered.len() > MAX_REMEMBERED;
            if !is_too_many && (line.at >= Some(old) || self.remembered.len() == 1) {
                return;
            }
            self.begins_late |= is_too_many;
            self.forgotten = self.forgotten.max(line.at);
            self.remembered.pop_front();
        }
    }
}

impl Resumed {
    /// Whether a remembered line with this identity was still to be repeated, and is now.
    fn repeat(&mut self, identity: u64) -> bool {
        let Some(count) = self.repeats.get_mut(&identity).filter(|count| **count > 0) else {
            return false;
        };
        *count -= 1;
        self.last.1 = self.last.1.saturating_sub(u32::from(identity == self.last.0));
        self.is_found = true;
        true
    }

    /// Whether a line of this time, which is none of those remembered, proves that these are gone.
    fn is_after_gap(&self, at: Option<jiff::Timestamp>) -> bool {
        !self.is_found && at.is_some() && at > self.latest
    }
}

/// Identifies a line among those with the same timestamp. Every line is hashed, so the hash is a
/// fast one: lines that share one are told apart by their order.
fn identity(line: &Line<'_>, at: Option<jiff::Timestamp>) -> u64 {
    let mut hasher = FxHasher::default();
    at.hash(&mut hasher);
    line.stream.hash(&mut hasher);
    (line.text.len(), line.cut).hash(&mut hasher);
    hasher.write(&line.text);
    hasher.finish()
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

    /// Returns the lines that an engine sends when asked for those since a time: each line that is
    /// not older, or everything from the first such line on.
    fn since(log: &[Line<'static>], at: Option<jiff::Timestamp>, each: bool) -> Vec<Line<'static>> {
        let is_old = |line: &&Line<'_>| line.timestamp.and_then(|stamp| stamp.instant()) < at;
        if each {
            return log.iter().filter(|line| !is_old(line)).cloned().collect();
        }
        log.iter().skip_while(is_old).cloned().collect()
    }

    /// Reads a log that breaks after so many lines each time, and returns what was delivered.
    fn interrupted(log: &[Line<'static>], breaks: &[usize], each: bool) -> Vec<Line<'static>> {
        let mut resume = Resume::new();
        let mut got = Vec::new();
        for &taken in breaks.iter().chain([&usize::MAX]) {
            for line in since(log, resume.restart(), each).into_iter().take(taken) {
                match resume.admit(&line) {
                    Admission::New => got.push(line),
                    Admission::Seen => {}
                    Admission::NewAfterGap { .. } => panic!("no gap here: {log:?}"),
                }
            }
        }
        got
    }

    #[test]
    fn a_log_that_was_rotated_away_is_a_gap() {
        let mut resume = Resume::new();
        assert_eq!(resume.restart(), None);
        assert_eq!(resume.admit(&line(10, 0)), Admission::New);
        assert_eq!(resume.restart(), jiff::Timestamp::from_second(5).ok());
        assert_eq!(resume.lost_position(), line(10, 0).timestamp, "nothing was repeated");
        assert_eq!(
            resume.admit(&line(15, 1)),
            Admission::NewAfterGap { since: line(10, 0).timestamp.unwrap() }
        );
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
        assert_eq!(
            resume.admit(&line(11, 1)),
            Admission::NewAfterGap { since: line(10, 0).timestamp.unwrap() }
        );
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
        for (line, want) in [
            (&line(10, 0), Admission::Seen),
            (&untimed, Admission::Seen),
            (&untimed, Admission::New),
        ] {
            assert_eq!(resume.admit(line), want);
        }
    }

    /// Docker 20.10 sends no record that is older than the requested time. So a line that is older
    /// than the last one before the interruption, as of the other stream, was lost.
    #[test]
    fn a_line_that_is_older_than_the_last_one_is_not_lost() {
        let log = [line(10, 0), line(12, 1), line(11, 2), line(13, 3)];
        for breaks in 0..4 {
            assert_eq!(interrupted(&log, &[breaks], true), log, "{breaks}");
        }
    }

    #[test]
    fn the_rest_of_a_line_is_no_gap() {
        let mut resume = Resume::new();
        resume.begin_late();
        for (second, text) in [(10, 0), (11, 1)] {
            assert_eq!(resume.admit(&line(second, text)), Admission::New);
        }
        assert_eq!(
            resume.restart(),
            jiff::Timestamp::from_second(10).ok(),
            "not what was left out"
        );
        assert_eq!(
            resume.first_known(&[line(10, 9), line(10, 0), line(11, 1), line(9, 2)]),
            Some(1)
        );
        assert_eq!(resume.first_known(&[line(10, 9), line(10, 0), line(9, 2)]), None);
        for (second, text, want) in
            [(10, 9, Admission::Seen), (11, 1, Admission::Seen), (9, 2, Admission::New)]
        {
            assert_eq!(resume.admit(&line(second, text)), want, "{text}");
        }
    }

    #[test]
    fn more_lines_than_are_remembered_are_not_repeated() {
        let log: Vec<_> = (0..MAX_REMEMBERED + 50)
            .map(|text| line(i64::try_from(text).unwrap() / 100_000, text))
            .collect();
        assert_eq!(interrupted(&log, &[log.len() - 1, 3], true).len(), log.len());
    }

    proptest! {
        /// 35: equal times, and times that go back, by less than the overlap.
        #[test]
        fn every_line_exactly_once(
            seconds in proptest::collection::vec(0_i64..6, 0..40),
            breaks in proptest::collection::vec(0_usize..12, 0..10),
        ) {
            let log: Vec<_> = seconds.iter().enumerate().map(|(text, second)| line(*second, text)).collect();
            for each in [true, false] {
                prop_assert_eq!(&interrupted(&log, &breaks, each), &log);
            }
        }

        /// Times that go back further are no trouble where an engine sends all that follows.
        #[test]
        fn every_line_exactly_once_whatever_the_times(
            seconds in proptest::collection::vec(0_i64..100, 0..40),
            breaks in proptest::collection::vec(0_usize..12, 0..10),
        ) {
            let log: Vec<_> = seconds.iter().enumerate().map(|(text, second)| line(*second, text)).collect();
            prop_assert_eq!(&interrupted(&log, &breaks, false), &log);
        }
    }
}
