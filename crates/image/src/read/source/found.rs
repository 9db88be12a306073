//! The images that were found so far, within limits.

use std::collections::{BTreeSet, HashMap};

use super::super::ReadError;
use super::super::documents::{self, ListedPlatform};
use super::super::image::StoredImage;
use crate::Digest;

/// The maximum number of images that are listed.
const MOST_IMAGES: usize = 10_000;
/// The maximum number of index entries that are read, as indexes may name the same things
/// repeatedly.
const MOST_LISTED: usize = 100_000;
/// The maximum size of all documents together, in bytes.
const LARGEST_DOCUMENTS: u64 = 64 * 1024 * 1024;
/// The images found so far, and the counters for the limits.
#[derive(Default)]
pub(super) struct Found {
    pub(super) images: Vec<StoredImage>,
    /// The position of the image with this manifest digest.
    pub(super) places: HashMap<Digest, usize>,
    listed: usize,
    read: u64,
}

impl Found {
    /// Adds an image, and returns its position.
    pub(super) fn push(&mut self, what: &str, image: StoredImage) -> Result<usize, ReadError> {
        if self.images.len() >= MOST_IMAGES {
            return Err(ReadError::invalid(what, "more than 10,000 images"));
        }
        if let Some(manifest) = &image.manifest {
            self.places.insert(manifest.digest(), self.images.len());
        }
        self.images.push(image);
        Ok(self.images.len() - 1)
    }

    /// Checks that an image is for the platform by which an index lists it.
    pub(super) fn expect_platform(
        &mut self,
        what: &str,
        at: usize,
        listed: &ListedPlatform,
    ) -> Result<(), ReadError> {
        let Some(image) = self.images.get_mut(at) else { return Ok(()) };
        let own = image.config.platform();
        if !listed.agrees(&own) {
            let id = image.config_document.digest();
            let reason = format!(
                "it lists an image for {listed} whose config {id} says that it is for {own}"
            );
            return Err(ReadError::invalid(what, reason));
        }
        if let Some(variant) = listed.variant_left_out_by(&own) {
            image.listed_variant.get_or_insert_with(|| variant.to_owned());
        }
        Ok(())
    }

    /// Checks that an engine can choose only one image for each platform.
    pub(super) fn expect_one_for_each_platform(
        &self,
        what: &str,
        listed: &BTreeSet<usize>,
    ) -> Result<(), ReadError> {
        let mut seen = BTreeSet::new();
        for image in listed.iter().filter_map(|at| self.images.get(*at)) {
            let platform = image.platform();
            // There are images of Windows for several versions of it.
            if !seen.insert(documents::as_engines_compare(&platform)) && platform.os != "windows" {
                return Err(ReadError::invalid(
                    what,
                    format!("it lists two images for {platform}"),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn count_entry(&mut self, what: &str) -> Result<(), ReadError> {
        self.listed += 1;
        if self.listed > MOST_LISTED {
            return Err(ReadError::invalid(
                what,
                "indexes that list more than 100,000 images, counted each time",
            ));
        }
        Ok(())
    }

    pub(super) fn count_bytes(&mut self, what: &str, size: u64) -> Result<(), ReadError> {
        self.read = self.read.saturating_add(size);
        if self.read > LARGEST_DOCUMENTS {
            return Err(ReadError::invalid(
                what,
                "manifests and configs of more than 64 MiB in all",
            ));
        }
        Ok(())
    }
}
