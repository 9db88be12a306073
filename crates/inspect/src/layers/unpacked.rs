//! One layer, as an engine unpacks it: alone, and with its own root.

use std::collections::{BTreeMap, HashMap, VecDeque};

use scratchdbg_diagnose::mentions::Mentions;
use scratchdbg_diagnose::rootfs::{Entry, EntryKind};

/// The number of links that Linux follows in one path (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// One layer.
#[derive(Default)]
pub(crate) struct Layer {
    pub(super) entries: BTreeMap<Box<str>, Entry>,
    pub(super) mentions: BTreeMap<String, Mentions>,
    /// Paths that are removed with everything below them.
    pub(super) removed: Vec<String>,
    /// Folders that are emptied.
    pub(super) emptied: Vec<String>,
    /// Files with several names, by each of them.
    linked: HashMap<Box<str>, usize>,
    /// The last entry of each of these files: engines set mode and owner with each name.
    files: Vec<Entry>,
    /// The symbolic links, by path.
    symlinks: HashMap<Box<str>, Box<str>>,
    /// A directory in the tar, and where it is: neighbors have the same one.
    last: Option<(String, String)>,
}

impl Layer {
    /// Returns the absolute path at which an engine puts the entry at `path`: it follows the links
    /// of the layer in the path to it.
    pub(super) fn place(&mut self, path: &str) -> String {
        let path = format!("/{path}");
        if self.symlinks.is_empty() {
            return path;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        if let Some((_, place)) = self.last.as_ref().filter(|(last, _)| last == folder) {
            return format!("{place}/{name}");
        }
        let place = self.follow(folder);
        let placed = format!("{place}/{name}");
        self.last = Some((folder.to_owned(), place));
        placed
    }

    /// Follows the links in the path of a directory, which is empty for the root. In a circle, it
    /// stays where it is.
    fn follow(&self, folder: &str) -> String {
        let mut rest: VecDeque<&str> = folder.split('/').collect();
        let mut here = String::new();
        let mut links = 0;
        while let Some(part) = rest.pop_front() {
            match part {
                "" | "." => {}
                ".." => here.truncate(here.rfind('/').unwrap_or_default()),
                part => {
                    let length = here.len();
                    here.push('/');
                    here.push_str(part);
                    let Some(target) = self.symlinks.get(here.as_str()) else { continue };
                    links += 1;
                    if links > MAX_LINKS {
                        return folder.to_owned();
                    }
                    here.truncate(if target.starts_with('/') { 0 } else { length });
                    for part in target.rsplit('/') {
                        rest.push_front(part);
                    }
                }
            }
        }
        here
    }

    /// Adds an entry, in the place of one that is there.
    pub(super) fn insert(&mut self, path: String, entry: Entry) {
        let path = path.into_boxed_str();
        if let EntryKind::Symlink { target } = &entry.kind {
            self.symlinks.insert(path.clone(), target.clone());
            self.last = None;
        } else if !self.symlinks.is_empty() && self.symlinks.remove(&path).is_some() {
            self.last = None;
        }
        if let Some(file) = self.linked.get(&path).and_then(|file| self.files.get_mut(*file)) {
            *file = entry.clone();
        }
        self.entries.insert(path, entry);
    }

    /// Makes `path` another name of the file at `target`. Its entry is inserted next.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        let file = match self.linked.get(target) {
            Some(file) => *file,
            None => {
                let Some(entry) = self.entries.get(target) else { return };
                self.files.push(entry.clone());
                self.linked.insert(target.into(), self.files.len() - 1);
                self.files.len() - 1
            }
        };
        self.linked.insert(path.into(), file);
    }

    /// Gives all names of a file the mode and owner of the last one.
    pub(super) fn finish(mut self) -> Self {
        for (path, file) in &self.linked {
            if let (Some(entry), Some(last)) = (self.entries.get_mut(path), self.files.get(*file)) {
                (entry.mode, entry.uid, entry.gid) = (last.mode, last.uid, last.gid);
                entry.capabilities.clone_from(&last.capabilities);
            }
        }
        self
    }
}
