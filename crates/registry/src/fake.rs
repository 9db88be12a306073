//! A registry for tests that can be made to fail: plain HTTP/1.1 on loopback, one request per
//! connection.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scratchdbg_image::Digest;
use serde_json::{Value, json};

/// A received request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// The path, with the query.
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.path.contains(part)
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization").map(String::as_str)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.replace("%3A", ":").replace("%2F", "/"))
    }
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A complete response. `Content-Length` is the length of the body, unless given.
    Full { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// No response: the connection is closed.
    Close,
    /// No response for a long time.
    Silence,
    /// Some bytes, and then one every 20 ms for a long time.
    Drip(usize),
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self::Full { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(self, name: &str, value: impl Into<String>) -> Self {
        match self {
            Self::Full { status, mut headers, body } => {
                headers.push((name.to_owned(), value.into()));
                Self::Full { status, headers, body }
            }
            other => other,
        }
    }

    pub(crate) fn body(self, bytes: impl Into<Vec<u8>>) -> Self {
        match self {
            Self::Full { status, headers, .. } => {
                Self::Full { status, headers, body: bytes.into() }
            }
            other => other,
        }
    }

    /// Returns an error in the form of registries.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::status(status)
            .body(json!({"errors": [{"code": code, "message": message}]}).to_string())
    }
}

type Handler = dyn Fn(&Seen) -> Answer + Send + Sync;
/// Responds before the body is read, or returns `None`.
type Early = dyn Fn(&Seen) -> Option<Answer> + Send + Sync;

/// A server that runs until the end of the test.
pub(crate) struct Fake {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    pub(crate) fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1", Arc::new(|_: &Seen| None), Arc::new(answer))
    }

    /// Starts a server on another address of this machine, which counts as another host.
    pub(crate) fn elsewhere(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.2", Arc::new(|_: &Seen| None), Arc::new(answer))
    }

    /// Starts a server that answers some requests after reading only their head.
    pub(crate) fn hasty(
        early: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::listen("127.0.0.1", Arc::new(early), Arc::new(answer))
    }

    fn listen(ip: &str, early: Arc<Early>, handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, early, handler) =
                    (Arc::clone(&log), Arc::clone(&early), Arc::clone(&handler));
                std::thread::spawn(move || serve(stream, &log, &*early, &*handler));
            }
        });
        Self { address, seen }
    }

    /// Returns the registry's name.
    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        self.seen().iter().filter(|seen| seen.is(method, part)).count()
    }
}

/// Serves a connection. Errors are ignored: a client may close it at any time.
fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Seen>>,
    early: &Early,
    handler: &Handler,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    if reader.fill_buf().ok()?.first() == Some(&0x16) {
        // Servers without TLS respond like this to a TLS handshake.
        stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n").ok()?;
        return None;
    }
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let mut seen =
        Seen { method: words.next()?.into(), path: words.next()?.into(), ..Seen::default() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        seen.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: u64 =
        seen.headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or_default();
    let answer = match early(&seen) {
        Some(answer) => {
            log.lock().unwrap().push(seen.clone());
            answer
        }
        None => {
            reader.take(length).read_to_end(&mut seen.body).ok()?;
            log.lock().unwrap().push(seen.clone());
            handler(&seen)
        }
    };
    match answer {
        Answer::Close => None,
        Answer::Silence => {
            std::thread::sleep(Duration::from_secs(20));
            None
        }
        Answer::Drip(first) => {
            stream.write_all(b"HTTP/1.1 200 Whatever\r\nConnection: close\r\nContent-Length: 4000000\r\n\r\n").ok()?;
            stream.write_all(&vec![b' '; first]).ok()?;
            for _ in 0..1000 {
                stream.write_all(b" ").ok()?;
                std::thread::sleep(Duration::from_millis(20));
            }
            None
        }
        Answer::Full { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} Whatever\r\nConnection: close\r\n");
            for (name, value) in &headers {
                head = format!("{head}{name}: {value}\r\n");
            }
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
                head = format!("{head}Content-Length: {}\r\n", body.len());
            }
            stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
            if seen.method != "HEAD" {
                stream.write_all(&body).ok()?;
            }
            stream.flush().ok()?;
            // Servers shut down writing first, so that bytes that are still arriving do not destroy
            // the response.
            stream.shutdown(std::net::Shutdown::Write).ok()?;
            std::io::copy(&mut stream.take(64 << 20), &mut std::io::sink()).ok().map(drop)
        }
    }
}

