//! `forward`: ports of this machine, and sockets in containers.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Running;

use crate::stage::{Stage, Target};

const PORT: &str = "7007";
const SOCKET: &str = "/data/echo.sock";

/// A target without a network, that answers on its loopback address and on a socket in memory.
fn server(stage: &Stage) -> Target<'_> {
    let flags =
        ["--user", "65532:65532", "--read-only", "--cap-drop", "ALL", "--tmpfs", "/data:mode=1777"];
    let target = stage.target_of(&flags, &stage.image, &["echo", PORT, SOCKET]);
    eventually(
        || "the target to listen".to_owned(),
        || target.container.logs().contains("ready").then_some(()),
    );
    target
}

/// Starts to forward, and returns the addresses that it listens on.
fn start(stage: &Stage, target: &Target<'_>, forwards: &[&str]) -> (Running, Vec<String>) {
    let arguments = [&["forward"], forwards, &[target.name()]].concat();
    let running = stage.scratchdbg.start(arguments);
    running.wait_for_stdout("addresses", |said| {
        said.split(|&byte| byte == b'\n').count() == forwards.len() + 1
    });
    let said = String::from_utf8(running.stdout()).expect("text");
    let address = |line: &str| line.split(' ').next().expect("a word").to_owned();
    let addresses = said.lines().map(address).collect();
    (running, addresses)
}

/// Sends bytes, ends this half, and returns what comes back.
fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let mut input = stream.try_clone().expect("a socket");
    let bytes = bytes.to_vec();
    let writer = thread::spawn(move || {
        input.write_all(&bytes).expect("it takes all");
        input.shutdown(Shutdown::Write).expect("a socket");
    });
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("it answers");
    writer.join().expect("it ends");
    all
}

#[test]
fn connections_reach_ports_and_sockets_of_a_target_without_a_network() {
    let stage = Stage::set();
    let target = server(&stage);
    let unix = format!("127.0.0.1:0:unix:{SOCKET}");
    let (running, addresses) = start(&stage, &target, &[&format!("0:{PORT}"), &unix]);
    assert!(addresses[0].starts_with("127.0.0.1:"), "{addresses:?}");
    for address in &addresses {
        assert_eq!(exchange(address, b"hello"), b"helloend");
        assert_eq!(exchange(address, b""), b"end");
    }
    // Several at once: one says nothing, one does not read, others have megabytes in both
    // directions.
    let silent = TcpStream::connect(&addresses[0]).expect("it listens");
    let mut deaf = TcpStream::connect(&addresses[0]).expect("it listens");
    deaf.set_nonblocking(true).expect("a socket");
    while deaf.write(&[b'x'; 4096]).is_ok() {}
    let large: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let expected = [&large[..], b"end"].concat();
    thread::scope(|scope| {
        for address in addresses.iter().cycle().take(6) {
            let (large, expected) = (&large, &expected);
            scope.spawn(move || assert!(exchange(address, large) == *expected, "{address}"));
        }
    });
    drop((silent, deaf));
    running.signal(Signal::INT);
    running.finish().expect_code(130);
    assert!(TcpStream::connect(&addresses[0]).is_err(), "nothing listens any more");
    target.assert_untouched();
}

#[test]
fn what_cannot_be_forwarded_is_said() {
    let stage = Stage::set();
    let target = server(&stage);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let forward = |forward: &str, name: &str| stage.run(&["forward", forward, name]);
    forward(&format!("{port}:80"), target.name())
        .expect_clear_failure(1, &["address already in use"]);
    forward("x:80", target.name()).expect_clear_failure(2, &["`x` is not a port"]);
    forward("0:unix:tmp", target.name()).expect_clear_failure(2, &["cannot be the path"]);
    forward("203.0.113.9:0:80", target.name()).expect_clear_failure(1, &["cannot listen on"]);
    // A port that nothing listens on is told at each connection, and the others go on.
    let (running, addresses) = start(&stage, &target, &["0:1", &format!("0:{PORT}")]);
    let mut stream = TcpStream::connect(&addresses[0]).expect("it listens");
    assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
    running.wait_for_stderr("takes no connection: connection refused");
    assert_eq!(exchange(&addresses[1], b"hello"), b"helloend");
    running.signal(Signal::TERM);
    running.finish().expect_code(143);
    target.assert_untouched();
}

#[test]
fn a_target_that_ends_ends_what_is_forwarded() {
    let stage = Stage::set();
    let target = server(&stage);
    let (running, addresses) = start(&stage, &target, &[&format!("0:{PORT}")]);
    let mut stream = TcpStream::connect(&addresses[0]).expect("it listens");
    stream.write_all(b"x").expect("it takes it");
    stream.read_exact(&mut [0]).expect("it answers");
    target.container.kill();
    assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
    let said = running.finish();
    assert!(!said.status.success(), "{said}");
    assert!(said.stderr.contains(target.name()), "{said}");
    let stopped = stage.run(&["forward", "0:80", target.name()]);
    stopped.expect_clear_failure(1, &["forward needs a target that runs"]);
}

#[test]
fn a_client_that_is_killed_leaves_nothing() {
    let stage = Stage::set();
    let target = server(&stage);
    let (running, addresses) = start(&stage, &target, &[&format!("0:{PORT}")]);
    let mut stream = TcpStream::connect(&addresses[0]).expect("it listens");
    stream.write_all(b"x").expect("it takes it");
    stream.read_exact(&mut [0]).expect("it answers");
    running.signal(Signal::KILL);
    drop(running.finish());
    assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
    target.assert_untouched();
}
