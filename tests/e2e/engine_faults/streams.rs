//! Streams that end too early: never a success, and never taken for detach keys.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use scratchdbg_testkit::engine::Engine;
use scratchdbg_testkit::terminal::Terminal;

use super::proxy::{Fault, FaultProxy};
use super::{Scene, side_by_side};
use crate::proxy::answering;
use crate::stage::Stage;

#[test]
fn a_stream_that_ends_in_the_middle_is_an_error() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let command = ["--", "sh", "-c", "echo begun; sleep 5; echo finished; exit 0"];
    let modes: [&[&str]; 3] = [
        &["attach", scene.target.name()],
        &["attach", "--mode", "sidecar", scene.target.name()],
        &["attach", scene.ended.name()],
    ];
    side_by_side(modes.to_vec(), |mode| {
        let arguments = [mode, &command].concat();
        let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::EndAfter(b"begun\n"), 0);
        let finished = scene.start(&proxy, &arguments).finish();
        finished.expect(125, "begun\n");
        assert!(finished.stderr.contains("the connection to the engine ended"), "{finished}");
        assert!(!finished.stderr.contains("detached"), "{finished}");
    });
    scene.assert_clear();
    scene.target.assert_untouched();
}

/// The command succeeds soon after its stream broke: its output in between is lost.
#[test]
fn a_command_that_ends_soon_after_its_stream_is_no_success() {
    // Docker does not know the exit code if it could not write to the client.
    const OF_AN_EXEC: &str = "the connection to the engine ended";
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let cases: [(&[&str], &[u8], &str, &str); 5] = [
        (
            &["attach", scene.target.name()],
            b"begun\n",
            "echo begun; sleep 1; echo lost; exit 0",
            OF_AN_EXEC,
        ),
        (
            &["attach", scene.target.name()],
            b"begun\n",
            "echo begun; sleep 1; echo lost; exit 3",
            OF_AN_EXEC,
        ),
        (
            &["attach", "--mode", "sidecar", scene.target.name()],
            b"begun\n",
            "echo begun; sleep 1; exit 0",
            "with 0",
        ),
        (&["attach", scene.ended.name()], b"begun\n", "echo begun; sleep 1; exit 0", "with 0"),
        // One of the two streams has arrived completely.
        (
            &["attach", scene.target.name()],
            b"one\n",
            "exec 3>&1 1>&2; echo one >&3; exec 3>&-; sleep 1",
            OF_AN_EXEC,
        ),
    ];
    side_by_side(cases.to_vec(), |(mode, mark, script, words)| {
        let arguments = [mode, &["--", "sh", "-c", script]].concat();
        let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::EndAfter(mark), 0);
        let finished = scene.start(&proxy, &arguments).finish();
        finished.expect_code(125);
        assert!(!finished.text().contains("lost"), "{finished}");
        assert!(finished.stderr.contains("the connection to the engine ended"), "{finished}");
        assert!(finished.stderr.contains(words), "{script:?}: {finished}");
    });
    for (mode, words) in [("exec", OF_AN_EXEC), ("sidecar", "with 3")] {
        let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::EndAfter(b"begun\r\n"), 0);
        let script = "echo begun; sleep 1; exit 3";
        let arguments = ["attach", "--mode", mode, scene.target.name(), "--", "sh", "-c", script];
        let mut terminal = Terminal::start(scene.command(&proxy, &arguments), 24, 200);
        assert_eq!(terminal.wait().code(), Some(125), "{}", terminal.text());
        terminal.wait_for("what happened", |screen| {
            screen.contains("the connection to the engine ended")
        });
        assert!(terminal.text().contains(words), "{mode}: {}", terminal.text());
    }
    scene.assert_clear();
    scene.target.assert_untouched();
}

#[test]
fn a_terminal_whose_stream_ends_has_not_detached() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let proxy = FaultProxy::open(scene.stage.engine.host(), Fault::EndAfter(b"begun\r\n"), 0);
    let arguments = ["attach", scene.target.name(), "--", "sh", "-c", "echo begun; sleep 1000"];
    let mut terminal = Terminal::start(scene.command(&proxy, &arguments), 24, 200);
    assert_eq!(terminal.wait().code(), Some(125), "{}", terminal.text());
    terminal
        .wait_for("what happened", |screen| screen.contains("the connection to the engine ended"));
    assert!(!terminal.text().contains("detached"), "{}", terminal.text());
    scene.assert_clear();
    scene.target.assert_untouched();
}

/// docker's message for detach keys proves nothing: a program can print it too.
#[test]
fn a_program_cannot_pretend_that_its_user_detached() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let script =
        r"printf 'exec attach failed: error on attach stdin: read escape sequence\r\n'; exit 126";
    let mut command = stage.scratchdbg.command(["attach", target.name(), "--", "sh", "-c", script]);
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(command, 24, 100);
    assert_eq!(terminal.wait().code(), Some(126), "{}", terminal.text());
    target.assert_untouched();
}

