//! The choice of the engine, and the messages if it does not respond.

use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use scratchdbg_testkit::program::{Program, Running};

use crate::stage::Stage;

/// Returns the binary with an environment that leads to no engine.
fn lost() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scratchdbg"))
}

#[test]
fn an_engine_that_is_not_there_is_named_with_where_it_came_from() {
    let program = lost().with_variable("DOCKER_HOST", "unix:///no/such/a.sock");
    let from_environment = program.run(["attach", "web", "--", "true"]);
    from_environment.expect_clear_failure(125, &["/no/such/a.sock", "DOCKER_HOST"]);
    program.run(["logs", "web"]).expect_clear_failure(1, &["/no/such/a.sock", "DOCKER_HOST"]);
    // A flag takes precedence over the environment.
    let flag = ["-H", "unix:///no/such/b.sock", "attach", "web", "--", "true"];
    program.run(flag).expect_clear_failure(125, &["/no/such/b.sock"]);
    // Nothing listens on port 1.
    program
        .run(["--host", "tcp://127.0.0.1:1", "logs", "web"])
        .expect_clear_failure(1, &["127.0.0.1:1"]);
}

#[test]
fn endpoints_that_cannot_be_endpoints() {
    let program = lost();
    for host in ["nonsense", "gopher://x", "unix://", "tcp://"] {
        let finished = program.run(["-H", host, "attach", "web", "--", "true"]);
        finished.expect_clear_failure(125, &[host]);
    }
    let finished =
        program.run(["-H", "unix:///a.sock", "--context", "b", "attach", "web", "--", "true"]);
    finished.expect(125, "");
}

#[test]
fn what_docker_encrypts_is_encrypted() {
    for (variable, value) in [("DOCKER_TLS", "1"), ("DOCKER_TLS_VERIFY", "1")] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let first = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut first = [0];
            client.read_exact(&mut first).map(|()| first[0])
        });
        let program = lost().with_variable("DOCKER_HOST", format!("tcp://{address}"));
        let folder = program.home().to_owned();
        crate::tls::certificates(&folder);
        let program = program.with_variable(variable, value);
        let finished = program.with_variable("DOCKER_CERT_PATH", folder).run(["ps"]);
        finished.expect_clear_failure(1, &["127.0.0.1"]);
        // The kind of a record with a handshake.
        assert_eq!(first.join().expect("no panic").expect("a byte"), 22, "{variable}");
    }
}

#[test]
fn a_context_that_does_not_exist_is_named() {
    lost()
        .run(["--context", "no-such-context", "logs", "web"])
        .expect_clear_failure(1, &["no-such-context"]);
    let program = lost().with_variable("DOCKER_CONTEXT", "no-such-context");
    program.run(["logs", "web"]).expect_clear_failure(1, &["no-such-context", "DOCKER_CONTEXT"]);
}

#[test]
fn something_that_is_no_engine_does_not_hang_us() {
    let program = lost();
    let directory = tempfile::TempDir::new().expect("a directory");
    let socket = directory.path().join("silent.sock");
    // The kernel accepts connections, but nobody responds.
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let host = format!("unix://{}", socket.display());
    program
        .run(["-H", &host, "attach", "web", "--", "true"])
        .expect_clear_failure(125, &["silent.sock"]);
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
    // DOCKER_HOST takes precedence over DOCKER_CONTEXT.
    let program = program.with_variable("DOCKER_HOST", "unix:///no/such.sock");
    program.run(attach).expect_clear_failure(125, &["/no/such.sock"]);
}

/// An engine that reports its API version and responds as `knows` says. It records requests.
fn engine_of_version(
    folder: &std::path::Path,
    version: &'static str,
    knows: impl Fn(&str) -> Option<&'static str> + Copy + Send + 'static,
) -> (String, std::sync::Arc<std::sync::Mutex<String>>) {
    use std::io::{Read as _, Write as _};

    let socket = folder.join("engine.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let asked = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let log = std::sync::Arc::clone(&asked);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let log = std::sync::Arc::clone(&log);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = connection.read(&mut buffer) {
                    let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
                    log.lock().expect("no holder panics").push_str(&request);
                    let found = if request.starts_with("GET /_ping") {
                        Some("OK")
                    } else {
                        knows(&request)
                    };
                    let (status, body) =
                        found.map_or(("404 Not Found", "{}"), |body| ("200 OK", body));
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 {status}\r\nApi-Version: {version}\r\nContent-Type: application/json\r\n\
                         Content-Length: {length}\r\n\r\n{body}"
                    );
                    if connection.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (format!("unix://{}", socket.display()), asked)
}

#[test]
fn fault_24_an_engine_that_is_too_old_and_one_of_the_future() {
    let program = lost();
    let folder = tempfile::TempDir::new().expect("a directory");
    let (old, _asked) = engine_of_version(folder.path(), "1.12", |_| None);
    let finished = program.run(["-H", &old, "attach", "web", "--", "true"]);
    finished.expect_clear_failure(125, &["1.12", "engine.sock"]);

    let folder = tempfile::TempDir::new().expect("a directory");
    let (new, asked) = engine_of_version(folder.path(), "2.7", |_| None);
    let finished = program.run(["-H", &new, "attach", "web", "--", "true"]);
    finished.expect_clear_failure(125, &["web"]);
    // Requests use the newest version that scratchdbg supports.
    let asked = asked.lock().expect("no holder panics");
    assert!(asked.contains("GET /v1.") && !asked.contains("/v2"), "{asked}");
}

#[test]
fn an_engine_that_loses_its_way_in_the_list_of_images_is_asked_again() {
    use std::sync::atomic::{AtomicU32, Ordering};
    // Docker 28 with the containerd store responds this way if an image is removed meanwhile.
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let knows = |request: &str| match request.split(['?', ' ']).nth(1).unwrap_or_default() {
        path if path.ends_with("/images/json") => {
            (ASKED.fetch_add(1, Ordering::Relaxed) > 1).then_some("[]")
        }
        path if path.ends_with("/containers/json") => Some("[]"),
        _ => None,
    };
    let folder = tempfile::TempDir::new().expect("a directory");
    let (engine, _asked) = engine_of_version(folder.path(), "1.51", knows);
    lost().run(["-H", &engine, "sessions", "gc"]).expect_code(0);
    assert_eq!(ASKED.load(Ordering::Relaxed), 3);
}
