//! Images in a registry: nothing of them is kept.

use std::sync::Arc;

use scratchdbg_image::read::ImageSource;
use scratchdbg_registry::Reference;

use super::Report;
use super::stored::{self, Host};
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::CommandError;
use crate::registry;

pub(super) async fn check(
    subject: String,
    reference: Reference,
    context: &Context,
) -> Result<Vec<Report>, CommandError> {
    let image = Arc::new(registry::pull(&reference, context).await?);
    blocking(move || {
        let source = ImageSource::remote(Arc::clone(&image) as Arc<_>);
        let reports = stored::images(&subject, &source, None, Host::default());
        // What the network did comes before what it made of the image.
        reports.map_err(|error| image.failure().map_or(error, |failure| registry::explain(&failure)))
    })
    .await
}
