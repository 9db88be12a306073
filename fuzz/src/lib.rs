//! One module for each thing that reads what others wrote. Its `run` takes any bytes, and panics or hangs where the reader
//! does, or where what came out breaks a promise.
//!
//! The functions stand here, and not in the fuzz targets, so that the project's own tests can run them over the seeds and
//! over everything that was found (`tests/fuzz`).

#![expect(clippy::unwrap_used, reason = "what panics here is what is looked for")]

pub mod archive;
pub mod config;
pub mod docker_config;
pub mod dockerfile;
pub mod dockerignore;
pub mod elf;
pub mod escape;
pub mod frames;
pub mod layer;
pub mod layout;
pub mod log_file;
pub mod message;
pub mod order;
pub mod record;
pub mod reference;
pub mod template;
pub mod time;
pub mod toolkit;

/// A folder for readers that take paths, in memory where there is such a place.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// The input in parts, which a line `---` divides.
fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    const MARK: &[u8] = b"\n---\n";
    let mut rest = data;
    std::array::from_fn(|index| {
        let at = rest.windows(MARK.len()).position(|window| window == MARK).filter(|_| index + 1 < N);
        let (part, after) = at.map_or((rest, &[][..]), |at| (&rest[..at], &rest[at + MARK.len()..]));
        rest = after;
        part
    })
}

/// The input cut where its own first bytes say, to be fed piece by piece.
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
