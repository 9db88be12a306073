//! The list from which a target is chosen where none is named.

use std::process::Command;

use scratchdbg_testkit::terminal::Terminal;

use crate::stage::Stage;

/// The settings of a terminal that no program has changed.
fn idle() -> String {
    Terminal::start(Command::new("true"), 24, 100).settings()
}

fn start(stage: &Stage, arguments: &[&str]) -> Terminal {
    Terminal::start(stage.scratchdbg.command(arguments), 24, 100)
}

#[test]
fn a_target_is_chosen_by_typing() {
    let stage = Stage::set();
    let web = stage.engine.run("web", &[], &stage.image, &["say", "hello of web"]);
    let cache = stage.engine.run("cache", &[], &stage.image, &["say", "hello of cache"]);
    web.wait();
    cache.wait();
    let mut logs = start(&stage, &["logs"]);
    let idle = idle();
    logs.wait_for("the list", |screen| {
        screen.starts_with("Container: ") && screen.contains(web.name())
    });
    // The names of a run have the same beginning.
    logs.send(cache.name());
    logs.wait_for("one line", |screen| {
        screen.contains(&format!("> {}", cache.name())) && !screen.contains(web.name())
    });
    assert_ne!(logs.settings(), idle, "keys come as they are typed");
    logs.send("\r");
    assert!(logs.wait().success());
    logs.wait_for("the log", |screen| screen.contains("hello of cache"));
    assert!(!logs.text().contains("Container:"), "the list is gone: {}", logs.text());
    assert_eq!(logs.settings(), idle, "restored");

    let mut why = start(&stage, &["why"]);
    why.wait_for("the list", |screen| screen.contains(web.name()));
    why.send(&format!("{}\r", web.name()));
    assert!(why.wait().success());
    why.wait_for("the verdict", |screen| screen.contains("exit code 0: success"));

    // What is typed ahead belongs to the session.
    let mut attach = start(&stage, &["attach"]);
    attach.wait_for("the list", |screen| screen.contains(web.name()));
    attach.send(&format!("{}\recho $((6 * 7)); exit 9\r", web.name()));
    assert_eq!(attach.wait().code(), Some(9), "{}", attach.text());
    attach.wait_for("the answer", |screen| screen.lines().any(|line| line == "42"));
}

#[test]
fn the_container_that_was_shown_is_the_one_that_is_chosen() {
    let stage = Stage::set();
    let web = stage.engine.run("web", &[], &stage.image, &["say", "hello of web"]);
    let other = stage.engine.run("other", &[], &stage.image, &["say", "hello of other"]);
    web.wait();
    other.wait();
    let mut logs = start(&stage, &["logs"]);
    logs.wait_for("the list", |screen| screen.contains(web.name()));
    logs.send(web.name());
    logs.wait_for("one line", |screen| !screen.contains(other.name()));
    let away = format!("{}-away", web.name());
    stage.engine.ask(["rename", web.name(), &away]);
    stage.engine.ask(["rename", other.name(), web.name()]);
    // The list is drawn anew where the window changes.
    logs.resize(24, 40);
    logs.wait_for("a narrow list", |screen| {
        screen.contains("> ") && screen.lines().all(|line| line.chars().count() < 40)
    });
    logs.send("\r");
    assert!(logs.wait().success());
    logs.wait_for("the log", |screen| screen.contains("hello of web"));
    stage.engine.ask(["rename", web.name(), other.name()]);
    stage.engine.ask(["rename", &away, web.name()]);
}

#[test]
fn leaving_the_list_gives_the_terminal_back() {
    let stage = Stage::set();
    let web = stage.engine.run("web", &[], &stage.image, &["say", "hello"]);
    web.wait();
    for key in ["\x1b", "\x03", "\x04"] {
        let mut list = start(&stage, &["logs"]);
        list.wait_for("the list", |screen| screen.contains(web.name()));
        list.send(key);
        assert_eq!(list.wait().code(), Some(130), "{key:?}: {}", list.text());
        assert_eq!(list.settings(), idle());
    }
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::HUP] {
        let mut list = start(&stage, &["attach"]);
        list.wait_for("the list", |screen| screen.contains(web.name()));
        list.signal(signal);
        assert_eq!(list.wait().code(), Some(128 + signal.as_raw()), "{}", list.text());
        assert_eq!(list.settings(), idle());
    }
}

#[test]
fn without_a_terminal_a_target_must_be_named() {
    let stage = Stage::set();
    stage.run(&["logs"]).expect_clear_failure(2, &["no target is named", "ps -a"]);
    stage.run(&["why"]).expect_clear_failure(2, &["no target is named"]);
    stage.run(&["attach"]).expect_clear_failure(125, &["no target is named"]);
}
