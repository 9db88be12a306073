//! `why`: each fault is made on the engine, and its code comes first.

use std::net::TcpListener;

use scratchdbg_testkit::eventually;
use scratchdbg_testkit::podman::Podman;
use serde_json::json;

use crate::fault::{self, File, executable, expect_verdict};
use crate::own_engine::OwnEngine;
use crate::stage::Stage;

const APP: &str = r#"ENTRYPOINT ["/app"]"#;

/// A program that does not start, by what is wrong with its file.
#[test]
fn programs_that_cannot_be_executed() {
    let stage = Stage::set();
    let app = fault::app(&stage);
    let mut foreign = app.clone();
    // e_machine: AArch64, or x86-64 where that is this machine.
    foreign[18] = if cfg!(target_arch = "x86_64") { 0xb7 } else { 0x3e };
    let dynamic = fault::dynamic_app(&stage);
    let loader = std::fs::read("/lib64/ld-linux-x86-64.so.2").expect("this machine's loader");
    let file = |path, mode, bytes: &[u8]| File { path, mode, bytes: bytes.to_vec() };
    let cases: Vec<(&str, Vec<File>, &str)> = vec![
        ("loader-missing", vec![executable("app", dynamic.clone())], APP),
        (
            "library-missing",
            vec![
                executable("app", dynamic),
                file("lib64/", 0o755, b""),
                executable("lib64/ld-linux-x86-64.so.2", loader),
            ],
            APP,
        ),
        ("interpreter-missing", vec![executable("app", "#!/bin/sh\necho hi\n")], APP),
        ("crlf-shebang", vec![executable("run", app.clone()), executable("app", "#!/run\r\n")], APP),
        ("wrong-architecture", vec![executable("app", foreign)], APP),
        ("truncated-binary", vec![executable("app", &app[..app.len() / 2])], APP),
        ("not-an-executable", vec![executable("app", "hello\n")], APP),
        ("not-an-executable", vec![executable("app", "")], APP),
        ("not-executable-mode", vec![file("app", 0o644, &app)], APP),
        ("not-executable-mode", vec![file("app/", 0o755, b"")], APP),
        ("entrypoint-missing", vec![executable("other", app.clone())], APP),
        ("entrypoint-not-absolute", vec![executable("app", app.clone())], r#"ENTRYPOINT ["app"]"#),
        ("entrypoint-one-string", vec![executable("app", app.clone())], r#"ENTRYPOINT ["/app exit 0"]"#),
        ("shell-form", vec![executable("app", app.clone())], "ENTRYPOINT /app exit 0"),
        // Near misses: a script whose interpreter is there, a program in PATH, spaces in an argument.
        ("app-exit", vec![executable("run", app.clone()), executable("app", "#!/run numbers\n")], APP),
        ("app-exit", vec![executable("bin/app", app.clone())], r#"ENTRYPOINT ["app", "exit", "1"]"#),
        ("app-exit", vec![executable("app", app)], r#"ENTRYPOINT ["/app", "exit 0"]"#),
    ];
    let mut wrong = Vec::new();
    for (index, (code, files, entrypoint)) in cases.into_iter().enumerate() {
        let image = fault::image(&stage, &files, &[entrypoint]);
        let name = fault::ended(&stage, &format!("web-{index}"), &[], &image, &[]);
        let answer = fault::why(&stage, &name);
        if answer["verdict"] != code {
            wrong.push(format!("{index}: {code} was expected of {answer:#}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the user of the container may not do.
#[test]
fn rights_to_a_program() {
    let stage = Stage::set();
    let app = fault::app(&stage);
    let private = File { path: "private/", mode: 0o700, bytes: Vec::new() };
    let closed = File { path: "closed", mode: 0o700, bytes: app.clone() };
    let image =
        fault::image(&stage, &[executable("app", app.clone()), private, executable("private/app", app), closed], &[]);
    let user = ["--user", "1000:1000"];
    for (index, (flags, command, code)) in [
        (&user[..], &["/private/app", "exit", "1"][..], "parent-not-searchable"),
        (&user, &["/closed", "exit", "1"], "not-executable-mode"),
        (&user, &["/app", "exit", "1"], "app-exit"),
        (&[], &["/private/app", "exit", "1"], "app-exit"),
        (&[], &["/closed", "exit", "1"], "app-exit"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = fault::ended(&stage, &format!("web-{index}"), flags, &image, command);
        expect_verdict(&stage, &name, code);
    }
}

/// A log driver that keeps nothing takes away the runtime's word; the image proves it all the same.
#[test]
fn a_missing_loader_without_a_log() {
    let stage = Stage::set();
    let image = fault::image(&stage, &[executable("app", fault::dynamic_app(&stage))], &[APP]);
    let name = fault::ended(&stage, "web", &["--log-driver", "none"], &image, &[]);
    expect_verdict(&stage, &name, "loader-missing");
}

#[test]
fn refused_by_the_engine() {
    let stage = Stage::set();
    let user = fault::ended(&stage, "user", &["--user", "nobody"], &stage.image, &[]);
    expect_verdict(&stage, &user, "user-unknown");
    let number = fault::ended(&stage, "number", &["--user", "1234"], &stage.image, &["exit", "0"]);
    expect_verdict(&stage, &number, "app-exit");

    let file = stage.scratchdbg.home().join("file");
    std::fs::write(&file, "x").expect("a file");
    let mount = format!("type=bind,source={},target=/etc", file.display());
    let image = fault::image(
        &stage,
        &[executable("app", fault::app(&stage)), File { path: "etc/", mode: 0o755, bytes: Vec::new() }],
        &[APP],
    );
    let mounted = fault::ended(&stage, "mount", &["--mount", &mount], &image, &["exit", "0"]);
    expect_verdict(&stage, &mounted, "mount-failed");

    let waiting = fault::created(&stage, "waiting", &[], &stage.image, &[]);
    expect_verdict(&stage, &waiting, "never-started");
}

#[test]
fn a_port_that_is_taken() {
    let stage = Stage::set();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let name = stage.engine.name("web");
    let publish = format!("127.0.0.1:{port}:80");
    stage.engine.ask(["create", "--name", &name, "--publish", &publish, &stage.image, "exit", "0"]);
    let started = stage.engine.docker(["start", &name]);
    assert!(!started.status.success(), "the port is taken");
    expect_verdict(&stage, &name, "port-in-use");
}

#[test]
fn memory() {
    let stage = Stage::set();
    let limit = ["--memory", "16m"];
    let own = fault::ended(&stage, "own", &limit, &stage.image, &["eat"]);
    let answer = expect_verdict(&stage, &own, "oom-killed");
    assert!(answer.to_string().contains("16 MiB"), "the limit is named: {answer:#}");
    let child = fault::ended(&stage, "child", &limit, &stage.image, &["child-eat"]);
    expect_verdict(&stage, &child, "child-oom-killed");
    let enough = fault::ended(&stage, "enough", &limit, &stage.image, &["exit", "1"]);
    expect_verdict(&stage, &enough, "app-exit");
}

/// A program that was at its limit before the engine listened for that: `OOMKilled` stays false (not so with containerd 1.7
/// on control groups of version 2), and the kernel's log tells.
#[test]
fn memory_that_the_engine_did_not_hear_of() {
    let stage = Stage::set();
    let engine = OwnEngine::start();
    engine.import_app(&stage);
    let run = |name: &str, command: &[&str]| {
        let flags = ["--runtime", "late", "--network", "none", "--memory", "16m", "--name", name];
        engine.docker(&[&["run"][..], &flags, &["app:1"], command].concat());
    };
    run("eater", &["eat-at-once"]);
    assert_eq!(
        engine.ask(&["inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", "eater"]),
        "137 false\n"
    );
    let answer = engine.why("eater");
    let finding = &answer["findings"][0];
    assert_eq!((&finding["code"], &finding["confidence"]), (&json!("oom-killed"), &json!("certain")), "{answer:#}");
    // No engine tells which process it was.
    assert!(finding["evidence"].to_string().contains("(app) was killed for memory"), "{answer:#}");
    run("modest", &["exit", "137"]);
    let answer = engine.why("modest");
    assert_eq!(answer["verdict"], "killed-from-outside", "{answer:#}");
    assert!(answer.to_string().contains("the kernel's log tells of no lack of memory in this run"), "{answer:#}");
}

#[test]
fn kills_and_stops() {
    let stage = Stage::set();
    let killed = stage.engine.run("killed", &[], &stage.image, &[]);
    killed.kill();
    expect_verdict(&stage, killed.name(), "killed-from-outside");
    let deaf = stage.engine.run("deaf", &[], &stage.image, &[]);
    stage.engine.ask(["stop", "--time", "1", deaf.name()]);
    expect_verdict(&stage, deaf.name(), "stop-signal-ignored");
    let obeying = stage.engine.run("obeying", &[], &stage.image, &["obey"]);
    // Its handler is set once it waits: asked of the process itself.
    eventually(
        || "a handler for SIGTERM".to_owned(),
        || {
            let top = stage.engine.ask(["top", obeying.name(), "-eo", "pid,caught"]);
            let mut masks = top.split_ascii_whitespace().filter_map(|word| u64::from_str_radix(word, 16).ok());
            masks.next_back().filter(|mask| mask & 1 << 14 != 0)
        },
    );
    let running = fault::codes(&expect_verdict(&stage, obeying.name(), "running"));
    assert!(!running.contains(&"stop-signal-ignored".to_owned()), "{running:?}");
    stage.engine.ask(["stop", "--time", "30", obeying.name()]);
    expect_verdict(&stage, obeying.name(), "stopped");
}

#[test]
fn deaths_of_its_own_making() {
    let stage = Stage::set();
    for (index, (flags, what, code)) in [
        (&[][..], "segfault", "segfault-or-abort"),
        (&[], "abort", "segfault-or-abort"),
        (&["--init"], "segfault", "segfault-or-abort"),
        (&["--init"], "abort", "aborted"),
        (&[], "trap", "illegal-instruction"),
        (&[], "panic", "rust-panic"),
        (&["--init"], "panic", "rust-panic"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = fault::ended(&stage, &format!("web-{index}"), flags, &stage.image, &[what]);
        expect_verdict(&stage, &name, code);
    }
    // The near miss: an exit code one beyond the signals that mean something.
    let name = fault::ended(&stage, "near", &[], &stage.image, &["exit", "200"]);
    expect_verdict(&stage, &name, "app-exit");
}

/// What an earlier run died of is not what the last one died of.
#[test]
fn only_the_last_run_counts() {
    let stage = Stage::set();
    let marker = stage.scratchdbg.home().join("command");
    std::fs::create_dir(&marker).expect("a folder");
    let script = marker.join("script");
    let mount = format!("{}:/data", marker.display());
    let write = |what: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&script, format!("#!/app {what}\n")).expect("a script");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    };
    write("panic");
    let name = fault::ended(&stage, "web", &["--volume", &mount, "--entrypoint", "/data/script"], &stage.image, &[]);
    expect_verdict(&stage, &name, "rust-panic");
    write("terminal");
    stage.engine.ask(["start", "--attach", &name]);
    let answer = expect_verdict(&stage, &name, "app-exit");
    assert!(!fault::codes(&answer).contains(&"rust-panic".to_owned()), "{answer:#}");
}

#[test]
fn exits_and_loops() {
    let stage = Stage::set();
    let answer = expect_verdict(&stage, &fault::ended(&stage, "once", &[], &stage.image, &["exit", "3"]), "app-exit");
    assert!(answer.to_string().contains("exit code 3"), "{answer:#}");
    let looping = stage.engine.run("looping", &["--restart", "on-failure:20"], &stage.image, &["exit", "3"]);
    eventually(
        || "the fourth restart".to_owned(),
        || {
            let inspected = looping.inspect();
            let waits = inspected["State"]["Status"] == "restarting";
            (waits && inspected["RestartCount"].as_u64() >= Some(4)).then_some(())
        },
    );
    // It may be up for a moment at each look.
    eventually(
        || "the loop to be seen".to_owned(),
        || (fault::why(&stage, looping.name())["verdict"] == "crash-loop").then_some(()),
    );
    looping.restart_no_more();
}

/// A stop is what ended it; the crashes before are told beside.
#[test]
fn a_loop_that_is_stopped() {
    let stage = Stage::set();
    let looping = stage.engine.run("looping", &["--restart", "always"], &stage.image, &["exit", "3"]);
    eventually(
        || "the third restart".to_owned(),
        || (looping.inspect()["RestartCount"].as_u64() >= Some(3)).then_some(()),
    );
    stage.engine.ask(["stop", "--time", "1", looping.name()]);
    let answer = expect_verdict(&stage, looping.name(), "stopped");
    let evidence = answer["findings"][0]["evidence"].to_string();
    assert!(evidence.contains("restart count") && evidence.contains("exit codes 3"), "{answer:#}");
}

/// A mount stands before what the image has: the program, and what it is started with.
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
        (vec!["--volume", &bind("/opt")], "/opt/server", "hidden-by-mount", "/opt/server is in the image"),
        (vec!["--tmpfs", "/opt"], "/opt/server", "hidden-by-mount", "the tmpfs at /opt"),
        (vec!["--volume", &bind("/bin")], "/opt/script", "hidden-by-mount", "the interpreter /bin/run"),
        (vec!["--volume", &bind("/lib64")], "/dynamic", "hidden-by-mount", "the loader"),
        // What was never in the image.
        (vec!["--volume", &bind("/data")], "/data/none", "entrypoint-missing", "nor in the image"),
        (vec!["--volume", &directory], "/opt/new", "not-executable-mode", "is a directory"),
        (vec!["--tmpfs", "/data"], "/none", "entrypoint-missing", "/none"),
        // Near misses: a mount beside it, a volume that is filled from the image, a mount that supplies the program.
        (vec!["--volume", &bind("/opt/data")], "/opt/server", "app-exit", ""),
        (vec!["--volume", &format!("{volume}:/opt")], "/opt/server", "app-exit", ""),
        (
            vec!["--volume", &format!("{}:/data/app", stage.scratchdbg.home().join("app").display())],
            "/data/app",
            "app-exit",
            "",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = fault::ended(&stage, &format!("web-{index}"), &flags, &image, &[command, "exit", "1"]);
        let answer = expect_verdict(&stage, &name, code);
        assert!(answer["findings"][0].to_string().contains(named), "{named} is missing in {answer:#}");
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
                let said = stage.engine.ask(["inspect", "--format", "{{.State.Health.Status}}", name]);
                (said == status).then_some(())
            },
        );
    };
    let shell = [&["--health-cmd", "curl -f localhost"][..], &often].concat();
    let shell = stage.engine.run("shell", &shell, &stage.image, &[]);
    wait(shell.name(), "unhealthy");
    expect_verdict(&stage, shell.name(), "healthcheck-needs-shell");

    for (index, (probe, status, code)) in [
        (r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/probe"]"#, "unhealthy", "healthcheck-missing-program"),
        (r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/app", "exit", "1"]"#, "unhealthy", "running-unhealthy"),
        (r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/app", "exit", "0"]"#, "healthy", "running"),
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

    let graves = stage.engine.run("graves", &["--pids-limit", "22"], &stage.image, &["zombies", "20"]);
    let found = eventually(
        || "twenty zombies".to_owned(),
        || {
            let answer = fault::why(&stage, graves.name());
            (answer["verdict"] == "zombies" && answer.to_string().contains("Z under PID 1: 20")).then_some(answer)
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

/// Podman ends a replay of its events with the clock, be it read or not: most of them were missing.
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

/// An engine that shows no file at all: nothing is said to be absent.
#[test]
fn an_engine_that_shows_no_file() {
    let stage = Stage::set();
    let name = fault::ended(&stage, "web", &[], &stage.image, &["exit", "3"]);
    let waiting = fault::created(&stage, "waiting", &[], &stage.image, &[]);
    let host = stage.engine.variables().find(|(name, _)| *name == "DOCKER_HOST").expect("an address").1;
    let (_folder, host) = crate::proxy::without_files(&host);
    for (name, code) in [(&name, "app-exit"), (&waiting, "never-started")] {
        let finished = stage.run(&["--host", &host, "why", "--format", "json", name]);
        finished.expect_code(0);
        let answer: serde_json::Value = serde_json::from_slice(&finished.stdout).expect("one JSON document");
        assert_eq!(answer["verdict"], code, "{finished}");
        assert!(!answer.to_string().contains("not in the image"), "{finished}");
        assert!(finished.stderr.contains("cannot be read"), "{finished}");
    }
    stage.run(&["--host", &host, "check", &name]).expect_clear_failure(1, &["not even"]);
}

/// Looking leaves nothing behind and changes nothing.
#[test]
fn looking_changes_nothing() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    stage.run(&["why", target.name()]).expect_code(0);
    stage.run(&["check", target.name()]);
    stage.run(&["ps"]).expect_code(0);
    target.assert_untouched();
}
