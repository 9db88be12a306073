//! Registries for commands.

use std::sync::Arc;

use scratchdbg_backend::{self as backend, ErrorKind};
use scratchdbg_inspect::{ImageLocation, RegistryImage};
use scratchdbg_registry::{Error, Reference};

use crate::context::Context;
use crate::error::CommandError;

/// Fails if the user's name for an image in a registry is invalid.
pub(crate) fn expect_reference(location: &ImageLocation) -> Result<(), CommandError> {
    let ImageLocation::Registry(text) = location else { return Ok(()) };
    let reference = text.parse::<Reference>();
    reference
        .map(drop)
        .map_err(|error| CommandError { code: crate::error::USAGE, ..explain(&error) })
}

/// Finds an image in its registry.
pub(crate) async fn pull(
    reference: &str,
    context: &Context,
) -> Result<RegistryImage, backend::Error> {
    let reference: Reference = reference.parse().map_err(|error| failed(&error))?;
    let image =
        Arc::new(context.registry()?.pull(&reference).await.map_err(|error| failed(&error))?);
    Ok(RegistryImage {
        image: Arc::clone(&image) as Arc<_>,
        repository: format!("{}/{}", reference.registry(), reference.repository()),
        failure: Box::new(move || image.failure().map(|error| failed(&error))),
    })
}

/// Converts a registry's error to the error type of all platforms.
fn failed(error: &Error) -> backend::Error {
    let kind = match error {
        Error::Unreachable { .. } | Error::Silent { .. } | Error::Tls { .. } => {
            ErrorKind::Unreachable
        }
        _ => ErrorKind::Broken,
    };
    let hints = error.hint().into_iter().collect();
    backend::Error { hints, ..backend::Error::new(kind, backend::chain(error)) }
}

/// Explains an error of a registry.
pub(crate) fn explain(error: &Error) -> CommandError {
    let result = CommandError::new(scratchdbg_backend::chain(error));
    match error.hint() {
        Some(hint) => result.hint(hint),
        None => result,
    }
}
