//! `logs -f` across a restart of the engine itself: every line once, in order.

use crate::logs_follow::{lines, wait_for_lines};
use crate::own_engine::OwnEngine;
use crate::stage::Stage;

/// Follows a container in both ways while its engine is restarted and starts the container again.
fn follow_over(happening: impl Fn(&mut OwnEngine)) {
    let stage = Stage::set();
    let mut engine = OwnEngine::start();
    engine.run_web(&stage, "tick");
    let ways = ["api", "file"].map(|way| (way, engine.scratchdbg()));
    let following: Vec<_> = ways
        .iter()
        .map(|(way, scratchdbg)| (way, scratchdbg.start(["logs", "-f", "--via", way, "web"])))
        .collect();
    for (_, following) in &following {
        wait_for_lines(following, 5);
    }
    happening(&mut engine);
    // Lines from now on belong to the second run, which counts from the beginning again.
    for (_, following) in &following {
        wait_for_lines(following, lines(following) + 10);
    }
    engine.ask(&["update", "--restart", "no", "web"]);
    engine.ask(&["kill", "web"]);
    let stored = engine.ask(&["logs", "web"]);
    for (way, following) in following {
        let finished = following.finish();
        assert_eq!(
            finished.text(),
            stored,
            "by {way}: every line, once; it said: {}",
            finished.stderr
        );
        finished.expect_code(0);
    }
}

#[test]
fn an_engine_that_is_restarted() {
    follow_over(OwnEngine::restart);
}

#[test]
fn an_engine_that_loses_power() {
    follow_over(OwnEngine::lose_power);
}
