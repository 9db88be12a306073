//! Verifies a pair: that a debug image is its production image and one more layer.

use std::collections::HashSet;

use scratchdbg_builder::verify::{Subject, Verification, verify as compare};
use scratchdbg_image::Platform;
use scratchdbg_image::read::{ReadError, StoredImage};

use crate::blocking::blocking;
use crate::open::{OpenImage, open};
use crate::{Error, ImageLocation, Sources};

/// Compares two images for each platform of the production image, or for the wanted one. Platforms
/// that differ come first.
pub async fn verify(
    production: ImageLocation,
    debug: ImageLocation,
    wanted: Option<Platform>,
    sources: &impl Sources,
) -> Result<Vec<(Platform, Verification)>, Error> {
    let production = Stored::open(production, sources).await?;
    let debug = Stored::open(debug, sources).await?;
    blocking(move || verify_all(&production, &debug, wanted.as_ref())).await
}

/// An image for one platform or several.
struct Stored {
    opened: OpenImage,
    images: Vec<StoredImage>,
}

impl Stored {
    async fn open(location: ImageLocation, sources: &impl Sources) -> Result<Self, Error> {
        let mut opened = open(location, sources).await?;
        blocking(move || {
            let images = opened.images()?;
            if let Some(wanted) = &opened.wanted {
                opened.name = format!("{}:{wanted}", opened.name);
            }
            one_name(&opened.name, &images)?;
            one_for_each_platform(&images).map_err(|error| opened.explain(error))?;
            Ok(Self { opened, images })
        })
        .await
    }

    /// The name that the user gave.
    fn name(&self) -> String {
        self.opened.name.clone()
    }

    /// The platforms of the image.
    fn platforms(&self) -> Vec<Platform> {
        self.images.iter().map(StoredImage::platform).collect()
    }

    /// Returns the image for one platform.
    fn image(&self, platform: &Platform) -> Result<&StoredImage, Error> {
        let found = self.images.iter().find(|image| image.platform() == *platform);
        found.ok_or_else(|| Error::NotFor {
            name: self.name(),
            wanted: platform.clone(),
            available: self.platforms().iter().map(ToString::to_string).collect(),
        })
    }

    fn subject(
        &self,
        image: &StoredImage,
        shared: Option<(&StoredImage, &Subject)>,
    ) -> Result<Subject, Error> {
        Subject::read_beside(&self.opened.source, image, shared)
            .map_err(|error| self.opened.explain(error))
    }
}

/// Fails unless all images are one image for several platforms.
fn one_name(name: &str, images: &[StoredImage]) -> Result<(), Error> {
    let Some(first) = images.first() else { return Err(Error::Empty { name: name.to_owned() }) };
    if images.iter().all(|image| image.names == first.names) {
        return Ok(());
    }
    let mut names: Vec<String> = images.iter().flat_map(|image| &image.names).cloned().collect();
    names.dedup();
    Err(Error::SeveralImages { name: name.to_owned(), images: names })
}

/// Fails unless a platform tells which image is meant. Images without names are told apart by
/// nothing else.
fn one_for_each_platform(images: &[StoredImage]) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    let Some(again) = images.iter().find(|image| !seen.insert(image.platform())) else {
        return Ok(());
    };
    let what = format!("config {}", again.config_document.digest());
    Err(ReadError::Invalid {
        what,
        reason: format!("it is the second one for {}", again.platform()),
    })
}

/// Compares the images of each platform.
fn verify_all(
    production: &Stored,
    debug: &Stored,
    wanted: Option<&Platform>,
) -> Result<Vec<(Platform, Verification)>, Error> {
    let platforms = match wanted {
        Some(platform) => vec![platform.clone()],
        None => production.platforms(),
    };
    let mut results = Vec::new();
    for platform in platforms {
        let (prod_image, debug_image) = (production.image(&platform)?, debug.image(&platform)?);
        let prod_subject = production.subject(prod_image, None)?;
        // Fetch a layer that both images have once: it may be hundreds of megabytes.
        let shared =
            production.opened.is_beside(&debug.opened).then_some((prod_image, &prod_subject));
        let debug_subject = debug.subject(debug_image, shared)?;
        results.push((platform, compare(&prod_subject, &debug_subject)));
    }
    let more =
        debug.platforms().into_iter().find(|platform| !production.platforms().contains(platform));
    if let (None, Some(platform)) = (wanted, more) {
        return Err(Error::AlsoFor {
            debug: debug.name(),
            platform,
            production: production.name(),
        });
    }
    results.sort_by_key(|(_, result)| result.ok);
    Ok(results)
}
