//! Compresses layers on all cores, to bytes that do not depend on the number of cores.
//!
//! The input is divided into blocks of a fixed size. Each becomes a gzip member (RFC 1952) or zstd
//! frame (RFC 8878) of its own. Both formats define concatenation, and every engine and registry
//! supports it. The compressors are pinned to the patch version, and a test pins their output.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::{fmt, thread};

use crate::ImageError;

/// The size of a block before compression. Larger blocks compress a little better, but cost memory
/// on each core.
const BLOCK: usize = 512 * 1024;
/// The maximum number of workers: memory grows with them, and hashing cannot keep up.
const MOST_WORKERS: usize = 6;

/// How a layer's tar is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: the fastest, and sufficient for an image that stays on this machine.
    #[default]
    None,
    /// gzip, which all tools support. Levels 1 to 12.
    Gzip(u8),
    /// zstd, which Docker supports since 23.0. Levels 1 to 19.
    Zstd(u8),
}

impl Compression {
    /// gzip at the default level: 4% larger than the output of `gzip -6`, in a quarter of the time.
    pub const GZIP: Self = Self::Gzip(1);
    /// zstd at the default level.
    pub const ZSTD: Self = Self::Zstd(3);
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

impl FromStr for Compression {
    type Err = ImageError;

    /// `none`, `gzip`, `gzip:N`, `zstd` or `zstd:N`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || ImageError::InvalidCompression { text: text.to_owned() };
        let (name, level) = match text.split_once(':') {
            None => (text, None),
            Some((name, level)) => (name, Some(level.parse::<u8>().map_err(|_| invalid())?)),
        };
        match (name, level) {
            ("none", None) => Ok(Self::None),
            ("gzip", None) => Ok(Self::GZIP),
            ("zstd", None) => Ok(Self::ZSTD),
            ("gzip", Some(level @ 1..=12)) => Ok(Self::Gzip(level)),
            ("zstd", Some(level @ 1..=19)) => Ok(Self::Zstd(level)),
            _ => Err(invalid()),
        }
    }
}

/// Compresses the output of `produce` into `out`.
pub(crate) fn compress(
    compression: Compression,
    out: &mut (dyn Write + Send),
    produce: impl FnOnce(&mut dyn Write) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    match compression {
        Compression::None => produce(out),
        Compression::Gzip(level) => in_parallel(out, produce, workers(), || Gzip::new(level)),
        Compression::Zstd(level) => {
            in_parallel(out, produce, workers().min(zstd_workers(level)), || Zstd::new(level))
        }
    }
}

fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS)
}

/// The higher levels take up to 16 MiB for each worker.
fn zstd_workers(level: u8) -> usize {
    match level {
        0..=9 => MOST_WORKERS,
        10..=15 => 2,
        _ => 1,
    }
}

/// Compresses one block to a self-contained member or frame.
trait BlockCompressor {
    fn compress(&mut self, block: &[u8]) -> io::Result<Vec<u8>>;
}

struct Gzip {
    compressor: libdeflater::Compressor,
    /// Room for the worst case, which is rare. Results are copied out, so that queued results are
    /// small.
    buffer: Vec<u8>,
}

impl Gzip {
    fn new(level: u8) -> io::Result<Self> {
        let level = libdeflater::CompressionLvl::new(i32::from(level))
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "gzip has levels 1 to 12"))?;
        let mut compressor = libdeflater::Compressor::new(level);
        let buffer = vec![0; compressor.gzip_compress_bound(BLOCK)];
        Ok(Self { compressor, buffer })
    }
}

impl BlockCompressor for Gzip {
    fn compress(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        let size =
            self.compressor.gzip_compress(block, &mut self.buffer).map_err(io::Error::other)?;
        Ok(self.buffer[..size].to_vec())
    }
}

