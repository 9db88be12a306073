//! `--stats` and `--patterns`: a summary of a log.

mod counts;
mod patterns;
mod rate;
mod report;

pub use patterns::Patterns;
pub use report::{Bucket, Gap, PatternCount, Report, short_duration};

use std::collections::BTreeMap;

use jiff::Timestamp;
use rate::Rate;

use crate::level::Level;
use crate::line::Line;

/// How many silences are kept, the longest ones.
const MAX_GAPS: usize = 3;

/// Counts lines. Memory is bounded by the number of containers, not of lines.
#[derive(Debug, Default)]
pub struct Stats {
    lines: u64,
    bytes: u64,
    streams: BTreeMap<&'static str, u64>,
    levels: BTreeMap<Level, u64>,
    containers: BTreeMap<String, u64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    rate: Rate,
    gaps: Vec<Gap>,
    patterns: Option<Patterns>,
}

impl Stats {
    /// Returns empty statistics. With `patterns`, lines are clustered too.
    pub fn new(patterns: bool) -> Self {
        Self { patterns: patterns.then(Patterns::default), ..Self::default() }
    }

    /// Counts a line of a container.
    pub fn add(&mut self, container: &str, line: &Line<'_>) {
        self.lines += 1;
        self.bytes += (line.text.len() + line.ending.as_bytes().len()) as u64 + line.cut;
        *self.streams.entry(line.stream.as_str()).or_default() += 1;
        match self.containers.get_mut(container) {
            Some(count) => *count += 1,
            None => drop(self.containers.insert(container.to_owned(), 1)),
        }
        let level = Level::of(&line.text);
        if let Some(level) = level {
            *self.levels.entry(level).or_default() += 1;
        }
        if let Some(at) = line.timestamp.and_then(|stamp| stamp.instant()) {
            self.note_time(at, level);
        }
        if let Some(patterns) = &mut self.patterns {
            patterns.add(&line.text, level);
        }
    }

    fn note_time(&mut self, at: Timestamp, level: Option<Level>) {
        self.rate.add(at, level);
        if let Some(since) = self.last.filter(|last| *last < at) {
            self.gaps.push(Gap { since, until: at });
            self.gaps.sort_by_key(|gap| std::cmp::Reverse(gap.duration()));
            self.gaps.truncate(MAX_GAPS);
        }
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }

    /// Returns the counts, with at most `rows` bars of rate over time and as many patterns.
    pub fn report(&self, rows: usize) -> Report {
        let (patterns, other_patterns) =
            self.patterns.as_ref().map(|patterns| patterns.top(rows)).unwrap_or_default();
        Report {
            lines: self.lines,
            bytes: self.bytes,
            first: self.first,
            last: self.last,
            streams: self.streams.clone(),
            levels: self
                .levels
                .iter()
                .rev()
                .map(|(level, count)| (level.as_str(), *count))
                .collect(),
            no_level: self.lines - self.levels.values().sum::<u64>(),
            containers: self.containers.clone(),
            rate: self.rate.buckets(rows),
            gaps: self.gaps.clone(),
            patterns,
            other_patterns,
        }
    }
}

#[cfg(test)]
#[path = "stats/tests.rs"]
mod tests;
