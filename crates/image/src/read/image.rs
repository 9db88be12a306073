//! One stored image: its documents and layers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ReadError;
use super::exact::{self, CONFIG};
use crate::json::Document;
use crate::{Digest, ImageConfig, LayerMediaType, Platform};

/// A stored image for one platform.
#[derive(Clone, Debug)]
pub struct StoredImage {
    /// Full names, as far as the store has any; a bare tag if that is all it has.
    pub names: Vec<String>,
    /// The parsed config.
    pub config: ImageConfig,
    /// The config document.
    pub config_document: Document,
    /// The manifest document; absent in an archive of `docker save`.
    pub manifest: Option<Document>,
    /// The annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// The layers, from the bottom up.
    pub layers: Vec<StoredLayer>,
    /// The CPU variant in the index, if the config leaves it out.
    pub(super) listed_variant: Option<String>,
}

impl StoredImage {
    /// The platform that the config declares. Of a variant that it leaves out, the index tells.
    pub fn platform(&self) -> Platform {
        let own = self.config.platform();
        match &self.listed_variant {
            Some(variant) => Platform { variant: Some(variant.clone()), ..own },
            None => own,
        }
    }

    /// The config document as a value, for a proof: its keys must be those that engines know, and
    /// each once, as other readers would take others.
    pub fn exact_config(&self) -> Result<Value, ReadError> {
        let what = format!("config {}", self.config_document.digest());
        exact::parse(&what, self.config_document.bytes(), &CONFIG)
    }
}

/// A stored layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLayer {
    /// The path of the blob in the store.
    pub(super) file: String,
    /// The digest of the blob; absent in an archive of `docker save`.
    pub digest: Option<Digest>,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The compression of the blob; `None` if it must be detected from the first bytes.
    pub media_type: Option<LayerMediaType>,
    /// The digest of the uncompressed tar, from the config.
    pub diff_id: Digest,
}

impl StoredLayer {
    /// The layer's name in messages.
    pub(super) fn name(&self) -> String {
        format!("layer {}", self.digest.unwrap_or(self.diff_id))
    }
}

/// Media types of layers, OCI's and Docker's.
pub(super) fn layer_media_type(text: &str) -> Result<LayerMediaType, ReadError> {
    match text {
        "application/vnd.oci.image.layer.v1.tar"
        | "application/vnd.docker.image.rootfs.diff.tar" => Ok(LayerMediaType::Tar),
        "application/vnd.oci.image.layer.v1.tar+gzip"
        | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Ok(LayerMediaType::TarGzip),
        "application/vnd.oci.image.layer.v1.tar+zstd"
        | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Ok(LayerMediaType::TarZstd),
        other => Err(ReadError::invalid(
            "the manifest",
            format!("`{other}` is not the media type of a layer"),
        )),
    }
}
