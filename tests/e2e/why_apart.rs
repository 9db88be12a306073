//! `why` of containers whose end or state resembles another.

use scratchdbg_testkit::eventually;
use serde_json::Value;

use crate::fault::{self, executable, expect_verdict};
use crate::proxy;
use crate::stage::Stage;

/// Creates an image with the sample program and a shell.
fn with_shell(stage: &Stage) -> String {
    let busybox = std::fs::read("/bin/busybox").expect("busybox-static is installed");
    let files = [
        executable("app", fault::app(stage)),
        executable("bin/sh", busybox.clone()),
        executable("bin/busybox", busybox),
        executable("loop", "#!/loop\n"),
        fault::File { path: "data", mode: 0o644, bytes: b"x".to_vec() },
    ];
    fault::image(stage, &files, &["ENV PATH=/bin"])
}

fn first(answer: &Value) -> (&str, &str) {
    let first = &answer["findings"][0];
    (first["code"].as_str().expect("a code"), first["confidence"].as_str().expect("a confidence"))
}

#[test]
fn a_stop_whose_signal_is_sigkill_is_told_as_a_stop() {
    let stage = Stage::set();
    let flags = ["--stop-signal", "SIGKILL"];
    let stopped = stage.engine.run("stopped", &flags, &stage.image, &[]);
    stage.engine.ask(["stop", stopped.name()]);
    let answer = expect_verdict(&stage, stopped.name(), "stopped");
    assert!(answer["findings"][0]["message"].to_string().contains("by SIGKILL"), "{answer:#}");
    let killed = stage.engine.run("killed", &[], &stage.image, &[]);
    stage.engine.ask(["kill", killed.name()]);
    expect_verdict(&stage, killed.name(), "killed-from-outside");
}

