//! Where a copy goes to.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use crate::Error;
use crate::folder::Folder;

/// The place that a user named for a copy, by the rules of `docker cp`. Links on the way to it are
/// followed now, and not again.
#[derive(Debug)]
pub struct Place {
    pub(crate) folder: Folder,
    pub(crate) rest: Rest,
    /// As the user named it, for messages.
    pub(crate) shown: std::path::PathBuf,
}

/// What is at a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The folder is the place: what is copied goes into it.
    Inside,
    /// A file of this name is in the folder, and is replaced.
    File(OsString),
    /// Nothing of this name is in the folder. With a slash behind it, it can only be a folder.
    New { name: OsString, is_folder: bool },
}

impl Place {
    /// Looks at a place.
    ///
    /// # Errors
    ///
    /// Fails if the folder that it is in does not exist, and where neither a file nor a folder is.
    pub fn find(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::file("copy to", path)(error);
        let open = |folder: &Path| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            Folder::open(folder).map_err(Error::file("open the folder", folder))
        };
        let is_folder = path.as_os_str().as_bytes().ends_with(b"/");
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                Ok(Self { folder: open(path)?, rest: Rest::Inside, shown: path.to_owned() })
            }
            Ok(found) if found.is_file() => {
                // The user's own link: what it leads to is replaced.
                let real = fs::canonicalize(path).map_err(failed)?;
                let name = real.file_name().map(OsString::from).ok_or_else(|| no_name(path))?;
                let folder = open(real.parent().unwrap_or(Path::new("/")))?;
                Ok(Self { folder, rest: Rest::File(name), shown: path.to_owned() })
            }
            Ok(_) => {
                Err(Error::Place(format!("{} is neither a file nor a folder", path.display())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
                    let shown = path.display();
                    return Err(Error::Place(format!("{shown} is a link that leads nowhere")));
                }
                let Some(Component::Normal(name)) = path.components().next_back() else {
                    return Err(no_name(path));
                };
                let folder = open(path.parent().unwrap_or(Path::new("/")))?;
                let rest = Rest::New { name: name.to_owned(), is_folder };
                Ok(Self { folder, rest, shown: path.to_owned() })
            }
            Err(error) => Err(failed(error)),
        }
    }
}

fn no_name(path: &Path) -> Error {
    Error::Place(format!("{} has no name that a copy could have", path.display()))
}
