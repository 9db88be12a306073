//! Managing sessions: listed, ended, kept for the next session, recorded.

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Running;
use serde_json::Value;

use crate::stage::{Stage, Target};

/// Returns a session that has begun.
fn begun(target: &Target<'_>) -> Running {
    let session = target.start_attach(&["sh", "-c", "echo begun; sleep 1000"]);
    session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    session
}

/// Returns the sessions of this target in `sessions ls`.
fn listed(stage: &Stage, target: &Target<'_>) -> Vec<Value> {
    let finished = stage.run(&["sessions", "ls", "--format", "json"]);
    let all: Vec<Value> =
        serde_json::from_slice(&finished.expect_code(0).stdout).expect("an array");
    all.into_iter().filter(|session| session["target"] == target.container.id()).collect()
}

#[test]
fn they_are_listed_and_ended() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let (first, second) = (begun(&target), begun(&target));
    let sessions = listed(&stage, &target);
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert_eq!(sessions[0]["target_name"], target.name());
    assert_eq!((&sessions[0]["mode"], &sessions[0]["running"]), (&"exec".into(), &true.into()));
    let text = stage.run(&["sessions", "ls"]);
    assert!(text.expect_code(0).text().contains(target.name()), "{text}");

    let id = sessions[0]["id"].as_str().expect("an id");
    stage.run(&["sessions", "rm", id]).expect_code(0);
    let left = listed(&stage, &target);
    assert_eq!(left, sessions[1..], "the other one goes on");
    let first = first.finish();
    assert_ne!(first.status.code(), Some(0), "{first}");
    // Only objects without a client are garbage.
    stage.run(&["sessions", "gc"]).expect_code(0);
    assert_eq!(listed(&stage, &target), left);
    second.signal(Signal::TERM);
    second.finish().expect_code(143);
    target.assert_untouched();
    assert_eq!(listed(&stage, &target), [(); 0].map(Value::from));
    stage
        .run(&["sessions", "rm", "no-such-session"])
        .expect_clear_failure(1, &["no-such-session", "sessions ls"]);
}

#[test]
fn several_at_once_do_not_meet() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let sessions: Vec<_> = (0..4)
        .map(|number: u8| {
            (number, target.start_attach(&["sh", "-c", "read line; echo $line; exit $line"]))
        })
        .collect();
    for (number, mut session) in sessions {
        session.write_and_close_input(format!("{number}\n"));
        session.finish().expect(number.into(), &format!("{number}\n"));
    }
    target.assert_untouched();
}

#[test]
fn a_keeper_lingers_for_the_next_and_not_beyond_its_time() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "1000:2000"]);
    let attach = |command: &str, code: i32| {
        let arguments = ["attach", "--linger", "30s", target.name(), "--", "sh", "-c", command];
        stage.run(&arguments).expect_code(code);
        target.container.companions()
    };
    let keepers = attach("sleep 1001 & exit 3", 3);
    assert_eq!(keepers.len(), 1, "{keepers:?}");
    assert!(
        !target.processes().iter().any(|process| process.ends_with("sleep")),
        "{:?}",
        target.processes()
    );
    assert_eq!(attach("exit 4", 4), keepers, "the same one");
    // Only a session that the keeper serves holds it.
    let plan = |options: &[&str]| {
        let finished = stage.run(&[&["attach", "--explain"], options, &[target.name()]].concat());
        finished.expect_code(0);
        finished.text().contains("the keeper that is there")
    };
    assert!(plan(&[]));
    assert!(
        !plan(&["--user", "1000:2001"])
            && !plan(&["--mode", "sidecar"])
            && !plan(&["--mode", "copy"])
    );
    target.attach(&["sh", "-c", "exit 5"]).expect_code(5);
    assert_eq!(target.container.companions(), keepers, "it goes on waiting");
    target.assert_untouched();
}

#[test]
fn a_keeper_that_is_gone_when_it_is_needed_is_replaced() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    stage.run(&["attach", "--linger", "1m", target.name(), "--", "true"]).expect_code(0);
    let keepers = target.container.companions();
    let [keeper] = &keepers[..] else { panic!("one lingers: {keepers:?}") };
    let labels = stage.engine.ask_json(["inspect", "--format", "{{json .Config.Labels}}", keeper]);
    stage.engine.ask(["rm", "--force", keeper]);
    // A container that looks like a keeper but has no process with that number.
    let labels = labels.as_object().expect("labels").iter();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("--label={key}={}", value.as_str().expect("text")))
        .collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let impostor = stage.engine.run("keeper-pid99999", &labels, &stage.image, &[]);
    let plan = stage.run(&["attach", "--explain", target.name()]);
    assert!(!plan.expect_code(0).text().contains("the keeper that is there"), "{plan}");
    target.attach(&["sh", "-c", "exit 42"]).expect(42, "");
    impostor.kill();
    stage.engine.ask(["rm", impostor.id()]);
    target.assert_untouched();
}

/// A keeper that lingers on this target for this long, and does nothing more: it is paused, as a
/// process beside it could stop it.
fn stopped_keeper(stage: &Stage, target: &Target<'_>, time: &str) -> String {
    let lingers = || {
        stage.run(&["attach", "--linger", time, target.name(), "--", "true"]).expect_code(0);
        let keepers = target.container.companions();
        let [keeper] = &keepers[..] else { panic!("one lingers: {keepers:?}") };
        keeper.clone()
    };
    // On a machine that has much to do, its time may be over before it is paused.
    let paused = |keeper: &String| stage.engine.docker(["pause", keeper]).status.success();
    let keeper = (0..3).map(|_| lingers()).find(paused);
    keeper.expect("a keeper that is paused while it lingers")
}

