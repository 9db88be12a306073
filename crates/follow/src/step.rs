//! What comes next when a followed log has been read as far as it goes: facts in, the next step out, no I/O.

use std::time::{Duration, Instant};

/// How long a container that has ended is watched: somebody may start it again, or create another one under its name.
pub(crate) const GRACE: Duration = Duration::from_millis(1500);

/// The shortest pause between two looks at the container.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Polling an engine pauses at most so long.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Streams that break this often in a row without a new line are not opened again.
const FRUITLESS: u32 = 5;

/// How the reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nothing later is wanted.
    Enough,
    /// The log's files have had nothing new for a while.
    Idle,
    /// The stream ended.
    Closed,
    /// The stream or the files broke.
    Broken,
}

/// What the container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// It runs, or another one is there under its name.
    Runs,
    /// Its restart policy starts it again.
    Restarts,
    /// It has ended, or is gone.
    Over,
}

/// What to do after reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Stop here.
    Stop,
    /// Show the line that was left without an ending, and stop.
    Finish,
    /// Report that the stream broke, and stop.
    GiveUp,
    /// Look at the container once, and read on in the files.
    Look,
    /// Read on through the engine instead of the files.
    LeaveFiles,
    /// Wait until the container runs, or is over for good.
    Wait,
}

/// What to do after waiting for the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read again, after a pause.
    Read(Duration),
    /// Show the line that was left without an ending, and stop.
    Finish,
}

/// Facts about the reading that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// How it ended.
    pub(crate) ended: Ended,
    /// The log's files were read, not the engine's stream.
    pub(crate) in_files: bool,
    /// Only what was stored was asked for, to be asked for again.
    pub(crate) polls: bool,
    /// How long it took.
    pub(crate) took: Duration,
}

/// How following has gone so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Readings in a row without a new line.
    fruitless: u32,
    /// The container is over: what is read now is the last of it.
    is_final: bool,
    over_since: Option<Instant>,
}

impl Progress {
    /// The container is over: what is read next is the last of it.
    pub(crate) fn is_final(&self) -> bool {
        self.is_final
    }

    /// A reading ended, with new lines or without.
    pub(crate) fn step(&mut self, reading: &Reading, has_new_lines: bool) -> Step {
        self.fruitless = if has_new_lines { 0 } else { self.fruitless.saturating_add(1) };
        match reading.ended {
            Ended::Enough => Step::Stop,
            Ended::Idle | Ended::Closed if self.is_final => Step::Finish,
            Ended::Idle => {
                self.fruitless = 0;
                Step::Look
            }
            Ended::Broken if reading.in_files => Step::LeaveFiles,
            Ended::Broken if self.is_final || self.fruitless > FRUITLESS => Step::GiveUp,
            Ended::Closed | Ended::Broken => Step::Wait,
        }
    }

    /// The container was looked at, between two readings of its files.
    pub(crate) fn looked(&mut self, look: Look, now: Instant) {
        if look != Look::Over {
            self.over_since = None;
            self.is_final = false;
            return;
        }
        let since = *self.over_since.get_or_insert(now);
        self.is_final = now.saturating_duration_since(since) >= GRACE;
    }

    /// The container was waited for. It `runs`, or is over; the stream `has_all` where it ended with the container's last
    /// run, and holds all of it.
    pub(crate) fn waited(&mut self, reading: &Reading, runs: bool, has_all: bool) -> Next {
        match (reading.ended, runs) {
            (Ended::Broken, true) => Next::Read(PAUSE),
            (_, true) if reading.polls => Next::Read((reading.took * 4).clamp(PAUSE, LONGEST_PAUSE)),
            (_, true) if self.fruitless > 1 => Next::Read(PAUSE * self.fruitless.min(20)),
            (_, true) => Next::Read(Duration::ZERO),
            (Ended::Closed, false) if has_all => Next::Finish,
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

    fn reading(ended: Ended) -> Reading {
        Reading { ended, in_files: false, polls: false, took: Duration::from_secs(1) }
    }

    #[test]
    fn a_stream_that_ends_is_followed_by_a_wait_and_at_the_end_finished() {
        let closed = reading(Ended::Closed);
        let mut progress = Progress::default();
        assert_eq!(progress.step(&closed, true), Step::Wait);
        assert_eq!(progress.waited(&closed, true, false), Next::Read(Duration::ZERO), "it runs again");
        assert_eq!(progress.step(&closed, true), Step::Wait);
        assert_eq!(progress.waited(&closed, false, true), Next::Finish);
        // The log was rotated under the stream: what is stored is read once more.
        assert_eq!(progress.waited(&closed, false, false), Next::Read(Duration::ZERO));
        assert!(progress.is_final());
        assert_eq!(progress.step(&closed, false), Step::Finish);
    }

    #[test]
    fn streams_that_keep_breaking_are_given_up() {
        let broken = reading(Ended::Broken);
        let mut progress = Progress::default();
        for _ in 0..FRUITLESS {
            assert_eq!(progress.step(&broken, false), Step::Wait);
            assert_eq!(progress.waited(&broken, true, false), Next::Read(PAUSE));
        }
        assert_eq!(progress.step(&broken, true), Step::Wait, "a new line is progress");
        for _ in 0..FRUITLESS {
            assert_eq!(progress.step(&broken, false), Step::Wait);
        }
        assert_eq!(progress.step(&broken, false), Step::GiveUp);
    }

    #[test]
    fn empty_streams_are_opened_less_and_less_often() {
        let closed = reading(Ended::Closed);
        let mut progress = Progress::default();
        let mut last = Duration::ZERO;
        for round in 0..40 {
            progress.step(&closed, false);
            let Next::Read(pause) = progress.waited(&closed, true, false) else { panic!("it runs") };
            assert!(pause >= last && pause <= Duration::from_secs(2), "{round}: {pause:?}");
            last = pause;
        }
        assert_eq!(last, Duration::from_secs(2));
    }

    #[test]
    fn polls_take_a_fifth_of_the_time() {
        let mut progress = Progress::default();
        for (took, pause) in [(1, 100), (100, 400), (60_000, 5000)] {
            let polled = Reading { polls: true, took: Duration::from_millis(took), ..reading(Ended::Closed) };
            progress.step(&polled, true);
            assert_eq!(progress.waited(&polled, true, false), Next::Read(Duration::from_millis(pause)), "{took}");
        }
    }

    #[test]
    fn files_are_read_until_the_container_has_been_over_for_a_while() {
        let idle = Reading { in_files: true, ..reading(Ended::Idle) };
        let (mut progress, begun) = (Progress::default(), Instant::now());
        assert_eq!(progress.step(&idle, false), Step::Look);
        progress.looked(Look::Over, begun);
        assert!(!progress.is_final(), "somebody may start it");
        progress.looked(Look::Runs, begun + GRACE / 2);
        progress.looked(Look::Over, begun + GRACE);
        assert!(!progress.is_final(), "the time counts from the last end on");
        progress.looked(Look::Over, begun + GRACE * 2);
        assert!(progress.is_final());
        assert_eq!(progress.step(&idle, false), Step::Finish);
        // Files that cannot be read on leave the rest to the engine.
        let broken = Reading { ended: Ended::Broken, ..idle };
        assert_eq!(Progress::default().step(&broken, true), Step::LeaveFiles);
        assert_eq!(Progress::default().step(&Reading { ended: Ended::Enough, ..idle }, true), Step::Stop);
    }
}
