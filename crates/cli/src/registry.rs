//! Registries, as commands use them.

use std::sync::Arc;

use scratchdbg_backend::{self as backend, ErrorKind};
use scratchdbg_inspect::{ImageLocation, RegistryImage};
use scratchdbg_registry::{Error, Reference};

use crate::context::Context;
use crate::error::CommandError;

/// Fails where the user names an image of a registry by what cannot be its name.
pub(crate) fn expect_reference(location: &ImageLocation) -> Result<(), CommandError> {
    let ImageLocation::Registry(text) = location else { return Ok(()) };
    let reference = text.parse::<Reference>();
    reference.map(drop).map_err(|error| CommandError { code: crate::error::USAGE, ..explain(&error) })
}

/// Finds an image in its registry.
pub(crate) async fn pull(reference: &str, context: &Context) -> Result<RegistryImage, backend::Error> {
    let reference: Reference = reference.parse().map_err(|error| failed(&error))?;
    let image = Arc::new(context.registry()?.pull(&reference).await.map_err(|error| failed(&error))?);
    Ok(RegistryImage {
        image: Arc::clone(&image) as Arc<_>,
        repository: format!("{}/{}", reference.registry(), reference.repository()),
        failure: Box::new(move || image.failure().map(|error| failed(&error))),
    })
}

/// The same error as of any platform.
fn failed(error: &Error) -> backend::Error {
    let hints = error.hint().into_iter().collect();
    backend::Error { hints, ..backend::Error::new(ErrorKind::Broken, backend::chain(error)) }
}

/// What to do about a registry that does not do as it should.
pub(crate) fn explain(error: &Error) -> CommandError {
    let result = CommandError::new(scratchdbg_backend::chain(error));
    match error.hint() {
        Some(hint) => result.hint(hint),
        None => result,
    }
}
