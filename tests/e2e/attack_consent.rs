//! A session gets no right that was not requested: neither if the target cannot be joined, nor if
//! somebody made it so.

use scratchdbg_testkit::host_processes;
use scratchdbg_testkit::terminal::Terminal;

use crate::proxy::Proxy;
use crate::stage::{Stage, Target};

/// Returns a target that is root with capabilities, and paused: nothing can be started inside it.
fn paused(stage: &Stage) -> Target<'_> {
    let target = stage.target(&[]);
    stage.engine.ask(["pause", target.name()]);
    target
}

/// Runs `attach TARGET -- id -u` on a terminal, and answers the question.
fn answer(stage: &Stage, target: &Target<'_>, answer: &str) -> (Option<i32>, String) {
    let mut command =
        stage.scratchdbg.command(["attach", target.name(), "--", "echo", "be", "gun"]);
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(command, 24, 200);
    terminal.wait_for("a question", |screen| screen.contains("[y/N]"));
    assert_eq!(target.container.companions(), [""; 0], "nothing is made before the answer");
    terminal.send(answer);
    let code = terminal.wait().code();
    (code, terminal.text())
}

#[test]
fn a_yes_before_the_question_is_none() {
    let stage = Stage::set();
    let target = paused(&stage);
    let mut terminal =
        Terminal::start(stage.scratchdbg.command(["attach", target.name(), "--", "true"]), 24, 200);
    terminal.send("y\r");
    terminal.wait_for("a question", |screen| screen.contains("[y/N]"));
    terminal.send("n\r");
    assert_eq!(terminal.wait().code(), Some(125), "{}", terminal.text());
    stage.engine.ask(["unpause", target.name()]);
    target.assert_untouched();
}

#[test]
fn what_the_target_made_unusable_is_no_reason_for_more_rights() {
    let stage = Stage::set();
    let image = stage.engine.import_app(&[r#"ENTRYPOINT ["/app"]"#, "WORKDIR /work"]);
    let target = stage.target_named("moved", &[], &image, &[]);
    let remove = ["attach", "-w", "/", target.name(), "--", "rmdir", "/work"];
    stage.run(&remove).expect_code(0);
    let mut terminal =
        Terminal::start(stage.scratchdbg.command(["attach", target.name(), "--", "true"]), 24, 200);
    assert_eq!(terminal.wait().code(), Some(125), "{}", terminal.text());
    let text = terminal.text();
    assert!(text.contains("-w / starts the session") && !text.contains("[y/N]"), "{text}");
}

#[test]
fn capabilities_that_nobody_asked_for_are_refused_and_named() {
    let stage = Stage::set();
    let target = paused(&stage);
    let refused = stage.run(&["attach", target.name(), "--", "true"]);
    refused.expect(125, "");
    for words in ["error: ", "0:0 with SYS_PTRACE,", "hint: --mode sidecar"] {
        assert!(refused.stderr.contains(words), "{words:?} is missing in {refused}");
    }
    let explained = stage.run(&["attach", "--explain", "--format", "json", target.name()]);
    let plan: serde_json::Value = serde_json::from_slice(&explained.stdout).expect("JSON");
    assert_eq!(plan["unasked_capabilities"], serde_json::json!(["SYS_PTRACE"]));
    let explained = stage.run(&["attach", "--explain", target.name()]);
    assert!(explained.text().contains("it asks first"), "{explained}");
    // The hint works, and reports what is granted.
    let beside = stage.run(&["attach", "--mode", "sidecar", target.name(), "--", "id", "-u"]);
    beside.expect(0, "0\n");
    // That is enough to see the target's files.
    stage
        .run(&["attach", "--mode", "sidecar", target.name(), "--", "ls", "app"])
        .expect(0, "app\n");
    assert!(beside.stderr.contains("as 0:0 with SYS_PTRACE:"), "{beside}");
    stage.engine.ask(["unpause", target.name()]);
    target.assert_untouched();
}

#[test]
fn tools_of_ones_own_are_no_reason_for_capabilities() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    // The sample program is not a busybox: an image with it has tools that need a root of their
    // own.
    let refused = stage.run(&["attach", "--toolkit", &stage.image, target.name(), "--", "/app"]);
    refused.expect(125, "");
    assert!(
        refused.stderr.contains("SYS_PTRACE") && refused.stderr.contains("--mode sidecar"),
        "{refused}"
    );
    target.assert_untouched();
}

#[test]
fn a_sidecar_that_could_be_traced_lends_no_capability() {
    let stage = Stage::set();
    let _no_others = host_processes::keep_out();
    let target = stage.target(&["--cap-add", "SYS_PTRACE"]);
    let beside = |target: &Target<'_>, options: &[&str]| {
        stage.run(
            &[&["attach", "--mode", "sidecar"], options, &[target.name(), "--", "id", "-u"]]
                .concat(),
        )
    };
    // The target has that capability itself.
    beside(&target, &[]).expect(0, "0\n");
    let refused = beside(&target, &["--cap-add", "DAC_READ_SEARCH"]);
    refused.expect(125, "");
    for words in ["itself", "SYS_PTRACE", "--trust-neighbors"] {
        assert!(refused.stderr.contains(words), "{words:?} is missing in {refused}");
    }
    beside(&target, &["--cap-add", "DAC_READ_SEARCH", "--trust-neighbors"]).expect(0, "0\n");
    // A neighbor may have it too, even one that joined through another container.
    let plain = stage.target_named("plain", &[], &stage.image, &[]);
    beside(&plain, &["--cap-add", "DAC_READ_SEARCH"]).expect(0, "0\n");
    let middle = format!("container:{}", plain.container.id());
    let middle = stage.target_named("middle", &["--pid", &middle], &stage.image, &[]);
    beside(&plain, &["--cap-add", "DAC_READ_SEARCH"]).expect(0, "0\n");
    let through = format!("container:{}", middle.container.id());
    let flags = ["--pid", &through, "--cap-add", "SYS_PTRACE"];
    let neighbor = stage.target_named("tracer", &flags, &stage.image, &[]);
    beside(&plain, &[]).expect(0, "0\n");
    let refused = beside(&plain, &["--cap-add", "DAC_READ_SEARCH"]);
    refused.expect(125, "");
    assert!(refused.stderr.contains(neighbor.name()), "{refused}");
}

