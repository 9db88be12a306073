//! The total resources of one Dockerfile: a line within its limits may be repeated many times.

use std::cell::Cell;

use scratchdbg_image::Tree;

use crate::links;

/// The most bytes of variables' values that are used, or that stages begin with.
const MOST_TEXT: u64 = 64 * 1024 * 1024;
/// The most matching work: the sum of the products of the lengths of value and pattern.
const MOST_MATCHING: u64 = 100_000_000;
/// The cost of preparing a pattern for one use, in characters to match.
const PREPARING: usize = 1000;
/// The most files and directories that are copied into stages, or that stages begin with.
const MOST_FILES: u64 = 1_000_000;

/// The most bytes of those files' paths.
const MOST_PATHS: u64 = 128 * 1024 * 1024;
/// The most work of following paths: the sum of the products of a path's length and its number of
/// components.
const MOST_FOLLOWING: u64 = 100_000_000;
/// `PATH_MAX`, which includes the terminating NUL.
const LONGEST_PATH: usize = 4096;
/// `NAME_MAX`.
const LONGEST_NAME: usize = 255;

/// The resources used so far.
#[derive(Debug, Default)]
pub(super) struct Budget {
    text: Cell<u64>,
    matching: Cell<u64>,
    files: Cell<u64>,
    paths: Cell<u64>,
    following: Cell<u64>,
}

impl Budget {
    /// Counts `length` bytes of values.
    pub(super) fn text(&self, length: usize) -> Result<(), String> {
        let reason = "with this instruction, the values of variables are longer than 64 MiB in all, each use of one counted";
        count(&self.text, length, MOST_TEXT, reason)
    }

    /// Counts one use of a pattern of `parts` parts on a value of `length` bytes.
    pub(super) fn matching(&self, length: usize, parts: usize) -> Result<(), String> {
        let work = length.saturating_add(PREPARING).saturating_mul(parts);
        let reason = "with this instruction, matching patterns in variables takes too long: the lengths of values times \
                      those of their patterns are more than 100,000,000 in all";
        count(&self.matching, work, MOST_MATCHING, reason)
    }

    /// Counts files and directories of one copy.
    pub(super) fn files(&self, tree: &Tree) -> Result<(), String> {
        let reason = "with this instruction, the stages hold more than 1,000,000 files, each copy of one counted";
        count(&self.files, tree.len(), MOST_FILES, reason)?;
        let reason = "with this instruction, the paths of files are longer than 128 MiB in all, each copy of a file counted";
        count(&self.paths, tree.paths_size(), MOST_PATHS, reason)
    }

    /// Counts directories that are created.
    pub(super) fn folders(&self, paths: &[&str]) -> Result<(), String> {
        let reason = "with this instruction, the paths of files are longer than 128 MiB in all, each copy of a file counted";
        count(&self.paths, paths.iter().map(|path| path.len()).sum(), MOST_PATHS, reason)
    }

    /// Counts following one path among `files`. A path that is too long for Linux is refused.
    pub(super) fn path(&self, files: &Tree, path: &str) -> Result<(), String> {
        if path.len() >= LONGEST_PATH {
            let length = path.len();
            return Err(format!(
                "a path of {length} bytes: Linux takes no path of {LONGEST_PATH} bytes or more"
            ));
        }
        let names = || path.split('/');
        if let Some(name) = names().find(|name| name.len() > LONGEST_NAME) {
            let (begin, length) = (name.chars().take(20).collect::<String>(), name.len());
            return Err(format!(
                "the name `{begin}…` has {length} bytes: Linux takes at most {LONGEST_NAME}"
            ));
        }
        let reason = "with this instruction, following paths takes too long: the lengths of paths times the numbers of \
                      their parts are more than 100,000,000 in all";
        // A path that exists, or whose directory exists, is looked up in one step.
        let parts = if links::is_plain(files, path) { 1 } else { names().count() };
        count(&self.following, path.len().saturating_mul(parts), MOST_FOLLOWING, reason)
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
        let root = Tree::with_root();
        budget.files.set(999_999);
        budget.files(&root).unwrap();
        assert!(budget.files(&root).unwrap_err().contains("1,000,000 files"));
        budget.files.set(0);
        budget.paths.set(MOST_PATHS + 1);
        assert!(budget.files(&root).unwrap_err().contains("128 MiB"));
        budget.text(64 << 20).unwrap();
        assert!(budget.text(1).unwrap_err().contains("64 MiB"));
        budget.path(&root, &"/a".repeat(2047)).unwrap();
        assert!(budget.path(&root, &"/a".repeat(2048)).unwrap_err().contains("4096 bytes"));
        budget.path(&root, &format!("/{}", "n".repeat(255))).unwrap();
        assert!(
            budget
                .path(&root, &format!("/{}", "n".repeat(256)))
                .unwrap_err()
                .contains("at most 255")
        );
        assert!(
            (0..200).any(|_| budget.path(&root, &"/a".repeat(2047)).is_err()),
            "the sum has a limit"
        );
        assert!(budget.matching(usize::MAX, usize::MAX).unwrap_err().contains("takes too long"));
    }
}
