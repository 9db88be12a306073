//! Standard input of a session.

use std::io::stdin;
use std::os::unix::fs::MetadataExt as _;
use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use rustix::fs::FileType;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;

/// Whether standard input is `/dev/null`, which never has anything to read.
pub fn is_null() -> bool {
    let null = std::fs::metadata("/dev/null").map(|null| null.rdev());
    let input = rustix::fs::fstat(stdin());
    let is_device = |stat: &rustix::fs::Stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
    };
    matches!((null, input), (Ok(null), Ok(input)) if is_device(&input) && input.st_rdev == null)
}

/// Standard input, read without blocking the runtime.
///
/// Whether a read blocks is a setting of the open file, which other programs share. A read that
/// finds nothing (`EAGAIN`) is repeated after a short pause: `EAGAIN` does not mean the end of the
/// input.
#[derive(Debug)]
pub struct Input {
    stdin: tokio::io::Stdin,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Input {
    /// The pause between two reads of an input that does not block.
    const PAUSE: Duration = Duration::from_millis(20);

    /// Opens standard input. Call it once: tokio reads ahead.
    pub fn open() -> Self {
        Self { stdin: tokio::io::stdin(), pause: None }
    }
}

impl AsyncRead for Input {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            match ready!(Pin::new(&mut self.stdin).poll_read(context, buffer)) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.pause = Some(Box::pin(tokio::time::sleep(Self::PAUSE)));
                }
                read => return Poll::Ready(read),
            }
        }
    }
}
