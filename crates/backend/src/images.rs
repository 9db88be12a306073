//! The images that a platform holds.

use std::collections::BTreeSet;
use std::io;

use crate::Error;

/// Any error, for what a caller produces.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A platform that holds images: hands them out, and takes them in.
pub trait ImageBackend: Sync {
    /// Finds an image by reference or id. `None` when the platform has none.
    fn image_record(&self, reference: &str) -> impl Future<Output = Result<Option<ImageRecord>, Error>> + Send;

    /// Writes an image to `sink`, as an archive that `scratchdbg-image` reads. `sink` should not block for long.
    fn save_image(
        &self,
        reference: &str,
        sink: &mut (dyn io::Write + Send),
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes in an image archive, which `produce` writes while it is sent. It runs on a thread that may block.
    fn load_image<E: Into<BoxError>>(
        &self,
        produce: impl FnOnce(&mut dyn io::Write) -> Result<(), E> + Send + 'static,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Those of these images, by id, of which the platform has the debug twin, proved. `tools` is the `diff_id` of the layer
    /// of tools that a twin has; it is asked for only where there is a candidate.
    fn with_twins(
        &self,
        images: &[&str],
        tools: impl Future<Output = Option<String>>,
    ) -> impl Future<Output = Result<BTreeSet<String>, Error>>;
}

/// An image of a platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageRecord {
    /// Its layers, the lowest first, by the digests of what is in them. Empty where the platform does not tell.
    pub layers: Vec<String>,
}
