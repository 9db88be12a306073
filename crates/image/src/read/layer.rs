//! Visits the entries of a stored layer.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::io::{self, BufRead as _, BufReader, Read};

use super::blob::HashingReader;
use super::tar::{Member, TarReader};
use super::{ImageSource, ReadError, StoredLayer};
use crate::LayerMediaType;

const BUFFER: usize = 256 * 1024;
/// The uncompressed size that any layer may have, whatever its compressed size.
const FREE: u64 = 1024 * 1024 * 1024;
/// Beyond that, the maximum ratio of uncompressed to compressed size. Programs compress to a third,
/// a decompression bomb to a thousandth.
const LARGEST_RATIO: u64 = 100;

impl ImageSource {
    /// Passes every entry of `layer` to `visit`, with its data, in the order of the tar. Writes
    /// nothing to disk.
    ///
    /// Data that `visit` does not read are skipped. The digests of the blob and of its content, and
    /// the blob's size, are verified at the end: do not trust anything before this returns `Ok`.
    /// The digests of a [trusted](ImageSource::trusted) source are not verified.
    pub fn visit_layer(
        &self,
        layer: &StoredLayer,
        visit: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let name = layer.name();
        let blob = self.files.blob(&name, &layer.file, layer.digest, layer.size)?;
        let blob = BufReader::with_capacity(BUFFER, blob);
        // Hashing is most of the work. One hash is enough if the blob has no known digest, or the
        // same digest as the content.
        let is_plain = layer.digest == Some(layer.diff_id);
        let mut blob = match layer.digest {
            Some(_) if !is_plain && !self.is_trusted => HashingReader::new(blob),
            _ => HashingReader::counting(blob),
        };
        {
            let unpacked = unpack(&mut blob, layer.media_type)
                .map_err(|error| ReadError::invalid(&name, error.to_string()))?;
            let content = Limited { inner: unpacked, left: limit(layer.size) };
            let mut content = if self.is_trusted {
                HashingReader::counting(content)
            } else {
                HashingReader::new(content)
            };
            walk(&name, &mut content, visit)?;
            if let (Some(diff_id), _) = content.finish()
                && diff_id != layer.diff_id
            {
                let what =
                    format!("the content of {name}, which the config names {},", layer.diff_id);
                return Err(ReadError::DigestMismatch { what, actual: diff_id });
            }
        }
        // Bytes that the decompressor did not read count too.
        let rest = io::copy(&mut blob, &mut io::sink())
            .map_err(|error| ReadError::invalid(&name, error.to_string()))?;
        let (digest, actual) = blob.finish();
        if actual != layer.size {
            return Err(ReadError::SizeMismatch { what: name, expected: layer.size, actual });
        }
        if is_plain && rest > 0 {
            return Err(ReadError::invalid(
                name,
                format!("{rest} bytes behind its content, which alone has its digest"),
            ));
        }
        match (layer.digest, digest) {
            (Some(expected), Some(actual)) if expected != actual => {
                Err(ReadError::DigestMismatch { what: name, actual })
            }
            _ => Ok(()),
        }
    }
}

fn walk(
    name: &str,
    content: &mut dyn Read,
    visit: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut seen = Paths::default();
    let mut tar = TarReader::new(content, name);
    while let Some(member) = tar.next()? {
        if !seen.insert(&(tar.listed(), &member.path)) {
            return Err(ReadError::DuplicatePath {
                path: format!("/{}", member.path),
                layer: name.to_owned(),
            });
        }
        visit(&member, &mut tar)?;
    }
    Ok(())
}

/// The paths of a layer so far, of which there may be a million. Only their hashes are kept, with
/// random keys that an image's author cannot know.
#[derive(Default)]
struct Paths {
    keys: [RandomState; 2],
    hashes: HashSet<[u64; 2]>,
}

impl Paths {
    /// Returns `false` if the path was there already.
    fn insert(&mut self, path: &impl Hash) -> bool {
        let hash = self.keys.each_ref().map(|key| key.hash_one(path));
        self.hashes.insert(hash)
    }
}

fn unpack<'a>(
    blob: impl Read + 'a,
    media_type: Option<LayerMediaType>,
) -> io::Result<Box<dyn Read + 'a>> {
    let mut blob = BufReader::with_capacity(BUFFER, blob);
    let media_type = match media_type {
        Some(media_type) => media_type,
        None => match blob.fill_buf()? {
            [0x1f, 0x8b, ..] => LayerMediaType::TarGzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => LayerMediaType::TarZstd,
            _ => LayerMediaType::Tar,
        },
    };
    Ok(match media_type {
        LayerMediaType::Tar => Box::new(blob),
        LayerMediaType::TarGzip => Box::new(flate2::bufread::MultiGzDecoder::new(blob)),
        LayerMediaType::TarZstd => {
            let mut decoder = zstd::stream::Decoder::with_buffer(blob)?;
            // Every decoder must support windows of 8 MiB (RFC 8878). Larger ones would let the
            // image choose the memory usage.
            decoder.window_log_max(23)?;
            Box::new(decoder)
        }
    })
}

/// The maximum uncompressed size of a blob of `size` bytes.
fn limit(size: u64) -> u64 {
    FREE.max(size.saturating_mul(LARGEST_RATIO))
}

/// Fails when more is read than a layer may contain.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(size as u64).ok_or_else(|| {
            io::Error::other(
                "it unpacks to more than a hundred times its size: reading was given up",
            )
        })?;
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_given_up_early() {
        let mut packed = Vec::new();
        let mut encoder =
            flate2::read::GzEncoder::new(io::repeat(0).take(1 << 24), flate2::Compression::best());
        assert!(encoder.read_to_end(&mut packed).unwrap() < 1 << 17);
        let read = |left| {
            let unpacked = unpack(&packed[..], Some(LayerMediaType::TarGzip)).unwrap();
            io::copy(&mut Limited { inner: unpacked, left }, &mut io::sink())
        };
        assert_eq!(read(1 << 24).unwrap(), 1 << 24);
        assert!(read((1 << 24) - 1).unwrap_err().to_string().contains("more than a hundred times"));
        assert_eq!((limit(0), limit(FREE), limit(u64::MAX)), (FREE, 100 * FREE, u64::MAX));
    }
}
