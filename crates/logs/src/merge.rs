//! Merges the logs of several containers by time.
//!
//! The order within each container is always kept: the engine stamps stdout and stderr in two
//! places, clocks jump back, and timestamps may be missing. So a record counts as no earlier than
//! the previous one of the same container. Between containers, the earliest record goes first. If
//! streams end by themselves, the order is exact. If they are followed, a record waits at most a
//! window for a silent container that might still have an earlier one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Identifies a source of a [`Merger`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(usize);

/// Merges records of any number of sources. Holds at most `capacity` records of each.
#[derive(Debug)]
pub struct Merger<T> {
    window: Option<Duration>,
    capacity: usize,
    sources: Vec<Source<T>>,
    /// The first record of each source that has one. For equal times, the source that was added
    /// first.
    heads: BinaryHeap<Reverse<(Timestamp, SourceId)>>,
    /// How many open sources have no record. Their next record might come first.
    silent: usize,
}

#[derive(Debug)]
struct Source<T> {
    queue: VecDeque<Queued<T>>,
    is_open: bool,
    /// The time that the last record counts as.
    latest: Timestamp,
}

#[derive(Debug)]
struct Queued<T> {
    at: Timestamp,
    arrived: Instant,
    record: T,
}

impl<T> Merger<T> {
    /// `window` is the longest time that a record waits for silent sources; `None` waits until each
    /// has sent a record or is closed. `capacity` (at least 1) is how many records of a source are
    /// held.
    pub fn new(window: Option<Duration>, capacity: usize) -> Self {
        Self {
            window,
            capacity: capacity.max(1),
            sources: Vec::new(),
            heads: BinaryHeap::new(),
            silent: 0,
        }
    }

    /// Adds a source, at the start or at any later time.
    pub fn add(&mut self) -> SourceId {
        self.sources.push(Source { queue: VecDeque::new(), is_open: true, latest: Timestamp::MIN });
        self.silent += 1;
        SourceId(self.sources.len() - 1)
    }

    /// Takes a source's next record. `at` is `None` if the engine sent no usable time. Ask
    /// [`is_full`](Self::is_full) first: a record beyond the capacity is accepted and makes memory
    /// grow.
    pub fn push(&mut self, source: SourceId, at: Option<Timestamp>, record: T, now: Instant) {
        let Some(state) = self.sources.get_mut(source.0) else { return };
        state.latest = at.map_or(state.latest, |at| at.max(state.latest));
        if state.queue.is_empty() {
            self.heads.push(Reverse((state.latest, source)));
            self.silent -= usize::from(state.is_open);
        }
        state.queue.push_back(Queued { at: state.latest, arrived: now, record });
    }

    /// Reports whether the merger holds as many records of the source as it may. Do not read the
    /// source then.
    pub fn is_full(&self, source: SourceId) -> bool {
        self.sources.get(source.0).is_some_and(|source| source.queue.len() >= self.capacity)
    }

    /// Declares the end of a source: records no longer wait for it.
    pub fn close(&mut self, source: SourceId) {
        if let Some(source) = self.sources.get_mut(source.0)
            && std::mem::replace(&mut source.is_open, false)
            && source.queue.is_empty()
        {
            self.silent -= 1;
        }
    }

    /// Returns the next record whose turn has come. Call until `None`, after each round of pushes
    /// and at [`deadline`](Self::deadline).
    pub fn pop(&mut self, now: Instant) -> Option<(SourceId, T)> {
        if self.silent > 0 && self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let Reverse((_, id)) = self.heads.pop()?;
        let source = self.sources.get_mut(id.0)?;
        let Queued { record, .. } = source.queue.pop_front()?;
        match source.queue.front() {
            Some(next) => self.heads.push(Reverse((next.at, id))),
            None => self.silent += usize::from(source.is_open),
        }
        Some((id, record))
    }

