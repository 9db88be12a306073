//! Whether standard output and standard error were closed when the program was started.
//!
//! The standard library opens `/dev/null` in the place of standard streams that are closed, so that no file gets their numbers:
//! what is written then goes nowhere, and every write succeeds. Who closes standard output of a command whose output is the
//! point has made a mistake, and is to hear of it. So this looks before the library does.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

static STDOUT: AtomicBool = AtomicBool::new(false);
static STDERR: AtomicBool = AtomicBool::new(false);

/// Standard output was closed.
pub(crate) fn stdout() -> bool {
    STDOUT.load(Ordering::Relaxed)
}

/// Standard error was closed.
pub(crate) fn stderr() -> bool {
    STDERR.load(Ordering::Relaxed)
}

extern "C" fn look() {
    // Where there is no /proc, nothing is known.
    let is_known = fs::symlink_metadata("/proc/self/fd").is_ok();
    for (path, is_closed) in [("/proc/self/fd/1", &STDOUT), ("/proc/self/fd/2", &STDERR)] {
        is_closed.store(is_known && fs::read_link(path).is_err(), Ordering::Relaxed);
    }
}

/// Called by the C library, before `main` and what the standard library does ahead of it.
#[used]
#[expect(unsafe_code, reason = "a function of the C calling convention without parameters is what this section holds")]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;
