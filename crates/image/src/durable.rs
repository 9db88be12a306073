//! Writes files that exist completely or not at all, even after a crash.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use tempfile::NamedTempFile;

use crate::ImageError;
use crate::layer::TEMPORARY_PREFIX;

/// Writes a user's file: temporary name, flush to disk, rename, flush of the folder.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let failed = |source| ImageError::Store { path: path.to_owned(), source };
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let mut file = File::options().write(true).open(path).map_err(failed)?;
        return write(&mut file);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if let Ok(mut file) = nameless(folder) {
        write(&mut file)?;
        file.sync_all().map_err(failed)?;
        let from = format!("/proc/self/fd/{}", file.as_raw_fd());
        // Linking cannot replace a file, but renaming can: hence a temporary name in between.
        let named = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .suffix(".tmp")
            .make_in(folder, |name| {
                Ok(rustix::fs::linkat(CWD, from.as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
            });
        named.map_err(failed)?.persist(path).map_err(|error| failed(error.error))?;
        return sync_folder(folder);
    }
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .suffix(".tmp")
        .permissions(Permissions::from_mode(0o666)) // less the umask, as for any file
        .tempfile_in(folder)
        .map_err(failed)?;
    write(file.as_file_mut())?;
    persist(file, path)?;
    sync_folder(folder)
}

/// Creates a file without a name, which disappears if this process is killed. Not all file systems
/// support such files.
fn nameless(folder: &Path) -> io::Result<File> {
    // The file gets its name through this folder.
    fs::metadata("/proc/self/fd")?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    // Reduced by the umask, as for any file.
    Ok(rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666))?.into())
}

/// Renames a temporary file after flushing it to disk. The folder must be flushed afterwards.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> Result<(), ImageError> {
    let failed = |source| ImageError::Store { path: path.to_owned(), source };
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map(drop).map_err(|error| failed(error.error))
}

/// Flushes the entries of a folder.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), ImageError> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(|source| ImageError::Store { path: folder.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.tar");
        let write = |text: &'static [u8]| {
            write_file(&path, move |out| out.write_all(text).map_err(ImageError::Write))
        };
        write(b"old").unwrap();
        let failed = write_file(&path, |out| {
            out.write_all(b"half").map_err(ImageError::Write)?;
            Err(ImageError::Write(io::ErrorKind::StorageFull.into()))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_file_has_no_name_before_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.tar");
        fs::write(&path, b"old").unwrap();
        write_file(&path, |out| {
            let names = fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(names, if nameless(folder.path()).is_ok() { 1 } else { 2 });
            out.write_all(b"new").map_err(ImageError::Write)
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        write_file(Path::new("/dev/null"), |out| out.write_all(b"x").map_err(ImageError::Write))
            .unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(matches!(
            write_file(Path::new("/nonexistent/x"), |_| Ok(())),
            Err(ImageError::Store { .. })
        ));
    }
}
