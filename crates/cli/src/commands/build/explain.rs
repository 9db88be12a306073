//! Why there is no image, and what to do about it.

use std::io;

use scratchdbg_builder::BuildError;
use scratchdbg_builder::dockerfile::DockerfileError;
use scratchdbg_image::ImageError;

use crate::error::{CommandError, USAGE};

/// What to do about a binary or a setting that cannot be shipped.
pub(super) fn explain(error: &BuildError) -> CommandError {
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
            result.hint("the platform is taken from the binary: no --platform is needed")
        }
        BuildError::LinkLeadsOut { .. } => result.hint("a symbolic link that is given itself to --add is followed"),
        BuildError::NoSource { .. } => result.hint("`--with` takes a list of what to add: leave this one out"),
        BuildError::NoToolkitFor { .. } => result.hint("--toolkit may be given several times, once for each platform"),
        _ => result,
    }
}

/// What to do about a file or place that cannot be read or written.
pub(super) fn explain_image(error: &ImageError) -> CommandError {
    let result = CommandError::new(scratchdbg_backend::chain(error));
    match error {
        ImageError::Read { source, .. } => result.hint(scratchdbg_files::hint(source)),
        ImageError::Store { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            result.hint("the folder must be there: make it first")
        }
        ImageError::Store { source, .. } | ImageError::Write(source) if source.kind() == io::ErrorKind::StorageFull => {
            result.hint("nothing was changed: make room, or write elsewhere")
        }
        ImageError::NotARegularFile { .. } => result.hint("give a file"),
        ImageError::DuplicatePlatform { .. } => {
            result.hint("give one binary for each platform; images of the same platform are builds of their own")
        }
        ImageError::DuplicatePath { .. } => result.hint("`--add SRC:DST` and `--with` say what goes where"),
        ImageError::InvalidPath { .. } => result.hint("a path in the image is absolute, and stays below its root"),
        ImageError::NotALayout { .. } => result.hint("give a folder that is empty, or not there yet, or an OCI layout"),
        ImageError::TagTaken { .. } => result.hint("each repository needs its own layout, or its own tags"),
        _ => result,
    }
}

/// A Dockerfile that cannot be built without running something.
pub(super) fn explain_dockerfile(path: &std::path::Path, error: &DockerfileError) -> CommandError {
    CommandError::new(format!("{}: {error}", path.display()))
        .hint("scratchdbg builds what ends in a FROM scratch stage of COPY, ADD and settings, and runs nothing")
}
