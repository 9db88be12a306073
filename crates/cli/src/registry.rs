//! Registries, as commands use them.

use scratchdbg_registry::{Error, PulledImage, Reference};

use crate::context::Context;
use crate::error::CommandError;

/// What the user means by `registry:TEXT`.
pub(crate) fn reference(text: &str) -> Result<Reference, CommandError> {
    text.parse().map_err(|error: Error| CommandError { code: crate::error::USAGE, ..explain(&error) })
}

/// Finds an image in its registry.
pub(crate) async fn pull(reference: &Reference, context: &Context) -> Result<PulledImage, CommandError> {
    context.registry()?.pull(reference).await.map_err(|error| explain(&error))
}

/// What to do about a registry that does not do as it should.
pub(crate) fn explain(error: &Error) -> CommandError {
    let result = CommandError::new(scratchdbg_backend::chain(error));
    match error.hint() {
        Some(hint) => result.hint(hint),
        None => result,
    }
}
