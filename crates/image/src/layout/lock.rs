//! Advisory locks (`flock`) on existing folders, so that no lock file is left behind.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::ImageError;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes an exclusive lock if no other process has a lock.
pub(super) fn try_exclusive(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes or keeps a shared lock. Closing the file, also by a crash, releases it.
pub(super) fn shared(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::LockShared)?)
}

/// Takes an exclusive lock on `folder`, waiting for at most `timeout`. The error names `layout`.
pub(super) fn exclusive(
    folder: &Path,
    layout: &Path,
    timeout: Duration,
) -> Result<File, ImageError> {
    let failed = |source| ImageError::Store { path: folder.to_owned(), source };
    let file = File::open(folder).map_err(failed)?;
    let start = Instant::now();
    while !try_exclusive(&file).map_err(failed)? {
        if start.elapsed() > timeout {
            return Err(ImageError::Locked { path: layout.to_owned(), holder: holder(&file) });
        }
        thread::sleep(PAUSE);
    }
    Ok(file)
}

/// Finds the process that holds the lock, in the kernel's table:
/// `1: FLOCK  ADVISORY  WRITE 4242 08:01:131 0 EOF`.
fn holder(file: &File) -> String {
    let unknown = || "another process".to_owned();
    let (Ok(metadata), Ok(locks)) = (file.metadata(), fs::read_to_string("/proc/locks")) else {
        return unknown();
    };
    let inode = format!(":{}", metadata.ino());
    let process = locks.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        match fields[..] {
            [_, "FLOCK", _, "WRITE", process, at, ..] if at.ends_with(&inode) => {
                Some(process.to_owned())
            }
            _ => None,
        }
    });
    let Some(process) = process else { return unknown() };
    match fs::read_to_string(format!("/proc/{process}/comm")) {
        Ok(name) => format!("process {process} ({})", name.trim_end()),
        Err(_) => format!("process {process}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_taken_is_waited_for_and_then_named() {
        let folder = tempfile::tempdir().unwrap();
        let lock = exclusive(folder.path(), folder.path(), Duration::ZERO).unwrap();
        let error =
            exclusive(folder.path(), folder.path(), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("is being changed by "), "{error}");
        drop(lock);
        // A child that another test starts keeps a copy of the file until it executes its program.
        exclusive(folder.path(), folder.path(), Duration::from_mins(1)).unwrap();
    }
}
