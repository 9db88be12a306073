//! Images, and sets of images with names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oci_spec::image::{
    Descriptor, ImageIndex, ImageIndexBuilder, ImageManifest, ImageManifestBuilder, MediaType,
};

use crate::config::ImageConfig;
use crate::json::Document;
use crate::{Digest, ImageError, Layer, Platform, TaggedReference};

/// An image for one platform: config, manifest and layers that match each other.
#[derive(Clone, Debug)]
pub struct Image {
    config: ImageConfig,
    config_document: Document,
    manifest: Document,
    layers: Vec<Layer>,
}

impl Image {
    /// Creates an image. Fills in `rootfs` of the config from the layers. If the config has a
    /// history, it must describe as many layers as there are. `annotations` are those of the
    /// manifest.
    pub fn new(
        mut config: ImageConfig,
        layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, ImageError> {
        if layers.is_empty() {
            return Err(ImageError::NoLayers);
        }
        let history = config.history.iter().filter(|step| !step.empty_layer).count();
        if !config.history.is_empty() && history != layers.len() {
            return Err(ImageError::HistoryMismatch { history, layers: layers.len() });
        }
        config.rootfs.diff_ids = layers.iter().map(Layer::diff_id).collect();
        let config_document = Document::of(&config, "the image config")?;
        let manifest =
            Document::of(&manifest(&config_document, &layers, annotations)?, "the image manifest")?;
        Ok(Self { config, config_document, manifest, layers })
    }

    /// The parsed config.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// The config document. Its digest is what Docker calls the image id.
    pub fn config_document(&self) -> &Document {
        &self.config_document
    }

    /// The manifest document.
    pub fn manifest(&self) -> &Document {
        &self.manifest
    }

    /// The layers, from the bottom up.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The platform of the image.
    pub fn platform(&self) -> Platform {
        self.config.platform()
    }

    /// The descriptor of this image in an index.
    pub(crate) fn descriptor(&self) -> Result<Descriptor, ImageError> {
        let mut descriptor =
            descriptor(MediaType::ImageManifest, self.manifest.size(), self.manifest.digest())?;
        descriptor.set_platform(Some(self.platform().descriptor_form()));
        Ok(descriptor)
    }
}

fn manifest(
    config: &Document,
    layers: &[Layer],
    annotations: BTreeMap<String, String>,
) -> Result<ImageManifest, ImageError> {
    let layers = layers.iter().map(|layer| {
        descriptor(MediaType::from(layer.media_type().as_str()), layer.size(), layer.digest())
    });
    let mut builder = ImageManifestBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageManifest)
        .config(descriptor(MediaType::ImageConfig, config.size(), config.digest())?)
        .layers(layers.collect::<Result<Vec<_>, _>>()?);
    if !annotations.is_empty() {
        builder = builder.annotations(annotations.into_iter().collect::<HashMap<_, _>>());
    }
    builder.build().map_err(|error| unwritable("the image manifest", error))
}

/// Creates a descriptor of the OCI image-spec.
pub(crate) fn descriptor(
    media_type: MediaType,
    size: u64,
    digest: Digest,
) -> Result<Descriptor, ImageError> {
    let digest: oci_spec::image::Digest =
        digest.to_string().parse().map_err(|error| unwritable("a descriptor", error))?;
    Ok(Descriptor::new(media_type, size, digest))
}

/// Creates an index of the OCI image-spec.
pub(crate) fn index(manifests: Vec<Descriptor>) -> Result<ImageIndex, ImageError> {
    ImageIndexBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageIndex)
        .manifests(manifests)
        .build()
        .map_err(|error| unwritable("the image index", error))
}

fn unwritable(what: &'static str, error: impl std::fmt::Display) -> ImageError {
    ImageError::Json { what, source: serde::ser::Error::custom(error) }
}

/// One image for each platform, with common names.
#[derive(Clone, Debug)]
pub struct ImageSet {
    tags: Vec<TaggedReference>,
    images: Vec<Image>,
}

