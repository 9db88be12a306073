//! Standard input of a session.

use std::io::{self, stdin};
use std::os::unix::fs::MetadataExt as _;
use std::pin::Pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{self, Poll, ready};
use std::time::Duration;

use rustix::fs::FileType;
use rustix::termios::{QueueSelector, tcflush};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf, Stdin};
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
/// tokio reads ahead, in a thread of its own. All inputs share one reader: what a session has not
/// read is the next one's.
///
/// Whether a read blocks is a setting of the open file, which other programs share. A read that
/// finds nothing (`EAGAIN`) is repeated after a short pause: `EAGAIN` does not mean the end of the
/// input.
#[derive(Debug)]
pub struct Input {
    stdin: &'static Mutex<Stdin>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Input {
    /// The pause between two reads of an input that does not block.
    const PAUSE: Duration = Duration::from_millis(20);

    /// Opens standard input.
    pub fn open() -> Self {
        static READER: OnceLock<Mutex<Stdin>> = OnceLock::new();
        Self { stdin: READER.get_or_init(|| Mutex::new(tokio::io::stdin())), pause: None }
    }

    /// Drops what was typed so far on a terminal.
    pub async fn discard(&mut self) {
        let _none_waits = tcflush(stdin(), QueueSelector::IFlush);
        let mut buffer = [0; 4096];
        std::future::poll_fn(|context| {
            // As long as there is something that was read ahead.
            loop {
                let mut read = ReadBuf::new(&mut buffer);
                match Pin::new(&mut *self).poll_read(context, &mut read) {
                    Poll::Ready(Ok(())) if !read.filled().is_empty() => {}
                    _ => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    /// Reads a line byte by byte, and no further: the rest belongs to a session. A long line is
    /// cut.
    ///
    /// # Errors
    ///
    /// Fails if standard input cannot be read.
    pub async fn read_line(&mut self) -> io::Result<Vec<u8>> {
        const LONGEST: usize = 1024;
        let (mut line, mut byte) = (Vec::new(), [0]);
        while line.len() < LONGEST && self.read(&mut byte).await? == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        Ok(line)
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
            let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
            let read = Pin::new(&mut *stdin).poll_read(context, buffer);
            drop(stdin);
            match ready!(read) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.pause = Some(Box::pin(tokio::time::sleep(Self::PAUSE)));
                }
                read => return Poll::Ready(read),
            }
        }
    }
}
