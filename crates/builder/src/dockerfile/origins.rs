//! Records which line of the Dockerfile a setting or file of the image comes from.

use std::collections::BTreeMap;

/// Lines, from 1. If several instructions set the same thing, the line of the one with an effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// The `FROM` of the last stage.
    pub stage: usize,
    /// Instructions that set a single value, by their name in capitals: `ENTRYPOINT`, `USER`.
    pub settings: BTreeMap<String, usize>,
    /// Environment variables.
    pub env: BTreeMap<String, usize>,
    /// Files and directories, by their path in the image without the leading slash.
    pub files: BTreeMap<String, usize>,
}

impl Origins {
    pub(super) fn note(&mut self, keyword: &str, line: usize) {
        self.settings.insert(keyword.to_owned(), line);
    }

    /// Removes an instruction whose setting is overridden from elsewhere.
    pub fn forget(&mut self, keyword: &str) {
        self.settings.remove(keyword);
    }

    /// Returns the line of an instruction that sets a single value.
    pub fn setting(&self, keyword: &str) -> Option<usize> {
        self.settings.get(keyword).copied()
    }

    /// Returns the line that added a file, or the nearest directory above it.
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
