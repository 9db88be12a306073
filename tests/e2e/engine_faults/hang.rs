//! An engine that hangs at one request never makes a command unresponsive.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::terminal::Terminal;

use super::proxy::{Fault, FaultProxy};
use super::{Scene, side_by_side};
use crate::stage::Stage;

/// How long a command may take to end when asked to: far longer than the few seconds it should
/// take.
const END_WITHIN: Duration = Duration::from_secs(30);

/// Waits until the request has arrived, or the program has ended without sending it.
fn wait_for_hit(proxy: &FaultProxy, mut has_ended: impl FnMut() -> bool) {
    eventually(
        || "the request, or an end".to_owned(),
        || (proxy.is_hit() || has_ended()).then_some(()),
    );
}

fn is_running(running: &Running) -> bool {
    // A child that has ended and was not reaped is a zombie.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.id())).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}

#[test]
fn a_signal_ends_every_command_at_every_request_that_hangs() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let mut runs = Vec::new();
    for arguments in scene.commands() {
        for number in 1..=scene.requests(&arguments) {
            runs.push((arguments.clone(), Fault::Hang, number));
            runs.push((arguments.clone(), Fault::HangBody, number));
        }
    }
    side_by_side(runs, |(arguments, fault, number)| {
        let what = format!("{arguments:?}, request {number}: {fault:?}");
        let (signal, code) = if number % 2 == 0 { (Signal::INT, 130) } else { (Signal::TERM, 143) };
        let proxy = FaultProxy::open(scene.stage.engine.host(), fault, number);
        let running = scene.start(&proxy, &arguments);
        wait_for_hit(&proxy, || !is_running(&running));
        // The command may not be waiting for this request.
        std::thread::sleep(Duration::from_millis(300));
        let signaled = Instant::now();
        if is_running(&running) {
            running.signal(signal);
        }
        let finished = running.finish();
        assert!(signaled.elapsed() < END_WITHIN, "{what}: {:?}: {finished}", signaled.elapsed());
        let ended_by_itself = matches!(finished.status.code(), Some(0 | 1 | 7));
        // Otherwise the exit code is the command's own.
        assert!(finished.status.code() == Some(code) || ended_by_itself, "{what}: {finished}");
        assert!(!finished.stderr.contains("panicked"), "{what}: {finished}");
    });
    scene.assert_clear();
    scene.target.assert_untouched();
}

#[test]
fn ctrl_c_on_a_terminal_ends_a_session_at_every_request_that_hangs() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let idle = Terminal::start(std::process::Command::new("true"), 24, 80).settings();
    let mut runs = Vec::new();
    for name in [scene.target.name(), scene.ended.name()] {
        let arguments = vec!["attach", name];
        for number in 1..=scene.requests(&["attach", name, "--", "true"]) {
            runs.push((arguments.clone(), Fault::Hang, number));
            runs.push((arguments.clone(), Fault::HangBody, number));
        }
    }
    side_by_side(runs, |(arguments, fault, number)| {
        let what = format!("{arguments:?}, request {number}: {fault:?}");
        let proxy = FaultProxy::open(scene.stage.engine.host(), fault, number);
        let mut terminal = Terminal::start(scene.command(&proxy, &arguments), 24, 80);
        let has_prompt = |terminal: &Terminal| terminal.text().trim_end().ends_with(['#', '$']);
        eventually(
            || what.clone(),
            || {
                (proxy.is_hit() || has_prompt(&terminal) || terminal.has_ended().is_some())
                    .then_some(())
            },
        );
        std::thread::sleep(Duration::from_millis(500));
        let asked = Instant::now();
        // The session does not wait for this request: it continues, and Ctrl-C goes to the shell.
        for _ in 0..3 {
            if terminal.has_ended().is_none() && !has_prompt(&terminal) {
                terminal.send("\x03");
                let pressed = Instant::now();
                while pressed.elapsed() < Duration::from_secs(4) && terminal.has_ended().is_none() {
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
        if terminal.has_ended().is_none() {
            terminal.signal(Signal::TERM);
        }
        terminal.wait();
        assert!(
            asked.elapsed() < END_WITHIN,
            "{what}: {:?}:\n{}",
            asked.elapsed(),
            terminal.text()
        );
        assert_eq!(terminal.settings(), idle, "{what}: the terminal is given back");
    });
    scene.assert_clear();
    scene.target.assert_untouched();
}

/// As in Docker 28 while another process holds an output of an ended container.
#[test]
fn a_session_ends_though_the_engine_removes_nothing() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let command = ["--", "sh", "-c", "echo hello; exit 7"];
    let modes: [&[&str]; 3] = [
        &["attach", scene.target.name()],
        &["attach", "--mode", "sidecar", scene.target.name()],
        &["attach", scene.ended.name()],
    ];
    side_by_side(modes.to_vec(), |mode| {
        let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::RemovesNothing, 0);
        let finished = scene.start(&proxy, &[mode, &command].concat()).finish();
        finished.expect(7, "hello\n");
        assert!(finished.stderr.contains("sessions gc"), "{mode:?}: {finished}");
    });
    scene.assert_clear();
    scene.target.assert_untouched();
}

