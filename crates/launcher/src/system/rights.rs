//! The user and groups of this process, and what it may execute.

use std::ffi::{CString, c_char, c_int, c_uint};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::check;

unsafe extern "C" {
    fn access(path: *const c_char, mode: c_int) -> c_int;
    fn geteuid() -> c_uint;
    fn getegid() -> c_uint;
    fn getgroups(count: c_int, list: *mut c_uint) -> c_int;
    fn setgroups(count: usize, list: *const c_uint) -> c_int;
}

const X_OK: c_int = 1;

/// Returns the effective user of this process.
pub(crate) fn user() -> u32 {
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { geteuid() }
}

/// Returns the effective group of this process.
pub(crate) fn group() -> u32 {
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { getegid() }
}

/// Returns the supplementary groups of this process, see `getgroups(2)`.
pub(crate) fn groups() -> io::Result<Vec<u32>> {
    // SAFETY: with a count of zero nothing is written.
    let count = check(unsafe { getgroups(0, std::ptr::null_mut()) })?;
    let mut groups = vec![0; usize::try_from(count).unwrap_or_default()];
    // SAFETY: the list has room for that many ids, and only this thread could change their number.
    check(unsafe { getgroups(count, groups.as_mut_ptr()) })?;
    Ok(groups)
}

/// Sets the supplementary groups of this process, see `setgroups(2)`. Takes the right to change
/// them.
pub(crate) fn set_groups(groups: &[u32]) -> io::Result<()> {
    // SAFETY: the list has that many ids.
    check(unsafe { setgroups(groups.len(), groups.as_ptr()) })?;
    Ok(())
}

/// Whether file modes and mount options let this process execute a file, see `access(2)`.
pub(crate) fn may_execute(path: &Path) -> bool {
    // SAFETY: the path ends with a zero byte.
    CString::new(path.as_os_str().as_bytes())
        .is_ok_and(|path| unsafe { access(path.as_ptr(), X_OK) } == 0)
}
