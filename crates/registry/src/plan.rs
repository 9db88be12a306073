//! Plans a push. This is a pure function, so that the order can be tested.

use std::collections::BTreeSet;

use scratchdbg_image::json::Document;
use scratchdbg_image::{Digest, ImageError, ImageSet, Layer, TaggedReference};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An object that is stored by its digest.
#[derive(Clone, Debug)]
pub(crate) enum Blob {
    Config(Document),
    Layer(Layer),
}

impl Blob {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Config(document) => document.digest(),
            Self::Layer(layer) => layer.digest(),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Config(document) => document.size(),
            Self::Layer(layer) => layer.size(),
        }
    }
}

/// The part of a push that belongs to one repository.
#[derive(Clone, Debug)]
pub(crate) struct RepositoryPlan {
    pub(crate) registry: String,
    pub(crate) repository: String,
    pub(crate) blobs: Vec<Blob>,
    /// The manifests that indexes refer to, which have no tag of their own.
    pub(crate) unnamed: Vec<Document>,
    pub(crate) named: Vec<Named>,
}

/// A manifest or index, and its tag.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) reference: TaggedReference,
    pub(crate) document: Document,
    pub(crate) media_type: &'static str,
}

/// Returns the repositories of the names in `sets`, in their order, with the objects that each
/// needs, without duplicates.
pub(crate) fn plan(sets: &[ImageSet]) -> Result<Vec<RepositoryPlan>, ImageError> {
    let mut shares: Vec<RepositoryPlan> = Vec::new();
    for set in sets {
        let index = set.index()?;
        for tag in set.tags() {
            let share = plan_of(&mut shares, tag);
            for image in set.images() {
                let config = Blob::Config(image.config_document().clone());
                let blobs = image.layers().iter().cloned().map(Blob::Layer).chain([config]);
                share.add_blobs(blobs);
                if index.is_some() {
                    share.add_unnamed(image.manifest());
                }
            }
            let (document, media_type) = match (&index, set.images().first()) {
                (Some(index), _) => (index.clone(), INDEX),
                (None, Some(image)) => (image.manifest().clone(), MANIFEST),
                (None, None) => return Err(ImageError::EmptySet),
            };
            share.named.push(Named { reference: tag.clone(), document, media_type });
        }
    }
    Ok(shares)
}

fn plan_of<'a>(
    shares: &'a mut Vec<RepositoryPlan>,
    tag: &TaggedReference,
) -> &'a mut RepositoryPlan {
    let there = shares
        .iter()
        .position(|share| share.registry == tag.registry() && share.repository == tag.repository());
    let at = there.unwrap_or_else(|| {
        shares.push(RepositoryPlan {
            registry: tag.registry().to_owned(),
            repository: tag.repository().to_owned(),
            blobs: Vec::new(),
            unnamed: Vec::new(),
            named: Vec::new(),
        });
        shares.len() - 1
    });
    &mut shares[at]
}

impl RepositoryPlan {
    fn add_blobs(&mut self, blobs: impl Iterator<Item = Blob>) {
        let mut there: BTreeSet<Digest> = self.blobs.iter().map(Blob::digest).collect();
        self.blobs.extend(blobs.filter(|blob| there.insert(blob.digest())));
    }

    fn add_unnamed(&mut self, manifest: &Document) {
        if !self.unnamed.contains(manifest) {
            self.unnamed.push(manifest.clone());
        }
    }

    /// Reports whether the repository needs a blob.
    pub(crate) fn has(&self, digest: Digest) -> bool {
        self.blobs.iter().any(|blob| blob.digest() == digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{image, set};

    #[test]
    fn every_repository_gets_what_it_needs_once() {
        let (amd, arm) = (image("amd64", "a"), image("arm64", "b"));
        let sets = [
            set(
                &["r.example/shop/app:1", "r.example/shop/app:2", "other.example/app:1"],
                vec![amd.clone(), arm],
            ),
            set(&["r.example/shop/app:1-debug"], vec![amd.clone()]),
        ];
        let shares = plan(&sets).unwrap();
        let [shop, other] = &shares[..] else { panic!("{shares:?}") };
        assert_eq!(
            (shop.repository.as_str(), other.registry.as_str()),
            ("shop/app", "other.example")
        );
        assert_eq!((shop.blobs.len(), shop.unnamed.len(), shop.named.len()), (4, 2, 3));
        assert_eq!((other.blobs.len(), other.unnamed.len(), other.named.len()), (4, 2, 1));
        let types: Vec<_> =
            shop.named.iter().map(|named| (named.reference.tag(), named.media_type)).collect();
        assert_eq!(types, [("1", INDEX), ("2", INDEX), ("1-debug", MANIFEST)]);
        assert_eq!(shop.named[2].document, *amd.manifest());
        assert!(plan(&[set(&[], vec![amd])]).unwrap().is_empty(), "what has no name goes nowhere");
    }
}
