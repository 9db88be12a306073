//! The command line of this process, as others see it.

use std::ffi::{CStr, c_char};

unsafe extern "C" {
    /// The first argument: an extension of GNU that musl has too.
    static program_invocation_name: *mut c_char;
}

/// Replaces the second argument of this process by another of the same length, as
/// `/proc/PID/cmdline` shows it. Does nothing if it is another than expected. Only for use while
/// there is one thread.
pub(crate) fn rename_role(from: &CStr, to: &CStr) {
    if from.count_bytes() != to.count_bytes() {
        return;
    }
    // SAFETY: the kernel puts the arguments of a process one behind the other on its stack, each
    // with a zero byte, and the environment behind them (`setup_arg_pages` and `copy_strings` of
    // `fs/exec.c`). There is a second argument, or the first variable, or the two zero bytes behind
    // an empty environment: so what follows the first is a string, or the place of the program's
    // own name that the kernel puts there. Nobody else writes to these bytes, as there is only one
    // thread.
    unsafe {
        let first = program_invocation_name;
        if first.is_null() {
            return;
        }
        let second = first.add(CStr::from_ptr(first).count_bytes() + 1);
        if CStr::from_ptr(second) != from {
            return;
        }
        for (at, byte) in to.to_bytes().iter().enumerate() {
            second.add(at).write_volatile(byte.cast_signed());
        }
    }
}
