//! Forked copies of this process.

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

/// The size of the stack of a copy that does little, and of one that runs a session. Memory that is
/// not used costs nothing.
const SMALL_STACK: usize = 64 << 10;
const LARGE_STACK: usize = 1 << 20;

/// How long a copy that does little may take, in seconds.
const COPY_TIMEOUT: c_uint = 20;

/// Forks a copy of this process that runs `work` and exits. The copy is not waited for. Only for a
/// process with one thread and no other child.
///
/// The copy is a child of this process's parent, see [`fork_beside`]. Only the first process of a
/// PID namespace cannot have such a copy, and needs none: its children end with it.
pub(crate) fn fork_and_run<W: FnOnce()>(work: W) -> io::Result<()> {
    let mut work = Some(work);
    let mut run = || {
        // SAFETY: takes no pointer.
        unsafe { alarm(COPY_TIMEOUT) };
        if let Some(work) = work.take() {
            work();
        }
        0
    };
    if clone_beside(&mut run, SMALL_STACK).is_ok() {
        return Ok(());
    }
    // SAFETY: there is only one thread, so the copy finds no lock held by another. Children whose
    // end is ignored are reaped by the kernel.
    unsafe {
        signal(SIGCHLD, SIG_IGN);
        if check(fork())? == 0 {
            prctl(PR_SET_PDEATHSIG, SIGKILL.cast_unsigned().into(), 0, 0, 0);
            run();
            _exit(0);
        }
    }
    Ok(())
}

/// Forks a copy of this process that runs `work`, and exits with the code that it returns. Only for
/// a process with one thread.
///
/// The copy is a child of this process's parent: the runtime, which reaps all of its children.
/// Otherwise, if this process were killed before its copy ends, the copy would become a child of
/// the first process of the PID namespace. That is the target, which may never reap it.
pub(crate) fn fork_beside<W: FnOnce() -> u8>(work: W) -> io::Result<()> {
    let mut work = Some(work);
    clone_beside(&mut || work.take().map_or(0, |work| work().into()), LARGE_STACK)
}

fn clone_beside<W: FnMut() -> c_int>(work: &mut W, stack: usize) -> io::Result<()> {
    extern "C" fn run<W: FnMut() -> c_int>(work: *mut c_void) -> c_int {
        // SAFETY: `work` is the `W` below, in the copy's own memory.
        let work = unsafe { &mut *work.cast::<W>() };
        work()
    }
    // In units to which a stack is aligned.
    let mut stack = vec![0_u128; stack / size_of::<u128>()];
    // SAFETY: there is only one thread, so the copy finds no lock held by another. The copy has a
    // memory of its own, with this stack and `work` in it, and exits without running any cleanup of
    // the original.
    check(unsafe {
        clone(
            run::<W>,
            stack.as_mut_ptr_range().end.cast(),
            CLONE_PARENT | SIGCHLD,
            std::ptr::from_mut(work).cast(),
        )
    })
    .map(drop)
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

    #[test]
    fn a_copy_beside_this_process_tells_what_it_found() {
        let (mut told, mut tell) = io::pipe().unwrap();
        fork_beside(|| {
            let parent = std::os::unix::process::parent_id();
            let _told = io::Write::write_all(&mut tell, &parent.to_ne_bytes());
            7
        })
        .unwrap();
        let mut parent = [0; 4];
        told.read_exact(&mut parent).unwrap();
        assert_eq!(u32::from_ne_bytes(parent), std::os::unix::process::parent_id());
    }
}
