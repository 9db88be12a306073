//! Images that exist already, wherever they are.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use scratchdbg_image::Platform;
use scratchdbg_image::read::{ImageSource, ReadError, StoredImage};
use scratchdbg_registry::{PulledImage, Reference};

use crate::commands::check::subject::path_and_name;
use crate::context::Context;
use crate::error::CommandError;
use crate::registry;

/// Where an image is, as users write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// `oci:DIR[:TAG]`
    Layout { folder: PathBuf, name: Option<String> },
    /// `archive:FILE[:REF]`
    Archive { file: PathBuf, name: Option<String> },
    /// `registry:REF`
    Registry(Reference),
    /// A name or id that the engine knows.
    Engine(String),
}

/// An image that was found, for one platform or several.
#[derive(Debug)]
pub(super) struct Stored {
    source: ImageSource,
    images: Vec<StoredImage>,
    name: String,
    origin: Origin,
}

/// What there is behind an image that was found.
#[derive(Debug)]
enum Origin {
    /// The user's own files.
    Files,
    /// A copy of an image of the engine, in a file without a name: it goes when nobody reads it any more.
    Engine,
    /// An image of a registry, which is fetched as it is read.
    Registry(Arc<PulledImage>),
}

impl Origin {
    /// What the network did: it comes before what it made of the image.
    fn failure(&self) -> Option<CommandError> {
        match self {
            Self::Registry(image) => image.failure().map(|error| registry::explain(&error)),
            Self::Files | Self::Engine => None,
        }
    }
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
            Some(("registry", rest)) => registry::reference(rest).map(Self::Registry),
            Some(("oci" | "archive", _)) => Err(CommandError::usage(format!("`{text}` names no image"))
                .hint("an image is named as in the engine, or oci:DIR[:TAG], archive:FILE[:REF], or registry:REF")),
            _ if text.is_empty() => Err(CommandError::usage("an image's name is empty")
                .hint("an image is named as in the engine, or oci:DIR[:TAG], archive:FILE[:REF], or registry:REF")),
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
                find(shown, move || ImageSource::layout(&folder), name, Origin::Files).await
            }
            Self::Archive { file, name } => {
                let shown = format!("archive:{}", file.display());
                find(shown, move || ImageSource::archive(&file), name, Origin::Files).await
            }
            Self::Registry(reference) => {
                let image = Arc::new(registry::pull(&reference, context).await?);
                let source = Arc::clone(&image);
                let shown = format!("registry:{reference}");
                find(shown, move || Ok(ImageSource::remote(source)), None, Origin::Registry(image)).await
            }
            Self::Engine(reference) => {
                let copy = copy_from_engine(&reference, context).await?;
                let name = PathBuf::from(&reference);
                find(reference, move || ImageSource::open_archive(copy, &name), None, Origin::Engine).await
            }
        }
    }
}

async fn copy_from_engine(reference: &str, context: &Context) -> Result<File, CommandError> {
    let engine = context.engine().await?;
    let cannot = |error: io::Error| {
        CommandError::new(format!("cannot copy {reference} to a temporary file: {error}"))
            .hint("TMPDIR names the folder for temporary files")
    };
    if !engine.has_image(reference).await? {
        return Err(CommandError::new(format!("the engine has no image {reference}"))
            .hint("`docker images` lists what it has; a layout is oci:DIR[:TAG], an archive is archive:FILE[:REF]"));
    }
    let mut file = BufWriter::with_capacity(1 << 20, tempfile::tempfile().map_err(cannot)?);
    engine.save_image(reference, &mut file).await?;
    file.into_inner().map_err(|error| cannot(error.into_error()))
}

async fn find(
    shown: String,
    open: impl FnOnce() -> Result<ImageSource, ReadError> + Send + 'static,
    name: Option<String>,
    origin: Origin,
) -> Result<Stored, CommandError> {
    let work = move || {
        let explain = |error: ReadError| origin.failure().unwrap_or_else(|| explain(&shown, &error));
        let source = open().map_err(explain)?;
        let images = source.find(name.as_deref()).map_err(explain)?;
        let shown = name.map_or(shown.clone(), |name| format!("{shown}:{name}"));
        one_name(&shown, &images)?;
        Ok(Stored { source, images, name: shown, origin })
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

    /// Whether both are in one repository of a registry, where a digest names one blob.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        match (&self.origin, &other.origin) {
            (Origin::Registry(own), Origin::Registry(other)) => own.is_beside(other),
            _ => false,
        }
    }

    /// What to do about an image that cannot be read.
    pub(super) fn explain(&self, error: &ReadError) -> CommandError {
        self.origin.failure().unwrap_or_else(|| explain(&self.name, error))
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
fn explain(shown: &str, error: &ReadError) -> CommandError {
    let message = format!("{shown}: {}", scratchdbg_backend::chain(error));
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
        for bad in ["", "oci:", "archive:", "registry:", "registry:A"] {
            assert_eq!(bad.parse::<Location>().unwrap_err().code, crate::error::USAGE, "{bad}");
        }
    }
}
