//! `attach` and its client: a reader that leaves, a slow reader, signals that end the client.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::Signal;
use scratchdbg_testkit::program::Running;
use serde_json::Value;

use crate::stage::{Stage, Target};

const MODES: [&str; 3] = ["exec", "sidecar", "copy"];

fn attach(stage: &Stage, mode: &str, target: &Target<'_>, script: &str) -> Command {
    stage.scratchdbg.command(["attach", "--mode", mode, target.name(), "--", "sh", "-c", script])
}

/// Returns the last line of an audit file.
fn last_record(path: &str) -> Value {
    let text = std::fs::read_to_string(path).expect("it was recorded");
    serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
}

/// The command is killed and its remaining output is lost: this must not be reported or recorded as
/// success.
#[test]
fn a_reader_that_leaves_is_no_success() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let audit = stage.scratchdbg.home().join("audit.jsonl").to_string_lossy().into_owned();
    for mode in MODES {
        for (stream, script) in [
            (1, "echo a; yes; exit 3"),
            (2, "echo a >&2; yes >&2; exit 3"),
            (1, "echo a; sleep 1; echo b; exit 7"),
            (2, "echo a >&2; sleep 1; echo b >&2; exit 7"),
        ] {
            let mut command = stage.scratchdbg.command([
                "--quiet",
                "attach",
                "--audit",
                &audit,
                "--mode",
                mode,
                target.name(),
                "--",
                "sh",
                "-c",
                script,
            ]);
            let (reader, writer) = std::io::pipe().expect("a pipe");
            let writer = OwnedFd::from(writer);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            if stream == 1 {
                command.stdout(writer)
            } else {
                command.stderr(writer)
            };
            let mut session = command.spawn().expect("it starts");
            drop(command);
            let mut line = String::new();
            BufReader::new(reader).read_line(&mut line).expect("a line comes");
            assert_eq!(line, "a\n", "{mode} {script}");
            let status = session.wait().expect("it ends");
            assert_eq!(status.code(), Some(141), "{mode} {script}");
            let record = last_record(&audit);
            assert_eq!(
                (&record["end"], &record["exit_code"]),
                (&"output closed".into(), &141.into()),
                "{mode} {script}"
            );
        }
    }
    target.assert_untouched();
}

/// Another program that shares the open file may have made it non-blocking.
#[test]
fn an_output_that_does_not_block_is_whole() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let script = "head -c 1000000 /dev/zero";
    let whole = |mut command: Command, to_stderr: bool, what: &str| {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("it can be set");
        let writer = OwnedFd::from(writer);
        if to_stderr {
            command.stderr(writer)
        } else {
            command.stdout(writer)
        };
        let mut program = command.spawn().expect("it starts");
        drop(command);
        let mut first = [0; 1];
        reader.read_exact(&mut first).expect("something comes");
        // By then the pipe is full. There is no event to wait for.
        std::thread::sleep(Duration::from_secs(1));
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).expect("the rest comes");
        assert_eq!(program.wait().expect("it ends").code(), Some(0), "{what}");
        rest.len() + 1
    };
    for mode in MODES {
        assert_eq!(whole(attach(&stage, mode, &target, script), false, mode), 1_000_000, "{mode}");
        let mut command = stage.scratchdbg.command([
            "--quiet",
            "attach",
            "--mode",
            mode,
            target.name(),
            "--",
            "sh",
            "-c",
        ]);
        command.arg(format!("{script} >&2")).stdout(Stdio::null());
        assert_eq!(whole(command, true, mode), 1_000_000, "{mode}");
    }
    // Output that is printed and not passed on: a log, and a page that is longer than a pipe.
    let talker = stage.engine.run("talker", &[], &stage.image, &["numbers", "60000"]);
    talker.wait();
    let length = stage.run(&["logs", talker.name()]).expect_code(0).stdout.len();
    assert!(length > 300_000, "{length}");
    assert_eq!(whole(stage.scratchdbg.command(["logs", talker.name()]), false, "logs"), length);
    let man = stage.run(&["man"]).stdout.len();
    assert_eq!(whole(stage.scratchdbg.command(["man"]), false, "man"), man);
    target.assert_untouched();
}

/// Returns the exit code of a session after one signal, how long it ran, and its messages.
fn signaled(session: Running, signal: Signal) -> (Option<i32>, Duration, String) {
    let began = Instant::now();
    session.signal(signal);
    let mut session = session;
    while !session.has_ended() && began.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let lasted = began.elapsed();
    let finished = session.finish();
    (finished.status.code(), lasted, finished.stderr)
}

