//! The runs of a container: where they end in its log, and which of them are wanted.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use scratchdbg_backend::{LogSource, RunEnd, RunHistory};
use scratchdbg_logs::when::TimeRange;

use crate::{Error, Notice, Request, Run};

/// The requested part of the log, and the ends of runs that are not yet reported.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub(crate) range: TimeRange,
    untold: VecDeque<RunEnd>,
    /// All ends up to this time are known.
    known: Option<Timestamp>,
    /// The ends of all runs, beginning with the first. `None` if earlier ones may have been
    /// forgotten.
    numbered: Option<Vec<Timestamp>>,
}

impl Runs {
    /// Everything in a time range, without reporting ends.
    pub(crate) fn all(range: TimeRange) -> Self {
        Self { range, ..Self::default() }
    }

    /// Applies a request to the history of a container's runs.
    pub(crate) fn select(
        platform: &'static str,
        request: &Request,
        source: &LogSource,
        history: RunHistory,
    ) -> Result<Self, Error> {
        let RunHistory { ends, is_whole, begins_the_log } = history;
        let known = ends.last().map(|end| end.at);
        let numbered = is_whole.then(|| ends.iter().map(|end| end.at).collect());
        match request.run {
            Some(Run::All) => {
                Ok(Self { range: request.range, untold: ends.into(), known, numbered })
            }
            Some(Run::Back(back)) => {
                let range =
                    range(source, &ends, back, begins_the_log || is_whole).ok_or_else(|| {
                        Error::NoSuchRun { platform, name: source.name.clone(), back }
                    })?;
                Ok(Self { range, untold: VecDeque::new(), known, numbered })
            }
            None => Ok(Self { range: request.range, untold: VecDeque::new(), known, numbered }),
        }
    }

    /// The container was recreated: all of its log is wanted, and its run numbers start again.
    pub(crate) fn begin_anew(&mut self) {
        self.range.since = None;
        self.numbered = Some(Vec::new());
    }

    /// Adds the ends of a new answer of the engine.
    pub(crate) fn learn(&mut self, ends: Vec<RunEnd>) {
        let known = self.known;
        let new: Vec<_> = ends.into_iter().filter(|end| Some(end.at) > known).collect();
        self.known = new.last().map(|end| end.at).or(known);
        self.numbered.iter_mut().for_each(|ends| ends.extend(new.iter().map(|end| end.at)));
        self.untold.extend(new);
    }

    /// Returns the number of the run that a line of this time belongs to, counted from 1.
    pub(crate) fn number(&self, at: Timestamp) -> Option<u32> {
        let ended = self.numbered.as_ref()?.partition_point(|end| *end < at);
        u32::try_from(ended + 1).ok()
    }

    /// Returns the notices to report before a line of this time.
    pub(crate) fn ended_before(&mut self, at: Timestamp) -> Vec<Notice> {
        let mut notices = Vec::new();
        while let Some(end) = self.untold.pop_front_if(|end| end.at < at) {
            notices.push(Notice::RunEnded(end));
        }
        notices
    }

    /// Returns the notices to report at the end.
    pub(crate) fn remaining(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.untold).into_iter().map(Notice::RunEnded).collect()
    }
}

