//! Images that exist already, wherever they are.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use scratchdbg_image::Platform;
use scratchdbg_image::read::{ImageSource, ReadError, StoredImage};
use tempfile::TempDir;

use crate::commands::check::subject::path_and_name;
use crate::context::Context;
use crate::error::CommandError;

/// Where an image is, as users write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// `oci:DIR[:TAG]`
    Layout { folder: PathBuf, name: Option<String> },
    /// `archive:FILE[:REF]`
    Archive { file: PathBuf, name: Option<String> },
    /// A name or id that the engine knows.
    Engine(String),
}

/// An image that was found, for one platform or several.
#[derive(Debug)]
pub(super) struct Stored {
    source: ImageSource,
    images: Vec<StoredImage>,
    name: String,
    /// The copy of an image of the engine.
    _copy: Option<TempDir>,
}

impl FromStr for Location {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Self, CommandError> {
        match text.split_once(':') {
            Some(("oci", rest)) if !rest.is_empty() => {
                let (folder, name) = path_and_name(rest);
                Ok(Self::Layout { folder, name })
            }
            Some(("archive", rest)) if !rest.is_empty() => {
                let (file, name) = path_and_name(rest);
                Ok(Self::Archive { file, name })
            }
            Some(("oci" | "archive", _)) => Err(CommandError::usage(format!("`{text}` names no image"))
                .hint("an image is named as in the engine, or oci:DIR[:TAG], or archive:FILE[:REF]")),
            _ if text.is_empty() => Err(CommandError::usage("an image's name is empty")
                .hint("an image is named as in the engine, or oci:DIR[:TAG], or archive:FILE[:REF]")),
            _ => Ok(Self::Engine(text.to_owned())),
        }
    }
}

impl Location {
    /// Finds the image. One of the engine is copied to the disk first.
    pub(super) async fn open(self, context: &Context) -> Result<Stored, CommandError> {
        match self {
            Self::Layout { folder, name } => {
                let shown = format!("oci:{}", folder.display());
                find(shown, move || ImageSource::layout(&folder), name, None).await
            }
            Self::Archive { file, name } => {
                let shown = format!("archive:{}", file.display());
                find(shown, move || ImageSource::archive(&file), name, None).await
            }
            Self::Engine(reference) => {
                let copy = copy_from_engine(&reference, context).await?;
                let file = copy.path().join(COPY);
                find(reference, move || ImageSource::archive(&file), None, Some(copy)).await
            }
        }
    }
}

const COPY: &str = "image.tar";

async fn copy_from_engine(reference: &str, context: &Context) -> Result<TempDir, CommandError> {
    let engine = context.engine().await?;
    let cannot = |error: io::Error| {
        CommandError::new(format!("cannot copy {reference} to a temporary folder: {error}"))
            .hint("TMPDIR names the folder for temporary files")
    };
    let folder = tempfile::Builder::new().prefix("scratchdbg-").tempdir().map_err(cannot)?;
    if !engine.has_image(reference).await? {
        return Err(CommandError::new(format!("the engine has no image {reference}"))
            .hint("`docker images` lists what it has; a layout is oci:DIR[:TAG], an archive is archive:FILE[:REF]"));
    }
    let mut file = BufWriter::with_capacity(1 << 20, File::create(folder.path().join(COPY)).map_err(cannot)?);
    engine.save_image(reference, &mut file).await?;
    file.flush().map_err(cannot)?;
    Ok(folder)
}

async fn find(
    shown: String,
    open: impl FnOnce() -> Result<ImageSource, ReadError> + Send + 'static,
    name: Option<String>,
    copy: Option<TempDir>,
) -> Result<Stored, CommandError> {
    let work = move || {
        let source = open().map_err(|error| explain(&shown, &error))?;
        let images = source.find(name.as_deref()).map_err(|error| explain(&shown, &error))?;
        let shown = name.map_or(shown.clone(), |name| format!("{shown}:{name}"));
        one_name(&shown, &images)?;
        Ok(Stored { source, images, name: shown, _copy: copy })
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| CommandError::new(error.to_string()))?
}

/// Several images are meant to be one for several platforms.
fn one_name(shown: &str, images: &[StoredImage]) -> Result<(), CommandError> {
    let Some(first) = images.first() else {
        return Err(
            CommandError::new(format!("{shown} has no image")).hint("build one into it with `scratchdbg build -o`")
        );
    };
    if images.iter().all(|image| image.names == first.names) {
        return Ok(());
    }
    let mut names: Vec<_> = images.iter().flat_map(|image| &image.names).map(String::as_str).collect();
    names.dedup();
    Err(CommandError::usage(format!("{shown} has several images: {}", names.join(", ")))
        .hint(format!("append the one that is meant: {shown}:NAME")))
}

impl Stored {
    /// How the user called it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where its blobs are.
    pub(super) fn source(&self) -> &ImageSource {
        &self.source
    }

    /// What it is for.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        self.images.iter().map(StoredImage::platform).collect()
    }

    /// The image for one platform.
    pub(super) fn image(&self, platform: &Platform) -> Option<&StoredImage> {
        self.images.iter().find(|image| image.platform() == *platform)
    }
}

/// What to do about an image that cannot be read.
pub(super) fn explain(shown: &str, error: &ReadError) -> CommandError {
    let message = format!("{shown}: {}", CommandError::chain(error));
    let hint = match error {
        ReadError::Io { .. } | ReadError::NotAnImage { .. } => {
            "check the path: a layout is a folder, an archive a file"
        }
        ReadError::NoSuchImage { .. } => "name one that is there",
        _ => "the image is damaged, or was tampered with: fetch or build it again",
    };
    CommandError::new(message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_say_where() {
        let layout = Location::Layout { folder: PathBuf::from("no-such"), name: Some("1".to_owned()) };
        assert_eq!("oci:no-such:1".parse::<Location>().unwrap(), layout);
        assert_eq!("shop/app:1".parse::<Location>().unwrap(), Location::Engine("shop/app:1".to_owned()));
        for bad in ["", "oci:", "archive:"] {
            assert_eq!(bad.parse::<Location>().unwrap_err().code, crate::error::USAGE, "{bad}");
        }
    }
}
