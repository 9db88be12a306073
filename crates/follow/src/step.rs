//! Decides what to do when a followed log has been read to its current end. Pure: takes facts,
//! returns the next step.

use std::time::{Duration, Instant};

/// How long to watch a container that has ended: it may be started again, or another one may be
/// created under its name.
pub(crate) const GRACE: Duration = Duration::from_millis(1500);

/// The shortest interval between two inspections of the container.
pub(crate) const MIN_PAUSE: Duration = Duration::from_millis(100);

/// The longest backoff when polling an engine.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// How many consecutive streams may end without a new line before following stops.
const MAX_EMPTY_STREAMS: u32 = 5;

/// How a pass over the log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PassEnd {
    /// The end of the requested range was reached.
    RangeEnd,
    /// The log's files have had nothing new for a while.
    Idle,
    /// The stream ended.
    Closed,
    /// The stream or the files broke.
    Broken,
}

/// The state of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerState {
    /// The container runs, or another one exists under its name.
    Running,
    /// Its restart policy will restart it.
    Restarting,
    /// It has ended, or was removed.
    Ended,
}

/// What to do after a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Stop.
    Stop,
    /// Read what the platform has stored, for the last time.
    ReadRest,
    /// Pass on a last line without a newline, and stop.
    Finish,
    /// Report that the stream broke, and stop.
    GiveUp,
    /// Inspect the container once, and continue with the files.
    Inspect,
    /// Continue through the engine instead of the files.
    LeaveFiles,
    /// Wait until the container runs, or has ended for good.
    Wait,
}

/// What to do after waiting for the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read again, after a backoff.
    Read(Duration),
    /// Pass on a last line without a newline, and stop. The log is gone, so nothing can be read
    /// again.
    Finish,
}

/// The facts about a pass that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    /// How it ended.
    pub(crate) ended: PassEnd,
    /// It read the log's files, not the engine's stream.
    pub(crate) in_files: bool,
    /// It requested only what is stored, to be requested again.
    pub(crate) polls: bool,
    /// Its duration.
    pub(crate) took: Duration,
}

/// The state of following between passes.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The number of consecutive passes without a new line.
    empty_streams: u32,
    /// The container has ended: the next pass is the last, unless it has new lines.
    is_final: bool,
    over_since: Option<Instant>,
}

impl Progress {
    /// Whether the container or the requested range has ended: read what is stored.
    pub(crate) fn is_final(&self) -> bool {
        self.is_final
    }

    /// The requested range is over.
    pub(crate) fn end(&mut self) {
        self.is_final = true;
    }

    /// A pass ended, with or without new lines.
    pub(crate) fn step(&mut self, pass: &Pass, has_new_lines: bool) -> Step {
        self.empty_streams = if has_new_lines { 0 } else { self.empty_streams.saturating_add(1) };
        match pass.ended {
            PassEnd::RangeEnd if pass.in_files || self.is_final => Step::Stop,
            // The stream may be behind.
            PassEnd::RangeEnd => {
                self.is_final = true;
                Step::ReadRest
            }
            // The platform may still store what the container has printed last.
            PassEnd::Closed if self.is_final && has_new_lines => Step::ReadRest,
            PassEnd::Idle | PassEnd::Closed if self.is_final => Step::Finish,
            PassEnd::Idle => {
                self.empty_streams = 0;
                Step::Inspect
            }
            PassEnd::Broken if pass.in_files => Step::LeaveFiles,
            PassEnd::Broken if self.is_final || self.empty_streams > MAX_EMPTY_STREAMS => {
                Step::GiveUp
            }
            PassEnd::Closed | PassEnd::Broken => Step::Wait,
        }
    }

    /// The container was inspected between two passes over its files.
    pub(crate) fn inspected(&mut self, state: ContainerState, now: Instant) {
        if state != ContainerState::Ended {
            self.over_since = None;
            self.is_final = false;
            return;
        }
        let since = *self.over_since.get_or_insert(now);
        self.is_final = now.saturating_duration_since(since) >= GRACE;
    }

