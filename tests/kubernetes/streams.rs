//! Tests sessions over a link that breaks at any byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use scratchdbg_testkit::cluster::{Process, Security};
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Program;

use crate::attach::{PROCESSES, attach, set, web};
use crate::stage::Stage;

/// The number of places at which the link is cut.
const CUTS: u64 = 12;

/// An HTTP proxy for one kubeconfig, on this machine.
struct Link {
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
}

impl Link {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(State { limit: AtomicU64::new(u64::MAX), ..State::default() });
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
    fn scratchdbg(&self, stage: &Stage) -> Program {
        let cluster = stage.namespace.cluster();
        let text = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
        let server = text.lines().find(|line| line.trim_start().starts_with("server:"));
        let server = server.expect("the address of the cluster");
        let proxy = server.replacen("server:", "proxy-url:", 1);
        let (begin, _) = proxy.split_once("proxy-url:").expect("it was put there");
        let proxy = format!("{server}\n{begin}proxy-url: http://{}", self.address);
        let path: PathBuf = stage.scratchdbg.home().join("proxied.kubeconfig");
        std::fs::write(&path, text.replacen(server, &proxy, 1)).expect("a file");
        crate::stage::as_user(&path)
    }

    /// Lets this many bytes pass, and cuts the link then.
    fn cut_after(&self, bytes: u64) {
        self.state.passed.store(0, Ordering::SeqCst);
        self.state.limit.store(bytes, Ordering::SeqCst);
    }

    fn passed(&self) -> u64 {
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
        let Ok(server) = TcpStream::connect(place) else { return };
        let mut answer = &client;
        if self.is_cut() || answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_err() {
            return;
        }
        let keep = |stream: &TcpStream| stream.try_clone().expect("one more handle");
        self.open.lock().expect("no panic").extend([keep(&client), keep(&server)]);
        let (from, to) = (keep(&client), keep(&server));
        let other = Arc::clone(&self);
        thread::spawn(move || other.pass(from, to, false));
        self.pass(server, client, true);
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, is_counted: bool) {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
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

#[test]
fn a_session_whose_link_is_cut_is_no_success_and_leaves_nothing_that_runs() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let link = Link::new();
    let scratchdbg = link.scratchdbg(&stage);
    let script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789; \
                  i=$((i+1)); done";
    let arguments = attach(&toolkit, &["sh", "-c", script]);
    let run = || scratchdbg.run(stage.in_namespace(&arguments));
    let whole = run();
    whole.expect_code(0);
    assert_eq!(whole.stdout.len(), 20_000 * 41);
    let all = link.passed();
    pod.wait_for_processes(PROCESSES);
    let mut ends = Vec::new();
    for cut in 1..=CUTS {
        link.cut_after(all * cut / (CUTS + 1));
        let said = run();
        let code = said.status.code().expect("it ended by itself");
        // What was cut behind the record of the end is whole.
        assert!(code == 125 || said.stdout == whole.stdout, "{cut}: {said}");
        assert!(whole.stdout.starts_with(&said.stdout), "{cut}: {said}");
        assert!(!said.stderr.contains("docs.rs"), "{cut}: {said}");
        ends.push(code);
    }
    assert!(ends.contains(&125), "no cut was noticed: {ends:?}");
    // A keeper whose client did not get to it ends within a minute. What a launcher could not reap
    // before its own end is left to the first process of the target, which reaps nothing here.
    let runs = |process: &Process| process.state != 'Z' && !PROCESSES.contains(&&*process.name);
    eventually(
        || format!("nothing of a session to run in the pod: {:?}", pod.processes()),
        || (!pod.processes().iter().any(runs)).then_some(()),
    );
}
