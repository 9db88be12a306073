//! The images that a platform stores.

use std::collections::BTreeSet;
use std::io;

use crate::Error;

/// Any error, for what a caller produces.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A platform that stores images.
pub trait ImageBackend: Sync {
    /// Whether the platform shows images at all. Otherwise they are looked at in their registries.
    fn has_images(&self) -> bool {
        true
    }

    /// Finds an image by reference or id. `None` if there is no such image.
    fn image_record(
        &self,
        reference: &str,
    ) -> impl Future<Output = Result<Option<ImageRecord>, Error>> + Send;

    /// Writes an image to `sink`, as an archive that `scratchdbg-image` reads. `sink` should not
    /// block for long.
    fn save_image(
        &self,
        reference: &str,
        sink: &mut (dyn io::Write + Send),
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Loads an image archive, which `produce` writes while it is sent, on a thread that may block.
    fn load_image<E: Into<BoxError>>(
        &self,
        produce: impl FnOnce(&mut dyn io::Write) -> Result<(), E> + Send + 'static,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns the images, by id, whose debug twin the platform has. Each twin is proved by its
    /// layers and settings. `tools` is the `diff_id` of a twin's layer of tools; it is awaited only
    /// if there is a candidate.
    fn with_twins(
        &self,
        images: &[&str],
        tools: impl Future<Output = Option<String>>,
    ) -> impl Future<Output = Result<BTreeSet<String>, Error>>;
}

/// An image of a platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageRecord {
    /// The `diff_id`s of its layers, the lowest first. Empty if the platform does not tell.
    pub layers: Vec<String>,
    /// How many bytes its files have, where the platform tells.
    pub size: Option<u64>,
}
