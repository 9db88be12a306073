//! A connection to the streams of a process or a container.
//!
//! A separate task writes input, terminal sizes, and pings, which keep proxies from closing a
//! connection that is silent for long, and tell whether it is alive. The consumer of the output
//! reads. A slow reader therefore slows down the process and nothing else.

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use scratchdbg_backend::Window;
use scratchdbg_logs::frame::Stream;
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::channel::{self, Frame, Status};
use super::pings::{self, Answers, Sent};
use crate::call::Call;
use crate::client::Client;
use crate::error::Error;

/// The most bytes of input in one message. Servers close a connection at 32 MiB.
const PIECE: usize = 32 << 10;

type WebSocket = WebSocketStream<hyper_util::rt::TokioIo<Upgraded>>;

/// A connection.
pub(super) struct Socket {
    reader: Reader,
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
    /// The link to the API server is dead. The text tells how that was noticed.
    Dead(String),
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
        let (sent, answers) = pings::pings();
        tokio::spawn(write(sink, theirs, controls, sent, has_end_of_input && ends_input));
        let reader = Reader { stream: reader, answers, client: client.clone() };
        Ok(Self { reader, input, control: Control(control), has_end_of_input })
    }

    /// Waits for the next event.
    pub(super) async fn next(&mut self) -> Event {
        self.reader.next().await
    }

    /// Splits the connection into its reader, its input and its control.
    pub(super) fn split(self) -> (Reader, DuplexStream, Control) {
        (self.reader, self.input, self.control)
    }
}

/// The reading half.
pub(super) struct Reader {
    stream: SplitStream<WebSocket>,
    answers: Answers,
    client: Client,
}

impl Reader {
    /// Waits for the next event. Nothing of the stream is lost if the future is dropped, but
    /// questions about the link begin anew.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            let message = tokio::select! {
                biased;
                message = self.stream.next() => message,
                () = self.client.dead() => return Event::Dead(self.client.no_sign_of_life()),
                () = ceased(&self.answers) => {
                    return Event::End(Some("it does not answer any more".to_owned()));
                }
            };
            let message = match message {
                None => return Event::End(None),
                // The kernel may notice a dead link, too.
                Some(Err(_)) if self.client.is_dead().await => {
                    return Event::Dead(self.client.no_sign_of_life());
                }
                Some(Err(error)) => return Event::End(Some(error.to_string())),
                Some(Ok(message)) => message,
            };
            self.client.link.note_answer();
            let pong =
                if let Message::Pong(content) = &message { Some(&content[..]) } else { None };
            self.answers.note(pong);
            let bytes = match message {
                Message::Close(frame) => {
                    let reason = frame
                        .map(|frame| frame.reason.to_string())
                        .filter(|reason| !reason.is_empty());
                    return Event::End(reason);
                }
                Message::Binary(bytes) => bytes,
                Message::Text(text) => Bytes::from(text),
                _ => continue,
            };
            match channel::decode(&bytes) {
                Frame::Output(stream, part) => {
                    return Event::Output(stream, bytes.slice_ref(part));
                }
                Frame::Status(status) => return Event::Status(status),
                Frame::Other => {}
            }
        }
    }
}

/// Waits until a connection that has answered pings does so no more.
async fn ceased(answers: &Answers) {
    while !answers.have_ceased() {
        tokio::time::sleep(pings::INTERVAL).await;
    }
}

/// Writes until the input has ended and all controls are dropped, then closes the connection.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut input: DuplexStream,
    mut controls: mpsc::UnboundedReceiver<Vec<u8>>,
    sent: Sent,
    ends_input: bool,
) {
    let mut buffer = vec![0; PIECE + 1];
    let mut pings = tokio::time::interval(pings::INTERVAL);
    // A process that was stopped does not send those that it has missed.
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                Ok(count @ 1..) => {
                    sent.note_input();
                    Message::Binary(Bytes::copy_from_slice(channel::input(&mut buffer[..=count])))
                }
                Ok(0) | Err(_) => {
                    is_open = false;
                    if !ends_input {
                        continue;
                    }
                    Message::Binary(Bytes::copy_from_slice(&channel::end_of_input()))
                }
            },
            _ = pings.tick() => Message::Ping(Bytes::copy_from_slice(&sent.next())),
        };
        if let Err(error) = sink.send(message).await {
            tracing::debug!(%error, "a connection is gone");
            return;
        }
    }
    let _gone = sink.close().await;
}

#[cfg(test)]
mod tests;
