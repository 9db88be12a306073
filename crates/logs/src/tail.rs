//! `-n N`: the last N matching lines, exactly.

use std::collections::VecDeque;

/// Keeps the last records within a limit on the number of bytes.
#[derive(Debug)]
pub struct Tail<T> {
    count: usize,
    max_bytes: usize,
    bytes: usize,
    kept: VecDeque<(T, usize)>,
    is_short: bool,
    has_dropped: bool,
}

impl<T> Tail<T> {
    /// Keeps the last `count` records, in at most `max_bytes` bytes.
    pub fn new(count: usize, max_bytes: usize) -> Self {
        Self {
            count,
            max_bytes,
            bytes: 0,
            kept: VecDeque::new(),
            is_short: false,
            has_dropped: false,
        }
    }

    /// Takes the next record, which holds this many bytes.
    pub fn push(&mut self, record: T, bytes: usize) {
        self.kept.push_back((record, bytes));
        self.bytes += bytes;
        while self.kept.len() > self.count || (self.bytes > self.max_bytes && self.kept.len() > 1) {
            self.is_short |= self.kept.len() <= self.count;
            self.has_dropped = true;
            if let Some((_, bytes)) = self.kept.pop_front() {
                self.bytes -= bytes;
            }
        }
    }

    /// Reports whether fewer than `count` records are kept because of the limit on bytes. If so,
    /// read the log a second time and skip all but the last `count` of the pushed records, or
    /// report it.
    pub fn is_short(&self) -> bool {
        self.is_short && self.kept.len() < self.count
    }

    /// Reports whether records before the first kept one were dropped.
    pub fn has_dropped(&self) -> bool {
        self.has_dropped
    }

    /// Returns the last records, oldest first.
    pub fn into_records(self) -> impl Iterator<Item = T> {
        self.kept.into_iter().map(|(record, _)| record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones() {
        // Count, byte limit, and records that are as long as their number; then the kept records
        // and whether they are too few.
        let cases: [(usize, usize, usize, &[usize], bool); 7] = [
            (3, 100, 5, &[3, 4, 5], false),
            (9, 100, 2, &[1, 2], false),
            (0, 100, 5, &[], false),
            (3, 9, 5, &[4, 5], true),
            (3, 1, 5, &[5], true),
            (1, 1, 5, &[5], false),
            (3, 100, 0, &[], false),
        ];
        for (count, max_bytes, pushed, want, is_short) in cases {
            let mut tail = Tail::new(count, max_bytes);
            (1..=pushed).for_each(|record| tail.push(record, record));
            assert_eq!(tail.is_short(), is_short, "{count} in {max_bytes}");
            assert_eq!(tail.has_dropped(), want.len() < pushed, "{count} in {max_bytes}");
            assert_eq!(tail.into_records().collect::<Vec<_>>(), want, "{count} in {max_bytes}");
        }
    }
}