#[test]
fn an_input_that_cannot_be_read_is_no_end_of_file() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    // A directory can be opened, but not read.
    let folder = File::open("/").expect("it is there");
    let output =
        stage.scratchdbg.command(target.attach_arguments(&["wc", "-c"])).stdin(folder).output();
    let output = output.expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains("cannot read standard input"), "{said}");
    // A non-blocking input only has no data yet.
    let (ours, theirs) = UnixStream::pair().expect("two ends");
    theirs.set_nonblocking(true).expect("it is ours");
    let mut command =
        stage.scratchdbg.command(target.attach_arguments(&["sh", "-c", "echo begun; wc -c"]));
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs))).stdout(Stdio::piped());
    let mut session = command.spawn().expect("it starts");
    let mut output = std::io::BufReader::new(session.stdout.take().expect("it is piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).expect("it is read");
    assert_eq!(line, "begun\n");
    std::io::Write::write_all(&mut &ours, b"1234567").expect("there is room");
    drop(ours);
    drop(command);
    line.clear();
    std::io::BufRead::read_line(&mut output, &mut line).expect("it is read");
    assert_eq!(line, "7\n");
    assert_eq!(session.wait().expect("it can be waited for").code(), Some(0));
    target.assert_untouched();
}

#[test]
fn an_output_that_was_closed_from_the_start_is_an_error() {
    let stage = Stage::set();
    let app = scratchdbg_testkit::sample::write_app(stage.scratchdbg.home());
    let app = app.to_str().expect("a plain path");
    let target = stage.target(&[]);
    let attach = target.attach_arguments(&["sh", "-c", "echo hi"]);
    let logs = ["logs", target.name()];
    let cases: [(&[&str], &str, i32); 8] = [
        (&["build", app, "-t", "closed/app:1"], ">&-", 1),
        (&["build", app, "-t", "closed/app:1", "-o", "archive:-"], ">&-", 1),
        (&["sessions", "ls"], ">&-", 1),
        (&["ps"], ">&-", 1),
        (&attach, ">&-", 125),
        (&logs, ">&-", 1),
        // No message can be printed there.
        (&attach, "2>&-", 125),
        (&logs, "2>&-", 1),
    ];
    for (arguments, closed, code) in cases {
        let command = stage.scratchdbg.command(arguments);
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!(r#"exec "$0" "$@" {closed}"#)])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear();
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = shell.current_dir(stage.scratchdbg.home()).output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        let is_told = said.contains("standard output is closed");
        assert!(is_told || closed == "2>&-", "{arguments:?}: {said}");
        assert_eq!(output.stdout, b"", "{arguments:?}: nothing is done");
    }
    target.assert_untouched();
}

#[test]
fn a_log_that_is_cut_is_said_to_be() {
    let stage = Stage::set();
    let scene = Scene::set(&stage);
    let container = stage.engine.run("lines", &[], &stage.image, &["numbers", "50000"]);
    container.wait();
    let arguments = ["logs", "--via", "api", container.name()];
    let whole = stage.run(&arguments).stdout;
    for number in 1..=scene.requests(&arguments) {
        let proxy = FaultProxy::open(stage.engine.host(), Fault::Cut, number);
        let finished = scene.start(&proxy, &arguments).finish();
        // The request was for the end of the log, or for additional facts.
        if finished.status.code() == Some(0) {
            assert!(
                finished.stdout == whole,
                "request {number}: {} bytes, and no word",
                finished.stdout.len()
            );
        } else {
            finished.expect_code(1);
            assert!(!finished.stderr.is_empty(), "request {number}: {finished}");
        }
    }
}

/// A complete response proves nothing if the request that verifies it fails.
#[test]
fn a_check_of_a_log_that_fails_is_told() {
    const EMPTY: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\
        Connection: close\r\nContent-Length: 0\r\n\r\n";
    const FAILED: &[u8] =
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n\
        Content-Length: 20\r\n\r\n{\"message\":\"broken\"}";
    let stage = Stage::set();
    let flags = ["--log-driver", "json-file"];
    let container = stage.engine.run("lines", &flags, &stage.image, &["numbers", "600"]);
    container.wait();
    let engine = stage.engine.host();
    // Replaces responses to requests for the log, counted from 1.
    let spoiled = |spoil: fn(u32) -> Option<&'static [u8]>| {
        let count = AtomicU32::new(0);
        answering(engine, move |request| {
            request.contains("/logs?").then(|| spoil(count.fetch_add(1, Ordering::SeqCst) + 1))?
        })
    };
    for options in [&[][..], &["--since", "1h"]] {
        let run = |host: &str| {
            stage.run(&[&["-H", host, "logs", "--via", "api", container.name()], options].concat())
        };
        // The engine reports an empty log, but the log has last lines.
        let (_folder, host) = spoiled(|number| (number == 1).then_some(EMPTY));
        let finished = run(&host);
        finished.expect(1, "");
        assert!(finished.stderr.contains("left out lines"), "{options:?}: {finished}");
        // A second attempt succeeds.
        let (_folder, host) = spoiled(|number| (number == 2).then_some(FAILED));
        assert_eq!(run(&host).expect_code(0).text().lines().count(), 600, "{options:?}");
        // Only the first response is real.
        let (_folder, host) = spoiled(|number| Some(if number == 1 { EMPTY } else { FAILED }));
        let finished = run(&host);
        finished.expect(1, "");
        assert!(finished.stderr.contains("cannot check whether"), "{options:?}: {finished}");
    }
    // A container that was removed after reading cannot be verified.
    let (id, own) = (container.id().to_owned(), Engine::at(engine.to_owned()));
    let count = AtomicU32::new(0);
    let (_folder, host) = answering(engine, move |request| {
        if request.contains("/logs?") && count.fetch_add(1, Ordering::SeqCst) == 1 {
            own.ask(["rm", "--force", &id]);
        }
        None
    });
    let finished = stage.run(&["-H", &host, "logs", "--via", "api", container.name()]);
    assert_eq!(finished.expect_code(0).text().lines().count(), 600);
}
