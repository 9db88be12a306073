//! Engines that hang, break off, or respond with something that no engine sends, at each request of
//! each command.

mod answers;
mod clock;
mod hang;
mod proxy;
mod stopped;
mod streams;

use std::process::{Command, Stdio};

use scratchdbg_testkit::engine::Container;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Running;

use self::proxy::{Fault, FaultProxy};
use crate::stage::{Stage, Target};

/// How many runs of a command are concurrent.
const AT_ONCE: usize = 6;

/// A running target, an ended one, and commands for both.
struct Scene<'stage> {
    stage: &'stage Stage,
    target: Target<'stage>,
    ended: Container<'stage>,
}

impl<'stage> Scene<'stage> {
    fn set(stage: &'stage Stage) -> Self {
        let target = stage.target(&[]);
        let ended = stage.engine.run("ended", &[], &stage.image, &["exit", "1"]);
        ended.wait();
        // The tools are in the engine from here on, so that each run sends the same requests.
        target.attach(&["true"]).expect(0, "");
        Self { stage, target, ended }
    }

    /// Returns command lines that together send every kind of request.
    fn commands(&self) -> Vec<Vec<&str>> {
        let (target, ended) = (self.target.name(), self.ended.name());
        vec![
            vec!["attach", target, "--", "sh", "-c", "echo hello; exit 7"],
            vec!["attach", ended, "--", "sh", "-c", "echo hello; exit 7"],
            vec!["attach", "--mode", "sidecar", target, "--", "sh", "-c", "echo hello; exit 7"],
            vec!["logs", "--via", "api", ended],
            vec!["logs", "--run", "all", ended],
            vec!["why", ended],
            vec!["check", ended],
            vec!["check", &self.stage.image],
            vec!["ps", "--filter", "name=no-such-name"],
            vec!["sessions", "ls"],
        ]
    }

    /// Starts a command behind a proxy, with an empty input.
    fn start(&self, proxy: &FaultProxy, arguments: &[&str]) -> Running {
        let host = proxy.host();
        self.stage.scratchdbg.start([&["-H", &host], arguments].concat())
    }

    /// Returns the same command for a terminal.
    fn command(&self, proxy: &FaultProxy, arguments: &[&str]) -> Command {
        let host = proxy.host();
        let mut command = self.stage.scratchdbg.command([&["-H", &host], arguments].concat());
        command.env("TERM", "xterm").stdin(Stdio::null());
        command
    }

    /// Returns how many requests a command sends.
    fn requests(&self, arguments: &[&str]) -> u32 {
        let proxy = FaultProxy::open(self.stage.engine.host(), Fault::Hold, u32::MAX);
        self.start(&proxy, arguments).finish();
        proxy.count()
    }

    /// Waits until nothing of a session is left. Objects that were reported as left are removed as
    /// the hint says.
    #[track_caller]
    fn assert_clear(&self) {
        let left = || [self.target.container.companions(), self.ended.companions()].concat();
        eventually(
            || format!("nothing of a session: {:?}", left()),
            || {
                if left().is_empty() {
                    return Some(());
                }
                self.stage.run(&["sessions", "gc"]);
                std::thread::sleep(std::time::Duration::from_millis(500));
                None
            },
        );
    }
}

/// Runs `work` for each item, several at a time.
fn side_by_side<T: Send>(all: Vec<T>, work: impl Fn(T) + Sync) {
    let left = std::sync::Mutex::new(all);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let Some(next) = left.lock().expect("nobody panics here").pop() else {
                            return;
                        };
                        work(next);
                    }
                })
            })
            .collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
