//! Finds the place of a copy among users who are not trusted.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::folder::{Folder, own_user};
use crate::place::Rest;
use crate::{Error, Place};

/// How many links are followed, as by the kernel.
const MAX_LINKS: usize = 40;

/// The kernel's error for more links.
const ELOOP: i32 = 40;

impl Place {
    /// Looks at an absolute path, like [`find`](Self::find). Of the links on the way, follows those
    /// of root and of the user of this process: another user's would lead a process of more rights
    /// to files that the other one may not write.
    ///
    /// # Errors
    ///
    /// Like [`find`](Self::find), and at a link of another user.
    pub fn find_guarded(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::file("copy to", path)(error);
        let mut way: VecDeque<OsString> = names(path);
        let mut folder = Folder::open(Path::new("/")).map_err(failed)?;
        let mut links = 0;
        while let Some(name) = way.pop_front() {
            let link = match folder.link(&name) {
                Ok(link) => link,
                Err(error) if error.kind() == io::ErrorKind::NotFound && way.is_empty() => {
                    let is_folder = path.as_os_str().as_bytes().ends_with(b"/");
                    let rest = Rest::New { name, is_folder };
                    return Ok(Self { folder, rest, shown: path.to_owned() });
                }
                Err(error) => return Err(failed(error)),
            };
            if let Some((target, owner)) = link {
                links += 1;
                if ![0, own_user()].contains(&owner) {
                    let (shown, target) = (path.display(), target.display());
                    let name = name.display();
                    return Err(Error::Place(format!(
                        "{shown} leads through `{name}`, a link of user {owner} to {target}, and only links of root or of the session's user are followed"
                    )));
                }
                if links > MAX_LINKS {
                    return Err(failed(io::Error::from_raw_os_error(ELOOP)));
                }
                if target.is_absolute() {
                    folder = Folder::open(Path::new("/")).map_err(failed)?;
                }
                names(&target).into_iter().rev().for_each(|name| way.push_front(name));
                continue;
            }
            match folder.enter(&name) {
                Ok(entered) => folder = entered,
                Err(error) if error.kind() == io::ErrorKind::NotADirectory && way.is_empty() => {
                    return file(folder, name, path);
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(Self { folder, rest: Rest::Inside, shown: path.to_owned() })
    }
}

/// Returns the names of a path, `..` among them.
fn names(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        _ => None,
    });
    names.collect()
}

fn file(folder: Folder, name: OsString, path: &Path) -> Result<Place, Error> {
    let found: PathBuf = folder.path(&name);
    let kind = fs::symlink_metadata(found).map_err(Error::file("copy to", path))?.file_type();
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Error::Place(format!("{} is a file, not a folder", path.display())));
    }
    if !kind.is_file() {
        return Err(Error::Place(format!("{} is neither a file nor a folder", path.display())));
    }
    Ok(Place { folder, rest: Rest::File(name), shown: path.to_owned() })
}
