//! The raw stream of a container's logs. Decoding is the business of the logs crate.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use hyper::Method;
use scratchdbg_logs::line::Joining;
use tokio::io::AsyncReadExt as _;

use crate::transport::{Hijacked, Pieces, full};
use crate::{ContainerName, Engine, Error};

/// Which part of the logs to send.
#[derive(Debug, Clone, Default)]
pub struct LogRequest {
    /// Keep the stream open, and send what is to come.
    pub follow: bool,
    /// Only records from this time on, itself included.
    pub since: Option<jiff::Timestamp>,
    /// Only records up to this time, itself included.
    pub until: Option<jiff::Timestamp>,
    /// Only so many of the last **records** (a long line is several): the engine's count, over both streams, before
    /// `since` is looked at.
    pub tail: Option<u64>,
    /// Put the engine's time in front of each record.
    pub timestamps: bool,
}

/// The bytes as the engine sends them, in the framing that the container's `tty` decides.
#[derive(Debug)]
pub struct LogStream(Pieces);

/// The bytes as the container writes them, in the framing that its `tty` decides.
#[derive(Debug)]
pub struct LiveStream(Hijacked);

impl LiveStream {
    /// What comes next: how many bytes of `buffer` it fills. Nothing when the container's run has ended.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.0.reader.read(buffer).await.map_err(|error| Error::transport("what the container writes", error))
    }
}

impl Engine {
    /// How this engine cuts long lines into records.
    pub fn log_joining(&self) -> Joining {
        if self.transport.is_podman() { Joining::UntilNewline } else { Joining::Docker }
    }

    /// What a running container writes from now on, as it writes it. The logs have a line when it has its end; here its
    /// beginning is there before.
    pub async fn live(&self, container: &ContainerName) -> Result<LiveStream, Error> {
        let path = format!("/containers/{container}/attach?stream=1&stdout=1&stderr=1");
        self.transport.hijack(self.transport.request(Method::POST, &path, full(""))?).await.map(LiveStream)
    }

    /// Asks for a container's logs.
    pub async fn logs(&self, container: &ContainerName, request: &LogRequest) -> Result<LogStream, Error> {
        let tail = request.tail.map_or_else(|| "all".to_owned(), |count| count.to_string());
        let mut path = format!(
            "/containers/{container}/logs?stdout=1&stderr=1&follow={}&timestamps={}&tail={tail}",
            u8::from(request.follow),
            u8::from(request.timestamps),
        );
        // Podman leaves the time itself out.
        let earlier = jiff::SignedDuration::from_nanos(i64::from(self.transport.is_podman()));
        if let Some(since) = request.since.map(|since| since.checked_sub(earlier).unwrap_or(since)) {
            path = format!("{path}&since={}", wire_time(since));
        }
        if let Some(until) = request.until {
            path = format!("{path}&until={}", wire_time(until));
        }
        self.transport.stream(self.transport.request(Method::GET, &path, full(""))?).await.map(LogStream)
    }
}

/// `seconds.nanoseconds`, the only form that the API takes. Zero would mean "no limit".
pub(crate) fn wire_time(at: jiff::Timestamp) -> String {
    let at = if at == jiff::Timestamp::UNIX_EPOCH { jiff::Timestamp::UNIX_EPOCH + NANOSECOND } else { at };
    let nanos = at.as_nanosecond();
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

const NANOSECOND: jiff::SignedDuration = jiff::SignedDuration::from_nanos(1);

impl Stream for LogStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::wire_time;

    #[test]
    fn times_on_the_wire() {
        let cases = [
            ("2006-01-02T15:04:05.000000001Z", "1136214245.000000001"),
            ("1970-01-01T00:00:00Z", "0.000000001"),
            ("1969-12-31T23:59:58.5Z", "-1.500000000"),
        ];
        for (at, wire) in cases {
            assert_eq!(wire_time(at.parse().unwrap()), wire, "{at}");
        }
    }
}
