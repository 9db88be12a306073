//! `why` of mounts, of health checks, of containers that run or are gone, and of other engines.

use scratchdbg_testkit::eventually;
use scratchdbg_testkit::podman::Podman;

use crate::fault::{self, executable, expect_verdict};
use crate::stage::Stage;
/// A mount hides files of the image: the program, and the files that it needs to start.
#[test]
fn mounts_over_a_program_and_what_it_needs() {
    let stage = Stage::set();
    let app = fault::app(&stage);
    let loader = std::fs::read("/lib64/ld-linux-x86-64.so.2").expect("this machine's loader");
    let image = fault::image(
        &stage,
        &[
            executable("opt/server", app.clone()),
            executable("opt/script", "#!/bin/run numbers\n"),
            executable("bin/run", app.clone()),
            executable("dynamic", fault::dynamic_app(&stage)),
            executable("lib64/ld-linux-x86-64.so.2", loader),
        ],
        &[],
    );
    let folder = stage.scratchdbg.home().join("folder");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("other"), &app).expect("a file");
    let bind = |place: &str| format!("{}:{place}", folder.display());
    let volume = stage.engine.name("volume");
    let missing = stage.scratchdbg.home().join("missing");
    let directory = format!("{}:/opt/new", missing.display());
    for (index, (flags, command, code, named)) in [
        (
            vec!["--volume", &bind("/opt")],
            "/opt/server",
            "hidden-by-mount",
            "/opt/server is in the image",
        ),
        (vec!["--tmpfs", "/opt"], "/opt/server", "hidden-by-mount", "the tmpfs at /opt"),
        (
            vec!["--volume", &bind("/bin")],
            "/opt/script",
            "hidden-by-mount",
            "the interpreter /bin/run",
        ),
        (vec!["--volume", &bind("/lib64")], "/dynamic", "hidden-by-mount", "the loader"),
        // Files that the image never had.
        (vec!["--volume", &bind("/data")], "/data/none", "entrypoint-missing", "nor in the image"),
        (vec!["--volume", &directory], "/opt/new", "not-executable-mode", "is a directory"),
        (vec!["--tmpfs", "/data"], "/none", "entrypoint-missing", "/none"),
        // Near misses: a mount elsewhere, a volume that is filled from the image, a mount that
        // contains the program.
        (vec!["--volume", &bind("/opt/data")], "/opt/server", "app-exit", ""),
        (vec!["--volume", &format!("{volume}:/opt")], "/opt/server", "app-exit", ""),
        (
            vec![
                "--volume",
                &format!("{}:/data/app", stage.scratchdbg.home().join("app").display()),
            ],
            "/data/app",
            "app-exit",
            "",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name =
            fault::ended(&stage, &format!("web-{index}"), &flags, &image, &[command, "exit", "1"]);
        let answer = expect_verdict(&stage, &name, code);
        assert!(
            answer["findings"][0].to_string().contains(named),
            "{named} is missing in {answer:#}"
        );
        stage.engine.ask(["rm", "--force", &name]);
    }
    stage.engine.ask(["volume", "rm", &volume]);
}

