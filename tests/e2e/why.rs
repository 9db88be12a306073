//! `why`: creates each fault on the engine, and expects its code as the first one.

use std::net::TcpListener;

use scratchdbg_testkit::eventually;
use serde_json::json;

use crate::fault::{self, File, executable, expect_verdict};
use crate::own_engine::OwnEngine;
use crate::stage::Stage;

const APP: &str = r#"ENTRYPOINT ["/app"]"#;

/// Programs that do not start, by the fault of their file.
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
        (
            "crlf-shebang",
            vec![executable("run", app.clone()), executable("app", "#!/run\r\n")],
            APP,
        ),
        ("wrong-architecture", vec![executable("app", foreign)], APP),
        ("truncated-binary", vec![executable("app", &app[..app.len() / 2])], APP),
        ("not-an-executable", vec![executable("app", "hello\n")], APP),
        ("not-an-executable", vec![executable("app", "")], APP),
        ("not-executable-mode", vec![file("app", 0o644, &app)], APP),
        ("not-executable-mode", vec![file("app/", 0o755, b"")], APP),
        ("entrypoint-missing", vec![executable("other", app.clone())], APP),
        ("entrypoint-not-absolute", vec![executable("app", app.clone())], r#"ENTRYPOINT ["app"]"#),
        (
            "entrypoint-one-string",
            vec![executable("app", app.clone())],
            r#"ENTRYPOINT ["/app exit 0"]"#,
        ),
        ("shell-form", vec![executable("app", app.clone())], "ENTRYPOINT /app exit 0"),
        // Near misses: a script whose interpreter exists, a program in PATH, spaces in an argument.
        (
            "app-exit",
            vec![executable("run", app.clone()), executable("app", "#!/run numbers\n")],
            APP,
        ),
        (
            "app-exit",
            vec![executable("bin/app", app.clone())],
            r#"ENTRYPOINT ["app", "exit", "1"]"#,
        ),
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

/// Missing permissions of the container's user.
#[test]
fn rights_to_a_program() {
    let stage = Stage::set();
    let app = fault::app(&stage);
    let private = File { path: "private/", mode: 0o700, bytes: Vec::new() };
    let closed = File { path: "closed", mode: 0o700, bytes: app.clone() };
    let image = fault::image(
        &stage,
        &[executable("app", app.clone()), private, executable("private/app", app), closed],
        &[],
    );
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

/// A log driver that keeps nothing loses the runtime's message, but the image proves the cause.
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
        &[
            executable("app", fault::app(&stage)),
            File { path: "etc/", mode: 0o755, bytes: Vec::new() },
        ],
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

/// A program that reached its limit before the engine was listening: `OOMKilled` stays false (not
/// with containerd 1.7 on cgroup v2), and the kernel's log reveals the cause.
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
    assert_eq!(
        (&finding["code"], &finding["confidence"]),
        (&json!("oom-killed"), &json!("certain")),
        "{answer:#}"
    );
    // No engine reports which process it was.
    assert!(finding["evidence"].to_string().contains("(app) was killed for memory"), "{answer:#}");
    run("modest", &["exit", "137"]);
    let answer = engine.why("modest");
    assert_eq!(answer["verdict"], "killed-from-outside", "{answer:#}");
    assert!(
        answer.to_string().contains("the kernel's log tells of no lack of memory in this run"),
        "{answer:#}"
    );
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
    // Wait until the process has installed its handler.
    eventually(
        || "a handler for SIGTERM".to_owned(),
        || {
            let top = stage.engine.ask(["top", obeying.name(), "-eo", "pid,caught"]);
            let mut masks =
                top.split_ascii_whitespace().filter_map(|word| u64::from_str_radix(word, 16).ok());
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
    // The near miss: an exit code one above those of signals.
    let name = fault::ended(&stage, "near", &[], &stage.image, &["exit", "200"]);
    expect_verdict(&stage, &name, "app-exit");
}

/// The reason for an earlier run's end is not that of the last run's.
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
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
            .expect("its mode");
    };
    write("panic");
    let name = fault::ended(
        &stage,
        "web",
        &["--volume", &mount, "--entrypoint", "/data/script"],
        &stage.image,
        &[],
    );
    expect_verdict(&stage, &name, "rust-panic");
    write("terminal");
    stage.engine.ask(["start", "--attach", &name]);
    let answer = expect_verdict(&stage, &name, "app-exit");
    assert!(!fault::codes(&answer).contains(&"rust-panic".to_owned()), "{answer:#}");
}

#[test]
fn exits_and_loops() {
    let stage = Stage::set();
    let answer = expect_verdict(
        &stage,
        &fault::ended(&stage, "once", &[], &stage.image, &["exit", "3"]),
        "app-exit",
    );
    assert!(answer.to_string().contains("exit code 3"), "{answer:#}");
    let looping =
        stage.engine.run("looping", &["--restart", "on-failure:20"], &stage.image, &["exit", "3"]);
    eventually(
        || "the fourth restart".to_owned(),
        || {
            let inspected = looping.inspect();
            let waits = inspected["State"]["Status"] == "restarting";
            (waits && inspected["RestartCount"].as_u64() >= Some(4)).then_some(())
        },
    );
    // It may be up for a moment at each check.
    eventually(
        || "the loop to be seen".to_owned(),
        || (fault::why(&stage, looping.name())["verdict"] == "crash-loop").then_some(()),
    );
    looping.restart_no_more();
}

/// A stop is the verdict; the crashes before it are reported beside it.
#[test]
fn a_loop_that_is_stopped() {
    let stage = Stage::set();
    let looping =
        stage.engine.run("looping", &["--restart", "always"], &stage.image, &["exit", "3"]);
    eventually(
        || "the third restart".to_owned(),
        || (looping.inspect()["RestartCount"].as_u64() >= Some(3)).then_some(()),
    );
    stage.engine.ask(["stop", "--time", "1", looping.name()]);
    let answer = expect_verdict(&stage, looping.name(), "stopped");
    let evidence = answer["findings"][0]["evidence"].to_string();
    assert!(evidence.contains("restart count") && evidence.contains("exit codes 3"), "{answer:#}");
}
