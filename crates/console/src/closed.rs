//! Whether standard output and standard error were closed when the process started.
//!
//! The standard library opens `/dev/null` in place of closed standard streams, so that no other
//! file gets their numbers. Every write then succeeds and is lost. A command whose output is its
//! purpose should fail instead, so this module checks before the standard library does.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

static STDOUT: AtomicBool = AtomicBool::new(false);
static STDERR: AtomicBool = AtomicBool::new(false);

/// Whether standard output was closed.
pub fn stdout() -> bool {
    STDOUT.load(Ordering::Relaxed)
}

/// Whether standard error was closed.
pub fn stderr() -> bool {
    STDERR.load(Ordering::Relaxed)
}

extern "C" fn check() {
    // Without /proc, nothing is known: treat both as open.
    let is_known = fs::symlink_metadata("/proc/self/fd").is_ok();
    for (path, is_closed) in [("/proc/self/fd/1", &STDOUT), ("/proc/self/fd/2", &STDERR)] {
        is_closed.store(is_known && fs::read_link(path).is_err(), Ordering::Relaxed);
    }
}

/// The C library calls this before `main`, and before the standard library initializes itself.
#[used]
#[expect(
    unsafe_code,
    reason = "this section holds functions of the C calling convention without parameters"
)]
#[unsafe(link_section = ".init_array")]
static CHECK: extern "C" fn() = check;
