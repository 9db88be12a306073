//! The engine's own log files.

use scratchdbg_logs::file::{FileDecoder, FileEvent, FileFormat};

/// The first four bytes decide how the following file is cut. The lines must not depend on that,
/// and every byte must be part of a record or of a damaged place.
pub fn run(data: &[u8]) {
    for format in [FileFormat::JsonFile, FileFormat::Local] {
        for tty in [false, true] {
            let (file, pieces) = super::chunks(data);
            let whole = decode(FileDecoder::new(format, tty, 300), std::iter::once(file));
            let cut = decode(FileDecoder::new(format, tty, 300), pieces);
            assert_eq!(whole, cut);
        }
    }
}

fn decode<'a>(mut decoder: FileDecoder, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut events = Vec::new();
    let mut take = |event: FileEvent<'_>| events.push(format!("{event:?}"));
    for piece in pieces {
        decoder.push(piece, &mut take);
    }
    decoder.finish(&mut take);
    events
}
