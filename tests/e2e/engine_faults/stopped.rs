//! A real engine that is stopped, as on a machine with too little memory, at each request of a
//! command.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Running;

use super::proxy::{Fault, FaultProxy};
use crate::own_engine::OwnEngine;
use crate::stage::Stage;

/// How long a command may take to end when asked to: far longer than the few seconds it should
/// take.
const END_WITHIN: Duration = Duration::from_secs(30);

/// More requests than any of the commands sends before its first output.
const REQUESTS: u32 = 19;

#[test]
fn a_signal_ends_every_command_while_the_engine_is_stopped() {
    let stage = Stage::set();
    let engine = OwnEngine::start();
    engine.import_app(&stage);
    engine.ask(&["run", "--detach", "--network", "none", "--name", "web", "app:1"]);
    engine.ask(&["run", "--network", "none", "--name", "ended", "app:1", "exit", "0"]);
    let scratchdbg = engine.scratchdbg();
    scratchdbg.run(["attach", "web", "--", "true"]).expect(0, "");
    let commands: [&[&str]; 6] = [
        &["attach", "web", "--", "sleep", "1000"],
        &["attach", "ended", "--", "sleep", "1000"],
        &["logs", "--follow", "web"],
        &["why", "ended"],
        &["ps"],
        &["check", "ended"],
    ];
    for number in 1..=REQUESTS {
        let started: Vec<(FaultProxy, Running)> = commands
            .iter()
            .map(|arguments| {
                let proxy = FaultProxy::open(&engine.host(), Fault::Hold, number);
                let host = proxy.host();
                let running = scratchdbg.start([&["-H", &host], *arguments].concat());
                (proxy, running)
            })
            .collect();
        // Each run is at that request, or past all its requests.
        let begun = Instant::now();
        eventually(
            || format!("request {number}"),
            || {
                let all = started.iter().all(|(proxy, _)| proxy.is_hit());
                (all || begun.elapsed() > Duration::from_secs(3)).then_some(())
            },
        );
        engine.signal(Signal::STOP);
        for (proxy, _) in &started {
            proxy.release();
        }
        std::thread::sleep(Duration::from_millis(100));
        let signaled = Instant::now();
        for (_, running) in &started {
            running.signal(Signal::TERM);
        }
        for ((_, running), arguments) in started.into_iter().zip(commands) {
            let finished = running.finish();
            let what = format!(
                "{arguments:?}, stopped at request {number}, after {:?}: {finished}",
                signaled.elapsed()
            );
            assert!(signaled.elapsed() < END_WITHIN, "{what}");
            assert!(matches!(finished.status.code(), Some(143 | 0 | 1)), "{what}");
            assert!(!finished.stderr.contains("panicked"), "{what}");
        }
        engine.signal(Signal::CONT);
    }
    // Objects that were reported as left are removed as the hint says.
    let ours =
        || engine.ask(&["ps", "--all", "--quiet", "--filter", "label=io.scratchdbg.session"]);
    eventually(
        || format!("nothing of a session: {}", ours()),
        || {
            if ours().is_empty() {
                return Some(());
            }
            scratchdbg.run(["sessions", "gc"]);
            std::thread::sleep(Duration::from_millis(500));
            None
        },
    );
}