    /// Returns when [`pop`](Self::pop) returns the next record even if nothing more arrives, or
    /// `None` if only a push or a close can help.
    pub fn deadline(&self) -> Option<Instant> {
        let window = self.window?;
        let heads = self.sources.iter().filter_map(|source| {
            let head = source.queue.front()?;
            // A full source cannot be read, so its record does not wait.
            Some(if source.queue.len() >= self.capacity {
                head.arrived
            } else {
                head.arrived + window
            })
        });
        heads.min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    fn drain(merger: &mut Merger<&'static str>, now: Instant) -> Vec<&'static str> {
        std::iter::from_fn(|| merger.pop(now)).map(|(_, record)| record).collect()
    }

    #[test]
    fn streams_that_end_are_merged_exactly() {
        let now = Instant::now();
        let mut merger = Merger::new(None, 8);
        let (a, b) = (merger.add(), merger.add());
        merger.push(a, at(1), "a1", now);
        merger.push(a, at(4), "a4", now);
        assert_eq!(
            drain(&mut merger, now + Duration::from_hours(1)),
            [""; 0],
            "b may still have something earlier"
        );
        assert_eq!(merger.deadline(), None);
        merger.push(b, at(2), "b2", now);
        assert_eq!(drain(&mut merger, now), ["a1", "b2"]);
        merger.close(b);
        assert_eq!(drain(&mut merger, now), ["a4"]);
        merger.close(a);
        merger.close(a);
        assert_eq!(drain(&mut merger, now), [""; 0]);
    }

    #[test]
    fn a_silent_source_holds_nobody_up() {
        let (now, window) = (Instant::now(), Duration::from_millis(200));
        let mut merger = Merger::new(Some(window), 8);
        let (a, silent) = (merger.add(), merger.add());
        merger.push(a, at(5), "a5", now);
        assert_eq!(merger.deadline(), Some(now + window));
        assert_eq!(drain(&mut merger, now), [""; 0]);
        merger.push(silent, at(4), "s4", now);
        assert_eq!(drain(&mut merger, now), ["s4"], "in time, and earlier");
        assert_eq!(drain(&mut merger, now + window), ["a5"]);
        merger.push(silent, at(3), "late", now + window);
        assert_eq!(drain(&mut merger, now + window * 2), ["late"], "late, but never lost");
    }

    #[test]
    fn a_full_source_does_not_wait() {
        let (now, window) = (Instant::now(), Duration::from_secs(1));
        let mut merger = Merger::new(Some(window), 2);
        let (busy, _silent) = (merger.add(), merger.add());
        merger.push(busy, at(1), "1", now);
        assert!(!merger.is_full(busy));
        merger.push(busy, at(2), "2", now);
        assert!(merger.is_full(busy));
        assert_eq!(drain(&mut merger, now), ["1"], "until there is room again");
        assert!(!merger.is_full(busy));
    }

    #[test]
    fn a_container_keeps_its_own_order() {
        let now = Instant::now();
        let mut merger = Merger::new(None, 8);
        let (a, b) = (merger.add(), merger.add());
        for (second, record) in
            [(at(5), "a5"), (at(2), "a2, clock went back"), (None, "a?"), (at(6), "a6")]
        {
            merger.push(a, second, record, now);
        }
        for (second, record) in [(None, "b?"), (at(3), "b3"), (at(5), "b5")] {
            merger.push(b, second, record, now);
        }
        merger.close(a);
        merger.close(b);
        assert_eq!(
            drain(&mut merger, now),
            ["b?", "b3", "a5", "a2, clock went back", "a?", "b5", "a6"]
        );
    }

    proptest! {
        #[test]
        fn all_in_order_whatever_comes_when(
            steps in proptest::collection::vec((0_usize..4, proptest::option::of(0_i64..20), 0_u64..300), 0..60),
            window in proptest::option::of(0_u64..300),
        ) {
            let start = Instant::now();
            let mut merger = Merger::new(window.map(Duration::from_millis), 4);
            let ids: Vec<_> = (0..4).map(|_| merger.add()).collect();
            let (mut now, mut out, mut pushed) = (start, Vec::new(), vec![Vec::new(); 4]);
            for (index, (source, second, wait)) in steps.into_iter().enumerate() {
                now += Duration::from_millis(wait);
                merger.push(ids[source], second.and_then(at), index, now);
                pushed[source].push(index);
                out.extend(std::iter::from_fn(|| merger.pop(now)));
            }
            for id in &ids {
                merger.close(*id);
            }
            out.extend(std::iter::from_fn(|| merger.pop(now)));
            for (id, pushed) in ids.iter().zip(pushed) {
                let got: Vec<_> = out.iter().filter(|(source, _)| source == id).map(|(_, index)| *index).collect();
                prop_assert_eq!(got, pushed);
            }
        }
    }
}
