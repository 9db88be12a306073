//! The connection to a keeper: the order that opens a session, its answer, and the keeper's end.

use std::pin::pin;
use std::time::Duration;

use scratchdbg_backend::launcher::{self, Answer};
use scratchdbg_backend::{Error, ErrorKind, NumericUser};
use scratchdbg_logs::frame::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::watch;

use super::channel::Status;
use super::socket::{Event, Socket};
use crate::call::Call;
use crate::client::Client;

/// How long a keeper may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest answer, in bytes. Other processes with the keeper's rights may write more.
const MAX_ANSWER: usize = 512;

/// The size of the buffer for the orders of a session, in bytes.
const BUFFER: usize = 4096;

/// The state of a keeper's container, as its connection reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkState {
    /// The container runs, as far as is known.
    Open,
    /// The container has ended.
    Ended,
    /// The connection is gone. The keeper ends because it has no client.
    Lost,
}

/// A session that a keeper has opened.
#[derive(Debug)]
pub(super) struct Link {
    /// The keeper's process id.
    pub(super) pid: u32,
    /// The user and group of the target's first process, as the keeper sees them.
    pub(super) target: Option<NumericUser>,
    /// The keeper's standard streams. The first line has the format of keepers on other platforms.
    pub(super) streams: DuplexStream,
    pub(super) state: watch::Receiver<LinkState>,
}

/// The parameters of a session that a keeper opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) session: &'a str,
    /// The random name of the path to the tools.
    pub(super) name: &'a str,
    /// The id of the target's container.
    pub(super) container: &'a str,
    /// Whether the keeper outlives this connection.
    pub(super) lingers: bool,
    /// Whether the keeper is the target's own container, and may be its only process.
    pub(super) is_alone: bool,
}

/// Returns the request for a keeper's streams.
pub(super) fn attach(namespace: &str, pod: &str, container: &str) -> Call {
    let call = Call::connect(namespace, pod, "attach").with("container", container);
    call.with("stdin", "true").with("stdout", "true").with("stderr", "true")
}

impl Link {
    /// Connects to a running keeper and begins a session.
    pub(super) async fn open(
        client: &Client,
        call: &Call,
        opening: Opening<'_>,
    ) -> Result<Self, Error> {
        let mut socket = Socket::open(client, call, !opening.lingers).await?;
        let order = launcher::order_to_open(opening.session, opening.name, opening.container);
        let sent = socket.input.write_all(order.as_bytes()).await;
        sent.map_err(|error| failed(&format!("it does not listen: {error}")))?;
        let answer = tokio::select! {
            answer = tokio::time::timeout(ANSWER_TIMEOUT, answer(&mut socket, opening.session)) => {
                answer.unwrap_or_else(|_| Err(failed("it does not answer")))?
            }
            () = client.scope.canceled() => {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted, before the keeper answered"));
            }
        };
        let (pid, target) = match answer {
            // The keeper does not see the target's processes.
            Answer::Opened { pid: 1, .. } if !opening.is_alone => {
                return Err(failed(
                    "the container runtime gave it a PID namespace of its own, without the target's processes",
                ));
            }
            Answer::Opened { pid, target } => (pid, target),
            Answer::Failed(reason) => {
                return Err(failed(&reason).hint(
                    "the keeper makes a link in its own filesystem: a policy of the cluster may have made that read-only",
                ));
            }
        };
        let (mut streams, theirs) = tokio::io::duplex(BUFFER);
        // This line is not sent to the keeper. The client's reader of the keeper's output gets it.
        let (theirs, line) = (theirs, format!("keeper {pid} {}\n", opening.name));
        let (sender, state) = watch::channel(LinkState::Open);
        let theirs = greet(theirs, &line).await?;
        tokio::spawn(carry(socket, theirs, sender));
        streams.flush().await.map_err(|error| failed(&error.to_string()))?;
        Ok(Self { pid, target, streams, state })
    }
}

async fn greet(mut theirs: DuplexStream, line: &str) -> Result<DuplexStream, Error> {
    theirs.write_all(line.as_bytes()).await.map_err(|error| failed(&error.to_string()))?;
    Ok(theirs)
}

/// Waits for the keeper's answer.
async fn answer(socket: &mut Socket, session: &str) -> Result<Answer, Error> {
    let (mut line, mut words) = (Vec::new(), Vec::new());
    loop {
        let bytes = match socket.next().await {
            Event::Output(Stream::Stdout, bytes) => bytes,
            Event::Output(_, bytes) => {
                words.extend_from_slice(&bytes[..bytes.len().min(MAX_ANSWER)]);
                words.truncate(MAX_ANSWER);
                continue;
            }
            Event::Status(_) | Event::End(None) if words.is_empty() => {
                return Err(failed("it has ended"));
            }
            Event::Status(_) | Event::End(None) => {
                return Err(failed(String::from_utf8_lossy(&words).trim()));
            }
            Event::End(Some(reason)) | Event::Dead(reason) => return Err(failed(&reason)),
        };
        for &byte in &bytes {
            if byte != b'\n' {
                if line.len() < MAX_ANSWER {
                    line.push(byte);
                }
                continue;
            }
            if let Some(answer) = launcher::parse_answer(&std::mem::take(&mut line), session) {
                return Ok(answer);
            }
        }
    }
}

/// Forwards orders to the keeper and its output back, until its container has ended or the
/// connection is gone.
async fn carry(socket: Socket, theirs: DuplexStream, state: watch::Sender<LinkState>) {
    let (mut reader, mut input, control) = socket.split();
    let (mut orders, mut output) = tokio::io::split(theirs);
    let forward = async move {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = orders.read(&mut buffer).await {
            if input.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        // The end of the input is forwarded, unless the keeper lingers.
        let _gone = input.shutdown().await;
        drop(input);
    };
    let backward = async {
        loop {
            match reader.next().await {
                // The reader may be gone.
                Event::Output(Stream::Stdout, bytes) => drop(output.write_all(&bytes).await),
                Event::Output(..) => {}
                Event::Status(Status::Success | Status::Code(_)) => return LinkState::Ended,
                Event::Status(Status::Failure(reason)) => {
                    tracing::debug!(reason, "the connection to the keeper is gone");
                    return LinkState::Lost;
                }
                Event::End(reason) => {
                    tracing::debug!(reason, "the connection to the keeper is gone");
                    return LinkState::Lost;
                }
                Event::Dead(reason) => {
                    tracing::debug!(reason, "the link to the keeper is dead");
                    return LinkState::Lost;
                }
            }
        }
    };
    let (mut forward, mut backward) = (pin!(forward), pin!(backward));
    let mut is_open = true;
    let ended = loop {
        tokio::select! {
            // Ends at once, also if there are further orders: another client may have ended the
            // keeper.
            ended = &mut backward => break ended,
            () = &mut forward, if is_open => is_open = false,
            // Nothing waits for the keeper's end any more: the keeper lingers, or was given up.
            () = state.closed() => break LinkState::Lost,
        }
    };
    drop(control);
    let _nobody_waits = state.send(ended);
}

pub(super) fn failed(reason: &str) -> Error {
    Error::new(ErrorKind::Keeper, format!("the keeper did not start: {reason}"))
}
