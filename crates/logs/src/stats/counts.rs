//! Counts lines by level.

use crate::level::Level;

/// How many lines there are, and how many of each level.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) lines: u64,
    pub(super) levels: [u64; Level::ALL.len()],
}

impl Counts {
    pub(super) fn add(&mut self, level: Option<Level>) {
        self.lines += 1;
        let own = Level::ALL.iter().zip(&mut self.levels).find(|(known, _)| Some(**known) == level);
        if let Some((_, count)) = own {
            *count += 1;
        }
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.lines += other.lines;
        for (count, more) in self.levels.iter_mut().zip(other.levels) {
            *count += more;
        }
    }

    /// Returns the levels that lines have, the least severe first.
    pub(super) fn by_level(&self) -> impl DoubleEndedIterator<Item = (&'static str, u64)> {
        Level::ALL
            .iter()
            .map(|level| level.as_str())
            .zip(self.levels)
            .filter(|(_, count)| *count > 0)
    }
}