/// A command that does not, or cannot, react to a signal that is passed on to it.
#[test]
fn one_signal_ends_every_session_in_the_end() {
    let stage = Stage::set();
    let stage = &stage;
    std::thread::scope(|scope| {
        for (name, script) in [
            ("deaf", "trap '' TERM INT; echo begun; while :; do sleep 1; done"),
            ("stopped", "echo begun; kill -STOP $$; sleep 1000"),
            ("paused", "echo begun; sleep 1000"),
        ] {
            scope.spawn(move || {
                let target = stage.target_named(name, &[], &stage.image, &[]);
                let modes = if name == "paused" { &["exec"][..] } else { &MODES };
                let begun: Vec<_> = modes
                    .iter()
                    .map(|mode| {
                        let session = Running::start(attach(stage, mode, &target, script));
                        session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
                        (mode, session)
                    })
                    .collect();
                if name == "paused" {
                    stage.engine.ask(["pause", target.name()]);
                }
                let ends = begun.into_iter().zip([Signal::TERM, Signal::INT, Signal::QUIT]).map(
                    |((mode, session), signal)| {
                        scope.spawn(move || (mode, signal, signaled(session, signal)))
                    },
                );
                for end in ends.collect::<Vec<_>>() {
                    let (mode, signal, (code, lasted, said)) = end.join().expect("it ends");
                    let words =
                        format!("{name} {mode} {signal:?}: {code:?} after {lasted:?}: {said}");
                    assert_eq!(code, Some(128 + signal.as_raw()), "{words}");
                    assert!(said.contains("did not end within 10 s"), "{words}");
                    assert_eq!(said.contains("is paused"), name == "paused", "{words}");
                }
                if name == "paused" {
                    stage.engine.ask(["unpause", target.name()]);
                    // The keeper has killed its launcher: a first process that reaps nothing leaves
                    // it as a zombie.
                    return crate::attack_session::until_over(&target, name);
                }
                target.assert_untouched();
            });
        }
    });
}

/// A command that ends a while after a signal, but within the limit, keeps its own exit code.
#[test]
fn a_command_may_take_its_time_after_a_signal() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let script =
        "trap 'sleep 5; echo tidied; exit 3' TERM; echo begun; while :; do sleep 0.1; done";
    let sessions: Vec<_> =
        MODES.map(|mode| (mode, Running::start(attach(&stage, mode, &target, script)))).into();
    for (_, session) in &sessions {
        session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
        session.signal(Signal::TERM);
    }
    for (mode, session) in sessions {
        let finished = session.finish();
        finished.expect(3, "begun\ntidied\n");
        assert!(!finished.stderr.contains("did not end"), "{mode}: {finished}");
    }
    target.assert_untouched();
}

/// What there is to say is not waited for when nobody takes it.
#[test]
fn one_signal_ends_a_session_whose_outputs_nobody_reads() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    for script in ["yes", "yes >&2"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = attach(&stage, "exec", &target, script);
        command.stdout(writer.try_clone().expect("a handle")).stderr(writer);
        let mut session = command.spawn().expect("it starts");
        drop(command);
        let processes = || target.processes();
        let is_running = || processes().iter().any(|process| process.ends_with(" yes"));
        scratchdbg_testkit::eventually(
            || format!("{script}: {:?}", processes()),
            || is_running().then_some(()),
        );
        let began = Instant::now();
        let id = rustix::process::Pid::from_child(&session);
        rustix::process::kill_process(id, Signal::TERM).expect("it is there");
        assert_eq!(session.wait().expect("it ends").code(), Some(143), "{script}");
        // After 10 seconds the session is ended, and after a minute more the client.
        assert!(began.elapsed() < Duration::from_mins(1), "{script}: {:?}", began.elapsed());
        drop(reader);
        target.assert_untouched();
    }
}