#[test]
fn health_checks() {
    let stage = Stage::set();
    let often = ["--health-interval", "1s", "--health-retries", "1"];
    let wait = |name: &str, status: &str| {
        eventually(
            || format!("{name} to be {status}"),
            || {
                let said =
                    stage.engine.ask(["inspect", "--format", "{{.State.Health.Status}}", name]);
                (said == status).then_some(())
            },
        );
    };
    let shell = [&["--health-cmd", "curl -f localhost"][..], &often].concat();
    let shell = stage.engine.run("shell", &shell, &stage.image, &[]);
    wait(shell.name(), "unhealthy");
    expect_verdict(&stage, shell.name(), "healthcheck-needs-shell");

    for (index, (probe, status, code)) in [
        (
            r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/probe"]"#,
            "unhealthy",
            "healthcheck-missing-program",
        ),
        (
            r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/proc"]"#,
            "unhealthy",
            "not-executable-mode",
        ),
        (
            r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/app", "exit", "1"]"#,
            "unhealthy",
            "running-unhealthy",
        ),
        (
            r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/app", "exit", "0"]"#,
            "healthy",
            "running",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let image = stage.engine.import_app(&[probe]);
        let container = stage.engine.run(&format!("web-{index}"), &[], &image, &[]);
        wait(container.name(), status);
        expect_verdict(&stage, container.name(), code);
    }
}

#[test]
fn running_ones() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &[]);
    let codes = fault::codes(&expect_verdict(&stage, container.name(), "running"));
    assert!(codes.contains(&"stop-signal-ignored".to_owned()), "{codes:?}");
    assert!(!codes.contains(&"zombies".to_owned()), "{codes:?}");
    stage.engine.ask(["pause", container.name()]);
    expect_verdict(&stage, container.name(), "paused");
    stage.engine.ask(["unpause", container.name()]);

    let graves =
        stage.engine.run("graves", &["--pids-limit", "22"], &stage.image, &["zombies", "20"]);
    let found = eventually(
        || "twenty zombies".to_owned(),
        || {
            let answer = fault::why(&stage, graves.name());
            (answer["verdict"] == "zombies" && answer.to_string().contains("Z under PID 1: 20"))
                .then_some(answer)
        },
    );
    assert!(fault::codes(&found).contains(&"near-limit".to_owned()), "{found:#}");
}

#[test]
fn one_that_was_removed() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["exit", "7"]);
    let name = container.name();
    container.wait();
    stage.engine.ask(["rm", name]);
    let answer = expect_verdict(&stage, name, "removed");
    assert!(answer.to_string().contains("exit code 7"), "{answer:#}");
    stage.run(&["why", &stage.engine.name("never")]).expect_clear_failure(1, &["never"]);
}

/// Podman ends a replay of its events by the clock, before it has read all of them: most were
/// missing.
#[test]
fn podman_is_asked_for_all_its_events() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let container = stage.engine.run("web", &[], &stage.image, &["exit", "7"]);
    let name = container.name();
    container.wait();
    stage.engine.ask(["rm", name]);
    let answer = expect_verdict(&stage, name, "removed");
    let evidence = answer["findings"][0]["evidence"].to_string();
    for told in ["event die: exit code 7", "event destroy"] {
        assert!(evidence.contains(told), "{told} is missing in {answer:#}");
    }
}

#[test]
fn nothing_of_a_container_drives_the_terminal() {
    let stage = Stage::set();
    let name = fault::ended(&stage, "web", &[], &stage.image, &["\u{1b}[2Jno such\u{7}"]);
    let finished = stage.run(&["why", &name]);
    finished.expect_code(0);
    assert!(!finished.stdout.iter().any(|byte| matches!(byte, 0x1b | 0x07)), "{finished}");
    assert!(finished.text().starts_with("error[app-exit]"), "{finished}");
}

/// An engine that shows no file: nothing is reported as absent.
#[test]
fn an_engine_that_shows_no_file() {
    let stage = Stage::set();
    let name = fault::ended(&stage, "web", &[], &stage.image, &["exit", "3"]);
    let waiting = fault::created(&stage, "waiting", &[], &stage.image, &[]);
    let host =
        stage.engine.variables().find(|(name, _)| *name == "DOCKER_HOST").expect("an address").1;
    let (_folder, host) = crate::proxy::without_files(&host);
    for (name, code) in [(&name, "app-exit"), (&waiting, "never-started")] {
        let finished = stage.run(&["--host", &host, "why", "--format", "json", name]);
        finished.expect_code(0);
        let answer: serde_json::Value =
            serde_json::from_slice(&finished.stdout).expect("one JSON document");
        assert_eq!(answer["verdict"], code, "{finished}");
        assert!(!answer.to_string().contains("not in the image"), "{finished}");
        assert!(finished.stderr.contains("cannot be read"), "{finished}");
    }
    stage.run(&["--host", &host, "check", &name]).expect_clear_failure(1, &["not even"]);
}

/// Inspecting leaves nothing behind and changes nothing.
#[test]
fn looking_changes_nothing() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    stage.run(&["why", target.name()]).expect_code(0);
    stage.run(&["check", target.name()]);
    stage.run(&["ps"]).expect_code(0);
    target.assert_untouched();
}
