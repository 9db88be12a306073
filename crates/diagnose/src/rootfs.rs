//! The files of an image or container, as far as rules need them.
//!
//! Rules look up paths here. A [`Rootfs::complete`] contains every entry of the image. A
//! [`Rootfs::on_demand`] contains what was fetched so far, and records unanswered requests, so that
//! a caller whose files are expensive to read (behind an engine's API, or in a compressed layer)
//! fetches only what the rules need:
//!
//! 1. run the rules;
//! 2. fetch what [`Rootfs::take_wanted`] lists, and [`Rootfs::insert`] or [`Rootfs::insert_absent`]
//!    it;
//! 3. repeat until the list is empty. A rule with an unanswered request reports nothing.
//!
//! Every round answers at least one request for a path, and rules request finitely many, so the
//! loop ends.

mod entry;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::program::Program;

pub use entry::{Entry, EntryKind};
pub use resolve::{Resolution, normalize};

/// A request of a rule that the available facts do not answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want {
    /// The absolute, normalized path. Symbolic links in it are not followed. `/lib/x` is requested
    /// only if `/lib` is known to be a directory.
    pub path: String,
    /// How much to fetch.
    pub detail: Detail,
}

impl Want {
    /// The largest content in bytes that is fetched. A larger file is inserted without its content.
    pub const MAX_CONTENT: u64 = 1024 * 1024;
}

/// How much of a file a rule needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Whether it exists, its kind, mode and owner.
    Entry,
    /// The entry, and its complete content.
    Content,
    /// The entry, and its facts as a program.
    Program,
}

/// The known files. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Rootfs {
    entries: BTreeMap<Box<str>, Entry>,
    /// Paths that are known to be absent.
    absent: BTreeSet<String>,
    complete: bool,
    /// Paths at and below which there may be anything that is not in `entries`.
    open: BTreeSet<String>,
    questions: Questions,
}

/// The requests of rules, which only have shared access.
#[derive(Debug, Default)]
struct Questions(Mutex<Asked>);

#[derive(Clone, Debug, Default)]
struct Asked {
    /// Requests that were not taken yet.
    open: BTreeSet<Want>,
    /// All requests so far. None is repeated, so that the loop ends whatever the responses are.
    all: BTreeSet<Want>,
}

impl Questions {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Questions {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.asked().clone()))
    }
}

/// What is known about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup<'a> {
    Present(&'a Entry),
    /// A directory that no layer lists but that entries below it imply.
    Implied,
    Absent,
    Unknown,
}

impl Rootfs {
    /// Returns a rootfs that is complete: entries that are not inserted do not exist.
    pub fn complete() -> Self {
        Self::complete_with(BTreeMap::new())
    }

    /// Returns a complete rootfs with these entries, by absolute and normalized paths.
    pub fn complete_with(entries: BTreeMap<Box<str>, Entry>) -> Self {
        Self {
            entries,
            absent: BTreeSet::new(),
            complete: true,
            open: BTreeSet::new(),
            questions: Questions::default(),
        }
    }

    /// Returns a rootfs that is filled on demand: entries that are not inserted are unknown.
    pub fn on_demand() -> Self {
        Self { complete: false, ..Self::complete() }
    }

    /// Inserts an entry. `path` is absolute, or relative to the root as in a layer
    /// (`./etc/passwd`).
    pub fn insert(&mut self, path: &str, entry: Entry) {
        let path = normalize(path);
        self.absent.remove(&path);
        self.entries.insert(path.into_boxed_str(), entry);
    }

    /// Records that nothing exists at `path`.
    pub fn insert_absent(&mut self, path: &str) {
        let path = normalize(path);
        self.entries.remove(path.as_str());
        self.absent.insert(path);
    }

    /// Records that something exists at `path`, and that it and everything below are unknown except
    /// for inserted entries.
    pub fn insert_open(&mut self, path: &str) {
        self.open.insert(normalize(path));
    }

    /// Records that something is mounted over `path`: what is there and below is unknown, and the
    /// files of the image there are hidden.
    pub fn cover(&mut self, path: &str) {
        let path = normalize(path);
        if path == "/" {
            return;
        }
        let below = format!("{path}/");
        self.entries.retain(|entry, _| **entry != *path && !entry.starts_with(&below));
        self.absent.retain(|entry| *entry != path && !entry.starts_with(&below));
        self.open.insert(path);
    }