    /// The wait for the container is over. It `runs`, or has ended for good, or was removed
    /// (`is_gone`). A stream can end before the log does, so what is stored is read after it.
    pub(crate) fn waited(&mut self, pass: &Pass, runs: bool, is_gone: bool) -> Next {
        match (pass.ended, runs) {
            (PassEnd::Broken, true) => Next::Read(MIN_PAUSE),
            (_, true) if pass.polls => Next::Read((pass.took * 4).clamp(MIN_PAUSE, MAX_BACKOFF)),
            (_, true) if self.empty_streams > 1 => {
                Next::Read(MIN_PAUSE * self.empty_streams.min(20))
            }
            (_, true) => Next::Read(Duration::ZERO),
            (PassEnd::Closed, false) if is_gone => Next::Finish,
            (_, false) => {
                self.is_final = true;
                Next::Read(Duration::ZERO)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(ended: PassEnd) -> Pass {
        Pass { ended, in_files: false, polls: false, took: Duration::from_secs(1) }
    }

    #[test]
    fn a_stream_that_ends_is_followed_by_a_wait_and_at_the_end_finished() {
        let closed = pass(PassEnd::Closed);
        let mut progress = Progress::default();
        assert_eq!(progress.step(&closed, true), Step::Wait);
        assert_eq!(
            progress.waited(&closed, true, false),
            Next::Read(Duration::ZERO),
            "it runs again"
        );
        assert_eq!(progress.step(&closed, true), Step::Wait);
        assert_eq!(progress.waited(&closed, false, true), Next::Finish, "it was removed");
        // The stream may have ended before the log: read what is stored until nothing is new.
        assert_eq!(progress.waited(&closed, false, false), Next::Read(Duration::ZERO));
        assert!(progress.is_final());
        assert_eq!(progress.step(&closed, true), Step::ReadRest);
        assert_eq!(progress.step(&closed, false), Step::Finish);
    }

    #[test]
    fn streams_that_keep_breaking_are_given_up() {
        let broken = pass(PassEnd::Broken);
        let mut progress = Progress::default();
        for _ in 0..MAX_EMPTY_STREAMS {
            assert_eq!(progress.step(&broken, false), Step::Wait);
            assert_eq!(progress.waited(&broken, true, false), Next::Read(MIN_PAUSE));
        }
        assert_eq!(progress.step(&broken, true), Step::Wait, "a new line is progress");
        for _ in 0..MAX_EMPTY_STREAMS {
            assert_eq!(progress.step(&broken, false), Step::Wait);
        }
        assert_eq!(progress.step(&broken, false), Step::GiveUp);
    }

    #[test]
    fn empty_streams_are_opened_less_and_less_often() {
        let closed = pass(PassEnd::Closed);
        let mut progress = Progress::default();
        let mut last = Duration::ZERO;
        for round in 0..40 {
            progress.step(&closed, false);
            let Next::Read(pause) = progress.waited(&closed, true, false) else {
                panic!("it runs")
            };
            assert!(pause >= last && pause <= Duration::from_secs(2), "{round}: {pause:?}");
            last = pause;
        }
        assert_eq!(last, Duration::from_secs(2));
    }

    #[test]
    fn polls_take_a_fifth_of_the_time() {
        let mut progress = Progress::default();
        for (took, pause) in [(1, 100), (100, 400), (60_000, 5000)] {
            let polled =
                Pass { polls: true, took: Duration::from_millis(took), ..pass(PassEnd::Closed) };
            progress.step(&polled, true);
            assert_eq!(
                progress.waited(&polled, true, false),
                Next::Read(Duration::from_millis(pause)),
                "{took}"
            );
        }
    }

    #[test]
    fn files_are_read_until_the_container_has_been_over_for_a_while() {
        let idle = Pass { in_files: true, ..pass(PassEnd::Idle) };
        let (mut progress, begun) = (Progress::default(), Instant::now());
        assert_eq!(progress.step(&idle, false), Step::Inspect);
        progress.inspected(ContainerState::Ended, begun);
        assert!(!progress.is_final(), "somebody may start it");
        progress.inspected(ContainerState::Running, begun + GRACE / 2);
        progress.inspected(ContainerState::Ended, begun + GRACE);
        assert!(!progress.is_final(), "the time counts from the last end on");
        progress.inspected(ContainerState::Ended, begun + GRACE * 2);
        assert!(progress.is_final());
        assert_eq!(progress.step(&idle, false), Step::Finish);
        // If the files cannot be read further, the engine is asked for the rest.
        let broken = Pass { ended: PassEnd::Broken, ..idle };
        assert_eq!(Progress::default().step(&broken, true), Step::LeaveFiles);
        assert_eq!(
            Progress::default().step(&Pass { ended: PassEnd::RangeEnd, ..idle }, true),
            Step::Stop
        );
    }

    #[test]
    fn a_stream_that_is_over_by_time_is_read_to_the_end_of_what_is_stored() {
        let (over, mut progress) = (pass(PassEnd::RangeEnd), Progress::default());
        assert_eq!(progress.step(&over, true), Step::ReadRest);
        assert!(progress.is_final());
        assert_eq!(progress.step(&pass(PassEnd::Closed), false), Step::Finish);
    }
}
