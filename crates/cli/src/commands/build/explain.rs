//! Errors and hints for a failed build.

use std::io;

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
        BuildError::InvalidSetting { .. } => {
            CommandError { code: USAGE, ..result }.hint("`scratchdbg build --help` lists the options and their forms")
        }
        BuildError::Read { source, .. } => result.hint(scratchdbg_files::hint(source)),
        BuildError::Image(error) => explain_image(error),
        BuildError::Truncated { .. } => result.hint("compare its size and checksum with those of the original"),
        BuildError::WrongPlatform { .. } => {
            result.hint("--platform is not needed: the platform is taken from the binary")
        }
        BuildError::LinkLeadsOut { .. } => result.hint("--add follows a symbolic link that is its own argument"),
        BuildError::NoSource { .. } => result.hint("or leave it out of the list of `--with`"),
        BuildError::NoToolkitFor { .. } => result.hint("--toolkit can be repeated, once for each platform"),
        _ => result,
    }
}

/// Explains a file or location that cannot be read or written.
pub(crate) fn explain_image(error: &ImageError) -> CommandError {
    let result = CommandError::new(scratchdbg_backend::chain(error));
    match error {
        ImageError::Read { source, .. } => result.hint(scratchdbg_files::hint(source)),
        ImageError::Store { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            result.hint("create the folder first")
        }
        ImageError::Store { source, .. } | ImageError::Write(source) if source.kind() == io::ErrorKind::StorageFull => {
            result.hint("nothing was changed: free some space, or write elsewhere")
        }
        ImageError::NotARegularFile { .. } => result.hint("name a regular file"),
        ImageError::DuplicatePlatform { .. } => {
            result.hint("give one binary for each platform, or build images of one platform one by one")
        }
        ImageError::DuplicatePath { .. } => result.hint("`--add SRC:DST` and `--with` say what goes where"),
        ImageError::InvalidPath { .. } => result.hint("a path in the image is absolute, without `..`"),
        ImageError::NotALayout { .. } => result.hint("name an empty folder, a new one, or an OCI layout"),
        ImageError::TagTaken { .. } => result.hint("give each repository its own layout, or its own tags"),
        _ => result,
    }
}

/// Explains a Dockerfile that cannot be built without running something.
pub(crate) fn explain_dockerfile(path: &std::path::Path, error: &DockerfileError) -> CommandError {
    CommandError::new(format!("{}: {error}", path.display())).hint(
        "scratchdbg builds Dockerfiles that end in a FROM scratch stage of COPY, ADD and settings; it runs no commands",
    )
}
