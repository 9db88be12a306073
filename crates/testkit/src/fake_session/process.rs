//! Processes of sessions on the platform in memory.

use std::collections::VecDeque;

use bytes::Bytes;
use scratchdbg_backend::{Error, ErrorKind, Output, Probe, Process, ProcessEnd, Window};
use scratchdbg_logs::frame::Stream;
use tokio::sync::mpsc;

use super::{FakeSessions, Write};

/// A session's process.
#[derive(Debug)]
pub struct FakeProcess {
    pub(super) platform: FakeSessions,
    pub(super) streams: Option<(FakeOutput, tokio::io::Sink)>,
    pub(super) end: Option<ProcessEnd>,
    pub(super) out_of_memory: bool,
}

impl Process for FakeProcess {
    type Probe = FakeSessions;
    type Output = FakeOutput;
    type Input = tokio::io::Sink;

    fn streams(&mut self) -> Option<(FakeOutput, tokio::io::Sink)> {
        self.streams.take()
    }

    fn probe(&self) -> FakeSessions {
        self.platform.clone()
    }

    fn detach_keys(&self) -> Vec<u8> {
        b"\x10\x11".to_vec()
    }

    async fn end_of(&mut self, _: FakeOutput, _: bool) -> Result<ProcessEnd, Error> {
        Ok(self.end.take().unwrap_or(ProcessEnd::Unknown))
    }

    async fn ran_out_of_memory(&mut self) -> bool {
        self.out_of_memory
    }

    async fn end(self) -> Result<(), Error> {
        self.platform.note("process gone");
        self.platform.finish();
        Ok(())
    }
}

impl Probe for FakeSessions {
    async fn is_running(&self) -> Result<bool, Error> {
        if self.world().is_silent {
            std::future::pending::<()>().await;
        }
        Ok(!self.world().processes_are_over)
    }

    fn can_signal(&self) -> bool {
        false
    }

    async fn signal(&self, _: u8) -> Result<(), Error> {
        Ok(())
    }

    async fn resize(&self, window: Window) -> Result<(), Error> {
        self.note(format!("resize {}x{}", window.columns, window.rows));
        Ok(())
    }
}

/// The output of a session's process.
#[derive(Debug)]
pub struct FakeOutput {
    pub(super) platform: FakeSessions,
    pub(super) secret: String,
    pub(super) writes: VecDeque<Write>,
    pub(super) pieces: VecDeque<(Stream, Bytes)>,
    pub(super) signals: mpsc::UnboundedReceiver<u8>,
}

impl Output for FakeOutput {
    async fn next(&mut self) -> Result<Option<(Stream, Bytes)>, Error> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            match self.writes.front().cloned() {
                None => return Ok(None),
                Some(Write::Out(text)) => self.pieces.push_back((Stream::Stdout, text.into())),
                Some(Write::Err(text)) => self.pieces.push_back((Stream::Stderr, text.into())),
                Some(Write::Record(code)) => {
                    let record = Bytes::from(format!("\x1e{} {code:03}\x1e", self.secret));
                    self.pieces
                        .extend([(Stream::Stdout, record.clone()), (Stream::Stderr, record)]);
                }
                Some(Write::AwaitSignal(wanted)) => {
                    while self.signals.recv().await != Some(wanted) {}
                }
                Some(Write::Hang) => std::future::pending().await,
                Some(Write::Break) => {
                    self.platform.note("stream broken");
                    return Err(Error::new(ErrorKind::Broken, "the stream broke"));
                }
            }
            self.writes.pop_front();
        }
    }
}
