//! The client's line to a keeper: holding it open is being alive, and what is written to it is done.

use std::time::Duration;

use hyper::Method;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::transport::{Hijacked, full};
use crate::{ContainerName, Engine, Error};

/// How often the client of a lingering keeper says that it is there. The keeper waits four times as long.
const SAY_HERE: Duration = Duration::from_secs(1);

/// The line. Dropping it lets the other end see that the client is gone.
#[derive(Debug)]
pub(super) struct Orders {
    sender: mpsc::UnboundedSender<String>,
    task: JoinHandle<()>,
}

impl Orders {
    /// Over a connection that is there. A lingering keeper is told regularly that the client of `here_for` is alive.
    pub(super) fn over(connection: Hijacked, here_for: Option<String>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, task: tokio::spawn(carry(connection, receiver, here_for)) }
    }

    /// To a keeper that lingers, over a connection that is made beside the session: it costs no time.
    pub(super) fn to_lingering(engine: &Engine, keeper: &ContainerName, session: &str) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (transport, keeper, session) = (engine.transport.clone(), keeper.clone(), session.to_owned());
        let task = tokio::spawn(async move {
            let path = format!("/containers/{keeper}/attach?stream=1&stdin=1");
            let connection: Result<Hijacked, Error> = async {
                let request = transport.request(Method::POST, &path, full(""))?;
                transport.hijack(request).await
            }
            .await;
            match connection {
                Ok(connection) => carry(connection, receiver, Some(session)).await,
                Err(error) => tracing::warn!(%error, "the keeper cannot be told that this client is alive"),
            }
        });
        Self { sender, task }
    }

    /// Gives an order. One that a keeper does not hear any more is void.
    pub(super) fn give(&self, order: String) {
        let _void = self.sender.send(order);
    }

    /// Hangs up when all orders are given.
    pub(super) async fn close(self) {
        drop(self.sender);
        let _ended = self.task.await;
    }
}

/// Writes orders until there are no more, and closes the keeper's standard input.
async fn carry(mut connection: Hijacked, mut orders: mpsc::UnboundedReceiver<String>, here_for: Option<String>) {
    let mut beat = tokio::time::interval(SAY_HERE);
    loop {
        let order = tokio::select! {
            order = orders.recv() => match order {
                Some(order) => order,
                None => break,
            },
            _ = beat.tick(), if here_for.is_some() => format!("here {}\n", here_for.as_deref().unwrap_or_default()),
        };
        if connection.writer.write_all(order.as_bytes()).await.is_err() {
            break;
        }
        let _gone = connection.writer.flush().await;
    }
    let _gone = connection.writer.shutdown().await;
}
