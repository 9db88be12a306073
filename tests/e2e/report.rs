//! `why --report` and `--timeline`: pages of real containers, opened in a real browser.

mod browser;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use scratchdbg_testkit::eventually;

use self::browser::Browser;
use crate::stage::Stage;

/// What a hostile container logs: markup, styles, addresses, controls, secrets, and a long word.
const HOSTILE: &[&str] = &[
    "INFO listening on 8080",
    "</title></style></code></script><script>window.pwned=1;document.title='pwned'</script>",
    "<img src=x onerror=\"window.pwned=1\"> <svg onload=window.pwned=1> <iframe src=//x.invalid>",
    "<style>*{display:none}</style><base href=//x.invalid><meta http-equiv=refresh content=0>",
    "&lt;b&gt; <a href=javascript:alert(1)>x</a> \\e[31mred\\e[0m \\e]0;title\\e\\ \\e[2J \u{202e}",
    "{\"level\":\"warn\",\"msg\":\"slow\",\"token\":\"hunter2\",\"url\":\"postgres://a:hunter2@db\"}",
    "ERROR cannot reach the database",
];

/// Starts a container that fails three times.
fn crash_loop(stage: &Stage) -> String {
    let long = "x".repeat(3_000);
    let arguments = ["fail", "3"].into_iter().chain(HOSTILE.iter().copied()).chain([&*long]);
    let arguments: Vec<&str> = arguments.chain(["--api-key=hunter2"]).collect();
    let flags = ["--restart", "on-failure:2", "--env", "DB_PASSWORD=hunter2"];
    let container = stage.engine.run("web", &flags, &stage.image, &arguments);
    eventually(
        || format!("{:#}", container.inspect()),
        || {
            let facts = container.inspect();
            let is_over = facts["State"]["Status"] == "exited" && facts["RestartCount"] == 2;
            is_over.then_some(())
        },
    );
    container.name().to_owned()
}

/// Returns where a report is written.
fn place(stage: &Stage) -> PathBuf {
    stage.scratchdbg.home().join("report.html")
}

#[test]
fn a_crash_loop_with_a_hostile_log() {
    let stage = Stage::set();
    let name = crash_loop(&stage);
    let path = place(&stage);
    let said = stage.run(&["why", &name, "--timeline", "--report", &path.display().to_string()]);
    said.expect_code(0);
    assert!(said.stderr.contains("report: "), "{said}");
    assert!(said.text().starts_with("error["), "the findings come first: {said}");
    let text = said.text();
    let row = |label: &str| {
        text.lines().find(|line| line.starts_with(&format!("{label} "))).unwrap_or_default()
    };
    assert!(text.contains("exited (3), restarted 2 times"), "{said}");
    assert!(row("runs").contains('█') && row("ends").contains('x'), "{said}");
    assert!(row("error").ends_with(" 3") && row("warn").ends_with(" 3"), "{said}");
    assert!(text.contains("  last  ") && text.contains("  -2  "), "{said}");

    let page = fs::read_to_string(&path).expect("a page");
    assert!(page.contains("&lt;script&gt;window.pwned=1"), "the log is there, as text");
    for bad in ["<script", "<img", "<iframe", "<base", "hunter2", "\u{1b}", "\u{202e}"] {
        assert!(!page.contains(bad), "{bad:?}");
    }
    assert!(page.contains("--api-key=***") && page.contains("DB_PASSWORD, "));
    for part in ["Run -2: exit code 3", "Latest run: exit code 3", "cannot reach the database"] {
        assert!(page.contains(part), "{part}");
    }
    let finished = stage.engine.ask(["inspect", "--format", "{{.State.FinishedAt}}", &name]);
    assert!(page.contains(&finished[..19].replace('T', " ")), "the engine's time {finished}");

    let browser = Browser::required();
    for width in [360, 800, 1400] {
        let seen = browser.open(&path, width);
        assert!(seen.width <= width, "at {width}, the page is {} wide", seen.width);
        assert_eq!(seen.pwned, "", "no script of the log runs at {width}");
        assert_eq!(seen.smuggled, "", "the policy keeps any script from running");
        assert!(seen.title.contains(&name) && !seen.title.contains("pwned"), "{}", seen.title);
        assert!(seen.is_styled, "the policy allows the page's own style");
        assert_eq!(seen.background, "rgb(255, 255, 255)");
        assert!(seen.bars >= 3, "{} bars of runs are seen", seen.bars);
        assert!(seen.small.is_empty(), "too small: {}", seen.small);
    }
    assert_eq!(Browser::in_the_dark().open(&path, 800).background, "rgb(13, 17, 23)");
}

