//! One process, told from a later one with the same process id.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use crate::processes::{self, Stat};
use crate::system;

/// A process that has been seen.
#[derive(Debug)]
pub(crate) struct Process {
    pid: i32,
    start_time: u64,
    /// Absent if the kernel or a seccomp profile refuses `pidfd_open`.
    descriptor: Option<OwnedFd>,
}

impl Process {
    /// Fails if the process is not visible. It may have ended.
    pub(crate) fn of(pid: i32) -> io::Result<Self> {
        let descriptor = system::process_descriptor(pid).ok();
        Ok(Self { pid, start_time: processes::stat(pid)?.start_time, descriptor })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// When it began, in clock ticks since boot.
    pub(crate) fn start_time(&self) -> u64 {
        self.start_time
    }

    /// A descriptor that becomes readable when the process ends, where there are such.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(|descriptor| descriptor.as_fd())
    }

    /// Returns the state of the process, or `None` if it has ended.
    pub(crate) fn state(&self) -> Option<Stat> {
        processes::stat(self.pid)
            .ok()
            .filter(|stat| stat.start_time == self.start_time && !stat.is_zombie())
    }

    /// Sends a signal. Does nothing if the process has ended.
    pub(crate) fn signal(&self, number: i32) {
        let sent =
            self.descriptor().is_some_and(|process| system::send_to(process, number).is_ok());
        // A seccomp profile may refuse the call.
        if !sent && self.state().is_some() {
            let _ended = system::send(self.pid, number);
        }
    }
}
