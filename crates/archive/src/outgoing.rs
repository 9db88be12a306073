//! What a stream has to be before it is handed to programs that believe streams.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::unpack::{below, unasked};
use crate::{Entry, Error, Kind};

/// The most links of a stream. Each takes 16 bytes of memory, so that this is 64 MiB at most.
const MOST_LINKS: usize = 4 << 20;

/// The permission bits that need `keeps_owner`: set-user-id and set-group-id.
const SET_IDS: u32 = 0o6000;

/// Makes a stream that nobody trusts one that any program may unpack: everything is in what was
/// asked for, nothing leads through a link of the stream, and no program gets the rights of
/// another user.
#[derive(Debug)]
pub struct Outgoing {
    name: OsString,
    keeps_owner: bool,
    is_contents: bool,
    /// The path of the first entry, and whether it is a folder.
    root: Option<(PathBuf, bool)>,
    links: Links,
}

impl Outgoing {
    /// Expects what has this name, or without one the contents of a folder. Set-user-id bits pass
    /// with `keeps_owner` only.
    #[must_use]
    pub fn new(name: Option<&OsStr>, keeps_owner: bool) -> Self {
        Self {
            name: name.unwrap_or_default().to_owned(),
            keeps_owner,
            is_contents: name.is_none(),
            root: None,
            links: Links::default(),
        }
    }

    /// Changes the next entry.
    ///
    /// # Errors
    ///
    /// Fails if it does not belong to what was asked for, or leads through a link.
    pub fn change(&mut self, entry: &mut Entry) -> Result<(), Error> {
        let is_first = self.root.is_none();
        if is_first {
            let is_folder = entry.kind == Kind::Folder;
            if entry.path.iter().count() > 1 || self.is_contents && !is_folder {
                return Err(unasked(&entry.path));
            }
            self.root = Some((entry.path.clone(), is_folder));
        }
        let Some((root, is_folder)) = &self.root else { return Ok(()) };
        if !is_first && !is_folder {
            return Err(unasked(&entry.path));
        }
        entry.path = self.renamed(&below(&entry.path, root)?);
        if let Kind::SameAs(path) = &entry.kind {
            entry.kind = Kind::SameAs(self.renamed(&below(path, root)?));
        }
        if !self.keeps_owner {
            entry.mode &= !SET_IDS;
        }
        self.links.pass(entry)
    }

    /// Returns the path below the name. [`Path::join`] with nothing would add a slash.
    fn renamed(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() {
            PathBuf::from(&self.name)
        } else {
            Path::new(&self.name).join(path)
        }
    }
}

/// The links of a stream, by the hashes of their paths: many programs follow the links that they
/// have made.
#[derive(Debug, Default)]
struct Links {
    state: RandomState,
    seen: HashSet<u64>,
}

impl Links {
    fn pass(&mut self, entry: &Entry) -> Result<(), Error> {
        let through = |path: &Path| {
            Error::Refused(format!("`{}` in the stream leads through a link of it", path.display()))
        };
        let mut hashes = self.hashes(&entry.path);
        let own = hashes.pop();
        let is_link = |hash: &u64| self.seen.contains(hash);
        if hashes.iter().chain(&own).any(is_link) {
            return Err(through(&entry.path));
        }
        let leads_on = match &entry.kind {
            Kind::Link(_) => true,
            Kind::SameAs(path) => {
                let mut hashes = self.hashes(path);
                let other = hashes.pop();
                if hashes.iter().any(is_link) {
                    return Err(through(path));
                }
                other.as_ref().is_some_and(is_link)
            }
            _ => false,
        };
        if leads_on {
            if self.seen.len() >= MOST_LINKS {
                return Err(Error::Refused("the stream has too many links".to_owned()));
            }
            self.seen.extend(own);
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
