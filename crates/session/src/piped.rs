//! A session whose command is a program of ours, at the other end of streams.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use jiff::Timestamp;
use scratchdbg_backend::{
    Error, ErrorKind, Interrupts, Mode, Plan, PlanRequest, SessionTarget, Window,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::{Consent, Notice, Request, SessionEnd, Stage, Streams, User};

/// The settings of such a session.
#[derive(Debug, Clone, Default)]
pub struct PipedOptions {
    /// The user, as `user[:group]`. By default, the target's.
    pub user: Option<String>,
    /// Continue although a neighbor could gain the session's rights.
    pub trust_neighbors: bool,
}

impl PipedOptions {
    /// Returns the session that runs this command inside the target.
    pub fn request(self, target: SessionTarget, command: Vec<String>) -> Request {
        let Self { user, trust_neighbors } = self;
        let plan = PlanRequest { command, mode: Some(Mode::Exec), user, ..PlanRequest::default() };
        Request { target, plan, trust_neighbors, follow_restarts: false }
    }
}

/// The streams of the program.
pub struct PipedStreams<I> {
    /// What it reads. If absent, its input is empty.
    pub input: Option<I>,
    /// Receives what it writes.
    pub output: Box<dyn AsyncWrite + Unpin>,
}

impl<I> std::fmt::Debug for PipedStreams<I> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PipedStreams")
    }
}

/// The user of such a session: gives streams to it, keeps what it says on standard error, and
/// agrees to nothing.
pub struct Piped<'a, I, F> {
    /// Called as the session begins.
    start: Option<F>,
    streams: Option<PipedStreams<I>>,
    said: Said,
    tell: &'a (dyn Fn(Notice<'_>) + Sync),
}

impl<I, F> std::fmt::Debug for Piped<'_, I, F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Piped").field("said", &self.said).finish_non_exhaustive()
    }
}

impl<'a, I, F: FnOnce(&Plan) -> Result<PipedStreams<I>, Error>> Piped<'a, I, F> {
    /// `start` makes the streams, once the session is sure to be tried.
    pub fn new(start: F, tell: &'a (dyn Fn(Notice<'_>) + Sync)) -> Self {
        Self { start: Some(start), streams: None, said: Said::default(), tell }
    }

    /// Returns what the program says on standard error.
    pub fn said(&self) -> Said {
        self.said.clone()
    }
}

impl<I, F> User for Piped<'_, I, F>
where
    I: AsyncRead + Send + Unpin + 'static,
    F: FnOnce(&Plan) -> Result<PipedStreams<I>, Error>,
{
    type Input = I;
    type Output = Box<dyn AsyncWrite + Unpin>;
    type Errors = Said;

    fn streams(&mut self) -> Streams<I, Self::Output, Said> {
        let streams = self.streams.take();
        let streams = streams
            .unwrap_or_else(|| PipedStreams { input: None, output: Box::new(tokio::io::sink()) });
        Streams { input: streams.input, output: streams.output, error: self.said.clone() }
    }

    fn windows(&mut self) -> Result<watch::Receiver<Option<Window>>, Error> {
        Ok(watch::channel(None).1)
    }

    fn enter(&self, _: Stage, _: &Plan) -> Result<(), Error> {
        Ok(())
    }

    fn tell(&self, notice: Notice<'_>) {
        (self.tell)(notice);
    }

    async fn agree(&mut self, _: &Plan, _: &Error, _: &mut Interrupts) -> Consent {
        Consent::Refused
    }

    fn begins(&mut self, plan: &Plan, _: Timestamp) -> Result<(), Error> {
        let again = || Error::new(ErrorKind::Broken, "the session began twice");
        self.streams = Some(self.start.take().ok_or_else(again)?(plan)?);
        Ok(())
    }

    fn ended(
        &mut self,
        _: &Plan,
        _: Timestamp,
        _: &Result<SessionEnd, Error>,
    ) -> Result<(), Error> {
        Ok(())
    }
}

/// The most bytes that are kept. A target can make the program say more, but not more is told.
const MOST: usize = 8 << 10;

/// The end of what a program said on standard error.
#[derive(Debug, Clone, Default)]
pub struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// Returns the lines.
    pub fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    }
}

impl AsyncWrite for Said {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let surplus = kept.len().saturating_sub(MOST);
        kept.drain(..surplus);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::Said;

    #[tokio::test]
    async fn the_end_is_kept() {
        let mut said = Said::default();
        for _ in 0..2000 {
            said.write_all(b"a line\r\n").await.unwrap();
        }
        said.write_all(b"\nwhy\n").await.unwrap();
        let lines = said.lines();
        assert!(lines.len() < 1100, "{}", lines.len());
        assert_eq!(lines.last().map(String::as_str), Some("why"));
        assert_eq!(lines[5], "a line");
    }
}
