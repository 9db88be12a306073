//! Writes a file that is whole or not there.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::regular;

/// Writes a file: under a temporary name beside it, and renames it when it is whole. An existing
/// file is replaced only if it is a regular file: not through a link, no device, no pipe. If
/// anything fails, nothing is left, and what was there stays.
///
/// # Errors
///
/// Fails if something else is at the path, or if the folder cannot be written to.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replaceable(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".scratchdbg-")
        .suffix(".tmp")
        // Less the umask, as for any file.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Checks that a file can be written at a path by [`replace`]: that nothing is there, or a regular
/// file, and that there is a folder for it.
///
/// # Errors
///
/// As of [`replace`], as far as they can be told without writing.
pub fn replaceable(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            crate::Refused::NotRegular { kind: "a symbolic link" },
        )),
        Ok(metadata) => regular(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            fs::metadata(folder.unwrap_or(Path::new("."))).map(drop)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        let child = folder.path().join("folder");
        fs::create_dir(&child).unwrap();
        for other in [&*link, &*child, Path::new("/dev/null")] {
            assert!(replace(other, b"three").is_err(), "{}", other.display());
        }
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(replace(&folder.path().join("absent/page.html"), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left");
    }
}