#[test]
fn what_a_shell_or_the_kernel_may_not_execute_is_named() {
    let stage = Stage::set();
    let image = with_shell(&stage);
    let noexec = ["--tmpfs", "/t:noexec"];
    for (index, (flags, command, code, part)) in [
        (
            &[][..],
            &["/bin/sh", "-c", "echo started; /data"][..],
            "not-executable-mode",
            "/data: its mode is 0644",
        ),
        (
            &[],
            &["/bin/sh", "-c", "echo started; echo hi > /x; /x"],
            "not-executable-mode",
            "may not execute /x",
        ),
        (
            &noexec,
            &["/bin/sh", "-c", "busybox cp /app /t/x; /t/x exit 0"],
            "mount-noexec",
            "the tmpfs at /t",
        ),
        (
            &noexec,
            &["/bin/sh", "-c", "busybox cp /app /t/x; exec /t/x exit 0"],
            "mount-noexec",
            "the tmpfs at /t",
        ),
        (&[], &["/loop"], "interpreter-missing", "its interpreter /loop is one too"),
        (&[], &["/bin/busybox", "wget", "http://db:3000/"], "name-not-resolved", "answers: db"),
        (&["--device-read-bps", "/dev/nosuch:1mb"], &["/app"], "device-missing", "/dev/nosuch"),
        // Near misses.
        (&[], &["/bin/sh", "-c", "exit 126"], "app-exit", ""),
        (
            &["--tmpfs", "/t:exec"],
            &["/bin/sh", "-c", "busybox cp /app /t/x; /t/x exit 3"],
            "app-exit",
            "",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = fault::ended(&stage, &format!("web-{index}"), flags, &image, command);
        let answer = expect_verdict(&stage, &name, code);
        assert!(
            answer["findings"][0]["message"].as_str().is_some_and(|message| message.contains(part)),
            "{part}: {answer:#}"
        );
        assert_eq!(first(&answer).1, "certain", "{answer:#}");
        stage.engine.ask(["rm", "--force", &name]);
    }
}

#[test]
fn a_lack_of_memory_is_told_of_children_and_at_every_moment_of_a_loop() {
    let stage = Stage::set();
    let image = with_shell(&stage);
    let memory = ["--memory", "16m"];
    // The program ends as if it had been killed itself.
    let name =
        fault::ended(&stage, "parent", &memory, &image, &["/bin/sh", "-c", "/app eat; exit 137"]);
    let answer = fault::why(&stage, &name);
    let is_listed = answer.to_string().contains("the kernel's log");
    assert_eq!(
        first(&answer),
        if is_listed { ("child-oom-killed", "guess") } else { ("oom-killed", "certain") },
        "{answer:#}"
    );
    // It continues to run.
    let goes_on =
        stage.engine.run("goes-on", &memory, &image, &["/bin/sh", "-c", "/app eat; exec /app"]);
    eventually(
        || "a child that was killed".to_owned(),
        || {
            let answer = fault::why(&stage, goes_on.name());
            fault::codes(&answer).contains(&"child-oom-killed".to_owned()).then_some(())
        },
    );
    let flags = ["--memory", "16m", "--restart", "always"];
    let looping = stage.engine.run("looping", &flags, &stage.image, &["eat"]);
    eventually(
        || "a loop".to_owned(),
        || {
            fault::codes(&fault::why(&stage, looping.name()))
                .contains(&"crash-loop".to_owned())
                .then_some(())
        },
    );
    for _ in 0..5 {
        let codes = fault::codes(&fault::why(&stage, looping.name()));
        // Up for a moment after the first few restarts: not yet a loop.
        assert_eq!(codes[0], "oom-killed", "{codes:?}");
    }
    looping.restart_no_more();
}

#[test]
fn a_health_check_whose_shell_finds_no_program_names_it() {
    let stage = Stage::set();
    let image = with_shell(&stage);
    for (stem, check) in
        [("plain", "curl -f localhost"), ("or-exit", "curl -f localhost || exit 1")]
    {
        let flags = ["--health-cmd", check, "--health-interval", "1s", "--health-retries", "1"];
        let container = stage.engine.run(stem, &flags, &image, &["/app"]);
        let status = ["inspect", "--format", "{{.State.Health.Status}}", container.name()];
        eventually(
            || format!("{stem} to fail"),
            || (stage.engine.ask(status) == "unhealthy").then_some(()),
        );
        let answer = expect_verdict(&stage, container.name(), "healthcheck-missing-program");
        assert!(answer["findings"][0]["message"].to_string().contains("curl"), "{answer:#}");
    }
}

#[test]
fn a_log_that_was_cut_is_not_called_empty() {
    // Nine bytes of sixty.
    const CUT: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\
        Connection: close\r\nContent-Length: 60\r\n\r\n\x01\0\0\0\0\0\0\x34x";
    // The same from a proxy that sends no length.
    const CLOSED: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\
        Connection: close\r\n\r\n\x01\0\0\0\0\0\0\x34x";
    const BROKEN: &[u8] =
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n\
        Content-Length: 20\r\n\r\n{\"message\":\"broken\"}";
    let stage = Stage::set();
    let name = fault::ended(&stage, "web", &[], &stage.image, &["exit", "3"]);
    for (path, spoiled, part) in [
        ("/logs?", CUT, "the log could not be read to its end"),
        ("/logs?", CLOSED, "the log could not be read to its end"),
        ("/events?", BROKEN, "did not tell what happened"),
    ] {
        let (_folder, host) = proxy::answering(stage.engine.host(), move |request| {
            request.contains(path).then_some(spoiled)
        });
        let finished = stage.run(&["--host", &host, "why", "--format", "json", &name]);
        finished.expect_code(0);
        let answer: Value = serde_json::from_slice(&finished.stdout).expect("one JSON document");
        assert_eq!(answer["verdict"], "app-exit", "{answer:#}");
        assert_eq!(
            answer["findings"][0]["evidence"].to_string().matches(part).count(),
            1,
            "{part}: {answer:#}"
        );
        assert!(path != "/logs?" || !answer.to_string().contains("the log is empty"), "{answer:#}");
    }
}

/// Megabytes of noise are explained, or not, like any text.
#[test]
fn texts_without_end_are_explained_all_the_same() {
    let stage = Stage::set();
    let noise: Vec<u8> = (0..1_000_000_u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0])
        .collect();
    for (mut text, code) in
        [(noise, 1), ("exec: \"".repeat(3_000_000).into_bytes(), 1), (b"x509\n".repeat(200_000), 1)]
    {
        for ending in ["", "\nexec /app: exec format error\n"] {
            text.extend_from_slice(ending.as_bytes());
            let finished = stage.scratchdbg.run_with_input(["why", "--message", "-"], text.clone());
            finished.expect_code(if ending.is_empty() { code } else { 0 });
        }
    }
}
