//! A connection to the streams of a process or a container.
//!
//! A separate task writes input, terminal sizes, and pings, which keep proxies from closing a
//! connection that is silent for long. The consumer of the output reads. A slow reader therefore
//! slows down the process and nothing else.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use scratchdbg_backend::Window;
use scratchdbg_logs::frame::Stream;
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::channel::{self, Frame, Status};
use crate::call::Call;
use crate::client::Client;
use crate::error::Error;

/// The most bytes of input in one message. Servers close a connection at 32 MiB.
const PIECE: usize = 32 << 10;

/// The interval between pings.
const PING_INTERVAL: Duration = Duration::from_secs(5);

type WebSocket = WebSocketStream<hyper_util::rt::TokioIo<Upgraded>>;

/// A connection.
pub(super) struct Socket {
    reader: SplitStream<WebSocket>,
    /// Standard input. Shutting it down ends the input, if the server supports that.
    pub(super) input: DuplexStream,
    pub(super) control: Control,
    /// Whether the server can end the input alone.
    pub(super) has_end_of_input: bool,
}

/// Sends messages other than input. The connection is closed when all clones are dropped and the
/// input has ended.
#[derive(Debug, Clone)]
pub(super) struct Control(mpsc::UnboundedSender<Vec<u8>>);

impl Control {
    /// Resizes the terminal. Does nothing if the connection is gone.
    pub(super) fn resize(&self, window: Window) {
        let _gone = self.0.send(channel::resize(window));
    }
}

/// An event of the connection.
#[derive(Debug)]
pub(super) enum Event {
    /// Output.
    Output(Stream, Bytes),
    /// How the process ended.
    Status(Status),
    /// The connection has ended. A status came before this event or not at all. Contains the reason
    /// if the connection broke.
    End(Option<String>),
}

impl Socket {
    /// Opens the connection. With `ends_input`, the end of [`Socket::input`] is forwarded.
    pub(super) async fn open(
        client: &Client,
        call: &Call,
        ends_input: bool,
    ) -> Result<Self, Error> {
        let connection = client.connect(call).await?;
        let has_end_of_input = connection.supports_stream_close();
        let (sink, reader) = connection.into_stream().split();
        let (input, theirs) = tokio::io::duplex(PIECE);
        let (control, controls) = mpsc::unbounded_channel();
        tokio::spawn(write(sink, theirs, controls, has_end_of_input && ends_input));
        Ok(Self { reader, input, control: Control(control), has_end_of_input })
    }

    /// Waits for the next event.
    pub(super) async fn next(&mut self) -> Event {
        next(&mut self.reader).await
    }

    /// Splits the connection into its reader, its input and its control.
    pub(super) fn split(self) -> (Reader, DuplexStream, Control) {
        (Reader(self.reader), self.input, self.control)
    }
}

/// The reading half.
pub(super) struct Reader(SplitStream<WebSocket>);

impl Reader {
    /// Waits for the next event.
    pub(super) async fn next(&mut self) -> Event {
        next(&mut self.0).await
    }
}

async fn next(reader: &mut SplitStream<WebSocket>) -> Event {
    loop {
        let message = match reader.next().await {
            None => return Event::End(None),
            Some(Err(error)) => return Event::End(Some(error.to_string())),
            Some(Ok(Message::Close(frame))) => {
                let reason =
                    frame.map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty());
                return Event::End(reason);
            }
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Text(text))) => Bytes::from(text),
            Some(Ok(_)) => continue,
        };
        match channel::decode(&message) {
            Frame::Output(stream, bytes) => return Event::Output(stream, message.slice_ref(bytes)),
            Frame::Status(status) => return Event::Status(status),
            Frame::Other => {}
        }
    }
}

/// Writes until the input has ended and all controls are dropped, then closes the connection.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut input: DuplexStream,
    mut controls: mpsc::UnboundedReceiver<Vec<u8>>,
    ends_input: bool,
) {
    let mut buffer = vec![0; PIECE + 1];
    let mut pings = tokio::time::interval(PING_INTERVAL);
    let (mut is_open, mut is_controlled) = (true, true);
    while is_open || is_controlled {
        let message = tokio::select! {
            // Control messages of the terminal precede the input that follows them.
            biased;
            control = controls.recv(), if is_controlled => match control {
                Some(message) => Message::Binary(message.into()),
                None => {
                    is_controlled = false;
                    continue;
                }
            },
            count = input.read(&mut buffer[1..]), if is_open => match count {
                Ok(count @ 1..) => Message::Binary(Bytes::copy_from_slice(channel::input(&mut buffer[..=count]))),
                Ok(0) | Err(_) => {
                    is_open = false;
                    if !ends_input {
                        continue;
                    }
                    Message::Binary(Bytes::copy_from_slice(&channel::end_of_input()))
                }
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        if let Err(error) = sink.send(message).await {
            tracing::debug!(%error, "a connection is gone");
            return;
        }
    }
    let _gone = sink.close().await;
}