/// Returns the time range of one run, counted from the last.
fn range(
    source: &LogSource,
    ends: &[RunEnd],
    back: usize,
    begins_the_log: bool,
) -> Option<TimeRange> {
    // A busy engine records the start of a run later than the first lines.
    const JUST_BEFORE: SignedDuration = SignedDuration::from_secs(1);
    const NEXT: SignedDuration = SignedDuration::from_nanos(1);
    let goes_on = source.state.has_processes();
    let runs = ends.len() + usize::from(goes_on);
    if back == 0 && runs <= 1 {
        // No known end marks the start of this run.
        let started = source.started_at?;
        // The container's end is the end of its last run, even if the engine recorded a later
        // start: a run can be shorter than the engine takes to record it.
        let earlier_end = source.finished_at.filter(|_| goes_on);
        let since = match earlier_end {
            Some(finished) if finished < started => {
                finished + (started.duration_since(finished) / 2)
            }
            _ => started - JUST_BEFORE,
        };
        let is_first =
            source.restart_count == 0 && earlier_end.is_none_or(|finished| finished >= started);
        return Some(TimeRange {
            since: (!is_first || ends.is_empty()).then_some(since),
            until: None,
        });
    }
    let index = runs.checked_sub(back + 1)?;
    let until = ends.get(index).map(|end| end.at);
    let since = match index.checked_sub(1) {
        Some(before) => Some(ends[before].at + NEXT),
        // Whether the first known run is the first of all, or of those in the log.
        None if begins_the_log => None,
        None if usize::try_from(source.restart_count).is_ok_and(|count| count + 1 == runs) => None,
        None => return None,
    };
    Some(TimeRange { since, until })
}

#[cfg(test)]
mod tests {
    use scratchdbg_backend::Phase;
    use scratchdbg_logs::line::Joining;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn source(state: Phase, started: i64, finished: Option<i64>, restart_count: i64) -> LogSource {
        LogSource {
            id: String::new(),
            name: "web".to_owned(),
            is_found_by_name: false,
            waits_for: None,
            state,
            tty: false,
            joining: Joining::Docker,
            storage: scratchdbg_testkit::fake::storage(),
            started_at: Some(at(started)),
            finished_at: finished.map(at),
            restart_count,
        }
    }

    #[test]
    fn lines_are_of_numbered_runs_where_all_are_known() {
        let end = |second| RunEnd { at: at(second), exit_code: None };
        let mut runs =
            Runs { numbered: Some(vec![at(10)]), known: Some(at(10)), ..Runs::default() };
        assert_eq!((runs.number(at(10)), runs.number(at(11))), (Some(1), Some(2)));
        runs.learn(vec![end(10), end(20)]);
        assert_eq!((runs.number(at(20)), runs.number(at(21))), (Some(2), Some(3)));
        runs.begin_anew();
        assert_eq!(runs.number(at(30)), Some(1));
        let mut forgotten = Runs::default();
        forgotten.learn(vec![end(20)]);
        assert_eq!(forgotten.number(at(30)), None);
    }

    #[test]
    fn runs_lie_between_the_ends() {
        let ends: Vec<_> =
            [10, 20].map(|second| RunEnd { at: at(second), exit_code: Some(1) }).into();
        let range = |source: &LogSource, ends: &[RunEnd], back| {
            let seconds = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
            range(source, ends, back, false)
                .map(|range| (seconds(range.since), seconds(range.until)))
        };
        let running = source(Phase::Running, 21, Some(20), 2);
        assert_eq!(range(&running, &ends, 0), Some((Some(20_000), None)));
        assert_eq!(range(&running, &ends, 1), Some((Some(10_000), Some(20_000))));
        assert_eq!(range(&running, &ends, 2), Some((None, Some(10_000))), "it was the first");
        assert_eq!(range(&running, &ends, 3), None);
        assert_eq!(range(&running, &ends[1..], 1), None, "its begin is not known");
        let exited = source(Phase::Exited, 11, Some(20), 1);
        assert_eq!(range(&exited, &ends, 0), Some((Some(10_000), Some(20_000))));
        assert_eq!(
            range(&running, &[], 0),
            Some((Some(20_500), None)),
            "between the end and the start"
        );
        let seconds =
            super::range(&running, &ends[1..], 1, true).map(|range| (range.since, range.until));
        assert_eq!(seconds, Some((None, Some(at(20)))), "the log begins with it");
        let short = source(Phase::Exited, 21, Some(20), 0);
        assert_eq!(
            range(&short, &ends[1..], 0),
            Some((None, None)),
            "its start was noted after its end"
        );
        assert_eq!(range(&short, &[], 0), Some((Some(20_000), None)), "its end is forgotten");
    }
}