struct Zstd(zstd::bulk::Compressor<'static>);

impl Zstd {
    fn new(level: u8) -> io::Result<Self> {
        zstd::bulk::Compressor::new(i32::from(level)).map(Self)
    }
}

impl BlockCompressor for Zstd {
    fn compress(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        self.0.compress(block)
    }
}

type Numbered = (usize, Vec<u8>);

/// This thread divides the input into blocks, `workers` threads compress them, and another thread
/// writes the results in order. The channels are short, so that a slow disk blocks the producers
/// instead of filling memory.
fn in_parallel<C: BlockCompressor>(
    out: &mut (dyn Write + Send),
    produce: impl FnOnce(&mut dyn Write) -> Result<(), ImageError>,
    workers: usize,
    new: impl Fn() -> io::Result<C> + Sync,
) -> Result<(), ImageError> {
    let (blocks, queue) = sync_channel::<Numbered>(workers);
    let (results, ordered) = sync_channel::<io::Result<Numbered>>(workers);
    let queue = Arc::new(Mutex::new(queue));
    thread::scope(|scope| {
        for _ in 0..workers {
            let (queue, results, new) = (Arc::clone(&queue), results.clone(), &new);
            scope.spawn(move || work(&queue, &results, new));
        }
        // Keep only the workers' ends: when they are gone, the other side of each channel notices.
        drop((queue, results));
        let writer = scope.spawn(move || write_in_order(&ordered, out));
        let mut cutter = Cutter { block: Vec::with_capacity(BLOCK), number: 0, blocks };
        let produced =
            produce(&mut cutter).and_then(|()| cutter.finish().map_err(ImageError::Write));
        drop(cutter);
        let written =
            writer.join().unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")));
        // If writing failed, the cutter's own error only says that the channel is closed.
        written.map_err(ImageError::Write).and(produced)
    })
}

fn work<C: BlockCompressor>(
    queue: &Mutex<Receiver<Numbered>>,
    results: &SyncSender<io::Result<Numbered>>,
    new: impl Fn() -> io::Result<C>,
) {
    let mut compressor = match new() {
        Ok(compressor) => compressor,
        Err(error) => return drop(results.send(Err(error))),
    };
    loop {
        let next = queue.lock().ok().and_then(|queue| queue.recv().ok());
        let Some((number, block)) = next else { return };
        let result = compressor.compress(&block).map(|compressed| (number, compressed));
        if results.send(result).is_err() {
            return;
        }
    }
}

fn write_in_order(
    results: &Receiver<io::Result<Numbered>>,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let mut early = BTreeMap::new();
    let mut expected = 0;
    for result in results {
        let (number, compressed) = result?;
        early.insert(number, compressed);
        while let Some(compressed) = early.remove(&expected) {
            out.write_all(&compressed)?;
            expected += 1;
        }
    }
    Ok(())
}

/// Collects written bytes into blocks.
struct Cutter {
    block: Vec<u8>,
    number: usize,
    blocks: SyncSender<Numbered>,
}

impl Cutter {
    fn send(&mut self) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.number += 1;
        self.blocks.send((self.number - 1, block)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Passes on the rest: at least one block, because an output without a member is not gzip.
    fn finish(&mut self) -> io::Result<()> {
        if self.block.is_empty() && self.number > 0 { Ok(()) } else { self.send() }
    }
}

impl Write for Cutter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let taken = buffer.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&buffer[..taken]);
        if self.block.len() == BLOCK {
            self.send()?;
        }
        Ok(taken)
    }

    /// Flushing must not end a block early: block boundaries determine the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;
    use std::io::Read as _;

    /// Deterministic text that compresses somewhat, and is longer than a few blocks.
    fn sample(size: usize) -> Vec<u8> {
        let mut state = 1u32;
        let bytes = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"etaoinshrdlucmfw"[(state >> 28) as usize]
        });
        bytes.take(size).collect()
    }

    fn gzip(data: &[u8], workers: usize) -> Vec<u8> {
        let mut out = Vec::new();
        in_parallel(
            &mut out,
            |w| w.write_all(data).map_err(ImageError::Write),
            workers,
            || Gzip::new(1),
        )
        .unwrap();
        out
    }

    #[test]
    fn another_reader_finds_the_same_bytes() {
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let data = sample(size);
            for compression in
                [Compression::None, Compression::GZIP, Compression::Gzip(6), Compression::ZSTD]
            {
                let mut packed = Vec::new();
                compress(compression, &mut packed, |w| {
                    w.write_all(&data).map_err(ImageError::Write)
                })
                .unwrap();
                let mut back = Vec::new();
                match compression {
                    Compression::None => back = packed,
                    Compression::Gzip(_) => {
                        flate2::read::MultiGzDecoder::new(&packed[..])
                            .read_to_end(&mut back)
                            .map(|_| ())
                            .unwrap();
                    }
                    Compression::Zstd(_) => {
                        zstd::stream::copy_decode(&packed[..], &mut back).unwrap();
                    }
                }
                assert_eq!(Digest::of(&back), Digest::of(&data), "{compression} {size}");
            }
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_cores() {
        let data = sample(9 * BLOCK + 1);
        let one = gzip(&data, 1);
        assert!((2..=8).all(|workers| gzip(&data, workers) == one));
    }

    /// These change only together with the pinned compressors, and `LAYOUT_VERSION` of the builder
    /// with them.
    #[test]
    fn the_bytes_are_those_of_the_pinned_compressors() {
        let data = sample(2 * BLOCK + 1000);
        let digests =
            [Compression::GZIP, Compression::Gzip(6), Compression::ZSTD].map(|compression| {
                let mut packed = Vec::new();
                compress(compression, &mut packed, |w| {
                    w.write_all(&data).map_err(ImageError::Write)
                })
                .unwrap();
                Digest::of(&packed).short()
            });
        assert_eq!(digests, ["601dc3b9fa70", "b3f438a52c9b", "f150fb06b0ae"]);
    }

    #[test]
    fn gzip_headers_name_no_time_and_no_file() {
        // RFC 1952: deflate, no flags, no time, then the level, and "unknown" as the operating
        // system.
        assert_eq!(gzip(b"x", 1)[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_true_reason_is_reported() {
        let data = sample(20 * BLOCK);
        let error = compress(Compression::GZIP, &mut Full, |w| {
            w.write_all(&data).map_err(ImageError::Write)
        });
        assert!(
            matches!(error, Err(ImageError::Write(e)) if e.kind() == io::ErrorKind::StorageFull)
        );
        let error = compress(Compression::GZIP, &mut io::sink(), |_| Err(ImageError::NoLayers));
        assert!(matches!(error, Err(ImageError::NoLayers)));
    }

    #[test]
    fn text_form() {
        for (text, compression) in [
            ("none", Compression::None),
            ("gzip", Compression::GZIP),
            ("gzip:9", Compression::Gzip(9)),
            ("zstd:19", Compression::Zstd(19)),
        ] {
            assert_eq!(text.parse::<Compression>().unwrap(), compression);
            assert_eq!(compression.to_string().parse::<Compression>().unwrap(), compression);
        }
        for text in ["", "gzip:0", "gzip:13", "zstd:20", "none:1", "gzip:", "xz", "gzip:1:2"] {
            assert!(text.parse::<Compression>().is_err(), "{text}");
        }
    }
}
