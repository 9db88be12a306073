//! The raw stream of a container's logs. The `logs` crate decodes it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use hyper::Method;
use scratchdbg_backend::{self as backend, LogRequest};
use tokio::io::AsyncReadExt as _;

use crate::transport::{Pieces, full};
use crate::{ContainerName, Engine, Error};

/// The bytes as the engine sends them. The framing depends on the container's `tty`.
#[derive(Debug)]
pub struct LogStream(Pieces);

/// The size of a read from a container's output.
const PIECE: usize = 32 << 10;

impl Engine {
    /// Streams what a running container writes from now on, immediately. The log contains a line
    /// only once it is complete; this stream also has its beginning.
    pub(crate) async fn live(
        &self,
        container: &ContainerName,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + Send + use<>, Error> {
        let path = format!("/containers/{container}/attach?stream=1&stdout=1&stderr=1");
        let live =
            self.transport.hijack(self.transport.request(Method::POST, &path, full(""))?).await?;
        Ok(futures_util::stream::unfold(live, async |mut live| {
            let mut piece = BytesMut::with_capacity(PIECE);
            match live.reader.read_buf(&mut piece).await {
                Ok(0) => None,
                Ok(_) => Some((Ok(piece.freeze()), live)),
                Err(error) => {
                    Some((Err(Error::transport("what the container writes", error)), live))
                }
            }
        }))
    }

    /// Requests a container's logs.
    pub(crate) async fn logs(
        &self,
        container: &ContainerName,
        request: &LogRequest,
    ) -> Result<LogStream, Error> {
        let tail = request.tail.map_or_else(|| "all".to_owned(), |count| count.to_string());
        let mut path = format!(
            "/containers/{container}/logs?stdout=1&stderr=1&follow={}&timestamps={}&tail={tail}",
            u8::from(request.follow),
            u8::from(request.timestamps),
        );
        // Podman excludes the time itself.
        let earlier = jiff::SignedDuration::from_nanos(i64::from(self.transport.is_podman()));
        if let Some(since) = request.since.map(|since| since.checked_sub(earlier).unwrap_or(since))
        {
            path = format!("{path}&since={}", wire_time(since));
        }
        if let Some(until) = request.until {
            path = format!("{path}&until={}", wire_time(until));
        }
        self.transport
            .stream(self.transport.request(Method::GET, &path, full(""))?)
            .await
            .map(LogStream)
    }
}

/// Formats a time as `seconds.nanoseconds`, the only form that the API accepts. Zero would mean "no
/// limit".
pub(crate) fn wire_time(at: jiff::Timestamp) -> String {
    let at = if at == jiff::Timestamp::UNIX_EPOCH {
        jiff::Timestamp::UNIX_EPOCH + NANOSECOND
    } else {
        at
    };
    let nanos = at.as_nanosecond();
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

const NANOSECOND: jiff::SignedDuration = jiff::SignedDuration::from_nanos(1);

impl Stream for LogStream {
    type Item = Result<Bytes, backend::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(context).map_err(Into::into)
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
