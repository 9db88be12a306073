//! A proxy between a client and the engine that a test can interrupt.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

/// Is called with the bytes that pass.
type Witness = dyn Fn(&[u8]) + Send + Sync;

/// Forwards a Unix socket until it is cut.
pub(crate) struct Proxy {
    folder: TempDir,
    engine: PathBuf,
    /// Is called with a client's bytes before the engine gets them.
    witness: Arc<Witness>,
    connections: Arc<Mutex<Vec<UnixStream>>>,
}

impl Proxy {
    /// Creates a closed proxy for an engine.
    pub(crate) fn new(engine: &str) -> Self {
        Self::with_witness(engine, |_| {})
    }

    /// Like [`new`](Self::new). Bytes of a client reach the engine when the witness has returned.
    pub(crate) fn with_witness(
        engine: &str,
        witness: impl Fn(&[u8]) + Send + Sync + 'static,
    ) -> Self {
        let engine = PathBuf::from(
            engine.strip_prefix("unix://").expect("the engine of the tests has a Unix socket"),
        );
        let folder = TempDir::new().expect("a folder");
        Self { folder, engine, witness: Arc::new(witness), connections: Arc::default() }
    }

    /// Returns its address, for `--host`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.path().display())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    pub(crate) fn open(&self) {
        let listener = UnixListener::bind(self.path()).expect("a socket");
        let (engine, connections) = (self.engine.clone(), Arc::clone(&self.connections));
        let witness = Arc::clone(&self.witness);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, UnixStream::connect(&engine)) else {
                    return;
                };
                let keep = |stream: &UnixStream| stream.try_clone().expect("one more handle");
                connections.lock().expect("no panic").extend([keep(&client), keep(&server)]);
                let witness = Arc::clone(&witness);
                pass(keep(&client), keep(&server), move |bytes| witness(bytes));
                pass(server, client, |_| {});
            }
        });
    }

    /// Closes the socket and cuts open connections, as if the engine were gone.
    pub(crate) fn cut(&self) {
        std::fs::remove_file(self.path()).expect("the socket was there");
        for connection in self.connections.lock().expect("no panic").drain(..) {
            let _closed = connection.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, witness: impl Fn(&[u8]) + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            witness(&buffer[..count]);
            if to.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
        let _closed = to.shutdown(std::net::Shutdown::Write);
    });
}

/// Starts a proxy for an engine that finds no file in any container: every archive request gets
/// 404. The proxy runs as long as the returned directory exists.
pub(crate) fn without_files(engine: &str) -> (TempDir, String) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n\
        Content-Length: 28\r\n\r\n{\"message\":\"no such thing\"}\n";
    answering(engine, |request| request.contains("/archive").then_some(ANSWER))
}

/// Starts a proxy that replaces the responses to some requests, selected by their first lines. The
/// proxy runs as long as the returned directory exists.
pub(crate) fn answering(
    engine: &str,
    answer: impl Fn(&str) -> Option<&'static [u8]> + Send + Sync + 'static,
) -> (TempDir, String) {
    let engine = PathBuf::from(
        engine.strip_prefix("unix://").expect("the engine of the tests has a Unix socket"),
    );
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let (engine, answer) = (engine.clone(), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n")
                    && client.read(&mut byte).is_ok_and(|count| count == 1)
                {
                    head.push(byte[0]);
                }
                let text = String::from_utf8_lossy(&head);
                if let Some(answer) = text.lines().next().and_then(|line| answer(line)) {
                    let _sent = client.write_all(answer);
                    return;
                }
                // One request per connection, so that each is seen.
                let single = text.replacen("\r\n", "\r\nConnection: close\r\n", 1);
                let mut server = UnixStream::connect(&engine).expect("the engine");
                if server.write_all(single.as_bytes()).is_err() {
                    return;
                }
                let keep = |stream: &UnixStream| stream.try_clone().expect("one more handle");
                pass(keep(&client), keep(&server), |_| {});
                let _copied = std::io::copy(&mut server, &mut client);
                let _closed = client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    (folder, format!("unix://{}", path.display()))
}