impl ImageSet {
    /// `images` must not be empty, and each platform must occur once. `tags` may be empty.
    pub fn new(tags: Vec<TaggedReference>, images: Vec<Image>) -> Result<Self, ImageError> {
        if images.is_empty() {
            return Err(ImageError::EmptySet);
        }
        let mut platforms = BTreeSet::new();
        for image in &images {
            if !platforms.insert(image.platform()) {
                return Err(ImageError::DuplicatePlatform {
                    platform: image.platform().to_string(),
                });
            }
        }
        Ok(Self { tags, images })
    }

    /// The names.
    pub fn tags(&self) -> &[TaggedReference] {
        &self.tags
    }

    /// The images, one per platform.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The index that lists the images, if there are several.
    pub fn index(&self) -> Result<Option<Document>, ImageError> {
        if self.images.len() == 1 {
            return Ok(None);
        }
        let manifests = self.images.iter().map(Image::descriptor).collect::<Result<Vec<_>, _>>()?;
        Document::of(&index(manifests)?, "the image index").map(Some)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Entry, FileData, History, Tree};

    /// An image of one small layer.
    pub(crate) fn sample(architecture: &str, content: &str) -> Image {
        let mut tree = Tree::with_root();
        tree.insert("app", Entry::file(FileData::Bytes(content.as_bytes().into()), 0o755)).unwrap();
        let layer = Layer::from_tree(tree, 0).unwrap();
        let config = ImageConfig {
            architecture: architecture.into(),
            os: "linux".into(),
            ..ImageConfig::default()
        };
        Image::new(config, vec![layer], BTreeMap::new()).unwrap()
    }

    #[test]
    fn the_parts_name_each_other() {
        let image = sample("amd64", "x");
        let manifest: serde_json::Value = serde_json::from_slice(image.manifest().bytes()).unwrap();
        let layer = &image.layers()[0];
        assert_eq!(manifest["schemaVersion"], 2);
        assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
        assert_eq!(manifest["config"]["digest"], image.config_document().digest().to_string());
        assert_eq!(manifest["layers"][0]["digest"], layer.digest().to_string());
        assert_eq!(manifest["layers"][0]["size"], layer.size());
        assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar");
        assert_eq!(manifest.get("annotations"), None);
        let config: serde_json::Value =
            serde_json::from_slice(image.config_document().bytes()).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], layer.diff_id().to_string());
    }

    #[test]
    fn annotations_do_not_make_the_manifest_random() {
        let image = sample("amd64", "x");
        let annotations: BTreeMap<_, _> =
            (0..9).map(|n| (format!("key{n}"), n.to_string())).collect();
        let make = || {
            Image::new(image.config().clone(), image.layers().to_vec(), annotations.clone())
                .unwrap()
                .manifest()
                .digest()
        };
        let first = make();
        assert!((0..50).all(|_| make() == first));
        assert_ne!(first, image.manifest().digest());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let image = sample("amd64", "x");
        let make = |history: Vec<History>, layers: &[Layer]| {
            let config = ImageConfig { history, ..image.config().clone() };
            Image::new(config, layers.to_vec(), BTreeMap::new())
        };
        let (full, empty) =
            (History::default(), History { empty_layer: true, ..History::default() });
        assert!(make(vec![full.clone(), empty.clone()], image.layers()).is_ok());
        assert!(matches!(
            make(vec![empty], image.layers()),
            Err(ImageError::HistoryMismatch { history: 0, layers: 1 })
        ));
        assert!(matches!(
            make(vec![full.clone(), full], image.layers()),
            Err(ImageError::HistoryMismatch { .. })
        ));
        assert!(matches!(make(vec![], &[]), Err(ImageError::NoLayers)));
        assert!(matches!(ImageSet::new(vec![], vec![]), Err(ImageError::EmptySet)));
        let twice = ImageSet::new(vec![], vec![sample("arm64", "a"), sample("arm64", "b")]);
        assert!(
            matches!(twice, Err(ImageError::DuplicatePlatform { platform }) if platform == "linux/arm64")
        );
        assert!(ImageSet::new(vec![], vec![sample("arm64", "a"), sample("amd64", "a")]).is_ok());
    }
}
