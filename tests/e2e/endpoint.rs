//! Which engine is meant, and what is said when it does not answer.

use std::os::unix::net::UnixListener;

use scratchdbg_testkit::program::{Program, Running};

use crate::stage::Stage;

/// The binary, led to no engine by its environment.
fn lost() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scratchdbg"))
}

#[test]
fn an_engine_that_is_not_there_is_named_with_where_it_came_from() {
    let program = lost().with_variable("DOCKER_HOST", "unix:///no/such/a.sock");
    let from_environment = program.run(["attach", "web", "--", "true"]);
    from_environment.expect_clear_failure(125, &["/no/such/a.sock", "DOCKER_HOST"]);
    program.run(["logs", "web"]).expect_clear_failure(1, &["/no/such/a.sock", "DOCKER_HOST"]);
    // A flag goes before the environment.
    let flag = ["-H", "unix:///no/such/b.sock", "attach", "web", "--", "true"];
    program.run(flag).expect_clear_failure(125, &["/no/such/b.sock"]);
    // Nobody listens on port 1.
    program.run(["--host", "tcp://127.0.0.1:1", "logs", "web"]).expect_clear_failure(1, &["127.0.0.1:1"]);
}

#[test]
fn endpoints_that_cannot_be_endpoints() {
    let program = lost();
    for host in ["nonsense", "gopher://x", "unix://", "tcp://"] {
        let finished = program.run(["-H", host, "attach", "web", "--", "true"]);
        finished.expect_clear_failure(125, &[host]);
    }
    let finished = program.run(["-H", "unix:///a.sock", "--context", "b", "attach", "web", "--", "true"]);
    finished.expect(125, "");
}

#[test]
fn a_context_that_does_not_exist_is_named() {
    lost().run(["--context", "no-such-context", "logs", "web"]).expect_clear_failure(1, &["no-such-context"]);
    let program = lost().with_variable("DOCKER_CONTEXT", "no-such-context");
    program.run(["logs", "web"]).expect_clear_failure(1, &["no-such-context", "DOCKER_CONTEXT"]);
}

#[test]
fn something_that_is_no_engine_does_not_hang_us() {
    let program = lost();
    let directory = tempfile::TempDir::new().expect("a directory");
    let socket = directory.path().join("silent.sock");
    // Connections are taken by the kernel, and never answered.
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let host = format!("unix://{}", socket.display());
    program.run(["-H", &host, "attach", "web", "--", "true"]).expect_clear_failure(125, &["silent.sock"]);
}

#[test]
fn docker_contexts_are_followed() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let program = lost();
    let host = format!("host={}", stage.engine.host());
    let mut create = std::process::Command::new("docker");
    create.env("DOCKER_CONFIG", program.home().join(".docker"));
    create.args(["context", "create", "elsewhere", "--docker", &host]);
    Running::start(create).finish().expect_code(0);
    let attach = ["attach", target.name(), "--", "echo", "hi"];
    program.run(["--context", "elsewhere"].into_iter().chain(attach)).expect(0, "hi\n");
    let program = program.with_variable("DOCKER_CONTEXT", "elsewhere");
    program.run(attach).expect(0, "hi\n");
    // The environment's host goes before its context.
    let program = program.with_variable("DOCKER_HOST", "unix:///no/such.sock");
    program.run(attach).expect_clear_failure(125, &["/no/such.sock"]);
}
