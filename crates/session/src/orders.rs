//! The client's connection to a keeper. The open connection shows that the client is alive, and
//! carries orders to the keeper.

use std::time::Duration;

use scratchdbg_backend::launcher::{self, Order};
use scratchdbg_backend::{Duplex, Error, ErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The interval of the client's heartbeat. The keeper waits four times as long.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a lingering keeper may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How many bytes of a keeper's answer are kept.
const MAX_ANSWER: usize = 256;

/// The connection. Dropping it tells the keeper that the client is gone.
#[derive(Debug)]
pub(crate) struct Orders {
    sender: mpsc::UnboundedSender<String>,
    task: JoinHandle<()>,
    /// Resolves when a lingering keeper answers. The client has to wait for that.
    opened: Option<oneshot::Receiver<()>>,
}

impl Orders {
    /// Uses an open connection. Sends a heartbeat for the session at regular intervals.
    pub(crate) fn over(connection: Box<dyn Duplex>, session: &str) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(carry(connection, receiver, session.to_owned(), None));
        Self { sender, task, opened: None }
    }

    /// Connects to a lingering keeper while the session starts. Orders a path of this name to the
    /// tools: see [`Orders::opened`].
    pub(crate) fn to_lingering(
        connection: impl Future<Output = Result<Box<dyn Duplex>, Error>> + Send + 'static,
        session: &str,
        name: &str,
    ) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (answer, opened) = oneshot::channel();
        let session = session.to_owned();
        let _first = sender.send(Order::Open(name).line(&session));
        let task = tokio::spawn(async move {
            match connection.await {
                Ok(connection) => carry(connection, receiver, session, Some(answer)).await,
                Err(error) => tracing::debug!(%error, "cannot connect to a lingering keeper"),
            }
        });
        Self { sender, task, opened: Some(opened) }
    }

    /// Waits until the path to the tools exists.
    pub(crate) async fn opened(&mut self) -> Result<(), Error> {
        let Some(opened) = self.opened.take() else { return Ok(()) };
        match tokio::time::timeout(ANSWER_TIMEOUT, opened).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Error::new(ErrorKind::Keeper, "the lingering keeper does not answer")),
        }
    }

    /// Sends an order. It is lost if the keeper no longer reads.
    pub(crate) fn send(&self, order: String) {
        let _void = self.sender.send(order);
    }

    /// Closes the connection after all orders are sent.
    pub(crate) async fn close(self) {
        drop(self.sender);
        let _ended = self.task.await;
    }
}

/// Writes orders until there are no more, then closes the keeper's standard input. Reads the
/// keeper's output, so that the keeper never blocks on it, and ignores all but one answer. Another
/// process in the keeper's place could forge that answer, but would only cause the session to start
/// before it can succeed.
async fn carry(
    mut connection: Box<dyn Duplex>,
    mut orders: mpsc::UnboundedReceiver<String>,
    session: String,
    mut answer: Option<oneshot::Sender<()>>,
) {
    let mut heartbeat = tokio::time::interval(HEARTBEAT_INTERVAL);
    let opened = launcher::opened(&session);
    let mut output = Vec::new();
    let mut buffer = [0; 4096];
    let mut is_open = true;
    // A lingering keeper must know the session before its first heartbeat.
    let mut first = if answer.is_some() { orders.recv().await } else { None };
    loop {
        let order = match first.take() {
            Some(order) => order,
            None => tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => order,
                    None => break,
                },
                _ = heartbeat.tick() => Order::Here.line(&session),
                count = connection.read(&mut buffer), if is_open => {
                    let count = count.unwrap_or_default();
                    is_open = count > 0;
                    if answer.is_some() {
                        output.extend_from_slice(&buffer[..count]);
                        if output.windows(opened.len()).any(|part| part == opened.as_bytes()) {
                            let _heard = answer.take().map(|answer| answer.send(()));
                        }
                        output.drain(..output.len().saturating_sub(MAX_ANSWER));
                        // The keeper's output has ended, so no answer will come.
                        answer = answer.take().filter(|_| is_open);
                    }
                    continue;
                }
            },
        };
        if connection.write_all(order.as_bytes()).await.is_err() {
            break;
        }
        let _gone = connection.flush().await;
    }
    let _gone = connection.shutdown().await;
}
