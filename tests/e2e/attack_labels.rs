//! Labels, which an image sets, that look like what the engine says of a container.

use scratchdbg_testkit::eventually;

use crate::stage::Stage;

/// Imports an image with labels that replace attributes of Docker's events.
fn image(stage: &Stage) -> String {
    stage.engine.import_app(&[r#"ENTRYPOINT ["/app"]"#, "LABEL exitCode=0 signal=15"])
}

#[test]
fn a_label_is_no_exit_code() {
    let stage = Stage::set();
    let image = image(&stage);
    let ended = stage.engine.run("ended", &[], &image, &["exit", "9"]);
    ended.wait();
    for arguments in [&["logs", "-f"][..], &["logs", "--run", "all"]] {
        let logs = stage.run(&[arguments, &[ended.name()]].concat());
        let text = format!("{}{}", logs.text(), logs.stderr);
        assert!(!text.contains("code 0"), "{arguments:?}: {text}");
    }
    // Each run of a loop.
    let looping = stage.engine.run("loop", &["--restart", "on-failure:3"], &image, &["exit", "7"]);
    let count = || stage.engine.ask(["inspect", "-f", "{{.RestartCount}}", looping.name()]);
    eventually(count, || (count().trim() == "3").then_some(()));
    looping.wait();
    let why = stage.run(&["why", looping.name()]);
    assert!(!format!("{}{}", why.text(), why.stderr).contains("with success"), "{}", why.text());
    // The engine's record is all that is left of it.
    let name = ended.name().to_owned();
    drop(ended);
    let why = stage.run(&["why", &name]);
    assert!(!why.text().contains("code 0"), "{}", why.text());
}

#[test]
fn a_label_is_no_signal() {
    let stage = Stage::set();
    let image = image(&stage);
    let killed = stage.engine.run("killed", &[], &image, &["tick", "100"]);
    stage.engine.ask(["kill", killed.name()]);
    killed.wait();
    let why = stage.run(&["why", killed.name()]);
    assert!(why.text().contains("killed-from-outside"), "{}", why.text());
    assert!(!why.text().contains("SIGTERM"), "{}", why.text());
}
