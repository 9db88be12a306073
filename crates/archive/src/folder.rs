//! Folders that are held open, so that names are looked up in them and nowhere else.
//!
//! The standard library has no calls that take an open folder. The paths here lead through
//! `/proc/self/fd` instead, which the kernel resolves to the open folder itself.

#![expect(unsafe_code, reason = "the standard library cannot name a file that has no name yet")]

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int};
use std::fs::{File, OpenOptions, ReadDir};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Opens a place in the file system, and not what is there.
const O_PATH: i32 = 0o10_000_000;
/// Does not wait for the other end of a pipe.
const O_NONBLOCK: i32 = 0o4_000;
// These two differ between architectures.
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
const O_DIRECTORY: i32 = 0o40_000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
const O_DIRECTORY: i32 = 0o200_000;
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
const O_NOFOLLOW: i32 = 0o100_000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
const O_NOFOLLOW: i32 = 0o400_000;
/// A file without a name, in a folder.
const O_TMPFILE: i32 = 0o20_000_000 | O_DIRECTORY;

const AT_FDCWD: c_int = -100;
const AT_SYMLINK_FOLLOW: c_int = 0x400;

unsafe extern "C" {
    fn linkat(
        from_folder: c_int,
        from: *const c_char,
        to_folder: c_int,
        to: *const c_char,
        flags: c_int,
    ) -> c_int;
    fn readlinkat(folder: c_int, path: *const c_char, buffer: *mut c_char, size: usize) -> isize;
    fn geteuid() -> u32;
}

/// Returns the user whose rights this process has.
pub(crate) fn own_user() -> u32 {
    // SAFETY: takes and returns no pointer, and cannot fail.
    unsafe { geteuid() }
}

/// A folder that is held open.
#[derive(Debug)]
pub(crate) struct Folder(File);

impl Folder {
    /// Opens a folder that the user named. Follows links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).custom_flags(O_PATH | O_DIRECTORY).open(path).map(Self)
    }

    /// Opens a folder in this one. Fails if it is a link.
    pub(crate) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
        OpenOptions::new().read(true).custom_flags(flags).open(self.path(name)).map(Self)
    }

    /// Returns a path to a name in this folder, valid as long as the folder is open. Operations
    /// that follow the last link are not for it.
    pub(crate) fn path(&self, name: &OsStr) -> PathBuf {
        Path::new(&format!("/proc/self/fd/{}", self.0.as_raw_fd())).join(name)
    }

    /// Returns where a link in this folder leads, and whose it is. `None` if it is no link.
    pub(crate) fn link(&self, name: &OsStr) -> io::Result<Option<(PathBuf, u32)>> {
        // What is opened is the link itself: both answers are about the same one.
        let flags = O_PATH | O_NOFOLLOW;
        let link = OpenOptions::new().read(true).custom_flags(flags).open(self.path(name))?;
        let facts = link.metadata()?;
        if !facts.is_symlink() {
            return Ok(None);
        }
        let mut buffer = vec![0_u8; 4096];
        // SAFETY: the path ends with a zero byte, and the buffer is as long as the size given.
        let length = unsafe {
            readlinkat(link.as_raw_fd(), c"".as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
        };
        let Ok(length) = usize::try_from(length) else { return Err(io::Error::last_os_error()) };
        buffer.truncate(length);
        Ok(Some((OsString::from_vec(buffer).into(), facts.uid())))
    }

    /// Lists the folder.
    pub(crate) fn list(&self) -> io::Result<ReadDir> {
        std::fs::read_dir(self.path(OsStr::new(".")))
    }

    /// Opens the folder itself, to change its mode and its times.
    pub(crate) fn itself(&self) -> io::Result<File> {
        OpenOptions::new().read(true).custom_flags(O_DIRECTORY).open(self.path(OsStr::new(".")))
    }

    /// Opens a file in this folder for reading. Follows no link, and does not wait for a pipe.
    pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
        OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(self.path(name))
    }

    /// Makes a file for writing that has no name yet. Not every filesystem can.
    pub(crate) fn nameless(&self) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .mode(0o600)
            .custom_flags(O_TMPFILE)
            .open(self.path(OsStr::new(".")))
    }

    /// Gives a [nameless](Self::nameless) file a name. Fails if the name is taken.
    pub(crate) fn name(&self, file: &File, name: &OsStr) -> io::Result<()> {
        let from = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        let to = CString::new(name.as_bytes())?;
        let (from, to): (&CStr, &CStr) = (&from, &to);
        // SAFETY: both paths end with a zero byte, and live during the call.
        let result = unsafe {
            linkat(AT_FDCWD, from.as_ptr(), self.0.as_raw_fd(), to.as_ptr(), AT_SYMLINK_FOLLOW)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