#[test]
fn a_container_that_cannot_be_looked_at_hides_no_other_session() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let wait = ["sh", "-c", "echo begun; read line"];
    let [first, second] = [(); 2].map(|()| {
        let session = scene.target.start_attach(&wait);
        session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
        session
    });
    let keepers = scene.target.container.companions();
    let id =
        scene.stage.engine.ask(["inspect", "--format", "{{.Id}}", &keepers[0]]).trim().to_owned();
    let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::HangTo(format!("{id}/json")), 0);
    let listed = scene.start(&proxy, &["sessions", "ls"]).finish();
    listed.expect_code(0);
    let is_other = |line: &&str| line.contains(scene.target.name()) && line.contains(" running ");
    assert_eq!(listed.text().lines().filter(is_other).count(), 1, "{listed}");
    assert!(listed.stderr.contains(&id[..12]) && listed.stderr.contains("warning"), "{listed}");
    for session in [first, second] {
        session.signal(Signal::TERM);
        session.finish();
    }
    scene.assert_clear();
}

/// Returns the command lines of a session in the target and of one in a copy, once for each of
/// their requests.
fn requests_of_sessions<'scene>(scene: &'scene Scene<'_>) -> Vec<(Vec<&'scene str>, u32)> {
    let mut runs = Vec::new();
    for name in [scene.target.name(), scene.ended.name()] {
        let arguments = vec!["attach", name, "--", "true"];
        runs.extend((1..=scene.requests(&arguments)).map(|number| (arguments.clone(), number)));
    }
    runs
}

/// Starts a session, holds this request of it, and signals the client meanwhile.
fn signaled_in_request(
    scene: &Scene<'_>,
    arguments: &[&str],
    number: u32,
) -> (FaultProxy, Running) {
    let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::Hold, number);
    let running = scene.start(&proxy, arguments);
    wait_for_hit(&proxy, || !is_running(&running));
    if is_running(&running) {
        running.signal(Signal::TERM);
    }
    (proxy, running)
}

/// An engine may complete a request after the client has given up.
#[test]
fn what_an_engine_makes_after_the_end_is_told() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    // One after the other: the objects left are those of the current run.
    for (arguments, number) in requests_of_sessions(&scene) {
        let what = format!("{arguments:?}, request {number}");
        let (proxy, running) = signaled_in_request(&scene, &arguments, number);
        let finished = running.finish();
        proxy.release();
        // If it creates the object at all, then by now.
        std::thread::sleep(Duration::from_millis(700));
        let left = [scene.target.container.companions(), scene.ended.companions()].concat();
        let is_told = finished.stderr.contains("sessions gc");
        assert!(left.is_empty() || is_told, "{what}: {left:?}: {finished}");
        scene.assert_clear();
    }
    scene.target.assert_untouched();
}

/// What the engine says that it did before the end is removed, and what it was not asked for is not
/// looked for.
#[test]
fn an_answer_that_is_late_leaves_nothing_and_no_hint() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    side_by_side(requests_of_sessions(&scene), |(arguments, number)| {
        let what = format!("{arguments:?}, request {number}");
        let (proxy, running) = signaled_in_request(&scene, &arguments, number);
        std::thread::sleep(Duration::from_millis(100));
        proxy.release();
        let finished = running.finish();
        assert!(matches!(finished.status.code(), Some(0 | 143)), "{what}: {finished}");
        assert!(!finished.stderr.contains("sessions gc"), "{what}: {finished}");
    });
    scene.assert_clear();
    scene.target.assert_untouched();
}

/// The first signal is for the command. If the engine does not deliver it, the session ends
/// nevertheless.
#[test]
fn a_second_signal_ends_a_session_at_once() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let arguments = [
        "attach",
        scene.target.name(),
        "--",
        "sh",
        "-c",
        "trap '' INT; echo begun; exec sleep 1000",
    ];
    let number = scene.requests(&["attach", scene.target.name(), "--", "true"]);
    side_by_side((1..number).collect(), |number| {
        let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::Hang, number);
        let running = scene.start(&proxy, &arguments);
        eventually(
            || "it hangs, or has begun".to_owned(),
            || (proxy.is_hit() || running.stdout() == b"begun\n").then_some(()),
        );
        running.signal(Signal::INT);
        std::thread::sleep(Duration::from_millis(200));
        let second = Instant::now();
        if is_running(&running) {
            running.signal(Signal::INT);
        }
        let finished = running.finish();
        assert!(
            second.elapsed() < END_WITHIN,
            "request {number}: {:?}: {finished}",
            second.elapsed()
        );
        finished.expect_code(130);
    });
    scene.assert_clear();
    scene.target.assert_untouched();
}
