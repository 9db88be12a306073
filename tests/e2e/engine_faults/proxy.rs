//! A proxy in front of an engine that disturbs one of the requests.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tempfile::TempDir;

/// The fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The engine does not get the request, and there is no response.
    Hang,
    /// The engine executes the request, but only the headers of its response arrive.
    HangBody,
    /// The same for each request with this text in its first line.
    HangTo(String),
    /// The engine cannot remove a container: it neither confirms a removal nor reports that the
    /// container is gone.
    RemovesNothing,
    /// The request is held until [`FaultProxy::release`].
    Hold,
    /// These bytes are the response, followed by the end of the connection.
    Answer(&'static [u8]),
    /// The connection ends within the response.
    Cut,
    /// The stream ends like a completed one as soon as these bytes have arrived.
    EndAfter(&'static [u8]),
    /// The engine's clock is ahead by this many seconds.
    Clock(i64),
}

/// A proxy that disturbs the request with this number, counted from 1 over all connections; 0
/// stands for all.
pub(super) struct FaultProxy {
    folder: TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    engine: PathBuf,
    fault: Fault,
    number: u32,
    count: AtomicU32,
    is_hit: AtomicBool,
    is_released: Mutex<bool>,
    released: Condvar,
}

impl FaultProxy {
    pub(super) fn open(engine: &str, fault: Fault, number: u32) -> Self {
        let engine = PathBuf::from(
            engine.strip_prefix("unix://").expect("the engine of the tests has a Unix socket"),
        );
        let folder = TempDir::new().expect("a folder");
        let shared = Arc::new(Shared {
            engine,
            fault,
            number,
            count: AtomicU32::new(0),
            is_hit: AtomicBool::new(false),
            is_released: Mutex::new(false),
            released: Condvar::new(),
        });
        let listener = UnixListener::bind(folder.path().join("engine.sock")).expect("a socket");
        let for_all = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let shared = Arc::clone(&for_all);
                std::thread::spawn(move || {
                    let _gone = shared.serve(&client);
                    let _closed = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { folder, shared }
    }

    /// Returns its address, for `--host`.
    pub(super) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("engine.sock").display())
    }

    /// Returns how many requests have arrived.
    pub(super) fn count(&self) -> u32 {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// Reports whether the request has arrived.
    pub(super) fn is_hit(&self) -> bool {
        self.shared.is_hit.load(Ordering::SeqCst)
    }

    /// Releases held and hanging requests.
    pub(super) fn release(&self) {
        *self.shared.is_released.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.released.notify_all();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.release();
    }
}

/// A request's head, and the bytes of the connection that follow it.
struct Head {
    text: String,
    bytes: Vec<u8>,
}

impl Head {
    fn value(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
        self.text.lines().find(is_it)?.split_once(':').map(|(_, value)| value.trim())
    }
}

impl Shared {
    fn hold(&self) {
        let mut released = self.is_released.lock().unwrap_or_else(PoisonError::into_inner);
        while !*released {
            released = self.released.wait(released).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Serves one connection, request by request.
    fn serve(&self, client: &UnixStream) -> std::io::Result<()> {
        let mut engine: Option<UnixStream> = None;
        let mut ahead = Vec::new();
        while let Some(head) = read_head(client, &mut ahead)? {
            let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
            let is_hit = self.number == 0 || number == self.number;
            let first_line = head.text.lines().next().unwrap_or_default();
            let is_head = first_line.starts_with("HEAD ");
            let fault = match &self.fault {
                Fault::HangTo(part) => first_line.contains(part).then_some(&Fault::Hang),
                Fault::RemovesNothing if first_line.starts_with("DELETE ") => Some(&Fault::Hang),
                Fault::RemovesNothing => {
                    first_line.contains("condition=removed").then_some(&Fault::HangBody)
                }
                fault => is_hit.then_some(fault),
            };
            if is_hit {
                self.is_hit.store(true, Ordering::SeqCst);
            }
            match fault {
                Some(Fault::Hang) => {
                    self.hold();
                    return Ok(());
                }
                Some(Fault::Hold) => self.hold(),
                Some(Fault::Answer(answer)) => {
                    pass_body(client, &head, &mut ahead, None)?;
                    return (&*client).write_all(answer);
                }
                _ => {}
            }
            let head = match fault {
                Some(Fault::Clock(seconds)) => by_engines_clock(&head, *seconds),
                _ => head,
            };
            let engine = match &mut engine {
                Some(engine) => engine,
                none => none.insert(UnixStream::connect(&self.engine)?),
            };
            engine.write_all(&head.bytes)?;
            if head.value("upgrade").is_some() {
                engine.write_all(&ahead)?;
                let (from, to) = (client.try_clone()?, engine.try_clone()?);
                std::thread::spawn(move || pass(&from, &to));
                return self.answer_stream(engine, client, fault);
            }
            pass_body(client, &head, &mut ahead, Some(engine))?;
            if !self.answer(engine, client, fault, is_head)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Passes the response on, which has no body if a `HEAD` asked for it. Returns `false` if the
    /// connection must not be used any further.
    fn answer(
        &self,
        engine: &UnixStream,
        client: &UnixStream,
        fault: Option<&Fault>,
        is_of_head: bool,
    ) -> std::io::Result<bool> {
        let mut ahead = Vec::new();
        let Some(head) = read_head(engine, &mut ahead)? else { return Ok(false) };
        match fault {
            Some(Fault::Clock(seconds)) => {
                (&*client).write_all(with_clock(&head, *seconds).as_bytes())?;
            }
            _ => (&*client).write_all(&head.bytes)?,
        }
        if is_of_head {
            return Ok(!matches!(fault, Some(Fault::HangBody | Fault::Cut)));
        }
        match fault {
            Some(Fault::HangBody) => {
                self.hold();
                return Ok(false);
            }
            Some(Fault::Cut) => {
                if ahead.is_empty() {
                    let mut buffer = [0; 4096];
                    let count = (&*engine).read(&mut buffer)?;
                    ahead.extend_from_slice(&buffer[..count]);
                }
                (&*client).write_all(&ahead[..ahead.len() / 2])?;
                return Ok(false);
            }
            _ => {}
        }
        let status = head.text.split(' ').nth(1).unwrap_or_default();
        if status == "204" || status == "304" {
            return Ok(true);
        }
        if head.value("content-length").is_none() && head.value("transfer-encoding").is_none() {
            (&*client).write_all(&ahead)?;
            pass(engine, client);
            return Ok(false);
        }
        pass_body(engine, &head, &mut ahead, Some(client))?;
        Ok(true)
    }

    /// Passes on a response that turns the connection into a stream.
    fn answer_stream(
        &self,
        engine: &UnixStream,
        client: &UnixStream,
        fault: Option<&Fault>,
    ) -> std::io::Result<()> {
        let mut ahead = Vec::new();
        let Some(head) = read_head(engine, &mut ahead)? else { return Ok(()) };
        (&*client).write_all(&head.bytes)?;
        match fault {
            Some(Fault::HangBody) => {
                self.hold();
                return Ok(());
            }
            Some(Fault::Cut) => return engine.shutdown(Shutdown::Both),
            Some(Fault::EndAfter(mark)) => {
                let mut buffer = [0; 4096];
                let mut seen = ahead.clone();
                (&*client).write_all(&ahead)?;
                while !seen.windows(mark.len()).any(|window| window == *mark) {
                    let count = (&*engine).read(&mut buffer)?;
                    if count == 0 {
                        break;
                    }
                    (&*client).write_all(&buffer[..count])?;
                    seen.extend_from_slice(&buffer[..count]);
                }
                client.shutdown(Shutdown::Write)?;
                return engine.shutdown(Shutdown::Both);
            }
            _ => {}
        }
        (&*client).write_all(&ahead)?;
        pass(engine, client);
        Ok(())
    }
}

/// Converts the times in a request from the reported clock to the engine's real clock.
fn by_engines_clock(head: &Head, ahead: i64) -> Head {
    let mut text = head.text.clone();
    for name in ["since=", "until="] {
        let Some(at) = text.find(name).map(|at| at + name.len()) else { continue };
        let end =
            text[at..].find(|byte: char| !byte.is_ascii_digit()).map_or(text.len(), |end| at + end);
        if let Ok(seconds @ 1..) = text[at..end].parse::<i64>() {
            text.replace_range(at..end, &(seconds - ahead).to_string());
        }
    }
    Head { bytes: text.clone().into_bytes(), text }
}

/// Returns the head with another time.
fn with_clock(head: &Head, seconds: i64) -> String {
    let lines = head.text.split("\r\n").map(|line| match line.strip_prefix("Date: ") {
        Some(date) => {
            let date = jiff::fmt::rfc2822::parse(date).expect("engines tell the time").timestamp();
            let date = date + jiff::SignedDuration::from_secs(seconds);
            format!("Date: {}", date.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        }
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

/// Passes bytes on until the end.
fn pass(mut from: &UnixStream, mut to: &UnixStream) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
    let _closed = to.shutdown(Shutdown::Write);
}

/// Reads up to the empty line, or `None` at the end of the connection. Bytes after it stay in
/// `ahead`.
fn read_head(mut from: &UnixStream, ahead: &mut Vec<u8>) -> std::io::Result<Option<Head>> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        if let Some(end) = ahead.windows(4).position(|window| window == b"\r\n\r\n") {
            let bytes: Vec<u8> = ahead.drain(..end + 4).collect();
            return Ok(Some(Head { text: String::from_utf8_lossy(&bytes).into_owned(), bytes }));
        }
        match from.read(&mut buffer)? {
            0 => return Ok(None),
            count => ahead.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Passes on the body after a head, or drops it.
fn pass_body(
    mut from: &UnixStream,
    head: &Head,
    ahead: &mut Vec<u8>,
    to: Option<&UnixStream>,
) -> std::io::Result<()> {
    let is_chunked =
        head.value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let length: usize =
        head.value("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut left = length;
    let mut tail = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = if is_chunked { ahead.len() } else { ahead.len().min(left) };
        let piece: Vec<u8> = ahead.drain(..count).collect();
        if let Some(mut to) = to {
            to.write_all(&piece)?;
        }
        left -= if is_chunked { 0 } else { count };
        tail.extend_from_slice(&piece);
        tail.drain(..tail.len().saturating_sub(7));
        // Clients send no request before they have the response, so the last chunk is at the end of
        // the data.
        let is_over = if is_chunked { tail.ends_with(b"0\r\n\r\n") } else { left == 0 };
        if is_over {
            return Ok(());
        }
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => ahead.extend_from_slice(&buffer[..count]),
        }
    }
}
