//! The beginnings of lines that have no end yet: a prompt, a line that hangs.
//!
//! The log has none of them: an engine writes a line down when it ends. What the container writes is listened to beside
//! the log, and only to show beginnings: the lines are the log's, and of one whose beginning is shown, the rest follows.

use std::convert::Infallible;
use std::io;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use scratchdbg_backend::{ContainerName, Error, LogBackend};
use scratchdbg_logs::frame::{FrameDecoder, FrameEvent};
use scratchdbg_logs::{Framing, Stream};

/// A beginning is shown when it has stood for so long: the log has all lines before it by then.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long until a container that does not run is listened to again.
const PAUSE: Duration = Duration::from_millis(100);

/// No more of a beginning is shown: an engine cuts lines there.
const LONGEST: usize = 16 << 10;

/// What has no end yet, of each stream.
#[derive(Debug, Default)]
struct Beginnings {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The stream that was written to last, and when; nothing when what it wrote has an end, or was shown.
    changed: Option<(Stream, Instant)>,
}

impl Beginnings {
    fn of(&mut self, stream: Stream) -> &mut Vec<u8> {
        if stream == Stream::Stderr { &mut self.stderr } else { &mut self.stdout }
    }

    fn push(&mut self, stream: Stream, bytes: &[u8], now: Instant) {
        let text = self.of(stream);
        let new = match memchr::memrchr(b'\n', bytes) {
            Some(end) => {
                text.clear();
                &bytes[end + 1..]
            }
            None => bytes,
        };
        let room = LONGEST.saturating_sub(text.len());
        text.extend_from_slice(&new[..new.len().min(room)]);
        let is_open = !text.is_empty();
        self.changed = is_open.then_some((stream, now));
    }
}

/// Shows the beginnings of lines that a container writes, for ever. `show` gets the stream and the beginning, and returns
/// whether it was its turn: if not, it is tried again.
pub async fn show(
    backend: &impl LogBackend,
    container: &ContainerName,
    framing: Framing,
    mut show: impl FnMut(Stream, &[u8]) -> io::Result<bool>,
) -> Infallible {
    loop {
        if let Err(error) = listen(backend, container, framing, &mut show).await {
            tracing::debug!(%error, "cannot listen to what the container writes");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens to one run.
async fn listen(
    backend: &impl LogBackend,
    container: &ContainerName,
    framing: Framing,
    mut show: impl FnMut(Stream, &[u8]) -> io::Result<bool>,
) -> Result<(), Error> {
    let mut stream = backend.live_output(container).await?;
    let mut decoder = FrameDecoder::new(framing);
    let mut beginnings = Beginnings::default();
    loop {
        let due = beginnings.changed.map(|(_, at)| at + PATIENCE);
        tokio::select! {
            piece = stream.next() => match piece.transpose()? {
                None => return Ok(()),
                Some(piece) => {
                    let mut bytes = &piece[..];
                    while let Some(event) = decoder.decode(&mut bytes)? {
                        if let FrameEvent::Data(piece) = event {
                            beginnings.push(piece.stream, piece.payload, Instant::now());
                        }
                    }
                }
            },
            () = crate::reader::until(due) => {
                if let Some((stream, _)) = beginnings.changed.take() {
                    let shown = show(stream, beginnings.of(stream));
                    // The line of another beginning is still to come.
                    if shown.is_ok_and(|shown| !shown) {
                        beginnings.changed = Some((stream, Instant::now()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_last_newline_is_a_beginning() {
        let (mut beginnings, now) = (Beginnings::default(), Instant::now());
        beginnings.push(Stream::Stdout, b"a\nb", now);
        beginnings.push(Stream::Stdout, b"c", now);
        assert_eq!(beginnings.stdout, b"bc");
        assert_eq!(beginnings.changed, Some((Stream::Stdout, now)));
        beginnings.push(Stream::Stderr, b"e", now);
        assert_eq!(beginnings.changed, Some((Stream::Stderr, now)));
        beginnings.push(Stream::Stdout, b"d\n", now);
        assert!(beginnings.stdout.is_empty() && beginnings.changed.is_none());
        beginnings.push(Stream::Stdout, &vec![b'x'; 100_000], now);
        assert_eq!(beginnings.stdout.len(), LONGEST);
    }
}
