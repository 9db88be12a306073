//! A file that blocks every process that opens it, like a file on a network file system that hangs.

#![expect(unsafe_code, reason = "leases are in no library that we use")]

use std::ffi::c_int;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use crate::eventually;

/// A file with a write lease (`fcntl(2)`): the kernel blocks every process that opens the file, for
/// at most 45 seconds, and notifies this process. Released on drop.
#[derive(Debug)]
pub struct Leased(File);

/// From Linux's `<fcntl.h>`.
const F_SETSIG: c_int = 10;
const F_SETLEASE: c_int = 1024;
const F_GETLEASE: c_int = 1025;
const F_WRLCK: c_int = 1;
/// `SIGURG`, which is ignored by default. The default signal of a lease would end the process.
const HARMLESS: c_int = 23;

unsafe extern "C" {
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
}

impl Leased {
    /// Takes the lease on the file at `path`. No process may have the file open.
    pub fn take(path: &Path) -> Self {
        let file = File::options().read(true).write(true).open(path).expect("the file is there");
        let fd = file.as_raw_fd();
        // SAFETY: the descriptor is open, and both commands take one integer.
        let signal = unsafe { fcntl(fd, F_SETSIG, HARMLESS) };
        assert_eq!(signal, 0, "{}", std::io::Error::last_os_error());
        eventually(
            || format!("a lease on {}: {}", path.display(), std::io::Error::last_os_error()),
            // A child process of another thread has the file open until it executes its program.
            // SAFETY: as above.
            || (unsafe { fcntl(fd, F_SETLEASE, F_WRLCK) } == 0).then_some(()),
        );
        Self(file)
    }

    /// Waits until a process tries to open the file.
    pub fn wait_for_visitor(&self) {
        eventually(
            || "somebody who opens the file".to_owned(),
            // SAFETY: the descriptor is open, and the command takes nothing.
            || (unsafe { fcntl(self.0.as_raw_fd(), F_GETLEASE) } != F_WRLCK).then_some(()),
        );
    }
}
