//! A proxy between scratchdbg and the cluster, for links that break, go silent or are slow.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use scratchdbg_testkit::program::Program;

use crate::stage::Stage;

/// An HTTP proxy for one kubeconfig, on this machine.
pub(crate) struct Link {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The bytes that have come from the cluster.
    passed: AtomicU64,
    /// How many of them pass before the link is cut.
    limit: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    is_frozen: AtomicBool,
    /// How often the link was frozen. What was opened before stays dead.
    freezes: AtomicU64,
    /// How long bytes are on their way, in one direction.
    delay: Duration,
    /// The most bytes of one connection that were on their way to the cluster, and from it.
    most_on_their_way: [AtomicU64; 2],
}

/// A direction of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToCluster,
    FromCluster,
}

impl Link {
    pub(crate) fn new() -> Self {
        Self::with_delay(Duration::ZERO)
    }

    /// Returns a link on which bytes take this long in each direction. It holds as many as come.
    pub(crate) fn with_delay(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(State { limit: AtomicU64::new(u64::MAX), delay, ..State::default() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || state.connect(client));
            }
        });
        Self { address, state }
    }

    /// Returns the binary, with the cluster behind the proxy.
    pub(crate) fn scratchdbg(&self, stage: &Stage) -> Program {
        crate::stage::as_user(&self.kubeconfig(stage))
    }

    /// Returns a kubeconfig with the cluster behind the proxy.
    pub(crate) fn kubeconfig(&self, stage: &Stage) -> PathBuf {
        let cluster = stage.namespace.cluster();
        let text = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
        let server = text.lines().find(|line| line.trim_start().starts_with("server:"));
        let server = server.expect("the address of the cluster");
        let proxy = server.replacen("server:", "proxy-url:", 1);
        let (begin, _) = proxy.split_once("proxy-url:").expect("it was put there");
        let proxy = format!("{server}\n{begin}proxy-url: http://{}", self.address);
        let path: PathBuf = stage.scratchdbg.home().join("proxied.kubeconfig");
        std::fs::write(&path, text.replacen(server, &proxy, 1)).expect("a file");
        path
    }

    /// Lets this many bytes pass, and cuts the link then.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.state.passed.store(0, Ordering::SeqCst);
        self.state.limit.store(bytes, Ordering::SeqCst);
    }

    /// Passes nothing on any more, in either direction, and closes nothing.
    pub(crate) fn freeze(&self) {
        self.state.freezes.fetch_add(1, Ordering::SeqCst);
        self.state.is_frozen.store(true, Ordering::SeqCst);
    }

    /// Lets new connections pass again.
    pub(crate) fn thaw(&self) {
        self.state.is_frozen.store(false, Ordering::SeqCst);
    }

    /// Closes all connections.
    pub(crate) fn cut(&self) {
        self.state.cut();
    }

    /// Returns the most bytes that were on their way in one connection, and forgets them.
    pub(crate) fn most_on_their_way(&self, direction: Direction) -> u64 {
        self.state.most_on_their_way[direction as usize].swap(0, Ordering::SeqCst)
    }

    pub(crate) fn passed(&self) -> u64 {
        self.state.passed.load(Ordering::SeqCst)
    }
}

impl State {
    /// Answers `CONNECT HOST:PORT`, and passes bytes on.
    fn connect(self: Arc<Self>, client: TcpStream) {
        let mut lines = BufReader::new(client.try_clone().expect("one more handle"));
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if !matches!(lines.read_line(&mut request), Ok(1..)) {
                return;
            }
        }
        let Some(place) = request.split(' ').nth(1) else { return };
        let opened = self.freezes.load(Ordering::SeqCst);
        if self.is_frozen.load(Ordering::SeqCst) {
            self.open.lock().expect("no panic").push(client);
            return;
        }
        // The connection itself takes a round trip.
        thread::sleep(self.delay * 2);
        let Ok(server) = TcpStream::connect(place) else { return };
        let mut answer = &client;
        if self.is_cut() || answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_err() {
            return;
        }
        let keep = |stream: &TcpStream| stream.try_clone().expect("one more handle");
        self.open.lock().expect("no panic").extend([keep(&client), keep(&server)]);
        let (from, to) = (keep(&client), keep(&server));
        let other = Arc::clone(&self);
        thread::spawn(move || other.pass_slowly(from, to, opened, Direction::ToCluster));
        self.pass_slowly(server, client, opened, Direction::FromCluster);
    }

    /// Passes bytes on after the delay.
    fn pass_slowly(&self, from: TcpStream, mut to: TcpStream, opened: u64, direction: Direction) {
        if self.delay.is_zero() {
            return self.pass(from, to, opened, direction);
        }
        let (sender, waiting) = mpsc::channel::<(Instant, Vec<u8>)>();
        let on_their_way = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                for (arrival, bytes) in waiting {
                    thread::sleep(arrival.saturating_duration_since(Instant::now()));
                    on_their_way.fetch_sub(bytes.len() as u64, Ordering::SeqCst);
                    if to.write_all(&bytes).is_err() {
                        break;
                    }
                }
                let _closed = to.shutdown(Shutdown::Write);
            });
            let mut from = from;
            let mut buffer = vec![0; 16 << 10];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                let before = on_their_way.fetch_add(count as u64, Ordering::SeqCst);
                let now = before + count as u64;
                self.most_on_their_way[direction as usize].fetch_max(now, Ordering::SeqCst);
                if sender.send((Instant::now() + self.delay, buffer[..count].to_vec())).is_err() {
                    break;
                }
            }
            drop(sender);
        });
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, opened: u64, direction: Direction) {
        let is_counted = direction == Direction::FromCluster;
        let mut buffer = vec![0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if self.freezes.load(Ordering::SeqCst) > opened {
                continue;
            }
            let allowed = if is_counted { self.take(count as u64) } else { count as u64 };
            let allowed = usize::try_from(allowed).expect("at most what was read");
            if to.write_all(&buffer[..allowed]).is_err() {
                break;
            }
            if allowed < count {
                self.cut();
            }
        }
        let _closed = to.shutdown(Shutdown::Write);
    }

    /// Counts bytes, and returns how many of them may pass.
    fn take(&self, count: u64) -> u64 {
        let before = self.passed.fetch_add(count, Ordering::SeqCst);
        self.limit.load(Ordering::SeqCst).saturating_sub(before).min(count)
    }

    fn is_cut(&self) -> bool {
        self.passed.load(Ordering::SeqCst) > self.limit.load(Ordering::SeqCst)
    }

    fn cut(&self) {
        for stream in self.open.lock().expect("no panic").drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }
}
