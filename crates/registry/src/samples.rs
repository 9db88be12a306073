//! Small images for tests.

use std::collections::BTreeMap;

use scratchdbg_image::{Entry, FileData, Image, ImageConfig, ImageSet, Layer, Tree};

/// Returns a layer with one file.
pub(crate) fn layer(content: &str) -> Layer {
    let mut tree = Tree::with_root();
    tree.insert("app", Entry::file(FileData::Bytes(content.as_bytes().into()), 0o755)).unwrap();
    Layer::from_tree(tree, 0).unwrap()
}

/// Returns an image with one layer.
pub(crate) fn image(architecture: &str, content: &str) -> Image {
    image_of(architecture, vec![layer(content)])
}

pub(crate) fn image_of(architecture: &str, layers: Vec<Layer>) -> Image {
    let config = ImageConfig {
        architecture: architecture.into(),
        os: "linux".into(),
        ..ImageConfig::default()
    };
    Image::new(config, layers, BTreeMap::new()).unwrap()
}

pub(crate) fn set(tags: &[&str], images: Vec<Image>) -> ImageSet {
    ImageSet::new(tags.iter().map(|tag| tag.parse().unwrap()).collect(), images).unwrap()
}
