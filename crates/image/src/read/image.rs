//! One stored image: its documents, and what they say about its layers.

use super::ReadError;
use crate::json::Document;
use crate::{Digest, ImageConfig, LayerMediaType, Platform};
use std::collections::BTreeMap;

/// An image as it is stored for one platform.
#[derive(Clone, Debug)]
pub struct StoredImage {
    /// Full names, as far as the store gives any; a bare tag where it has no more.
    pub names: Vec<String>,
    /// The config as a value.
    pub config: ImageConfig,
    /// The config as it is stored.
    pub config_document: Document,
    /// The manifest as it is stored; an archive of `docker save` has none.
    pub manifest: Option<Document>,
    /// The annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// The layers, from the bottom up.
    pub layers: Vec<StoredLayer>,
}

impl StoredImage {
    /// What the config says that it runs on.
    pub fn platform(&self) -> Platform {
        self.config.platform()
    }
}

/// A layer as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLayer {
    /// The path of the blob in the store.
    pub(super) file: String,
    /// The digest of the blob; an archive of `docker save` does not say.
    pub digest: Option<Digest>,
    /// The size of the blob in bytes.
    pub size: u64,
    /// How the blob is packed; `None`: to be seen from its first bytes.
    pub media_type: Option<LayerMediaType>,
    /// The digest of the uncompressed tar, from the config.
    pub diff_id: Digest,
}

impl StoredLayer {
    /// The layer in words, for messages.
    pub(super) fn name(&self) -> String {
        format!("layer {}", self.digest.unwrap_or(self.diff_id))
    }
}

/// Media types of layers, OCI's and Docker's.
pub(super) fn layer_media_type(text: &str) -> Result<LayerMediaType, ReadError> {
    match text {
        "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => {
            Ok(LayerMediaType::Tar)
        }
        "application/vnd.oci.image.layer.v1.tar+gzip" | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            Ok(LayerMediaType::TarGzip)
        }
        "application/vnd.oci.image.layer.v1.tar+zstd" | "application/vnd.docker.image.rootfs.diff.tar.zstd" => {
            Ok(LayerMediaType::TarZstd)
        }
        other => Err(ReadError::invalid("the manifest", format!("`{other}` is not the media type of a layer"))),
    }
}
