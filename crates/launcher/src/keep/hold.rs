//! Finds other processes that hold the keeper's input open.
//!
//! A process of the same user with the same rights can open the keeper's input through
//! `/proc/KEEPER/fd/0`. Then the keeper gets no end of file when the client closes its end.

use std::io::ErrorKind;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::processes;

/// Whether another process holds the input open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Another process holds it.
    Held,
    /// Some processes cannot be inspected.
    Unknown,
    /// No other process holds it.
    Free,
}

/// Searches all visible processes except the launchers, which hold nothing of the keeper's and
/// cannot be inspected.
pub(super) fn of(pipe: BorrowedFd<'_>, launchers: &[i32]) -> Hold {
    let own = std::process::id().cast_signed();
    let Ok(pipe) = fs::read_link(format!("/proc/self/fd/{}", pipe.as_raw_fd())) else {
        return Hold::Unknown;
    };
    // A name other than `pipe:[…]` depends on the observer's mounts.
    let mut found =
        if pipe.to_string_lossy().starts_with("pipe:[") { Hold::Free } else { Hold::Unknown };
    // Each thread may have its own descriptors.
    for process in processes::all().filter(|pid| *pid != own && !launchers.contains(pid)) {
        for thread in entries(Path::new(&format!("/proc/{process}/task"))).into_iter().flatten() {
            match holds(&thread, &pipe) {
                Ok(true) => return Hold::Held,
                Ok(false) => {}
                Err(_) => found = Hold::Unknown,
            }
        }
    }
    found
}

/// Whether a thread holds the pipe. Fails if the thread cannot be inspected.
fn holds(thread: &Path, pipe: &Path) -> io::Result<bool> {
    // A process that has ended holds nothing, and shows nothing.
    if processes::stat_of(thread).is_ok_and(processes::Stat::is_zombie) {
        return Ok(false);
    }
    for descriptor in none_if_gone(entries(&thread.join("fd")))?.into_iter().flatten() {
        if none_if_gone(fs::read_link(descriptor))?.is_some_and(|held| held == pipe) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// Processes may end while they are inspected.
fn none_if_gone<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    const ESRCH: i32 = 3;
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::process::{Command, Stdio};

    use super::{Hold, of};

    #[test]
    fn a_process_that_holds_the_pipe_is_found() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert_ne!(of(reader.as_fd(), &[]), Hold::Held);
        let mut child =
            Command::new("sleep").arg("1000").stdout(Stdio::from(writer)).spawn().unwrap();
        assert_eq!(of(reader.as_fd(), &[]), Hold::Held);
        assert_ne!(
            of(reader.as_fd(), &[child.id().cast_signed()]),
            Hold::Held,
            "a launcher's are its own"
        );
        child.kill().unwrap();
        // Ended, but not reaped.
        while super::processes::stat(child.id().cast_signed()).is_ok_and(|stat| !stat.is_zombie()) {
            std::thread::yield_now();
        }
        assert_ne!(of(reader.as_fd(), &[]), Hold::Held);
        child.wait().unwrap();
    }

    #[test]
    fn what_is_no_pipe_is_not_known() {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        assert_eq!(of(file.as_fd(), &[]), Hold::Unknown);
    }
}
