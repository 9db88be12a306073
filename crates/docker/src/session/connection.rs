//! The standard streams of a container without a terminal, as one bidirectional stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use scratchdbg_logs::frame::{FrameDecoder, FrameEvent, Framing};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Hijacked;

/// The container's output, without frames, and its input.
pub(super) struct Connection {
    streams: Hijacked,
    decoder: FrameDecoder,
    /// Received bytes that are not read yet.
    held: Vec<u8>,
}

impl Connection {
    pub(super) fn over(streams: Hijacked) -> Self {
        Self { streams, decoder: FrameDecoder::new(Framing::Multiplexed), held: Vec::new() }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.held.is_empty() {
            let mut bytes = [0; 4096];
            let mut frames = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.streams.reader).poll_read(context, &mut frames))?;
            let mut chunk = frames.filled();
            if chunk.is_empty() {
                return Poll::Ready(Ok(()));
            }
            while let Some(event) = this.decoder.decode(&mut chunk).map_err(io::Error::other)? {
                match event {
                    FrameEvent::Data(piece) => this.held.extend_from_slice(piece.payload),
                    FrameEvent::DaemonError(message) => {
                        return Poll::Ready(Err(io::Error::other(message)));
                    }
                }
            }
        }
        let count = this.held.len().min(buffer.remaining());
        buffer.put_slice(&this.held[..count]);
        this.held.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().streams.writer).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().streams.writer).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().streams.writer).poll_shutdown(context)
    }
}
