//! The client's line to a keeper: holding it open is being alive, and what is written to it is done.

use std::time::Duration;

use scratchdbg_backend::launcher::{self, Order};
use scratchdbg_backend::{Duplex, Error, ErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How often a client says that it is there. The keeper waits four times as long.
const SAY_HERE: Duration = Duration::from_secs(1);

/// How long a keeper that lingers may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The longest answer of a keeper that is looked at.
const LONGEST_ANSWER: usize = 256;

/// The line. Dropping it lets the other end see that the client is gone.
#[derive(Debug)]
pub(crate) struct Orders {
    sender: mpsc::UnboundedSender<String>,
    task: JoinHandle<()>,
    /// The answer of a keeper that lingers, which this client has to wait for.
    opened: Option<oneshot::Receiver<()>>,
}

impl Orders {
    /// Over a connection that is there. The keeper is told regularly that the client of the session is alive.
    pub(crate) fn over(connection: Box<dyn Duplex>, session: &str) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(carry(connection, receiver, session.to_owned(), None));
        Self { sender, task, opened: None }
    }

    /// To a keeper that lingers, over a connection that is made beside the start of the session. It is asked to open a way
    /// of this name to the tools: see [`Orders::opened`].
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
                Err(error) => tracing::debug!(%error, "a keeper that lingers cannot be spoken to"),
            }
        });
        Self { sender, task, opened: Some(opened) }
    }

    /// Waits until the way to the tools is open.
    pub(crate) async fn opened(&mut self) -> Result<(), Error> {
        let Some(opened) = self.opened.take() else { return Ok(()) };
        match tokio::time::timeout(ANSWERS_WITHIN, opened).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Error::new(ErrorKind::Keeper, "the keeper did not start: one that lingers does not answer")),
        }
    }

    /// Gives an order. One that a keeper does not hear any more is void.
    pub(crate) fn give(&self, order: String) {
        let _void = self.sender.send(order);
    }

    /// Hangs up when all orders are given.
    pub(crate) async fn close(self) {
        drop(self.sender);
        let _ended = self.task.await;
    }
}

/// Writes orders until there are no more, and closes the keeper's standard input. What the keeper says is read, lest it waits
/// for a reader, and passed over, but for one answer: who is in the keeper's place could say it as well, and would gain no
/// more than that the session is started before it can be.
async fn carry(
    mut connection: Box<dyn Duplex>,
    mut orders: mpsc::UnboundedReceiver<String>,
    session: String,
    mut answer: Option<oneshot::Sender<()>>,
) {
    let mut beat = tokio::time::interval(SAY_HERE);
    let opened = launcher::opened(&session);
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    let mut speaks = true;
    // A lingering keeper is to know the session first.
    let mut first = if answer.is_some() { orders.recv().await } else { None };
    loop {
        let order = match first.take() {
            Some(order) => order,
            None => tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => order,
                    None => break,
                },
                _ = beat.tick() => Order::Here.line(&session),
                count = connection.read(&mut buffer), if speaks => {
                    let count = count.unwrap_or_default();
                    speaks = count > 0;
                    if answer.is_some() {
                        said.extend_from_slice(&buffer[..count]);
                        if said.windows(opened.len()).any(|part| part == opened.as_bytes()) {
                            let _heard = answer.take().map(|answer| answer.send(()));
                        }
                        said.drain(..said.len().saturating_sub(LONGEST_ANSWER));
                        // It will not answer any more.
                        answer = answer.take().filter(|_| speaks);
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