#[test]
fn a_lingering_keeper_that_is_stopped_goes_when_its_time_is_over() {
    let stage = Stage::set();
    // By `sessions gc`, and by a session on any other target.
    let other = stage.target_named("other", &[], &stage.image, &[]);
    for by in [&["sessions", "gc"][..], &["attach", other.name(), "--", "sleep", "1"]] {
        let target = stage.target_named(&scratchdbg_testkit::unique(), &[], &stage.image, &[]);
        let keeper = stopped_keeper(&stage, &target, "30s");
        assert_ne!(listed(&stage, &target)[0]["state"], "left over", "its time is not over");
        stage.run(by).expect_code(0);
        assert_eq!(target.container.companions(), [keeper], "its time is not over");
        eventually(
            || format!("{by:?}: {:?}", listed(&stage, &target)),
            || {
                stage.run(by).expect_code(0);
                target.container.companions().is_empty().then_some(())
            },
        );
        assert_eq!(listed(&stage, &target), [(); 0].map(Value::from));
    }
}

/// As Docker does while it starts a container whose first process was stopped.
#[test]
fn a_container_that_the_engine_does_not_finish_with_keeps_nobody_from_the_others() {
    let stage = Stage::set();
    let (first, second) = (stage.target(&[]), stage.target_named("other", &[], &stage.image, &[]));
    stage.run(&["attach", "--linger", "10m", first.name(), "--", "true"]).expect_code(0);
    let stuck = first.container.companions().pop().expect("it lingers");
    let left = stopped_keeper(&stage, &second, "10s");
    let question = format!("/containers/{stuck}/json");
    let (_folder, host) = crate::proxy::answering(stage.engine.host(), move |request| {
        while request.contains(&question) {
            std::thread::park();
        }
        None
    });
    let run = |arguments: &[&str]| stage.run(&[&["--host", &host], arguments].concat());
    let words = ["the engine does not finish with", &stuck[..12]];
    eventually(
        || "a keeper whose time is over".to_owned(),
        || {
            let finished = run(&["sessions", "ls"]);
            let others = finished.expect_code(0).text();
            assert!(words.iter().all(|words| finished.stderr.contains(words)), "{finished}");
            assert!(!others.contains(first.name()), "{finished}");
            // A session of another test may have removed it as soon as its time was over.
            let own = others.lines().find(|line| line.contains(second.name()));
            own.is_none_or(|line| line.contains("left over")).then_some(())
        },
    );
    run(&["sessions", "gc"]).expect_clear_failure(1, &words);
    assert!(!second.container.companions().contains(&left), "the others are removed");
    assert_eq!(first.container.companions(), [stuck]);
    run(&["attach", second.name(), "--", "sh", "-c", "exit 7"]).expect_code(7);
    stage.run(&["sessions", "rm", "--all"]);
}

#[test]
fn each_is_recorded() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let file = stage.scratchdbg.home().join("audit.jsonl");
    let path = file.to_string_lossy();
    let attach = |options: &[&str], command: &[&str]| {
        stage.run(
            &[&["attach", "--audit", &path], options, &[target.name(), "--"], command].concat(),
        )
    };
    attach(&[], &["sh", "-c", "exit 7"]).expect_code(7);
    attach(&["--mode", "sidecar"], &["no-such-program"]).expect_code(127);
    let text = std::fs::read_to_string(&file).expect("the file is there");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let events: Vec<_> = lines.iter().map(|line| &line["event"]).collect();
    assert_eq!(events, ["start", "end", "start", "end"], "{text}");
    let lines: Vec<_> = lines.iter().skip(1).step_by(2).collect();
    assert_eq!(lines[0]["target"]["id"], target.container.id());
    assert_eq!(lines[0]["command"], serde_json::json!(["sh", "-c", "exit 7"]));
    assert_eq!(
        (&lines[0]["mode"], &lines[0]["end"], &lines[0]["exit_code"]),
        (&"exec".into(), &"exited".into(), &7.into())
    );
    assert_eq!((&lines[1]["mode"], &lines[1]["exit_code"]), (&"sidecar".into(), &127.into()));
    assert!(lines[0]["started_at"].as_str() < lines[0]["ended_at"].as_str(), "{text}");
    // A session that cannot be recorded does not begin.
    let finished =
        stage.run(&["attach", "--audit", "/no/such/dir/a", target.name(), "--", "echo", "begun"]);
    finished.expect(125, "");
    assert!(finished.stderr.contains("/no/such/dir/a"), "{finished}");
    target.assert_untouched();
}

#[test]
fn a_signal_reaches_a_command_without_a_terminal() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let command = "trap 'echo told; exit 3' TERM; echo begun; while :; do sleep 0.1; done";
    let session = target.start_attach(&["sh", "-c", command]);
    session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    session.signal(Signal::TERM);
    session.finish().expect(3, "begun\ntold\n");
    target.assert_untouched();
}

#[test]
fn an_interrupt_at_any_moment_leaves_nothing() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let ended = stage.engine.run("ended", &[], &stage.image, &["exit", "1"]);
    ended.wait();
    for milliseconds in [10, 30, 50, 70, 90, 110, 140, 180, 230, 300, 400] {
        for name in [target.name(), ended.name()] {
            let session = stage.scratchdbg.start(["attach", name, "--", "sleep", "1000"]);
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            session.signal(Signal::INT);
            let finished = session.finish();
            // Before the handlers are installed, the signal ends the program as usual.
            let code = finished.status.code();
            let by_signal = std::os::unix::process::ExitStatusExt::signal(&finished.status);
            assert!(
                code == Some(130) || by_signal == Some(2),
                "after {milliseconds} ms: {finished}"
            );
        }
    }
    target.assert_untouched();
    eventually(
        || format!("{:?}", ended.companions()),
        || ended.companions().is_empty().then_some(()),
    );
}
