//! Errors and hints for a failed build.

use scratchdbg_builder::BuildError;
use scratchdbg_builder::dockerfile::DockerfileError;
use scratchdbg_image::ImageError;

use crate::error::{CommandError, USAGE};

/// Explains a binary or a setting that cannot be used in an image.
pub(crate) fn explain(error: &BuildError) -> CommandError {
    let result = CommandError::new(scratchdbg_backend::chain(error));
    if let Some(hint) = error.hint() {
        return result.hint(hint);
    }
    match error {
        BuildError::NoBinary | BuildError::SameTag { .. } => CommandError { code: USAGE, ..result },
        BuildError::InvalidSetting { .. } => CommandError { code: USAGE, ..result }
            .hint("`scratchdbg build --help` lists the options and their forms"),
        _ => result,
    }
}

/// Explains a file or location that cannot be read or written.
pub(crate) fn explain_image(error: &ImageError) -> CommandError {
    let result = CommandError::new(scratchdbg_backend::chain(error));
    match error.hint() {
        Some(hint) => result.hint(hint),
        None => result,
    }
}

/// Explains a Dockerfile that cannot be built without running something.
pub(crate) fn explain_dockerfile(path: &std::path::Path, error: &DockerfileError) -> CommandError {
    CommandError::new(format!("{}: {error}", path.display())).hint(
        "scratchdbg builds Dockerfiles that end in a FROM scratch stage of COPY, ADD and settings; it runs no commands",
    )
}
