//! The folders from the root of a copy to where the last entry was written.

use std::ffi::{OsStr, OsString};
use std::fs::{self, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::folder::Folder;
use crate::{Entry, Error};

/// Open folders, each in the one before. None was entered by a link.
pub(crate) struct Chain {
    root: Level,
    below: Vec<Level>,
    keeps_owner: bool,
}

struct Level {
    name: OsString,
    folder: Folder,
    /// What the folder gets once everything is in it, if the copy made it.
    made_as: Option<Entry>,
}

impl Chain {
    /// Begins at this folder. `made_as` is what it gets at the end, if the copy made it.
    pub(crate) fn new(root: Folder, made_as: Option<Entry>, keeps_owner: bool) -> Self {
        let root = Level { name: OsString::new(), folder: root, made_as };
        Self { root, below: Vec::new(), keeps_owner }
    }

    fn last(&self) -> &Folder {
        &self.below.last().unwrap_or(&self.root).folder
    }

    /// Returns the folder at a path. Makes those that are missing.
    pub(crate) fn go_to(&mut self, path: &Path) -> Result<&Folder, Error> {
        let names: Vec<&OsStr> = path.iter().collect();
        let same = self.below.iter().zip(&names).take_while(|(level, name)| level.name == **name);
        let same = same.count();
        while self.below.len() > same {
            self.leave()?;
        }
        for at in same..names.len() {
            let so_far: std::path::PathBuf = names[..=at].iter().collect();
            match self.last().enter(names[at]) {
                Ok(folder) => self.push(names[at], folder, None),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.make(names[at], None, &so_far)?;
                }
                Err(error) => return Err(no_folder(&so_far, error)),
            }
        }
        Ok(self.last())
    }

    /// Makes the folder of an entry, or goes to the one that is there.
    pub(crate) fn folder(&mut self, entry: Entry) -> Result<(), Error> {
        let path = entry.path.clone();
        let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else { return Ok(()) };
        let there = self.go_to(parent)?.enter(name);
        match there {
            Ok(folder) => {
                self.push(name, folder, None);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make(name, Some(entry), &path)
            }
            Err(error) => Err(no_folder(&path, error)),
        }
    }

    fn make(&mut self, name: &OsStr, made_as: Option<Entry>, path: &Path) -> Result<(), Error> {
        let made = make(self.last(), name, made_as.is_some());
        let folder = made.map_err(Error::file("make the folder", path))?;
        self.push(name, folder, made_as);
        Ok(())
    }

    fn push(&mut self, name: &OsStr, folder: Folder, made_as: Option<Entry>) {
        self.below.push(Level { name: name.to_owned(), folder, made_as });
    }

    fn leave(&mut self) -> Result<(), Error> {
        match self.below.pop() {
            Some(Level { folder, made_as: Some(entry), .. }) => {
                dress_folder(&folder, &entry, self.keeps_owner)
            }
            _ => Ok(()),
        }
    }

    /// Leaves all folders.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        while !self.below.is_empty() {
            self.leave()?;
        }
        match &self.root.made_as {
            Some(entry) => dress_folder(&self.root.folder, entry, self.keeps_owner),
            None => Ok(()),
        }
    }
}

/// Makes a folder. One whose mode follows is private until then.
pub(crate) fn make(parent: &Folder, name: &OsStr, is_private: bool) -> io::Result<Folder> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mode = if is_private { 0o700 } else { 0o777 };
    fs::DirBuilder::new().mode(mode).create(parent.path(name))?;
    parent.enter(name)
}

fn no_folder(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotADirectory {
        // A link is none either, wherever it leads.
        let shown = path.display();
        return Error::Place(format!("cannot put a folder in the place of {shown}, which is none"));
    }
    Error::file("open the folder", path)(error)
}

fn dress_folder(folder: &Folder, entry: &Entry, keeps_owner: bool) -> Result<(), Error> {
    let dressed = folder.itself().and_then(|folder| dress(&folder, entry, keeps_owner));
    dressed.map_err(Error::file("set the mode of", &entry.path))
}

/// Gives an open file or folder the owner, the mode and the time of its entry.
///
/// The bits that give whoever runs a file its owner's rights are kept only with the owner.
pub(crate) fn dress(file: &fs::File, entry: &Entry, keeps_owner: bool) -> io::Result<()> {
    if keeps_owner {
        fchown(file, Some(entry.uid), Some(entry.gid))?;
    }
    let mode = if keeps_owner { entry.mode } else { entry.mode & 0o777 };
    file.set_permissions(Permissions::from_mode(mode))?;
    let since = Duration::from_secs(entry.mtime.unsigned_abs());
    let time = if entry.mtime < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(since)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since)
    };
    match time {
        Some(time) => file.set_times(FileTimes::new().set_modified(time)),
        None => Ok(()),
    }
}
