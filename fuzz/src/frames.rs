//! The engine's log stream.

use scratchdbg_logs::line::{Joining, LineOptions};
use scratchdbg_logs::{Event, FrameError, Framing, Line, LogDecoder};

/// The first four bytes decide how the following stream is cut. The lines must not depend on that.
pub fn run(data: &[u8]) {
    for framing in [Framing::Multiplexed, Framing::Raw] {
        for joining in [Joining::Docker, Joining::UntilNewline] {
            for timestamps in [false, true] {
                let options =
                    LineOptions { framing, joining, timestamps, max_line: 300, in_parts: false };
                let (stream, pieces) = super::chunks(data);
                let whole = decode(options, std::iter::once(stream));
                let cut = decode(options, pieces);
                assert_eq!(whole, cut);
            }
        }
    }
}

type Decoded = (Vec<Line<'static>>, Vec<String>, Result<(), FrameError>);

fn decode<'a>(options: LineOptions, pieces: impl Iterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = LogDecoder::new(options);
    let (mut lines, mut errors, mut end) = (Vec::new(), Vec::new(), Ok(()));
    'stream: for piece in pieces {
        let mut events = decoder.push(piece);
        loop {
            match events.next() {
                Ok(Some(Event::Line(line))) => lines.push(line.into_owned()),
                Ok(Some(Event::DaemonError(text))) => errors.push(text),
                Ok(None) => break,
                Err(error) => {
                    end = Err(error);
                    break 'stream;
                }
            }
        }
    }
    while let Some(line) = decoder.finish_line() {
        lines.push(line.into_owned());
    }
    for line in &lines {
        assert!(line.text.len() <= options.max_line, "{line:?}");
    }
    (lines, errors, end.and_then(|()| decoder.finish()))
}
