//! An engine with another clock than the client: the engine's time counts.

use jiff::Timestamp;
use scratchdbg_testkit::program::Running;

use super::proxy::{Fault, FaultProxy};
use crate::stage::Stage;

/// Runs `logs` behind an engine whose clock is ahead by this many seconds.
fn logs(stage: &Stage, seconds: i64, arguments: &[&str]) -> (FaultProxy, Running) {
    let proxy = FaultProxy::open(stage.engine.host(), Fault::Clock(seconds), 0);
    let host = proxy.host();
    let running = stage.scratchdbg.start([&["-H", &host, "logs"], arguments].concat());
    (proxy, running)
}

#[test]
fn relative_times_are_counted_from_the_engines_clock() {
    let stage = Stage::set();
    let container = stage.engine.run("said", &[], &stage.image, &["exit", "1", "a word"]);
    container.wait();
    let said = container.logs();
    assert!(!said.is_empty(), "it says something");
    // By the engine's clock, the lines are an hour old, or in the future.
    for (ahead, since, is_shown) in
        [(0, "10m", true), (3600, "10m", false), (3600, "2h", true), (-3600, "10m", true)]
    {
        let (_proxy, running) = logs(&stage, ahead, &["--since", since, container.name()]);
        let finished = running.finish();
        finished.expect_code(0);
        assert_eq!(
            !finished.stdout.is_empty(),
            is_shown,
            "ahead by {ahead} s, since {since}: {finished}"
        );
    }
    // A minute ago there were no lines yet; by a clock that is ahead there were.
    for (ahead, is_shown) in [(0, false), (3600, true)] {
        let (_proxy, running) = logs(&stage, ahead, &["--until", "1m", container.name()]);
        let finished = running.finish();
        finished.expect_code(0);
        assert_eq!(!finished.stdout.is_empty(), is_shown, "ahead by {ahead} s: {finished}");
    }
}

/// Events are requested up to the engine's current time: for a time in its future, the response
/// would wait.
#[test]
fn a_log_is_followed_at_once_whatever_the_clocks_say() {
    let stage = Stage::set();
    let container = stage.engine.run("ticks", &[], &stage.image, &["say", "a word"]);
    container.wait();
    for ahead in [0, -3600, 3600] {
        let (_proxy, running) = logs(&stage, ahead, &["--follow", container.name()]);
        running.wait_for_stdout("what was said", |bytes| bytes == b"a word\n");
    }
}

/// A keeper's waiting time is judged by the engine's clock, and so are its labels.
#[test]
fn what_is_made_is_dated_by_the_engines_clock() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let ahead = 86_400;
    let proxy = FaultProxy::open(stage.engine.host(), Fault::Clock(ahead), 0);
    let before = Timestamp::now();
    stage
        .run(&["-H", &proxy.host(), "attach", "--linger", "2m", target.name(), "--", "true"])
        .expect(0, "");
    let keepers = target.container.companions();
    let label = |name: &str| {
        let format = format!("{{{{index .Config.Labels \"io.scratchdbg.{name}\"}}}}");
        let text = stage.engine.ask(["inspect", "--format", &format, &keepers[0]]);
        text.trim().parse::<Timestamp>().expect("a time").duration_since(before).as_secs()
    };
    assert_eq!(keepers.len(), 1, "{keepers:?}");
    let created = label("created-at");
    assert!((ahead - 5..ahead + 600).contains(&created), "{created}");
    assert!(
        (119..=121).contains(&(label("expires-at") - created)),
        "{} {created}",
        label("expires-at")
    );
    // A client that uses the engine's clock finds it waiting.
    target.attach(&["true"]).expect(0, "");
    assert_eq!(target.container.companions(), keepers);
    stage.engine.ask(["rm", "--force", &keepers[0]]);
}
