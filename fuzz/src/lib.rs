//! One module for each reader of untrusted input. Its `run` accepts any bytes, and panics or hangs
//! if the reader does, or if the result breaks a guarantee.
//!
//! The functions are here and not in the fuzz targets, so that the project's own tests can run them
//! with the seeds and with every finding (`tests/fuzz`).

#![expect(clippy::unwrap_used, reason = "what panics here is what is looked for")]

pub mod archive;
pub mod config;
pub mod copied;
pub mod docker_config;
pub mod dockerfile;
pub mod dockerignore;
pub mod elf;
pub mod escape;
pub mod frames;
pub mod layer;
pub mod layout;
pub mod log_file;
pub mod manifest;
pub mod message;
pub mod order;
pub mod record;
pub mod reference;
pub mod template;
pub mod time;
pub mod toolkit;

/// Returns a directory for readers that need paths, in memory if possible.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Splits the input at lines `---`.
fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    const MARK: &[u8] = b"\n---\n";
    let mut rest = data;
    std::array::from_fn(|index| {
        let at =
            rest.windows(MARK.len()).position(|window| window == MARK).filter(|_| index + 1 < N);
        let (part, after) =
            at.map_or((rest, &[][..]), |at| (&rest[..at], &rest[at + MARK.len()..]));
        rest = after;
        part
    })
}

/// Cuts the input as its first bytes decide, to be passed piece by piece.
fn chunks(data: &[u8]) -> (&[u8], impl Iterator<Item = &[u8]>) {
    let (cuts, stream) = data.split_at(data.len().min(4));
    let mut rest = stream;
    let mut sizes = cuts.iter().map(|&size| usize::from(size) + 1).cycle();
    let pieces = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = sizes.next().unwrap_or(1).min(rest.len());
        let (piece, after) = rest.split_at(size);
        rest = after;
        Some(piece)
    });
    (stream, pieces)
}
