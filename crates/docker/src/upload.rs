//! Request bodies that are written while they are sent.

use std::io::{self, Write};

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::transport::{Body, BoxError, Progress};

/// How many chunks are in flight at most.
const CHUNKS_IN_FLIGHT: usize = 4;
/// The size of a chunk. Larger ones gain nothing over a Unix socket.
const CHUNK: usize = 256 << 10;

/// A body that is written while it is sent, so that neither side stores a copy of it.
pub(crate) struct Upload {
    pub(crate) body: Body,
    /// Ticks with each chunk that is sent.
    pub(crate) progress: Progress,
    /// How writing it ended.
    pub(crate) production: JoinHandle<Result<(), BoxError>>,
}

impl Upload {
    /// Runs `produce` on a thread of its own. `what` names the body in an error.
    pub(crate) fn of<E: Into<BoxError>>(
        produce: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
        what: &'static str,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let production = tokio::task::spawn_blocking(move || {
            let mut sink = io::BufWriter::with_capacity(CHUNK, ChunkSender(sender.clone()));
            let produced = produce(&mut sink).map_err(Into::into);
            let produced = produced.and_then(|()| sink.flush().map_err(Into::into));
            if produced.is_err() {
                // End the body with an error. Otherwise the engine would accept the part as a
                // complete archive.
                let cut = io::Error::other(format!("{what} could not be produced"));
                let _gone = sender.blocking_send(Err(cut));
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
        Self { body: StreamBody::new(chunks).boxed_unsync(), progress, production }
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
pub(crate) fn is_closed_channel(error: &(dyn std::error::Error + 'static)) -> bool {
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
