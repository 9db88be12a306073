//! Keeps containers in the host's PID namespace apart from tests that need targets without
//! neighbors: such a container is a neighbor of every other. The same goes for a container that the
//! engine may not finish with: it cannot be inspected, so nobody knows whose neighbor it is.

use std::fs::File;

/// Returns the file to lock. Tests run in threads, or in processes of their own.
fn lock_file() -> File {
    let path = std::env::temp_dir().join("scratchdbg-test-host-processes");
    File::options().create(true).append(true).open(path).expect("the lock file can be opened")
}

/// Waits until no test needs targets without neighbors. While the file is open, no such test
/// begins.
#[must_use = "closing the file allows such tests again"]
pub fn enter() -> File {
    let file = lock_file();
    file.lock().expect("the file can be locked");
    file
}

/// Waits until no test has a container in the host's PID namespace, and allows none while the file
/// is open.
#[must_use = "closing the file allows such containers again"]
pub fn keep_out() -> File {
    let file = lock_file();
    file.lock_shared().expect("the file can be locked");
    file
}
