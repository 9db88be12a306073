//! Request bodies: nothing, a document, or a blob that is produced while it is sent.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use scratchdbg_image::{ImageError, Layer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The size of a chunk.
const CHUNK: usize = 256 * 1024;
/// How many chunks wait for the network.
const QUEUE: usize = 2;

/// The body of a request.
pub(crate) enum Content {
    /// All bytes of the body.
    Bytes(Option<Bytes>),
    /// Chunks of a blob of `left` bytes, which another thread writes.
    Stream { chunks: mpsc::Receiver<Bytes>, left: u64, taken: Progress },
}

/// How many bytes of a body were handed to the network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Content {
    pub(crate) fn bytes(bytes: Bytes) -> Self {
        Self::Bytes(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// Returns a layer's blob as a body. A separate thread writes the blob at the pace of the
    /// network; the handle returns the thread's result. The last bytes are held back until all
    /// bytes are verified, so a registry never receives a complete blob with the wrong content.
    pub(crate) fn layer(layer: Layer) -> (Self, Progress, JoinHandle<Result<(), ImageError>>) {
        let (sender, chunks) = mpsc::channel(QUEUE);
        let taken = Progress::default();
        let content = Self::Stream { chunks, left: layer.size(), taken: taken.clone() };
        let writer = tokio::task::spawn_blocking(move || {
            let mut out = ChunkWriter { sender, buffer: Vec::with_capacity(CHUNK) };
            layer.write_to(&mut out)?;
            out.send().map_err(ImageError::Write)
        });
        (content, taken, writer)
    }
}

/// Sends chunks. The buffer is sent when more bytes arrive, so the end of the blob stays here until
/// it is taken.
struct ChunkWriter {
    sender: mpsc::Sender<Bytes>,
    buffer: Vec<u8>,
}

impl ChunkWriter {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.sender.blocking_send(chunk.into()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == CHUNK {
            self.send()?;
        }
        let size = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..size]);
        Ok(size)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { left: 0, .. } => Poll::Ready(None),
            Self::Stream { chunks, left, taken } => chunks.poll_recv(context).map(|chunk| {
                let checked =
                    chunk.and_then(|chunk| Some((left.checked_sub(chunk.len() as u64)?, chunk)));
                let Some((rest, chunk)) = checked else {
                    return Some(Err(io::Error::other("the blob is not as long as it was")));
                };
                *left = rest;
                taken.0.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                Some(Ok(Frame::data(chunk)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_none(),
            Self::Stream { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Stream { left, .. } => *left,
        })
    }
}
