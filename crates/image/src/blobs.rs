//! The stored form of a set of images: blobs and index entries.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image::{Descriptor, MediaType};

use crate::json::Document;
use crate::{Digest, Image, ImageError, ImageSet, Layer, annotation};

/// The content of `oci-layout` (OCI image-spec, image-layout).
pub(crate) const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// One blob.
pub(crate) enum Blob {
    Document(Document),
    Layer(Layer),
}

/// All blobs of some image sets, each once, and the entries of `index.json`.
pub(crate) struct Blobs {
    pub(crate) by_digest: BTreeMap<Digest, Blob>,
    pub(crate) roots: Vec<Descriptor>,
}

impl Blobs {
    pub(crate) fn of(sets: &[ImageSet]) -> Result<Self, ImageError> {
        let mut blobs = Self { by_digest: BTreeMap::new(), roots: Vec::new() };
        for set in sets {
            for image in set.images() {
                blobs.add_image(image);
            }
            let root = match (set.index()?, set.images().first()) {
                (Some(index), _) => blobs.add_index(index)?,
                (None, Some(image)) => image.descriptor()?,
                (None, None) => return Err(ImageError::EmptySet),
            };
            if set.tags().is_empty() {
                blobs.roots.push(root.clone());
            }
            for tag in set.tags() {
                let mut named = root.clone();
                named.set_annotations(Some(HashMap::from([
                    (annotation::CONTAINERD_NAME.to_owned(), tag.to_string()),
                    (annotation::REF_NAME.to_owned(), tag.tag().to_owned()),
                ])));
                blobs.roots.push(named);
            }
        }
        Ok(blobs)
    }

    fn add_image(&mut self, image: &Image) {
        for document in [image.config_document(), image.manifest()] {
            self.by_digest.insert(document.digest(), Blob::Document(document.clone()));
        }
        for layer in image.layers() {
            self.by_digest.insert(layer.digest(), Blob::Layer(layer.clone()));
        }
    }

    fn add_index(&mut self, document: Document) -> Result<Descriptor, ImageError> {
        let descriptor =
            crate::image::descriptor(MediaType::ImageIndex, document.size(), document.digest())?;
        self.by_digest.insert(document.digest(), Blob::Document(document));
        Ok(descriptor)
    }
}
