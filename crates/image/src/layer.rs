//! Layers: what they are called and where their bytes come from.

use crate::digest::HashingWriter;
use crate::tree::Tree;
use crate::{Digest, ImageError, tar};
use std::io::{self, Write};
use std::sync::Arc;

/// One layer of an image. Cheap to clone, so that several images can share it.
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

/// Whence the blob can be had, as often as it is wanted.
#[derive(Debug)]
enum Content {
    /// Written anew each time.
    Tree { tree: Tree, mtime: u64 },
}

/// How a layer's tar is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerMediaType {
    /// As it is.
    Tar,
}

impl LayerMediaType {
    /// The media type of the OCI image-spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tar => "application/vnd.oci.image.layer.v1.tar",
        }
    }
}

impl Layer {
    /// An uncompressed layer. Reads all files of `tree` once to hash them, and each time that the layer is written
    /// again; nothing is copied. `mtime` is the modification time of every entry, in seconds since 1970.
    pub fn from_tree(tree: Tree, mtime: u64) -> Result<Self, ImageError> {
        let mut hasher = HashingWriter::new(io::sink());
        tar::write_tree(&tree, mtime, &mut hasher)?;
        let (digest, size) = hasher.finish();
        let content = Content::Tree { tree, mtime };
        Ok(Self(Arc::new(Inner { diff_id: digest, digest, size, media_type: LayerMediaType::Tar, content })))
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

    /// How the blob is packed.
    pub fn media_type(&self) -> LayerMediaType {
        self.0.media_type
    }

    /// Writes the blob. A blob that is no longer the one with [`Layer::digest`] is an error, after it was written.
    pub fn write_to(&self, out: &mut dyn Write) -> Result<(), ImageError> {
        let mut hasher = HashingWriter::new(out);
        match &self.0.content {
            Content::Tree { tree, mtime } => tar::write_tree(tree, *mtime, &mut hasher)?,
        }
        let (actual, _) = hasher.finish();
        if actual == self.0.digest { Ok(()) } else { Err(ImageError::BlobChanged { expected: self.0.digest, actual }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, FileData, HostFile};

    #[test]
    fn a_layer_is_named_by_its_bytes_and_can_be_written_again() {
        let mut tree = Tree::with_root();
        tree.insert("app", Entry::file(FileData::Bytes((*b"app").into()), 0o755)).unwrap();
        let layer = Layer::from_tree(tree, 0).unwrap();
        for _ in 0..2 {
            let mut out = Vec::new();
            layer.write_to(&mut out).unwrap();
            assert_eq!((Digest::of(&out), out.len() as u64), (layer.digest(), layer.size()));
        }
        assert_eq!(layer.diff_id(), layer.digest());
    }

    #[test]
    fn a_source_that_changes_under_us_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"one").unwrap();
        let mut tree = Tree::default();
        tree.insert("app", Entry::file(FileData::Host(HostFile::new(file.path()).unwrap()), 0o755)).unwrap();
        let layer = Layer::from_tree(tree, 0).unwrap();
        layer.write_to(&mut io::sink()).unwrap();
        std::fs::write(file.path(), b"two").unwrap();
        assert!(matches!(layer.write_to(&mut io::sink()), Err(ImageError::BlobChanged { .. })));
    }
}
