//! Sessions whose engine goes away: they end with a clear message, and leave nothing once the
//! engine is back.

use scratchdbg_testkit::eventually;

use crate::own_engine::OwnEngine;
use crate::stage::Stage;

/// Runs a session during which something happens to its engine.
fn session_over(happening: impl Fn(&mut OwnEngine)) {
    let stage = Stage::set();
    let mut engine = OwnEngine::start();
    engine.run_web(&stage, "obey");
    let scratchdbg = engine.scratchdbg();
    let command = ["attach", "web", "--", "sh", "-c", "echo begun; sleep 1000"];
    let session = scratchdbg.start(command);
    session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
    happening(&mut engine);
    let finished = session.finish();
    let code = finished.status.code();
    // Either the process's exit code, or the code for an engine that cannot be reached.
    assert!(matches!(code, Some(125 | 137)), "{finished}");
    assert!(!finished.stderr.is_empty() && !finished.stderr.contains("panicked"), "{finished}");
    // The next session removes what could not be removed while the engine was down.
    let running = || engine.ask(&["inspect", "--format", "{{.State.Running}}", "web"]);
    eventually(
        || "the target to run again".to_owned(),
        || (running().trim() == "true").then_some(()),
    );
    let again = scratchdbg.run(["attach", "web", "--", "sh", "-c", "ps | grep -c [s]leep"]);
    again.expect(1, "0\n");
    let left =
        || engine.ask(&["ps", "--all", "--quiet", "--filter", "label=io.scratchdbg.session"]);
    eventually(
        || format!("nothing to be left, there is {}", left()),
        || left().trim().is_empty().then_some(()),
    );
    assert_eq!(engine.ask(&["diff", "web"]), "", "the target is untouched");
}

#[test]
fn fault_22_an_engine_that_is_restarted() {
    session_over(OwnEngine::restart);
}

#[test]
fn fault_22_an_engine_that_loses_power() {
    session_over(OwnEngine::lose_power);
}
