//! `demo`: the complete tour, which leaves nothing behind.

use std::sync::{Mutex, mpsc};

use rustix::process::Signal;
use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::{TIMEOUT, eventually};

use crate::proxy::Proxy;
use crate::stage::Stage;

#[test]
fn it_tells_the_story_and_leaves_nothing() {
    let stage = Stage::set();
    let finished = stage.run(&["demo"]);
    finished.expect_code(0);
    let told = finished.text() + &finished.stderr;
    for step in [
        "scratchdbg build",
        "docker run",
        "docker exec",
        "scratchdbg attach",
        "scratchdbg logs",
        "docker diff",
    ] {
        assert!(told.contains(step), "{step:?} is shown as one would type it: {finished}");
    }
    // Its container and its images have a name that no other run has.
    let session = session(&told).expect("it names its image");
    assert_eq!(left(&stage, &session), [""; 0]);
}

/// Returns the session in the name of the demo's image, once it was printed.
fn session(told: &str) -> Option<String> {
    let after = told.split("scratchdbg/demo:").nth(1)?;
    after.get(..16).filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit())).map(str::to_owned)
}

/// Returns what is left of a demo.
fn left(stage: &Stage, session: &str) -> Vec<String> {
    let mut left = stage.engine.containers(&format!("scratchdbg-{session}-demo"));
    left.extend(stage.engine.images(&format!("scratchdbg/demo:{session}")));
    left
}

/// If killed at any moment, it leaves nothing but objects that `sessions gc` finds and removes.
#[test]
fn a_demo_that_is_killed_leaves_nothing_for_good() {
    let stage = Stage::set();
    for step in [
        "scratchdbg build",
        "docker run",
        "docker exec",
        "scratchdbg attach",
        "scratchdbg logs",
        "docker diff",
    ] {
        let demo = stage.scratchdbg.start(["demo"]);
        demo.wait_for_stdout(step, |bytes| String::from_utf8_lossy(bytes).contains(step));
        demo.signal(Signal::KILL);
        let finished = demo.finish();
        let session = session(&finished.text()).expect("it names its image");
        // Its container ends by itself, unless it was never started.
        eventually(
            || format!("after {step}: {:?}", left(&stage, &session)),
            || {
                stage.run(&["sessions", "gc"]);
                left(&stage, &session).is_empty().then_some(())
            },
        );
        let listed = stage.run(&["sessions", "ls"]);
        assert!(!listed.expect_code(0).text().contains(&session), "{listed}");
    }
}

/// A signal does not interrupt the cleanup.
#[test]
fn an_interrupted_demo_clears_up() {
    let stage = Stage::set();
    for (step, signal) in [
        ("scratchdbg build", Signal::INT),
        ("docker run", Signal::TERM),
        ("scratchdbg attach", Signal::INT),
        ("docker diff", Signal::INT),
        ("scratchdbg build", Signal::USR1),
        ("docker run", Signal::USR2),
        ("docker exec", Signal::ALARM),
        ("scratchdbg attach", Signal::XCPU),
        // The last that is said before all is removed.
        ("docker ps -aq", Signal::INT),
    ] {
        let demo = stage.scratchdbg.start(["demo"]);
        demo.wait_for_stdout(step, |bytes| String::from_utf8_lossy(bytes).contains(step));
        demo.signal(signal);
        let finished = demo.finish();
        let session = session(&finished.text()).expect("it names its image");
        let code = finished.status.code();
        // It may have finished by then.
        assert!(code == Some(128 + signal.as_raw()) || code == Some(0), "after {step}: {finished}");
        assert_eq!(left(&stage, &session), [""; 0], "after {step}: {finished}");
    }
}

/// What an engine finishes behind a client's back, nobody would remove.
#[test]
fn a_demo_that_is_interrupted_while_its_images_are_loaded_leaves_none() {
    let stage = Stage::set();
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT, Signal::HUP, Signal::USR1] {
        let (sender, loads) = mpsc::channel();
        let sender = Mutex::new(sender);
        let proxy = Proxy::with_witness(stage.engine.host(), move |bytes| {
            if bytes.windows(12).any(|part| part == b"/images/load") {
                let _not_waited_for = sender.lock().expect("no panic").send(());
            }
        });
        proxy.open();
        let demo = stage.scratchdbg.start(["--host", &proxy.host(), "demo"]);
        loads.recv_timeout(TIMEOUT).expect("it loads its images");
        demo.signal(signal);
        let finished = demo.finish();
        finished.expect_code(128 + signal.as_raw());
        let session = session(&finished.text()).expect("it names its image");
        assert_eq!(left(&stage, &session), [""; 0], "{signal:?}: {finished}");
    }
}

/// Temporary files that cannot be written are called that, and nothing is left in the engine.
#[test]
fn a_temporary_directory_that_cannot_be_used_is_named() {
    let stage = Stage::set();
    let file = stage.scratchdbg.home().join("file");
    std::fs::write(&file, "").expect("a file");
    for place in ["/nonexistent/place", file.to_str().expect("UTF-8")] {
        let mut command = stage.scratchdbg.command(["demo"]);
        command.env("TMPDIR", place);
        let finished = Running::start(command).finish();
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        assert!(
            finished.stderr.contains(&format!("cannot write temporary files to {place}: ")),
            "{finished}"
        );
        assert!(
            finished.stderr.contains("hint: TMPDIR")
                && !finished.stderr.contains("standard output"),
            "{finished}"
        );
    }
}
