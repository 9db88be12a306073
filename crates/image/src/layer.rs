//! Layers: their media types, and where their bytes come from.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::compression::compress;
use crate::digest::HashingWriter;
use crate::tree::Tree;
use crate::{Compression, Digest, ImageError, Meter, tar};

/// The prefix of our temporary files, by which a later run recognizes and removes them.
pub(crate) const TEMPORARY_PREFIX: &str = ".scratchdbg-";
const BUFFER: usize = 256 * 1024;

/// A layer of an image. Cheap to clone, so that several images can share it.
#[derive(Clone, Debug)]
pub struct Layer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    diff_id: Digest,
    digest: Digest,
    size: u64,
    media_type: LayerMediaType,
    content: Content,
}

/// The source of the blob, which can be read repeatedly.
#[derive(Debug)]
enum Content {
    /// Serialized again each time.
    Tree { tree: Tree, mtime: u64 },
    /// A temporary file that is deleted with the layer.
    Spooled { file: Spool, meter: Meter },
}

/// A temporary file.
#[derive(Debug)]
enum Spool {
    Named(NamedTempFile),
    /// Deleted when the process ends in any way.
    Unnamed(File),
}

impl Spool {
    fn file(&self) -> &File {
        match self {
            Self::Named(file) => file.as_file(),
            Self::Unnamed(file) => file,
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(file) => file.path(),
            Self::Unnamed(_) => Path::new("the temporary file of a layer"),
        }
    }
}

/// How a layer's tar is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerMediaType {
    /// Uncompressed.
    Tar,
    /// gzip.
    TarGzip,
    /// zstd.
    TarZstd,
}

impl LayerMediaType {
    /// The media type of the OCI image-spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tar => "application/vnd.oci.image.layer.v1.tar",
            Self::TarGzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::TarZstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

impl From<Compression> for LayerMediaType {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::Tar,
            Compression::Gzip(_) => Self::TarGzip,
            Compression::Zstd(_) => Self::TarZstd,
        }
    }
}

impl Layer {
    /// Creates an uncompressed layer. Reads all files of `tree` once to hash them, and again each
    /// time the layer is written. Copies nothing. `mtime` is the modification time of every entry,
    /// in seconds since 1970.
    pub fn from_tree(tree: Tree, mtime: u64) -> Result<Self, ImageError> {
        let mut hasher = HashingWriter::new(io::sink());
        tar::write_tree(&tree, mtime, &mut hasher)?;
        let (digest, size) = hasher.finish();
        let content = Content::Tree { tree, mtime };
        Ok(Self(Arc::new(Inner {
            diff_id: digest,
            digest,
            size,
            media_type: LayerMediaType::Tar,
            content,
        })))
    }

    /// Creates a layer whose compressed blob is kept in a temporary file in `folder`, until the
    /// last clone is dropped. Reads all files of `tree` exactly once. Use it for compression, and
    /// for a layer that becomes a blob of a layout in that folder.
    pub fn spooled(
        tree: &Tree,
        mtime: u64,
        compression: Compression,
        folder: &Path,
    ) -> Result<Self, ImageError> {
        Self::spool_into(tree, mtime, compression, Spool::Named(temporary_file(folder)?))
    }

    /// Like [`Layer::spooled`], with a temporary file without a name, in the default folder for
    /// temporary files.
    pub fn spooled_unnamed(
        tree: &Tree,
        mtime: u64,
        compression: Compression,
    ) -> Result<Self, ImageError> {
        let file = tempfile::tempfile();
        let file =
            file.map_err(|source| ImageError::Store { path: std::env::temp_dir(), source })?;
        Self::spool_into(tree, mtime, compression, Spool::Unnamed(file))
    }

    fn spool_into(
        tree: &Tree,
        mtime: u64,
        compression: Compression,
        file: Spool,
    ) -> Result<Self, ImageError> {
        let mut blob = HashingWriter::new(BufWriter::with_capacity(BUFFER, file.file()));
        let mut diff_id = None;
        compress(compression, &mut blob, |out| {
            if compression == Compression::None {
                return tar::write_tree(tree, mtime, out);
            }
            let mut hasher = HashingWriter::new(out);
            tar::write_tree(tree, mtime, &mut hasher)?;
            diff_id = Some(hasher.finish().0);
            Ok(())
        })?;
        blob.flush().map_err(ImageError::Write)?;
        let (digest, size) = blob.finish();
        let diff_id = diff_id.unwrap_or(digest);
        let (media_type, content) =
            (compression.into(), Content::Spooled { file, meter: tree.meter().clone() });
        Ok(Self(Arc::new(Inner { diff_id, digest, size, media_type, content })))
    }

