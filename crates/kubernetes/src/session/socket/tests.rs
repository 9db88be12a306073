use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scratchdbg_backend::Scope;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::*;
use crate::link::{Limits, Link};
use crate::place::Place;

/// An API server that opens WebSockets and sends nothing on them: no answers to pings either.
#[derive(Default)]
struct Server {
    /// Whether it accepts connections and does nothing else.
    is_dead: AtomicBool,
}

impl Server {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).answer(stream));
        }
    }

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
        let answer = if key.is_empty() {
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned()
        } else {
            let accept = derive_accept_key(key.as_bytes());
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                 sec-websocket-protocol: v5.channel.k8s.io\r\nsec-websocket-accept: {accept}\r\n\r\n"
            )
        };
        let _gone = stream.write_all(answer.as_bytes()).await;
        let mut rest = Vec::new();
        let _gone = stream.read_to_end(&mut rest).await;
    }
}

/// Returns a client whose link counts as dead after moments.
async fn client(server: &Arc<Server>) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(Arc::clone(server).serve(listener));
    let config = kube::Config::new(address.parse().unwrap());
    let limits = Limits {
        silence: Duration::from_millis(50),
        answer: Duration::from_millis(400),
        questions: 3,
    };
    Client {
        inner: crate::transport::client(&config).unwrap(),
        place: Arc::new(Place { server: address, context: None }),
        scope: Scope::default(),
        clock: Arc::default(),
        link: Link::with(limits),
    }
}

#[tokio::test]
async fn a_silent_connection_is_dead_when_the_server_answers_nothing_else() {
    let server = Arc::<Server>::default();
    let client = client(&server).await;
    let call = Call::connect("shop", "web", "exec");
    let mut socket = Socket::open(&client, &call, true).await.unwrap();
    // Its answers are refusals, and it answers no pings.
    let silent = tokio::time::timeout(Duration::from_millis(1500), socket.next()).await;
    assert!(silent.is_err(), "{silent:?}");
    server.is_dead.store(true, Ordering::Relaxed);
    let event = socket.next().await;
    assert!(matches!(event, Event::Dead(_)), "{event:?}");
}
