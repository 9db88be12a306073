//! The raw stream of a container's logs. Decoding is the business of the logs crate.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use hyper::Method;
use hyper::body::{Body as _, Incoming};
use scratchdbg_logs::line::Joining;

use crate::transport::full;
use crate::{ContainerName, Engine, Error};

/// Which part of the logs to send.
#[derive(Debug, Clone, Default)]
pub struct LogRequest {
    /// Keep the stream open, and send what is to come.
    pub follow: bool,
    /// Only so many of the last **records** (a long line is several): the engine's count, over both streams.
    pub tail: Option<u64>,
    /// Put the engine's time in front of each record.
    pub timestamps: bool,
}

/// The bytes as the engine sends them, in the framing that the container's `tty` decides.
#[derive(Debug)]
pub struct LogStream(Incoming);

impl Engine {
    /// How this engine cuts long lines into records.
    pub fn log_joining(&self) -> Joining {
        if self.transport.is_podman() { Joining::UntilNewline } else { Joining::Docker }
    }

    /// Asks for a container's logs.
    pub async fn logs(&self, container: &ContainerName, request: &LogRequest) -> Result<LogStream, Error> {
        let tail = request.tail.map_or_else(|| "all".to_owned(), |count| count.to_string());
        let path = format!(
            "/containers/{container}/logs?stdout=1&stderr=1&follow={}&timestamps={}&tail={tail}",
            u8::from(request.follow),
            u8::from(request.timestamps),
        );
        let answer = self.transport.send(self.transport.request(Method::GET, &path, full(""))?).await?;
        Ok(LogStream(answer.into_body()))
    }
}

impl Stream for LogStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = std::task::ready!(Pin::new(&mut self.0).poll_frame(context));
            return Poll::Ready(match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(Ok(data)),
                    // Trailers: nothing of the logs.
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(Error::transport("the log stream", error))),
                None => None,
            });
        }
    }
}
