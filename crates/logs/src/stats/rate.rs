//! Counts lines over time, in a bounded number of buckets for any span.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Bucket;
use super::counts::Counts;
use crate::level::Level;

/// Widths of buckets in seconds, up to a week; each divides the next, so that buckets can be joined
/// exactly.
const WIDTHS: [i64; 11] = [1, 5, 15, 60, 300, 900, 3_600, 10_800, 43_200, 86_400, 604_800];

/// How many buckets are held before they are joined into wider ones.
const MAX_BUCKETS: usize = 720;

#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// Index into [`WIDTHS`]; beyond its end, weeks double.
    width: usize,
    counts: BTreeMap<i64, Counts>,
}

impl Rate {
    pub(super) fn add(&mut self, at: Timestamp, level: Option<Level>) {
        let index = at.as_second().div_euclid(seconds(self.width));
        self.counts.entry(index).or_default().add(level);
        while self.counts.len() > MAX_BUCKETS {
            self.widen();
        }
    }

    fn widen(&mut self) {
        let (old, new) = (seconds(self.width), seconds(self.width + 1));
        let mut counts = BTreeMap::<i64, Counts>::new();
        for (index, count) in &self.counts {
            counts.entry((index * old).div_euclid(new)).or_default().add_all(count);
        }
        self.counts = counts;
        self.width += 1;
    }

    /// Returns the buckets from the first to the last, empty ones included: at most `rows`, or 2.
    pub(super) fn buckets(&self, rows: usize) -> Vec<Bucket> {
        // However wide the buckets are, one before 1970 and one after it are never joined.
        let rows = i64::try_from(rows.max(2)).unwrap_or(i64::MAX);
        let mut rate = self.clone();
        loop {
            let (Some((first, _)), Some((last, _))) =
                (rate.counts.first_key_value(), rate.counts.last_key_value())
            else {
                return Vec::new();
            };
            let (first, last) = (*first, *last);
            if last - first < rows {
                let width = seconds(rate.width);
                let bucket = |index: i64| {
                    let since = Timestamp::from_second(index * width).unwrap_or(Timestamp::MIN);
                    let Counts { lines, levels } =
                        rate.counts.get(&index).copied().unwrap_or_default();
                    Bucket { since, seconds: width, lines, levels }
                };
                return (first..=last).map(bucket).collect();
            }
            rate.widen();
        }
    }
}

fn seconds(width: usize) -> i64 {
    let beyond = width.saturating_sub(WIDTHS.len() - 1);
    WIDTHS[width.min(WIDTHS.len() - 1)] << beyond.min(40)
}
