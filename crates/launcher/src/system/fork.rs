//! A forked copy of this process.

use std::ffi::{c_int, c_uint, c_void};
use std::io;

use super::{PR_SET_PDEATHSIG, SIGCHLD, SIGKILL, check, prctl};

unsafe extern "C" {
    fn alarm(seconds: c_uint) -> c_uint;
    fn clone(
        run: extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        flags: c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn fork() -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn _exit(code: c_int) -> !;
}

/// The copy gets the parent of this process.
const CLONE_PARENT: c_int = 0x8000;

/// The handler of signals that are ignored.
const SIG_IGN: usize = 1;

/// The size of the copy's stack, in units of 16 bytes, to which it is aligned.
const STACK_UNITS: usize = (64 << 10) / size_of::<u128>();

/// How long the copy may take, in seconds.
const COPY_TIMEOUT: c_uint = 20;

/// Forks a copy of this process that runs `work` and exits. The copy is not waited for. Only for a
/// process with one thread and no other child.
///
/// The copy is a child of this process's parent: the runtime, which reaps all of its children.
/// Otherwise, if this process were killed before its copy ends, the copy would become a child of
/// the first process of the PID namespace. That is the target, which may never reap it. Only that
/// first process itself cannot have such a copy, and needs none: its children end with it.
pub(crate) fn fork_and_run<W: FnOnce()>(work: W) -> io::Result<()> {
    extern "C" fn run<W: FnOnce()>(work: *mut c_void) -> c_int {
        // SAFETY: `work` is the `Option<W>` below, in the copy's own memory.
        let work = unsafe { &mut *work.cast::<Option<W>>() };
        // SAFETY: takes no pointer.
        unsafe { alarm(COPY_TIMEOUT) };
        if let Some(work) = work.take() {
            work();
        }
        0
    }
    let mut work = Some(work);
    let mut stack = vec![0_u128; STACK_UNITS];
    // SAFETY: there is only one thread, so the copy finds no lock held by another. The copy has a
    // memory of its own, with this stack and `work` in it, and exits without running any cleanup of
    // the original.
    let copied = check(unsafe {
        clone(
            run::<W>,
            stack.as_mut_ptr_range().end.cast(),
            CLONE_PARENT | SIGCHLD,
            (&raw mut work).cast(),
        )
    });
    if copied.is_ok() {
        return Ok(());
    }
    // SAFETY: as above. Children whose end is ignored are reaped by the kernel.
    unsafe {
        signal(SIGCHLD, SIG_IGN);
        if check(fork())? == 0 {
            prctl(PR_SET_PDEATHSIG, SIGKILL.cast_unsigned().into(), 0, 0, 0);
            run::<W>((&raw mut work).cast());
            _exit(0);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::system::is_child;

    #[test]
    fn a_copy_is_a_child_of_the_parent() {
        let (mut told, mut tell) = io::pipe().unwrap();
        fork_and_run(|| {
            let _told = io::Write::write_all(&mut tell, &std::process::id().to_ne_bytes());
        })
        .unwrap();
        drop(tell);
        let mut pid = [0; 4];
        told.read_exact(&mut pid).unwrap();
        let pid = u32::from_ne_bytes(pid);
        assert!(pid != std::process::id() && !is_child(pid.cast_signed()));
    }
}