    /// Reports whether there may be anything at `path`, which is not in `entries`.
    fn is_open(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at.max(1)).chain([path.len()]);
        !self.open.is_empty() && ends.into_iter().any(|end| self.open.contains(&path[..end]))
    }

    /// Returns the requests since the last call that could not be answered, in order of path.
    /// Always empty for a complete rootfs. No request is repeated: if it is not answered, or not
    /// with the requested detail, the answer stays unknown.
    pub fn take_wanted(&self) -> Vec<Want> {
        std::mem::take(&mut self.questions.asked().open).into_iter().collect()
    }

    /// Looks up the normalized `path`. Links are not followed.
    pub(crate) fn lookup(&self, path: &str) -> Lookup<'_> {
        match self.entries.get(path) {
            Some(entry) => return Lookup::Present(entry),
            None if self.absent.contains(path) => return Lookup::Absent,
            None if path == "/" => return Lookup::Implied,
            None => {}
        }
        let below = format!("{path}/");
        // Its kind and its mode are unknown too.
        if self.open.contains(path) {
            return Lookup::Unknown;
        }
        let implied = self
            .entries
            .range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded))
            .next()
            .is_some_and(|(other, _)| other.starts_with(&below));
        // An open path exists, and so do its parents.
        let leads_to_open = |path: &str| {
            let next = self.open.range::<str, _>((Bound::Included(path), Bound::Unbounded)).next();
            next.is_some_and(|open| open.starts_with(path))
        };
        if implied || leads_to_open(&below) {
            Lookup::Implied
        } else if self.is_open(path) {
            Lookup::Unknown
        } else if self.complete {
            Lookup::Absent
        } else {
            self.want(path, Detail::Entry);
            Lookup::Unknown
        }
    }

    /// Returns the content of the file at `path`, following links. Returns `None` if it is absent,
    /// not a file, too large or not known yet.
    pub(crate) fn content(&self, path: &str) -> Option<&[u8]> {
        let Resolution::Found { path, entry: Some(entry), .. } = self.resolve(path) else {
            return None;
        };
        match &entry.kind {
            EntryKind::File { content: Some(content), .. } => Some(content),
            EntryKind::File { content: None, size, .. } if *size <= Want::MAX_CONTENT => {
                self.want(&path, Detail::Content);
                None
            }
            _ => None,
        }
    }

    /// Returns the facts of the program at `path`, following links, and its actual path.
    pub(crate) fn program(&self, path: &str) -> Option<(String, &Program)> {
        let Resolution::Found { path, entry: Some(entry), .. } = self.resolve(path) else {
            return None;
        };
        match &entry.kind {
            EntryKind::File { program: Some(program), .. } => Some((path, program)),
            EntryKind::File { program: None, .. } => {
                self.want(&path, Detail::Program);
                None
            }
            _ => None,
        }
    }

    /// Returns the paths of all files with that name, or none if not everything is known.
    pub(crate) fn files_named(&self, name: &str) -> Vec<String> {
        if !self.complete || name.is_empty() {
            return Vec::new();
        }
        self.entries
            .iter()
            .filter(|(path, entry)| !entry.is_directory() && path.rsplit('/').next() == Some(name))
            .map(|(path, _)| path.to_string())
            .collect()
    }

    /// Reports whether everything is known, so that entries that are not found do not exist.
    pub(crate) fn knows_all(&self) -> bool {
        self.complete && self.open.is_empty()
    }

    /// Reports whether there is an unanswered request.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.questions.asked().open.is_empty()
    }

    /// Reports whether any entry is known to exist.
    pub fn has_any(&self) -> bool {
        !self.entries.is_empty()
    }

    fn want(&self, path: &str, detail: Detail) {
        let want = Want { path: path.to_owned(), detail };
        if self.complete {
            return;
        }
        let mut asked = self.questions.asked();
        if asked.all.insert(want.clone()) {
            asked.open.insert(want);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_knows_what_is_absent() {
        let mut rootfs = Rootfs::complete();
        rootfs.insert("./usr/bin/app", Entry::file(0o755, 1));
        assert!(matches!(rootfs.lookup("/usr/bin/app"), Lookup::Present(_)));
        assert_eq!(rootfs.lookup("/usr/bin"), Lookup::Implied);
        assert_eq!(rootfs.lookup("/usr/b"), Lookup::Absent);
        assert_eq!(rootfs.lookup("/"), Lookup::Implied);
        assert!(rootfs.take_wanted().is_empty());
    }

    #[test]
    fn nothing_is_said_of_what_is_open() {
        let mut rootfs = Rootfs::complete();
        rootfs.insert_open("/opt/app");
        rootfs.insert("/opt/app/conf", Entry::file(0o644, 1));
        for path in ["/opt/app", "/opt/app/bin", "/opt/app/bin/x"] {
            assert_eq!(rootfs.lookup(path), Lookup::Unknown, "{path}");
        }
        assert!(matches!(rootfs.lookup("/opt/app/conf"), Lookup::Present(_)));
        assert_eq!(
            (rootfs.lookup("/opt"), rootfs.lookup("/opt/apple")),
            (Lookup::Implied, Lookup::Absent)
        );
        assert_eq!(
            (rootfs.exists("/opt/app/bin/x"), rootfs.exists("/opt/bin")),
            (None, Some(false))
        );
        rootfs.insert_open("/");
        assert_eq!(rootfs.lookup("/opt/bin"), Lookup::Unknown);
    }

    #[test]
    fn on_demand_asks_and_learns() {
        let mut rootfs = Rootfs::on_demand();
        assert_eq!(rootfs.content("/etc/passwd"), None);
        let entry = |path: &str| Want { path: path.to_owned(), detail: Detail::Entry };
        assert_eq!(rootfs.take_wanted(), [entry("/etc")]);
        assert!(rootfs.take_wanted().is_empty());
        rootfs.insert("/etc", Entry::symlink("/private/etc"));
        assert_eq!(rootfs.content("/etc/passwd"), None);
        assert_eq!(rootfs.take_wanted(), [entry("/private")]);
        rootfs.insert("/private", Entry::directory(0o755));
        rootfs.insert("/private/etc", Entry::directory(0o755));
        assert_eq!(rootfs.content("/etc/passwd"), None);
        assert_eq!(rootfs.take_wanted(), [entry("/private/etc/passwd")]);
        rootfs.insert("/private/etc/passwd", Entry::file(0o644, 3));
        assert_eq!(rootfs.content("/etc/passwd"), None);
        assert_eq!(
            rootfs.take_wanted(),
            [Want { path: "/private/etc/passwd".to_owned(), detail: Detail::Content }]
        );
        rootfs.insert("/private/etc/passwd", Entry::content(0o644, *b"a:b"));
        assert_eq!(rootfs.content("/etc/passwd"), Some(&b"a:b"[..]));
        assert!(rootfs.take_wanted().is_empty());
        rootfs.insert_absent("/bin");
        assert_eq!(rootfs.lookup("/bin"), Lookup::Absent);
        assert!(rootfs.take_wanted().is_empty());
    }
}