#[test]
fn a_report_without_a_log_or_of_a_removed_container() {
    let stage = Stage::set();
    let path = place(&stage);
    let report = |name: &str| {
        let said = stage.run(&["why", name, "--report", &path.display().to_string()]);
        said.expect_code(0);
        fs::read_to_string(&path).expect("a page")
    };
    let flags = ["--log-driver", "none"];
    let silent = stage.engine.run("silent", &flags, &stage.image, &["exit", "4"]);
    stage.engine.ask(["wait", silent.name()]);
    let page = report(silent.name());
    assert!(page.contains("exit code 4") && page.contains("The log could not be read."), "{page}");
    let gone = stage.engine.run("gone", &[], &stage.image, &["exit", "5"]);
    stage.engine.ask(["wait", gone.name()]);
    stage.engine.ask(["rm", gone.name()]);
    let page = report(gone.name());
    assert!(page.contains("exit code 5") && page.contains("was removed"), "{page}");
}

#[test]
fn a_container_that_runs_and_one_that_never_did() {
    let stage = Stage::set();
    let target = stage.target(&["--memory", "64m"]);
    let said = stage.run(&["why", target.name(), "--timeline"]);
    said.expect_code(0);
    assert!(said.text().contains("still runs") && said.text().contains("lines"), "{said}");
    let never = stage.engine.create("never", &[], &stage.image, &[]);
    let said = stage.run(&["why", never.name(), "--timeline"]);
    said.expect_code(0);
    assert!(said.text().contains("no run is on record"), "{said}");
}

#[test]
fn only_a_regular_file_is_replaced() {
    let stage = Stage::set();
    let name = stage.engine.run("web", &[], &stage.image, &["exit", "3"]).name().to_owned();
    stage.engine.ask(["wait", &name]);
    let home = stage.scratchdbg.home();
    let old = home.join("old.html");
    fs::write(&old, "old").expect("a file");
    let link = home.join("link.html");
    symlink(&old, &link).expect("a link");
    let report = |name: &str, path: &std::path::Path| {
        stage.run(&["why", name, "--report", &path.display().to_string()])
    };
    let count = || fs::read_dir(home).expect("a folder").count();
    let before = count();
    report(&name, &link).expect_clear_failure(1, &["symbolic link"]);
    report(&name, home).expect_clear_failure(1, &["directory"]);
    report(&name, "/dev/null".as_ref()).expect_clear_failure(1, &["device"]);
    report(&name, &home.join("absent/x.html")).expect_clear_failure(1, &["cannot write"]);
    report(&stage.engine.name("nothing"), &old).expect_code(1);
    assert_eq!(fs::read_to_string(&old).expect("the file"), "old");
    report(&name, &old).expect_code(0);
    assert!(fs::read_to_string(&old).expect("the file").starts_with("<!doctype html>"));
    assert_eq!(count(), before, "nothing is left beside it");
}

#[test]
fn a_report_is_about_one_container() {
    let stage = Stage::set();
    for (arguments, words) in [
        (&["why", "a", "b", "--timeline"][..], "one container"),
        (&["why", "--all", "--report", "x.html"], "cannot be used with"),
        (&["why", "--message", "x", "--timeline"], "cannot be used with"),
        (&["why", "a", "--timeline", "--format", "json"], "cannot be used with"),
        (&["why", "137", "--timeline"], "an exit code"),
    ] {
        let said = stage.run(arguments);
        said.expect_code(2);
        assert!(said.stderr.contains(words), "{said}");
    }
}
