//! An API server in memory, for tests of this crate.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scratchdbg_backend::Scope;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Client;
use crate::link::{Limits, Link};
use crate::place::Place;

/// What the server answers.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// The bodies of its next answers. Afterwards, it refuses.
    bodies: Mutex<VecDeque<String>>,
    /// Whether it accepts connections and does nothing else.
    pub(crate) is_dead: AtomicBool,
}

impl Answers {
    pub(crate) fn of(bodies: &[&str]) -> Arc<Self> {
        let bodies = bodies.iter().map(|&body| body.to_owned()).collect();
        Arc::new(Self { bodies: Mutex::new(bodies), ..Self::default() })
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).answer(stream));
        }
    }

    /// Answers one request. A WebSocket is opened, and nothing is sent on it: no answers to pings
    /// either.
    async fn answer(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let mut key = String::new();
        loop {
            let mut line = String::new();
            let Ok(1..) = stream.read_line(&mut line).await else { return };
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("sec-websocket-key")
            {
                value.trim().clone_into(&mut key);
            }
            if line == "\r\n" {
                break;
            }
        }
        if self.is_dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if !key.is_empty() {
            let accept = derive_accept_key(key.as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                 sec-websocket-protocol: v5.channel.k8s.io\r\nsec-websocket-accept: {accept}\r\n\r\n"
            );
            let _gone = stream.write_all(answer.as_bytes()).await;
            let _gone = stream.read_to_end(&mut Vec::new()).await;
            return;
        }
        let next = self.bodies.lock().expect("no panic").pop_front();
        let (status, body) = match next {
            Some(body) => ("200 OK", body),
            None => ("403 Forbidden", String::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
        let _gone = stream.write_all((head + &body).as_bytes()).await;
    }
}

/// Returns a client of a server. Its link counts as dead after moments.
pub(crate) async fn client(answers: Arc<Answers>) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(answers.serve(listener));
    let config = kube::Config::new(address.parse().expect("an address"));
    let limits = Limits {
        silence: Duration::from_millis(50),
        answer: Duration::from_millis(400),
        questions: 3,
    };
    let credentials = crate::credentials::Credentials::none();
    Client {
        inner: crate::transport::client(&config, &credentials).expect("a client"),
        place: Arc::new(Place { server: address, context: None }),
        scope: Scope::default(),
        clock: Arc::default(),
        link: Link::with(limits),
        credentials,
    }
}
