//! What the tests share.
//!
//! - [`sample`]: a small static program to put into images.
//! - [`cluster`]: the Kubernetes cluster under test, asked by kubectl.
//! - [`engine`]: the engine under test, asked by the docker CLI, which is the independent referee.
//! - [`fake`]: a platform in memory, for tests without an engine; [`fake_session`]: one that sessions run on.
//! - [`lease`]: a file that whoever opens it has to wait for.
//! - [`podman`]: another engine.
//! - [`program`]: runs the built binary with nothing of the developer's environment.
//! - [`registry`]: a registry to push to.
//! - [`terminal`]: runs it on a pseudo-terminal, and reads the screen.
//!
//! Everything here panics with a clear message instead of returning an error, as assertions do.

pub mod cluster;
pub mod engine;
pub mod fake;
pub mod fake_session;
pub mod lease;
pub mod podman;
pub mod program;
pub mod registry;
pub mod sample;
pub mod terminal;

use std::time::{Duration, Instant};

/// How long anything may take before a test fails as hung. Far above what is usual: nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Asks until `question` has an answer, and returns it. Panics after [`PATIENCE`] with what `waited_for` says then.
#[track_caller]
pub fn eventually<T>(waited_for: impl Fn() -> String, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {}", waited_for());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A word that no other run of the tests uses, now or later: lower-case letters and digits.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::SystemTime;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}p{:x}n{count:x}", since_epoch.as_micros(), std::process::id())
}
