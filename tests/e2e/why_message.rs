//! `why --message`: error texts as they are pasted, explained without an engine.

use scratchdbg_testkit::program::Program;
use serde_json::Value;

/// No engine answers there.
fn offline() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scratchdbg")).with_variable("DOCKER_HOST", "unix:///nowhere.sock")
}

#[test]
fn known_texts() {
    let scratchdbg = offline();
    let mut wrong = Vec::new();
    for (text, code) in [
        ("exec /app: no such file or directory", "loader-missing"),
        ("exec /app: exec format error", "wrong-architecture"),
        ("standard_init_linux.go:228: exec user process caused: exec format error", "wrong-architecture"),
        (
            r#"docker: Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/app": stat /app: no such file or directory: unknown."#,
            "entrypoint-missing",
        ),
        (
            r#"OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown"#,
            "shell-missing",
        ),
        ("unable to find user nonroot: no matching entries in passwd file", "user-unknown"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "ca-certificates-missing"),
        ("panic: time: missing Location in call to Time.In", "go-panic"),
        ("/app: error while loading shared libraries: libz.so.1: cannot open shared object file", "library-missing"),
        (
            "driver failed programming external connectivity on endpoint web: Bind for 0.0.0.0:80 failed: port is already allocated",
            "port-in-use",
        ),
        ("thread 'main' panicked at src/main.rs:3:5:\nno more", "rust-panic"),
        ("Error response from daemon: Container abc is paused, unpause the container before exec", "paused"),
        ("Error response from daemon: No command specified", "no-command"),
    ] {
        let finished = scratchdbg.run(["why", "--format", "json", "--message", text]);
        let answer: Value = serde_json::from_slice(&finished.stdout).expect("one JSON document");
        if finished.status.code() != Some(0) || answer["verdict"] != code || !answer["target"].is_null() {
            wrong.push(format!("{code} for {text}: {finished}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn standard_input_is_read() {
    let scratchdbg = offline();
    let finished = scratchdbg.run_with_input(["why", "--message", "-"], "exec /app: exec format error\n");
    finished.expect_code(0);
    assert!(finished.text().starts_with("error[wrong-architecture]"), "{finished}");
}

#[test]
fn unrelated_texts_get_no_verdict() {
    let scratchdbg = offline();
    scratchdbg.run(["why", "--message", "all is well"]).expect_clear_failure(1, &["nothing is known"]);
    scratchdbg.run(["why", "--message", " "]).expect_clear_failure(2, &["no message"]);
    for arguments in [&["why"][..], &["why", "web", "--message", "x"]] {
        scratchdbg.run(arguments).expect(2, "");
    }
}
