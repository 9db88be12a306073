//! Loads images into the engine.

use std::io::{self, Write};

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Method;
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc;

use crate::transport::{BoxError, Kind, Progress};
use crate::{Engine, Error};

/// How many chunks of an archive are in flight at most.
const CHUNKS_IN_FLIGHT: usize = 4;
/// The size of a chunk. Larger ones gain nothing over a Unix socket.
const CHUNK: usize = 256 << 10;

/// The longest accepted response to a load, which is normally a few lines.
const MAX_LOAD_ANSWER: usize = 1 << 20;

impl Engine {
    /// Loads an image archive that `produce` writes while it is sent, so that neither side stores a
    /// copy before the engine unpacks it.
    pub async fn load<E>(
        &self,
        produce: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> Result<(), Error>
    where
        E: Into<BoxError>,
    {
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let production = tokio::task::spawn_blocking(move || {
            let mut sink = io::BufWriter::with_capacity(CHUNK, ChunkSender(sender.clone()));
            let produced = produce(&mut sink).map_err(Into::into);
            let produced = produced.and_then(|()| sink.flush().map_err(Into::into));
            if produced.is_err() {
                // End the body with an error. Otherwise the engine would accept the part as a
                // complete archive.
                let _gone =
                    sender.blocking_send(Err(io::Error::other("the image could not be produced")));
            }
            produced
        });
        let progress = Progress::default();
        let taken = progress.clone();
        let chunks =
            futures_util::stream::unfold(receiver, move |mut receiver: mpsc::Receiver<_>| {
                taken.tick();
                async {
                    receiver
                        .recv()
                        .await
                        .map(|chunk: io::Result<Bytes>| (chunk.map(Frame::data), receiver))
                }
            });
        let mut request = self.transport.request(
            Method::POST,
            "/images/load?quiet=1",
            StreamBody::new(chunks).boxed_unsync(),
        )?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        let sent = self.transport.send_with(request, &progress).await;
        let sent = match sent {
            Ok(answer) => {
                self.transport.pieces(Kind::Load, "load", answer).collect(MAX_LOAD_ANSWER).await
            }
            Err(error) => Err(error),
        };
        // If the producer failed, its error explains the request's. If the request failed first,
        // the producer only sees a closed channel.
        let produced = production.await.map_err(|error| Error::Produce(error.into()))?;
        match (sent, produced) {
            (Ok(answer), Ok(())) => load_outcome(&answer),
            (Err(Error::Api(error)), _) => Err(Error::Load { message: error.message }),
            (_, Err(error)) if !is_closed_channel(error.as_ref()) => Err(Error::Produce(error)),
            (Err(error), _) => Err(error),
            (Ok(_), Err(error)) => Err(Error::Produce(error)),
        }
    }
}

/// Reads the result of a load. The engine responds with 200 and reports errors inside the response,
/// which is a sequence of JSON values.
fn load_outcome(answer: &[u8]) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Progress {
        error: Option<String>,
        stream: Option<String>,
        status: Option<String>,
    }
    let mut is_said = false;
    for value in serde_json::Deserializer::from_slice(answer).into_iter::<Progress>() {
        let value = value.map_err(|error| Error::transport("load an image", error))?;
        if let Some(message) = value.error {
            return Err(Error::Load { message });
        }
        is_said |= value.stream.or(value.status).is_some_and(|said| !said.is_empty());
    }
    if is_said {
        Ok(())
    } else {
        Err(Error::transport("load an image", "the engine does not say that it did"))
    }
}

/// Passes chunks on to the request. Blocking, so it needs a thread of its own.
struct ChunkSender(mpsc::Sender<io::Result<Bytes>>);

impl Write for ChunkSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reports whether the producer failed only because the request no longer reads its chunks.
fn is_closed_channel(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut current = Some(error);
    while let Some(error) = current {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        {
            return true;
        }
        current = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_load_is_found_inside_a_good_answer() {
        let good = b"{\"stream\":\"Loaded image: a:1\\n\"}\r\n";
        assert!(load_outcome(good).is_ok());
        let bad = b"{\"status\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"no space\"},\"error\":\"no space\"}\r\n";
        assert!(matches!(load_outcome(bad), Err(Error::Load { message }) if message == "no space"));
        for odd in [
            "",
            "{}",
            "null",
            "[]",
            "<html>",
            "{\"stream\":\"Loaded image: a",
            "{\"stream\":\"a\"}\r\n{\"er",
        ] {
            assert!(
                matches!(load_outcome(odd.as_bytes()), Err(Error::Transport { .. })),
                "{odd:?}"
            );
        }
    }
}