    /// The digest of the uncompressed tar.
    pub fn diff_id(&self) -> Digest {
        self.0.diff_id
    }

    /// The digest of the blob.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// The size of the blob in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The compression of the blob.
    pub fn media_type(&self) -> LayerMediaType {
        self.0.media_type
    }

    /// Writes the blob. If the bytes no longer match [`Layer::digest`], fails after writing them.
    pub fn write_to(&self, out: &mut dyn Write) -> Result<(), ImageError> {
        let mut hasher = HashingWriter::new(out);
        match &self.0.content {
            Content::Tree { tree, mtime } => tar::write_tree(tree, *mtime, &mut hasher)?,
            Content::Spooled { file, meter } => copy(file, meter, &mut hasher)?,
        }
        let (actual, _) = hasher.finish();
        if actual == self.0.digest {
            Ok(())
        } else {
            Err(ImageError::BlobChanged { expected: self.0.digest, actual })
        }
    }

    /// The named file that contains the blob, if there is one.
    pub(crate) fn spool(&self) -> Option<&Path> {
        match &self.0.content {
            Content::Spooled { file: Spool::Named(file), .. } => Some(file.path()),
            Content::Spooled { file: Spool::Unnamed(_), .. } | Content::Tree { .. } => None,
        }
    }
}

/// Creates a temporary file with the mode of a blob: 0666 without the umask.
pub(crate) fn temporary_file(folder: &Path) -> Result<NamedTempFile, ImageError> {
    let failed = |source| ImageError::Store { path: folder.to_owned(), source };
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .suffix(".tmp")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)
}

fn copy(source: &Spool, meter: &Meter, out: &mut dyn Write) -> Result<(), ImageError> {
    let failed = |error| ImageError::Read { path: source.path().to_owned(), source: error };
    let mut buffer = vec![0; BUFFER];
    let mut at = 0;
    loop {
        // Several clones of a layer may be written at the same time, so the file's shared position
        // is not used.
        match source.file().read_at(&mut buffer, at) {
            Ok(0) => return Ok(()),
            Ok(size) => {
                at += size as u64;
                out.write_all(&buffer[..size]).map_err(ImageError::Write)?;
                meter.add(size);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, FileData, HostFile};

    fn tree() -> Tree {
        let mut tree = Tree::with_root();
        tree.insert("app", Entry::file(FileData::Bytes((*b"app").into()), 0o755)).unwrap();
        tree
    }

    #[test]
    fn a_layer_is_named_by_its_bytes_and_can_be_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let plain = Layer::from_tree(tree(), 0).unwrap();
        let spooled = |compression| Layer::spooled(&tree(), 0, compression, folder.path()).unwrap();
        let layers = [
            plain.clone(),
            spooled(Compression::None),
            spooled(Compression::GZIP),
            spooled(Compression::ZSTD),
        ];
        for layer in &layers {
            for _ in 0..2 {
                let mut out = Vec::new();
                layer.write_to(&mut out).unwrap();
                assert_eq!((Digest::of(&out), out.len() as u64), (layer.digest(), layer.size()));
            }
            assert_eq!(layer.diff_id(), plain.digest());
        }
        assert_eq!(layers[1].digest(), plain.digest());
        assert_ne!(layers[2].digest(), plain.digest());
        drop(layers);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file stays");
    }

    #[test]
    fn a_source_that_changes_under_us_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"one").unwrap();
        let mut tree = Tree::default();
        tree.insert("app", Entry::file(FileData::Host(HostFile::new(file.path()).unwrap()), 0o755))
            .unwrap();
        let layer = Layer::from_tree(tree, 0).unwrap();
        layer.write_to(&mut io::sink()).unwrap();
        std::fs::write(file.path(), b"two").unwrap();
        // The time of a change is as coarse as the kernel's clock.
        let error = layer.write_to(&mut io::sink()).unwrap_err();
        assert!(
            matches!(error, ImageError::BlobChanged { .. } | ImageError::Read { .. }),
            "{error}"
        );
    }
}
