//! Responses that no engine sends are errors, never successes.

use super::proxy::{Fault, FaultProxy};
use super::{Scene, side_by_side};
use crate::stage::Stage;

const ODD: [&[u8]; 10] = [
    b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
    b"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nContent-Length: 17\r\n\r\n<html>\x1b]0;x\x07oops",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{\"Id\":\"x\"}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n{\"Id\":",
    b"\x00\xff\x1b[2Jno HTTP at all\r\n\r\n",
];

#[test]
fn odd_answers_at_every_request_are_no_success() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let (target, ended) = (scene.target.name(), scene.ended.name());
    let commands = [
        vec!["attach", target, "--", "sh", "-c", "echo hello; exit 7"],
        vec!["attach", ended, "--", "sh", "-c", "echo hello; exit 7"],
        vec!["logs", "--via", "api", ended],
    ];
    let mut runs = Vec::new();
    for arguments in &commands {
        let good = stage.run(arguments);
        for number in 1..=scene.requests(arguments) {
            // Each request gets some of the responses, and each response is used for each command.
            for odd in ODD.iter().skip(usize::try_from(number).unwrap_or_default() % 3).step_by(3) {
                runs.push((arguments.clone(), good.status.code(), good.text(), number, *odd));
            }
        }
    }
    side_by_side(runs, |(arguments, code, text, number, odd)| {
        let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::Answer(odd), number);
        let finished = scene.start(&proxy, &arguments).finish();
        let what = format!(
            "{arguments:?}, request {number}: {:?}: {finished}",
            String::from_utf8_lossy(odd)
        );
        // The command may not need the request, or its result is the output.
        let is_done = finished.status.code() == code && finished.text() == text;
        let is_error =
            matches!(finished.status.code(), Some(1 | 125)) && finished.stderr.contains("error");
        assert!(is_done || is_error, "{what}");
        assert!(
            !finished.stderr.contains("panicked") && !finished.stderr.contains('\x1b'),
            "{what}"
        );
    });
    scene.assert_clear();
    scene.target.assert_untouched();
}

/// The progress that an engine reports while loading an image, and nothing more.
const SAID: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"stream\":\"x\"}";

#[test]
fn a_load_that_brings_nothing_is_no_success() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let app = scratchdbg_testkit::sample::write_app(stage.scratchdbg.home());
    let name = format!("{}:1", stage.engine.name("never"));
    let arguments = ["build", app.to_str().expect("a plain path"), "-t", &name];
    // The load is one of the first requests: each of them gets this response in one run.
    let is_there = || stage.run(&["check", &name]).status.code() != Some(1);
    for number in 1..=6 {
        let proxy = FaultProxy::open(stage.engine.host(), Fault::Answer(SAID), number);
        let finished = scene.start(&proxy, &arguments).finish();
        let is_done = finished.status.code() == Some(0);
        let is_there = is_there();
        assert!(is_there || !is_done, "request {number}: {finished}");
        if is_there {
            stage.engine.ask(["rmi", &name, &format!("{name}-debug")]);
        }
    }
}
