//! Utilities for tests.
//!
//! - [`sample`]: a small static program to put into images.
//! - [`cluster`]: the Kubernetes cluster under test, queried with kubectl.
//! - [`engine`]: the engine under test, queried with the independent docker CLI.
//! - [`fake`]: a platform in memory, for tests without an engine; [`fake_session`]: one that
//!   sessions run on.
//! - [`host_processes`]: keeps containers in the host's PID namespace apart from tests that need no
//!   neighbors;
//! - [`lease`]: a file that blocks every process that opens it.
//! - [`podman`]: a Podman of a test's own.
//! - [`program`]: runs the built binary without the developer's environment.
//! - [`registry`]: a registry to push to.
//! - [`terminal`]: runs a program on a pseudo-terminal, and reads the screen.
//!
//! Everything here panics with a clear message instead of returning an error, like assertions do.

pub mod cluster;
pub mod engine;
pub mod fake;
pub mod fake_session;
pub mod host_processes;
pub mod lease;
pub mod podman;
pub mod program;
pub mod registry;
pub mod sample;
pub mod terminal;

use std::time::{Duration, Instant};

/// How long anything may take before a test fails. Far above the usual time, because tests do not
/// measure time.
pub const TIMEOUT: Duration = Duration::from_secs(90);

/// Calls `question` until it returns a value, and returns the value. After [`TIMEOUT`], panics with
/// the result of `waited_for`.
#[track_caller]
pub fn eventually<T>(
    waited_for: impl Fn() -> String,
    mut question: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {TIMEOUT:?} in vain for {}", waited_for());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a word of lower-case letters and digits that no other run of the tests uses, now or
/// later.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::SystemTime;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}p{:x}n{count:x}", since_epoch.as_micros(), std::process::id())
}