#[test]
fn only_a_yes_on_a_terminal_is_one() {
    let stage = Stage::set();
    let target = paused(&stage);
    for no in ["\r", "n\r", "what?\r", "\x04"] {
        let (code, screen) = answer(&stage, &target, no);
        assert_eq!(code, Some(125), "{no:?}: {screen}");
        assert!(!screen.contains("be gun"), "{screen}");
        assert_eq!(target.container.companions(), [""; 0]);
    }
    let (code, screen) = answer(&stage, &target, "y\r");
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("be gun"), "{screen}");
    let (code, screen) = answer(&stage, &target, "\x03");
    assert_eq!(code, Some(130), "{screen}");
    stage.engine.ask(["unpause", target.name()]);
    target.assert_untouched();
}

/// Whoever holds the start of one container holds what the engine tells of it.
#[test]
fn a_container_that_the_engine_does_not_answer_about_is_named_with_the_way_past_it() {
    let stage = Stage::set();
    let target = stage.target_named("root", &["--user", "1000:1000"], &stage.image, &[]);
    let held = stage.target_named("held", &[], &stage.image, &[]);
    let question = format!("/containers/{}/json", held.container.id());
    let proxy = Proxy::with_witness(stage.engine.host(), move |bytes| {
        while String::from_utf8_lossy(bytes).contains(&question) {
            std::thread::park();
        }
    });
    proxy.open();
    let attach = |options: &[&str], name: &str| {
        let host = proxy.host();
        stage.run(&[&["--host", &host, "attach"], options, &[name, "--", "id", "-u"]].concat())
    };
    let beside = stage.target_named("beside", &[], &stage.image, &[]);
    for (options, target) in [(&["--user", "0:0"][..], &target), (&["--mode", "sidecar"], &beside)]
    {
        let refused = attach(options, target.name());
        refused.expect(125, "");
        for words in [
            format!("does not answer about `{}`, another container", held.name()),
            format!("the PID namespace of `{}`", target.name()),
            "hint: --trust-neighbors".to_owned(),
        ] {
            assert!(refused.stderr.contains(&words), "{words:?} is missing in {refused}");
        }
        assert_eq!(target.container.companions(), [""; 0]);
    }
    attach(&["--user", "0:0", "--trust-neighbors"], target.name()).expect(0, "0\n");
    // Sessions that lend nothing do not look.
    attach(&[], target.name()).expect(0, "1000\n");
}
