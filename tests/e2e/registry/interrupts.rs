//! Signals while a registry is slow or silent.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::{TIMEOUT, sample};

use crate::stage::Stage;

/// Starts a registry that never responds to the first request about a blob. Returns its name, and
/// the arrival of that request.
fn silent_registry() -> (String, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let name = listener.local_addr().expect("an address").to_string();
    let (sender, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A request without a body arrives in one piece. Closing a connection with unread data
            // would reset it.
            let mut request = [0; 4096];
            let Ok(size) = stream.read(&mut request) else { continue };
            match &request[..size.min(4)] {
                b"GET " => {
                    let answer =
                        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    stream.write_all(answer.as_bytes()).expect("it can be answered");
                }
                b"HEAD" if sender.send(stream).is_err() => return,
                // A registry may close a TLS connection instead of reporting that it does not
                // support TLS.
                _ => {}
            }
        }
    });
    (name, asked)
}

/// Ctrl-C ends a push to such a registry at once, and nothing is left.
#[test]
fn an_interrupt_ends_a_push() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    let (host, asked) = silent_registry();
    let temporary = home.join("tmp");
    fs::create_dir(&temporary).expect("a folder");
    let mut command = stage.scratchdbg.command([
        "build",
        "app",
        "-t",
        &format!("{host}/app:1"),
        "-o",
        "registry",
    ]);
    command.env("TMPDIR", &temporary);
    let running = Running::start(command);
    let connection = asked.recv_timeout(TIMEOUT).expect("it asks for a blob");
    assert_eq!(
        fs::read_dir(&temporary).expect("it").count(),
        0,
        "packed layers wait in files without a name"
    );
    running.signal(rustix::process::Signal::INT);
    running.finish().expect_code(130);
    assert_eq!(fs::read_dir(&temporary).expect("it").count(), 0, "nothing stays");
    drop(connection);
}

/// Starts a registry that sends a blob byte by byte. Returns its name, and the arrival of the
/// request for the blob.
fn dripping_registry() -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let name = listener.local_addr().expect("an address").to_string();
    let (sender, asked) = mpsc::channel();
    let digest = format!("sha256:{}", "a".repeat(64));
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 100_000},
        "layers": [],
    })
    .to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (manifest, sender) = (manifest.clone(), sender.clone());
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                let size = stream.read(&mut request).unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..size]).into_owned();
                let head = |length| {
                    format!(
                        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
                    )
                };
                if request.contains("/manifests/") {
                    return stream
                        .write_all(format!("{}{manifest}", head(manifest.len())).as_bytes());
                }
                if request.contains("/blobs/") {
                    stream.write_all(head(100_000).as_bytes())?;
                    let _gone = sender.send(());
                    while stream.write_all(b" ").is_ok() {
                        std::thread::sleep(std::time::Duration::from_millis(5));
                    }
                }
                if request.starts_with("GET ") {
                    stream.write_all(head(0).as_bytes())
                } else {
                    Ok(())
                }
            });
        }
    });
    (name, asked)
}

/// A reader that waits for the network when its runtime is dropped prints nothing.
#[test]
fn a_signal_while_a_blob_is_read_ends_without_a_panic() {
    let stage = Stage::set();
    let (host, asked) = dripping_registry();
    for round in 0..12_u64 {
        let running = stage.scratchdbg.start(["check", &format!("registry:{host}/app:1")]);
        asked.recv_timeout(TIMEOUT).expect("it asks for a blob");
        // At any moment of a read.
        std::thread::sleep(std::time::Duration::from_millis(50 + round * 7));
        let is_even = round % 2 == 0;
        let (signal, code) = if is_even {
            (rustix::process::Signal::INT, 130)
        } else {
            (rustix::process::Signal::TERM, 143)
        };
        running.signal(signal);
        let finished = running.finish();
        finished.expect_code(code);
        assert!(!finished.stderr.contains("panicked"), "{finished}");
    }
}
