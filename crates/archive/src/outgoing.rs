//! What a stream has to be before it is handed to programs that believe streams.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::unpack::{below, unasked};
use crate::{Entry, Error, Kind};

/// The most entries of a stream that are remembered. Each takes 16 bytes of memory, so that this is
/// 64 MiB at most.
const MOST_KNOWN: usize = 4 << 20;

/// The permission bits that need `keeps_owner`: set-user-id and set-group-id.
const SET_IDS: u32 = 0o6000;

/// Makes a stream that nobody trusts one that any program may unpack: everything is in what was
/// asked for, nothing leads through a link of the stream, and no program gets the rights of
/// another user.
#[derive(Debug)]
pub struct Outgoing {
    asked: Asked,
    keeps_owner: bool,
    /// The path of the first entry, and whether it is a folder.
    root: Option<(PathBuf, bool)>,
    known: Known,
}

/// What a stream has to consist of.
#[derive(Debug)]
enum Asked {
    /// Of a file or folder, which gets this name.
    Named(OsString),
    /// Of a folder, of which only the contents are passed on.
    Contents,
    /// Of anything.
    Any,
}

impl Outgoing {
    /// Expects what gets this name, or without one the contents of a folder. Set-user-id bits pass
    /// with `keeps_owner` only.
    #[must_use]
    pub fn new(name: Option<&OsStr>, keeps_owner: bool) -> Self {
        let asked = name.map_or(Asked::Contents, |name| Asked::Named(name.to_owned()));
        Self { asked, keeps_owner, root: None, known: Known::default() }
    }

    /// Expects any paths, each below folders of the stream: a folder that is not in it may be a link
    /// where it is unpacked. Set-user-id bits pass with `keeps_owner` only.
    #[must_use]
    pub fn any(keeps_owner: bool) -> Self {
        Self { asked: Asked::Any, keeps_owner, root: None, known: Known::default() }
    }

    /// Changes the next entry.
    ///
    /// # Errors
    ///
    /// Fails if it does not belong to what was asked for, or leads through a link.
    pub fn change(&mut self, entry: &mut Entry) -> Result<(), Error> {
        if !self.keeps_owner {
            entry.mode &= !SET_IDS;
        }
        if !matches!(self.asked, Asked::Any) {
            self.rename(entry)?;
        }
        self.known.pass(entry, matches!(self.asked, Asked::Any))
    }

    fn rename(&mut self, entry: &mut Entry) -> Result<(), Error> {
        let is_first = self.root.is_none();
        let (root, is_folder) =
            self.root.get_or_insert_with(|| (entry.path.clone(), entry.kind == Kind::Folder));
        let needs_folder = !is_first || matches!(self.asked, Asked::Contents);
        if root.iter().count() > 1 || needs_folder && !*is_folder {
            return Err(unasked(&entry.path));
        }
        let path = below(&entry.path, root)?;
        let same = match &entry.kind {
            Kind::SameAs(path) => Some(below(path, root)?),
            _ => None,
        };
        entry.path = self.renamed(&path);
        if let Some(path) = same {
            entry.kind = Kind::SameAs(self.renamed(&path));
        }
        Ok(())
    }

    /// Returns the path below the name. [`Path::join`] with nothing would add a slash.
    fn renamed(&self, path: &Path) -> PathBuf {
        match &self.asked {
            Asked::Named(name) if path.as_os_str().is_empty() => PathBuf::from(name),
            Asked::Named(name) => Path::new(name).join(path),
            Asked::Contents | Asked::Any => path.to_owned(),
        }
    }
}

/// The links of a stream, and what else it has made, by the hashes of their paths: many programs
/// follow the links that they have made, and those that were there.
#[derive(Debug, Default)]
struct Known {
    state: RandomState,
    links: HashSet<u64>,
    /// The folders and the files that the stream has made.
    folders: HashSet<u64>,
    files: HashSet<u64>,
}

impl Known {
    fn pass(&mut self, entry: &Entry, needs_folders: bool) -> Result<(), Error> {
        let through = |path: &Path| {
            Error::Refused(format!("`{}` in the stream leads through a link of it", path.display()))
        };
        let mut hashes = self.hashes(&entry.path);
        let own = hashes.pop();
        let is_link = |hash: &u64| self.links.contains(hash);
        if hashes.iter().chain(&own).any(is_link) {
            return Err(through(&entry.path));
        }
        let parent = hashes.last().filter(|_| needs_folders);
        if parent.is_some_and(|hash| !self.folders.contains(hash)) {
            return Err(Error::Refused(format!(
                "the folder of `{}` is not in the stream: it could be a link",
                entry.path.display()
            )));
        }
        let leads_on = match &entry.kind {
            Kind::Link(_) => true,
            Kind::SameAs(path) => {
                let mut hashes = self.hashes(path);
                let other = hashes.pop();
                if hashes.iter().any(is_link) {
                    return Err(through(path));
                }
                let leads_on = other.as_ref().is_some_and(is_link);
                let is_made = other.is_some_and(|hash| self.files.contains(&hash));
                if needs_folders && !leads_on && !is_made {
                    return Err(Error::Refused(format!(
                        "`{}` is another name of `{}`, which is not in the stream",
                        entry.path.display(),
                        path.display()
                    )));
                }
                leads_on
            }
            _ => false,
        };
        if self.links.len() + self.folders.len() + self.files.len() >= MOST_KNOWN {
            return Err(Error::Refused("the stream has too many entries".to_owned()));
        }
        if leads_on {
            self.links.extend(own);
        } else if needs_folders {
            match &entry.kind {
                Kind::Folder => self.folders.extend(own),
                // It is not passed on.
                Kind::Special => {}
                _ => self.files.extend(own),
            }
        }
        Ok(())
    }

    /// Returns the hash of each folder that a path leads through, and of the path.
    fn hashes(&self, path: &Path) -> Vec<u64> {
        let mut hasher = self.state.build_hasher();
        let names = path.iter().map(|name| {
            hasher.write(name.as_bytes());
            hasher.write_u8(b'/');
            hasher.finish()
        });
        names.collect()
    }
}
