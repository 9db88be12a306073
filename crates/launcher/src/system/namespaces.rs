//! Opens files without crossing mounts, and asks the kernel about namespaces.

use std::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use super::{O_NONBLOCK, check, ioctl, syscall};

unsafe extern "C" {
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn openat(folder: c_int, path: *const c_char, flags: c_int, ...) -> c_int;
    fn fstatfs(fd: c_int, facts: *mut c_void) -> c_int;
    fn readlinkat(folder: c_int, path: *const c_char, buffer: *mut c_char, size: usize) -> isize;
}

const O_CLOEXEC: c_int = 0o2_000_000;
/// Opens a place in the file system, and not what is there.
pub(crate) const O_PATH: c_int = 0o10_000_000;
// These two differ between architectures.
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
pub(crate) const O_DIRECTORY: c_int = 0o40_000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
pub(crate) const O_DIRECTORY: c_int = 0o200_000;
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
const O_NOFOLLOW: c_int = 0o100_000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
const O_NOFOLLOW: c_int = 0o400_000;
/// The same number on every architecture: it came after the tables were unified.
const SYS_OPENAT2: c_long = 437;
/// No mount point, no link, and nothing above the folder (`openat2(2)`).
const RESOLVE: u64 = 0x01 | 0x02 | 0x04 | 0x08;
const NS_GET_USERNS: c_ulong = 0xb701;
const NS_GET_PARENT: c_ulong = 0xb702;
const NS_GET_NSTYPE: c_ulong = 0xb703;
/// The flag of a mount namespace.
pub(crate) const CLONE_NEWNS: c_int = 0x0002_0000;
/// `struct statfs` is smaller on every architecture.
const STATFS_WORDS: usize = 64;

/// `struct open_how`.
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Opens a path as a place, without reading it.
pub(crate) fn open_place(path: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the path ends with a zero byte. Nobody else owns the returned descriptor.
    unsafe { check(open(path.as_ptr(), O_PATH | O_CLOEXEC)).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// Opens what lies below a folder as a place. Fails if the way there crosses a mount point or a
/// link, or if the kernel is older than 5.6.
pub(crate) fn open_within(folder: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
    let flags = u64::from((O_PATH | O_CLOEXEC).cast_unsigned());
    let how = OpenHow { flags, mode: 0, resolve: RESOLVE };
    // SAFETY: the path ends with a zero byte, and `how` is as long as the size given. Nobody else
    // owns the returned descriptor.
    unsafe {
        let size = size_of::<OpenHow>();
        let fd = syscall(
            SYS_OPENAT2,
            c_long::from(folder.as_raw_fd()),
            path.as_ptr(),
            &raw const how,
            size,
        );
        let fd = c_int::try_from(fd).map_err(io::Error::other)?;
        check(fd).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Opens a folder that is directly in another one and no link, as a place.
pub(crate) fn open_folder(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the path ends with a zero byte. Nobody else owns the returned descriptor.
    unsafe {
        let fd = openat(
            folder.as_raw_fd(),
            name.as_ptr(),
            O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW,
        );
        check(fd).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Opens a file of a folder for reading, following links. Does not wait for a pipe's writer.
pub(crate) fn open_file(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the path ends with a zero byte. Nobody else owns the returned descriptor.
    unsafe {
        let fd = openat(folder.as_raw_fd(), name.as_ptr(), O_NONBLOCK | O_CLOEXEC);
        check(fd).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Reads a short link in a folder.
pub(crate) fn read_link(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<Vec<u8>> {
    let mut buffer = [0_u8; 64];
    // SAFETY: the path ends with a zero byte, and the buffer is as long as the size given.
    let count = unsafe {
        readlinkat(folder.as_raw_fd(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    Ok(buffer[..count].to_vec())
}

/// Returns the type of the file system that a file is on, see `statfs(2)`.
pub(crate) fn file_system(file: BorrowedFd<'_>) -> io::Result<u32> {
    let mut facts = [0_u64; STATFS_WORDS];
    // SAFETY: the buffer is longer than a `struct statfs`, and aligned as one.
    check(unsafe { fstatfs(file.as_raw_fd(), facts.as_mut_ptr().cast()) })?;
    // The first field is the type: 32 bits on s390x, and as long as a `long` elsewhere.
    let bytes = facts[0].to_ne_bytes();
    let at = if cfg!(target_endian = "big")
        && size_of::<c_long>() == 8
        && !cfg!(target_arch = "s390x")
    {
        4
    } else {
        0
    };
    Ok(u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
}

/// Returns the type of a namespace: the flag of `clone(2)` that makes one.
pub(crate) fn namespace_type(namespace: BorrowedFd<'_>) -> io::Result<c_int> {
    // SAFETY: takes no pointer.
    check(unsafe { ioctl(namespace.as_raw_fd(), NS_GET_NSTYPE) })
}

/// Returns the user namespace that a namespace belongs to. Fails with `EPERM` if it is not this
/// process's own and not below it.
pub(crate) fn owner_of(namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer. Nobody else owns the returned descriptor.
    unsafe { check(ioctl(namespace.as_raw_fd(), NS_GET_USERNS)).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// Returns the parent of a user namespace. Fails with `EPERM` if that is not this process's own and
/// not below it.
pub(crate) fn parent_of(namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer. Nobody else owns the returned descriptor.
    unsafe { check(ioctl(namespace.as_raw_fd(), NS_GET_PARENT)).map(|fd| OwnedFd::from_raw_fd(fd)) }
}