/// What is wrong on its face is refused as such: nothing is guessed, made or asked for by a name
/// that leads elsewhere.
#[test]
fn what_names_nobody_or_nothing_is_refused() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "65532:65532"]);
    let name = target.name();
    for (options, words) in [
        (&["-u", ""][..], &["names no user"][..]),
        (&["-u", ":"], &["names no user"]),
        (&["-u", ":5"], &["names no user", ":5"]),
        (&["-u", "5:"], &["names no group", "5:"]),
        (&["--cap-add", ""], &["--cap-add", "no such capability"]),
        (&["--cap-add", "GARBAGE"], &["GARBAGE", "no such capability"]),
        (&["--cap-add", "NET_ADMIN,SYS_PTRACE"], &["NET_ADMIN,SYS_PTRACE", "no such capability"]),
        (&["--toolkit", "/nonexistent/busybox"], &["/nonexistent/busybox", "no such file"]),
        (&["--toolkit", "./nope"], &["./nope", "no such file"]),
        (&["--toolkit", "nope/"], &["nope/", "no such file"]),
        (&["--toolkit", "../no/such"], &["../no/such", "no such file"]),
        (&["--toolkit", ""], &["--toolkit is empty"]),
    ] {
        let arguments = [&["attach"], options, &[name, "--", "id"]].concat();
        stage.run(&arguments).expect_clear_failure(125, words);
    }
    for image in ["./x", "/x/y", "a/../b", "a//b", ""] {
        stage
            .run(&["attach", "--image", image, "--", "id"])
            .expect_clear_failure(125, &["cannot be the name of an image"]);
    }
    stage.run(&["demo", "--toolkit", "/nope"]).expect_clear_failure(1, &["/nope", "no such file"]);
    let lingers = stage.run(&["attach", "--linger", "0s", name, "--", "id"]);
    assert!(lingers.expect_code(125).stderr.contains("a second at least"), "{lingers}");
    target.assert_untouched();
}

/// The client of a session that somebody else ended reports that, and so does the audit record.
#[test]
fn a_session_that_is_ended_from_elsewhere_says_so() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let audit = stage.scratchdbg.home().join("audit.jsonl").to_string_lossy().into_owned();
    for mode in MODES {
        let arguments = [
            "attach",
            "--audit",
            &audit,
            "--mode",
            mode,
            target.name(),
            "--",
            "sh",
            "-c",
            "echo begun; sleep 1000",
        ];
        let session = stage.scratchdbg.start(arguments);
        session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
        let listed = stage.run(&["sessions", "ls", "--format", "json"]);
        let listed: Vec<Value> =
            serde_json::from_slice(&listed.expect_code(0).stdout).expect("an array");
        let listed = listed
            .iter()
            .find(|session| session["target"] == target.container.id())
            .expect("it is listed");
        stage.run(&["sessions", "rm", listed["id"].as_str().expect("an id")]).expect_code(0);
        let finished = session.finish();
        assert!(
            finished.expect_code(137).stderr.contains("ended from elsewhere"),
            "{mode}: {finished}"
        );
        let record = last_record(&audit);
        assert_eq!(
            (&record["end"], &record["exit_code"]),
            (&"removed".into(), &137.into()),
            "{mode}"
        );
    }
    // A command that is killed is reported differently.
    let finished = target.attach(&["sh", "-c", "kill -9 $$"]);
    assert!(!finished.expect_code(137).stderr.contains("elsewhere"), "{finished}");
    target.assert_untouched();
}

/// Nothing ends in a paused target, and the client must not claim otherwise.
#[test]
fn a_session_in_a_paused_target_is_not_called_removed() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let session = target.start_attach(&["sh", "-c", "echo begun; sleep 1000"]);
    session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    let listed = stage.run(&["sessions", "ls", "--format", "json"]);
    let listed: Vec<Value> =
        serde_json::from_slice(&listed.expect_code(0).stdout).expect("an array");
    let listed = listed
        .iter()
        .find(|session| session["target"] == target.container.id())
        .expect("it is listed");
    stage.engine.ask(["pause", target.name()]);
    let removed = stage.run(&["sessions", "rm", listed["id"].as_str().expect("an id")]);
    removed.expect_clear_failure(1, &["has not ended", "docker unpause"]);
    stage.engine.ask(["unpause", target.name()]);
    let finished = session.finish();
    assert!(finished.expect_code(137).stderr.contains("ended from elsewhere"), "{finished}");
    target.assert_untouched();
}

/// A removed target has no next run; a new container with its name is another one.
#[test]
fn a_followed_target_that_is_removed_is_called_by_its_name() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let name = target.name().to_owned();
    let session = stage.scratchdbg.start([
        "attach",
        "--follow-restarts",
        &name,
        "--",
        "sh",
        "-c",
        "echo begun; sleep 1000",
    ]);
    session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    stage.engine.ask(["rm", "--force", &name]);
    let finished = session.finish();
    assert!(
        finished.expect_code(125).stderr.contains(&format!("`{name}` was removed")),
        "{finished}"
    );
}
