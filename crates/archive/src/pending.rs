//! What is about to get its name: under another name until it is whole.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;

use crate::folder::Folder;

/// Puts something in the place of a name, at once. `make` makes it under the name that it is given.
///
/// Nothing is left of it where that fails.
pub(crate) fn replace(
    folder: &Folder,
    name: &OsStr,
    make: impl FnOnce(&OsStr) -> io::Result<()>,
) -> io::Result<()> {
    let pending = Pending { folder, name: temporary() };
    make(&pending.name)?;
    fs::rename(folder.path(&pending.name), folder.path(name))
    // Removed again where it was not renamed, and where both names were the same file already.
}

/// A file that is written, and has no name or another one.
pub(crate) struct PendingFile<'a> {
    pub(crate) file: File,
    folder: &'a Folder,
    pending: Option<Pending<'a>>,
}

impl<'a> PendingFile<'a> {
    /// Makes one in a folder. `has_name` makes one that is seen until it is whole, for which the
    /// kernel asks less.
    pub(crate) fn new(folder: &'a Folder, has_name: bool) -> io::Result<Self> {
        if !has_name && let Ok(file) = folder.nameless() {
            return Ok(Self { file, folder, pending: None });
        }
        let pending = Pending { folder, name: temporary() };
        let file = create(&folder.path(&pending.name))?;
        Ok(Self { file, folder, pending: Some(pending) })
    }

    /// Puts the file in the place of a name.
    pub(crate) fn finish(self, name: &OsStr) -> io::Result<()> {
        let Self { file, folder, pending } = self;
        match pending {
            Some(pending) => fs::rename(folder.path(&pending.name), folder.path(name)),
            None => match folder.name(&file, name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    replace(folder, name, |temporary| folder.name(&file, temporary))
                }
                named => named,
            },
        }
    }
}

fn create(path: &std::path::Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A name that is removed unless something else was done with it.
struct Pending<'a> {
    folder: &'a Folder,
    name: OsString,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let _gone = fs::remove_file(self.folder.path(&self.name));
    }
}

/// A name that nothing else has. The standard library seeds each `RandomState` with random numbers.
fn temporary() -> OsString {
    format!(".scratchdbg-{:016x}", RandomState::new().build_hasher().finish()).into()
}