/// A correct registry. It refuses requests in the wrong order.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeStorage(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
pub(crate) struct Content {
    /// The blobs, by repository and digest.
    pub(crate) blobs: BTreeMap<(String, String), Vec<u8>>,
    /// The manifests, by repository, and tag or digest.
    pub(crate) manifests: BTreeMap<(String, String), Vec<u8>>,
    pub(crate) declines_mounts: bool,
}

impl FakeStorage {
    pub(crate) fn content(&self) -> std::sync::MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    pub(crate) fn answer(&self, seen: &Seen) -> Answer {
        let (path, _) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
        let Some(path) = path.strip_prefix("/v2/") else { return Answer::status(404) };
        if path.is_empty() {
            return Answer::status(200);
        }
        let parts: Vec<&str> = path.split('/').collect();
        let Some(at) = parts.iter().position(|part| matches!(*part, "blobs" | "manifests")) else {
            return Answer::status(404);
        };
        let (repository, rest) = (parts[..at].join("/"), &parts[at + 1..]);
        match (parts[at], seen.method.as_str(), rest) {
            ("blobs", "POST", _) => self.begin(&repository, seen),
            ("blobs", "PUT", _) => self.put_blob(repository, seen),
            ("blobs", _, [digest]) => self.blob(&repository, digest, seen),
            ("manifests", "PUT", [version]) => self.put_manifest(&repository, version, &seen.body),
            ("manifests", _, [version]) => {
                match self.content().manifests.get(&(repository, (*version).to_owned())) {
                    Some(bytes) => Answer::status(200)
                        .header("Docker-Content-Digest", Digest::of(bytes).to_string())
                        .body(bytes.clone()),
                    None => Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
                }
            }
            _ => Answer::status(404),
        }
    }

    fn begin(&self, repository: &str, seen: &Seen) -> Answer {
        let mut content = self.content();
        if let (Some(digest), Some(from), false) =
            (seen.parameter("mount"), seen.parameter("from"), content.declines_mounts)
            && let Some(bytes) = content.blobs.get(&(from, digest.clone())).cloned()
        {
            content.blobs.insert((repository.to_owned(), digest.clone()), bytes);
            return Answer::status(201).header("Docker-Content-Digest", digest);
        }
        Answer::status(202)
            .header("Location", format!("/v2/{repository}/blobs/uploads/1?_state=a%2Fb"))
    }

    fn put_blob(&self, repository: String, seen: &Seen) -> Answer {
        assert_eq!(
            seen.parameter("_state").as_deref(),
            Some("a/b"),
            "the registry's own parameters come back"
        );
        let digest = Digest::of(&seen.body).to_string();
        if seen.parameter("digest").as_ref() != Some(&digest) {
            return Answer::error(
                400,
                "DIGEST_INVALID",
                "provided digest did not match uploaded content",
            );
        }
        self.content().blobs.insert((repository, digest.clone()), seen.body.clone());
        Answer::status(201).header("Docker-Content-Digest", digest)
    }

    fn blob(&self, repository: &str, digest: &str, seen: &Seen) -> Answer {
        let content = self.content();
        let Some(bytes) = content.blobs.get(&(repository.to_owned(), digest.to_owned())) else {
            return Answer::error(404, "BLOB_UNKNOWN", "blob unknown");
        };
        let from = seen
            .headers
            .get("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        match from {
            Some(from) => Answer::status(206)
                .header(
                    "Content-Range",
                    format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()),
                )
                .body(&bytes[from..]),
            None => Answer::status(200).body(bytes.clone()),
        }
    }

    /// Stores a manifest, or refuses it if it names a missing blob or manifest.
    fn put_manifest(&self, repository: &str, version: &str, bytes: &[u8]) -> Answer {
        let mut content = self.content();
        let document: Value = serde_json::from_slice(bytes).unwrap();
        let digests = |key: &str| -> Vec<String> {
            let list = document[key].as_array().cloned().unwrap_or_default();
            list.iter().map(|entry| entry["digest"].as_str().unwrap().to_owned()).collect()
        };
        let config = document["config"]["digest"].as_str().map(ToOwned::to_owned);
        let has = |map: &BTreeMap<(String, String), Vec<u8>>, digest: String| {
            map.contains_key(&(repository.to_owned(), digest))
        };
        let is_whole =
            digests("layers").into_iter().chain(config).all(|digest| has(&content.blobs, digest))
                && digests("manifests").into_iter().all(|digest| has(&content.manifests, digest));
        if !is_whole {
            return Answer::error(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
        }
        let digest = Digest::of(bytes).to_string();
        for version in [version, &digest] {
            content.manifests.insert((repository.to_owned(), version.to_owned()), bytes.to_vec());
        }
        Answer::status(201).header("Docker-Content-Digest", digest)
    }
}
