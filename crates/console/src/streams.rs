//! Standard streams that wait for room or input, whether their files block or not.
//!
//! Whether a read or write blocks is a setting of the open file, which other programs share. One of
//! them may have set the terminal or the pipe to non-blocking. A write without room, or a read
//! without input, then fails with `EAGAIN`, although nothing is wrong. The streams here wait with
//! `poll(2)` instead.

use std::io::{self, Read, Stderr, Stdout, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use rustix::event::{PollFd, PollFlags};
use tokio::io::AsyncWrite;
use tokio::task::JoinHandle;

/// The largest number of bytes of one write.
const LONGEST_PIECE: usize = 64 << 10;

/// Returns standard output.
pub fn stdout() -> WaitingStream<Stdout> {
    WaitingStream(io::stdout())
}

/// Returns standard error.
pub fn stderr() -> WaitingStream<Stderr> {
    WaitingStream(io::stderr())
}

/// Writes a text. Removes the styles from the text if the stream must not have any.
///
/// # Errors
///
/// Fails if writing to the stream fails.
pub fn print(mut stream: WaitingStream<impl RawStream + AsFd>, text: &str) -> io::Result<()> {
    if AutoStream::choice(&stream.0) == ColorChoice::Never {
        stream.write_all(anstream::adapter::strip_str(text).to_string().as_bytes())?;
    } else {
        stream.write_all(text.as_bytes())?;
    }
    stream.flush()
}

/// A stream that waits for room or input, whether its file blocks or not.
#[derive(Debug)]
pub struct WaitingStream<S>(pub S);

impl<S: AsFd> WaitingStream<S> {
    fn wait<T>(
        &mut self,
        what: PollFlags,
        mut work: impl FnMut(&mut S) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match work(&mut self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match rustix::event::poll(&mut [PollFd::new(&self.0, what)], None) {
                        // If the other end was closed, the next attempt fails.
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                done => return done,
            }
        }
    }
}

/// Uses `write`, not the stream's own `write_all`: that one does not report how much was written
/// before `EAGAIN`.
impl<W: Write + AsFd> Write for WaitingStream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(PollFlags::OUT, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait(PollFlags::OUT, Write::flush)
    }
}

impl<R: Read + AsFd> Read for WaitingStream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(PollFlags::IN, |stream| stream.read(buffer))
    }
}

/// A stream, the piece to write to it, and the result.
type Written<W> = (WaitingStream<W>, Vec<u8>, io::Result<()>);

/// A [`WaitingStream`] for asynchronous code. Each piece is written on a thread for blocking work.
#[derive(Debug)]
pub struct Outlet<W> {
    stream: Option<WaitingStream<W>>,
    piece: Vec<u8>,
    /// The write in progress.
    writing: Option<JoinHandle<Written<W>>>,
}

impl<W> Outlet<W> {
    /// Creates an outlet for a stream.
    pub fn of(stream: WaitingStream<W>) -> Self {
        Self { stream: Some(stream), piece: Vec::new(), writing: None }
    }

    /// Waits for the write in progress.
    fn poll_written(&mut self, context: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let Some(writing) = &mut self.writing else { return Poll::Ready(Ok(())) };
        let ended = ready!(Pin::new(writing).poll(context));
        self.writing = None;
        let (stream, piece, written) = ended.map_err(io::Error::other)?;
        (self.stream, self.piece) = (Some(stream), piece);
        Poll::Ready(written)
    }
}

impl<W: Write + AsFd + Send + Unpin + 'static> AsyncWrite for Outlet<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_written(context))?;
        let Some(mut stream) = self.stream.take() else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let mut piece = std::mem::take(&mut self.piece);
        let count = bytes.len().min(LONGEST_PIECE);
        piece.clear();
        piece.extend_from_slice(&bytes[..count]);
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let written = stream.write_all(&piece).and_then(|()| stream.flush());
            (stream, piece, written)
        }));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_written(context)
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use rustix::fs::{OFlags, fcntl_setfl};
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// A pipe whose writes do not block, and its slow reader.
    fn pipe() -> (File, std::thread::JoinHandle<Vec<u8>>) {
        let (mut reader, writer) = io::pipe().unwrap();
        fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
        let read = std::thread::spawn(move || {
            let (mut all, mut buffer) = (Vec::new(), [0; 5000]);
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                all.extend_from_slice(&buffer[..count]);
                std::thread::yield_now();
            }
            all
        });
        (File::from(std::os::fd::OwnedFd::from(writer)), read)
    }

    #[tokio::test]
    async fn output_that_does_not_block_is_waited_for() {
        let text: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let (writer, read) = pipe();
        let written = text.clone();
        let buffered = std::thread::spawn(move || {
            let mut stream = WaitingStream(writer);
            stream.write_all(&written).and_then(|()| stream.flush())
        });
        assert!(read.join().unwrap() == text && buffered.join().unwrap().is_ok());
        let (writer, read) = pipe();
        let mut outlet = Outlet::of(WaitingStream(writer));
        outlet.write_all(&text).await.unwrap();
        outlet.flush().await.unwrap();
        drop(outlet);
        assert!(read.join().unwrap() == text);
    }

    #[tokio::test]
    async fn a_reader_that_has_left_is_told() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut outlet = Outlet::of(WaitingStream(File::from(std::os::fd::OwnedFd::from(writer))));
        let _passed_on = outlet.write_all(b"text").await;
        assert_eq!(outlet.flush().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
