//! What one Dockerfile may take in all: a line within its limits may be there many times.

use std::cell::Cell;

/// Values of variables that are used, or that stages begin with, in bytes.
const MOST_TEXT: u64 = 64 * 1024 * 1024;
/// Matching takes time by the length of the value and of the pattern: their products, added up.
const MOST_MATCHING: u64 = 100_000_000;
/// A pattern is made ready for each use of it, which takes as long as to match so many characters.
const PREPARING: usize = 1000;
/// Files and folders that are copied into stages, or that stages begin with.
const MOST_FILES: u64 = 1_000_000;

/// What was used so far.
#[derive(Debug, Default)]
pub(super) struct Budget {
    text: Cell<u64>,
    matching: Cell<u64>,
    files: Cell<u64>,
}

impl Budget {
    /// Counts `length` bytes of values.
    pub(super) fn text(&self, length: usize) -> Result<(), String> {
        let reason =
            "with this instruction, the values of variables are longer than 64 MiB in all, each use of one counted";
        count(&self.text, length, MOST_TEXT, reason)
    }

    /// Counts one use of a pattern of `parts` parts on a value of `length` bytes.
    pub(super) fn matching(&self, length: usize, parts: usize) -> Result<(), String> {
        let work = length.saturating_add(PREPARING).saturating_mul(parts);
        let reason = "with this instruction, matching patterns in variables takes too long: the lengths of values times \
                      those of their patterns are more than 100,000,000 in all";
        count(&self.matching, work, MOST_MATCHING, reason)
    }

    /// Counts files and folders of one copy.
    pub(super) fn files(&self, number: usize) -> Result<(), String> {
        let reason = "with this instruction, the stages hold more than 1,000,000 files, each copy of one counted";
        count(&self.files, number, MOST_FILES, reason)
    }
}

fn count(used: &Cell<u64>, more: usize, most: u64, reason: &str) -> Result<(), String> {
    used.set(used.get().saturating_add(more as u64));
    if used.get() > most { Err(reason.to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_adds_up_to_a_limit() {
        let budget = Budget::default();
        budget.files(999_999).unwrap();
        budget.files(1).unwrap();
        assert!(budget.files(1).unwrap_err().contains("1,000,000 files"));
        budget.text(64 << 20).unwrap();
        assert!(budget.text(1).unwrap_err().contains("64 MiB"));
        assert!(budget.matching(usize::MAX, usize::MAX).unwrap_err().contains("takes too long"));
    }
}
