//! Opens images, wherever they are.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use scratchdbg_backend::{self as backend, ImageBackend};
use scratchdbg_image::read::{ImageSource, ReadError, RemoteImage, StoredImage};

use crate::blocking::blocking;
use crate::room::Copy;
use crate::{Error, ImageLocation, Platform};

/// Connects to platforms and registries. Nothing is connected before an image of it is needed.
pub trait Sources {
    /// The type of platform.
    type Platform: Platform;

    /// Connects to the platform.
    fn platform(&self) -> impl Future<Output = Result<&Self::Platform, backend::Error>>;

    /// Finds an image in its registry by reference.
    fn pull(&self, reference: &str) -> impl Future<Output = Result<RegistryImage, backend::Error>>;
}

/// An image of a registry, which is fetched as it is read.
pub struct RegistryImage {
    /// The documents and blobs.
    pub image: Arc<dyn RemoteImage>,
    /// The registry and repository. Within one, a digest names one blob.
    pub repository: String,
    /// Returns the failure of the network or the registry while the image was read. It explains why
    /// the image cannot be read.
    pub failure: Box<dyn Fn() -> Option<backend::Error> + Send + Sync>,
}

impl fmt::Debug for RegistryImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryImage").field("image", &self.image).finish_non_exhaustive()
    }
}

/// An open layout, archive or image of a registry, with one image or several.
#[derive(Debug)]
pub(crate) struct OpenImage {
    /// The name that the user gave.
    pub(crate) name: String,
    /// The blobs.
    pub(crate) source: ImageSource,
    /// The name of the image to take, in a layout or archive with several.
    pub(crate) wanted: Option<String>,
    origin: Origin,
}

/// Where an open image is.
#[derive(Debug)]
enum Origin {
    /// Files of this machine: the user's own, or a copy of an image of the platform, in a file
    /// without a name that goes when nobody reads it any more.
    Files,
    /// An image of a registry.
    Registry(RegistryImage),
}

/// Opens a location. An image of the platform is copied to the disk first.
pub(crate) async fn open(
    location: ImageLocation,
    sources: &impl Sources,
) -> Result<OpenImage, Error> {
    match location {
        ImageLocation::Layout { folder, name } => {
            let shown = format!("oci:{}", folder.display());
            find(shown, move || ImageSource::layout(&folder), name).await
        }
        ImageLocation::Archive { file, name } => {
            let shown = format!("archive:{}", file.display());
            find(shown, move || ImageSource::archive(&file), name).await
        }
        ImageLocation::Registry(reference) => {
            let remote = sources.pull(&reference).await?;
            Ok(OpenImage {
                name: format!("registry:{}", remote.image.name()),
                source: ImageSource::remote(Arc::clone(&remote.image)),
                wanted: None,
                origin: Origin::Registry(remote),
            })
        }
        ImageLocation::Platform(reference) => {
            open_of_platform(&reference, sources.platform().await?).await
        }
        ImageLocation::Program(path)
        | ImageLocation::Dockerfile(path)
        | ImageLocation::Manifest(path) => Err(Error::NotAnImage { path }),
    }
}

/// Opens an image of the platform.
pub(crate) async fn open_of_platform(
    reference: &str,
    platform: &impl ImageBackend,
) -> Result<OpenImage, Error> {
    let Some(record) = platform.image_record(reference).await? else {
        return Err(Error::NoSuchImage { reference: reference.to_owned() });
    };
    let copy = copy(reference, record.size, platform).await?;
    let name = PathBuf::from(reference);
    find(reference.to_owned(), move || ImageSource::open_archive(copy, &name), None).await
}

/// Copies an image to a temporary file. The file has no name, so nothing is left if this process is
/// killed.
async fn copy(
    reference: &str,
    size: Option<u64>,
    platform: &impl ImageBackend,
) -> Result<File, Error> {
    let no_room = |source| Error::NoRoom { reference: reference.to_owned(), source };
    let mut copy = Copy::new(tempfile::tempfile().map_err(no_room)?, size);
    // Platforms send large pieces: a buffer gains nothing.
    if let Err(error) = platform.save_image(reference, &mut copy).await {
        return Err(match copy.refusal() {
            Some(refusal) => Error::NotCopied { reference: reference.to_owned(), refusal },
            None => error.into(),
        });
    }
    copy.finish().map_err(no_room)
}

async fn find(
    name: String,
    open: impl FnOnce() -> Result<ImageSource, ReadError> + Send + 'static,
    wanted: Option<String>,
) -> Result<OpenImage, Error> {
    blocking(move || match open() {
        Ok(source) => Ok(OpenImage { name, source, wanted, origin: Origin::Files }),
        Err(source) => Err(Error::Image { name, source }),
    })
    .await
}

impl OpenImage {
    /// Skips the verification of the layers' digests. For an image that comes directly from the
    /// platform that runs it.
    pub(crate) fn trusted(self) -> Self {
        Self { source: self.source.trusted(), ..self }
    }

    /// Returns the images to take. Blocking.
    pub(crate) fn images(&self) -> Result<Vec<StoredImage>, Error> {
        self.source.find(self.wanted.as_deref()).map_err(|error| self.explain(error))
    }

    /// Turns a read error into the error to show: a failure of the network explains the read error.
    pub(crate) fn explain(&self, error: ReadError) -> Error {
        let failure = match &self.origin {
            Origin::Files => None,
            Origin::Registry(remote) => (remote.failure)(),
        };
        failure
            .map_or_else(|| Error::Image { name: self.name.clone(), source: error }, Error::Backend)
    }

    /// Whether both are in one repository of a registry, and so share blobs.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        match (&self.origin, &other.origin) {
            (Origin::Registry(own), Origin::Registry(other)) => own.repository == other.repository,
            _ => false,
        }
    }
}
