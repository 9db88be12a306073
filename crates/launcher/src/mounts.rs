//! Checks who may change the mounts that this process sees.
//!
//! A runtime starts a session in the mount namespace of the target's first process. A process
//! without any capability can make a user namespace, and in it a mount namespace of its own, where
//! it mounts what it likes over `/proc` and over every other folder: all that the session looks up
//! would then lead where that process wants. It cannot do so in the mount namespace of its
//! container. So a session goes on only if its mount namespace belongs to its own user namespace.
//!
//! `/proc` leads to that answer, and is checked on the way: it must be the root of a proc
//! filesystem of this process's PID namespace, and no mount may lie between it and the folder of
//! this process's namespaces.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use crate::advice;
use crate::system::namespaces::{self, CLONE_NEWNS};

/// `PROC_SUPER_MAGIC` and `NSFS_MAGIC`.
const PROC: u32 = 0x9fa0;
const NSFS: u32 = 0x6e73_6673;
/// The number of the root of a proc filesystem. It is the same in all of them.
const PROC_ROOT: u64 = 1;
/// `EPERM` and `ENOSYS`.
const EPERM: i32 = 1;
const ENOSYS: i32 = 38;

/// Fails if another user namespace than this process's own rules its mounts, or if that cannot be
/// known. Only for use before anything is looked up.
pub(crate) fn check() -> Result<(), String> {
    let unknown = |error: io::Error| {
        format!(
            "cannot trust what the session would see: cannot find out who may change the target's mounts ({error}); {}",
            advice::platform().other_mode()
        )
    };
    let namespace = own_mount_namespace().map_err(unknown)?;
    if is_own(namespace.as_fd()).map_err(unknown)? {
        return Ok(());
    }
    Err(format!(
        "cannot trust what the session would see: the target's first process is in a user namespace of its own, where \
         it may mount anything over it; {}",
        advice::platform().other_mode()
    ))
}

/// Opens the mount namespace of this process.
fn own_mount_namespace() -> io::Result<OwnedFd> {
    let not = |what: &'static str| io::Error::other(what);
    let proc = namespaces::open_place(c"/proc")?;
    let is_root = inode(&proc)? == PROC_ROOT && namespaces::file_system(proc.as_fd())? == PROC;
    if !is_root {
        return Err(not("/proc is no proc filesystem"));
    }
    let own = std::process::id().to_string();
    if namespaces::read_link(proc.as_fd(), c"self")? != own.as_bytes() {
        return Err(not("/proc is of another PID namespace"));
    }
    let folder = folder_of_namespaces(proc.as_fd(), &own)?;
    // On a kernel that lets links of this kind be covered too, one may have been.
    let namespace = namespaces::open_file(folder.as_fd(), c"mnt")?;
    let is_namespace = namespaces::file_system(namespace.as_fd())? == NSFS;
    if !is_namespace || namespaces::namespace_type(namespace.as_fd())? != CLONE_NEWNS {
        return Err(not("/proc/self/ns/mnt is no mount namespace"));
    }
    Ok(namespace)
}

/// Opens the folder of the namespaces of the process with this id.
fn folder_of_namespaces(proc: BorrowedFd<'_>, process: &str) -> io::Result<OwnedFd> {
    let path = |text: String| CString::new(text).map_err(io::Error::other);
    match namespaces::open_within(proc, &path(format!("{process}/ns"))?) {
        // The kernel is older than 5.6, or a seccomp profile does not know the call. What is
        // mounted from another filesystem is still found; from the same one it would have to be
        // mounted in the moment since this process began.
        Err(error) if matches!(error.raw_os_error(), Some(EPERM | ENOSYS)) => {
            let folder = namespaces::open_folder(proc, &path(process.to_owned())?)?;
            let folder = namespaces::open_folder(folder.as_fd(), c"ns")?;
            if namespaces::file_system(folder.as_fd())? == PROC {
                Ok(folder)
            } else {
                Err(io::Error::other("something is mounted over /proc/self/ns"))
            }
        }
        opened => opened,
    }
}

/// Reports whether a namespace belongs to the user namespace of this process.
fn is_own(namespace: BorrowedFd<'_>) -> io::Result<bool> {
    let is_denied = |error: &io::Error| error.raw_os_error() == Some(EPERM);
    let owner = match namespaces::owner_of(namespace) {
        Ok(owner) => owner,
        // It belongs to a user namespace beside or above our own. Nothing starts a session there.
        Err(error) if is_denied(&error) => return Ok(false),
        Err(error) => return Err(error),
    };
    // The parent of our own user namespace is hidden from us. That of one below it is not.
    match namespaces::parent_of(owner.as_fd()) {
        Ok(_) => Ok(false),
        Err(error) if is_denied(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

fn inode(file: &OwnedFd) -> io::Result<u64> {
    Ok(File::from(file.try_clone()?).metadata()?.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_mounts_are_ours() {
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn the_old_way_to_the_namespaces_is_the_same() {
        let proc = namespaces::open_place(c"/proc").unwrap();
        let own = std::process::id().to_string();
        let path = CString::new(own.clone()).unwrap();
        let folder = namespaces::open_folder(proc.as_fd(), &path).unwrap();
        let folder = namespaces::open_folder(folder.as_fd(), c"ns").unwrap();
        assert_eq!(
            inode(&folder).unwrap(),
            inode(&folder_of_namespaces(proc.as_fd(), &own).unwrap()).unwrap()
        );
        assert!(namespaces::open_folder(proc.as_fd(), c"self").is_err(), "a link");
        assert!(namespaces::open_within(proc.as_fd(), c"self").is_err(), "a link");
    }
}
