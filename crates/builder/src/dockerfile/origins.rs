//! Which line of the Dockerfile a setting or file of the image comes from.

use std::collections::BTreeMap;

/// Lines, from 1. Of several instructions that set the same thing, the line of the one that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// The `FROM` of the last stage.
    pub stage: usize,
    /// The instructions that set one thing, by their name in capitals: `ENTRYPOINT`, `USER`.
    pub settings: BTreeMap<String, usize>,
    /// Variables of the environment.
    pub env: BTreeMap<String, usize>,
    /// Files and folders, by their path in the image without the leading slash.
    pub files: BTreeMap<String, usize>,
}

impl Origins {
    pub(super) fn note(&mut self, keyword: &str, line: usize) {
        self.settings.insert(keyword.to_owned(), line);
    }

    /// Another place sets what this instruction does.
    pub fn forget(&mut self, keyword: &str) {
        self.settings.remove(keyword);
    }

    /// The line of an instruction that sets one thing.
    pub fn setting(&self, keyword: &str) -> Option<usize> {
        self.settings.get(keyword).copied()
    }

    /// The line that brought a file, or the nearest folder above it.
    pub fn file(&self, path: &str) -> Option<usize> {
        let mut path = path.trim_matches('/');
        loop {
            if let Some(line) = self.files.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind('/')?];
        }
    }
}
