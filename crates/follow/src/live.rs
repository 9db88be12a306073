//! Shows incomplete lines: a prompt, or a line that hangs.
//!
//! The log does not contain them, because an engine writes a line only when it is complete. So the
//! container's output is read in parallel with the log, only for incomplete lines. Complete lines
//! come from the log. If the start of a line was already shown, only the rest follows.

use std::convert::Infallible;
use std::io;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use scratchdbg_backend::{ContainerName, Error, LogBackend};
use scratchdbg_logs::frame::{FrameDecoder, FrameEvent};
use scratchdbg_logs::{Framing, Stream};

/// How long a line must be incomplete before it is shown. By then the log has all lines before it.
const SHOW_AFTER: Duration = Duration::from_millis(200);

/// How long to wait before listening again to a container that does not run.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// The maximum length of an incomplete line. Engines split lines at this length.
const MAX_LENGTH: usize = 16 << 10;

/// The incomplete line of each stream.
#[derive(Debug, Default)]
struct IncompleteLines {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The stream with the latest incomplete line, and when it was written. `None` if that line was
    /// completed or shown.
    changed: Option<(Stream, Instant)>,
}

impl IncompleteLines {
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
        let room = MAX_LENGTH.saturating_sub(text.len());
        text.extend_from_slice(&new[..new.len().min(room)]);
        let is_open = !text.is_empty();
        self.changed = is_open.then_some((stream, now));
    }
}

/// Shows incomplete lines of a container, forever. `show` receives the stream and the text, and
/// returns whether the text was shown. If not, it is tried again later.
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
        tokio::time::sleep(RETRY_DELAY).await;
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
    let mut incomplete = IncompleteLines::default();
    loop {
        let due = incomplete.changed.map(|(_, at)| at + SHOW_AFTER);
        tokio::select! {
            piece = stream.next() => match piece.transpose()? {
                None => return Ok(()),
                Some(piece) => {
                    let mut bytes = &piece[..];
                    while let Some(event) = decoder.decode(&mut bytes)? {
                        if let FrameEvent::Data(piece) = event {
                            incomplete.push(piece.stream, piece.payload, Instant::now());
                        }
                    }
                }
            },
            () = crate::reader::until(due) => {
                if let Some((stream, _)) = incomplete.changed.take() {
                    let shown = show(stream, incomplete.of(stream));
                    // The log still has to show an earlier line.
                    if shown.is_ok_and(|shown| !shown) {
                        incomplete.changed = Some((stream, Instant::now()));
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
        let (mut incomplete, now) = (IncompleteLines::default(), Instant::now());
        incomplete.push(Stream::Stdout, b"a\nb", now);
        incomplete.push(Stream::Stdout, b"c", now);
        assert_eq!(incomplete.stdout, b"bc");
        assert_eq!(incomplete.changed, Some((Stream::Stdout, now)));
        incomplete.push(Stream::Stderr, b"e", now);
        assert_eq!(incomplete.changed, Some((Stream::Stderr, now)));
        incomplete.push(Stream::Stdout, b"d\n", now);
        assert!(incomplete.stdout.is_empty() && incomplete.changed.is_none());
        incomplete.push(Stream::Stdout, &vec![b'x'; 100_000], now);
        assert_eq!(incomplete.stdout.len(), MAX_LENGTH);
    }
}
