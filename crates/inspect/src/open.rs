//! One way to get at an image, wherever it is.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use scratchdbg_backend::{self as backend, ImageBackend};
use scratchdbg_image::read::{ImageSource, ReadError, RemoteImage, StoredImage};

use crate::blocking::blocking;
use crate::{Error, ImageLocation, Platform};

/// Where images come from that are not files of this machine. Nobody is connected to before it is needed.
pub trait Sources {
    /// The platform, such as an engine.
    type Platform: Platform;

    /// The platform.
    fn platform(&self) -> impl Future<Output = Result<&Self::Platform, backend::Error>>;

    /// Finds an image in its registry by its reference.
    fn pull(&self, reference: &str) -> impl Future<Output = Result<Remote, backend::Error>>;
}

/// An image of a registry, which is fetched as it is read.
pub struct Remote {
    /// Its documents and blobs.
    pub image: Arc<dyn RemoteImage>,
    /// The registry's repository that it is in: a digest there names one blob.
    pub repository: String,
    /// What the network or the registry did wrong while the image was read. It explains why the image cannot be read.
    pub failure: Box<dyn Fn() -> Option<backend::Error> + Send + Sync>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("image", &self.image).finish_non_exhaustive()
    }
}

/// An image that was found, or several.
#[derive(Debug)]
pub(crate) struct OpenImage {
    /// How the user called it.
    pub(crate) name: String,
    /// Where its blobs are.
    pub(crate) source: ImageSource,
    /// The name of the image that is meant, of several in a layout or archive.
    pub(crate) wanted: Option<String>,
    origin: Origin,
}

/// What there is behind an image that was found.
#[derive(Debug)]
enum Origin {
    /// Files of this machine: the user's own, or a copy of an image of the platform, in a file without a name that goes when
    /// nobody reads it any more.
    Files,
    /// An image of a registry.
    Remote(Remote),
}

/// Finds what is at a location. An image of the platform is copied to the disk first.
pub(crate) async fn open(location: ImageLocation, sources: &impl Sources) -> Result<OpenImage, Error> {
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
                origin: Origin::Remote(remote),
            })
        }
        ImageLocation::Platform(reference) => open_of_platform(&reference, sources.platform().await?).await,
        ImageLocation::Program(path) | ImageLocation::Dockerfile(path) => Err(Error::NotAnImage { path }),
    }
}

/// An image of the platform.
pub(crate) async fn open_of_platform(reference: &str, platform: &impl ImageBackend) -> Result<OpenImage, Error> {
    if platform.image_record(reference).await?.is_none() {
        return Err(Error::NoSuchImage { reference: reference.to_owned() });
    }
    let copy = copy(reference, platform).await?;
    let name = PathBuf::from(reference);
    find(reference.to_owned(), move || ImageSource::open_archive(copy, &name), None).await
}

/// The file has no name: whatever ends us ends it too.
async fn copy(reference: &str, platform: &impl ImageBackend) -> Result<File, Error> {
    let no_room = |source| Error::NoRoom { reference: reference.to_owned(), source };
    let mut file = tempfile::tempfile().map_err(no_room)?;
    // The platform's pieces are large: nothing is gained by collecting them.
    platform.save_image(reference, &mut file).await?;
    Ok(file)
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
    /// Takes its layers at their word: none of them is hashed. For an image that came straight from the platform that runs
    /// it.
    pub(crate) fn trusted(self) -> Self {
        Self { source: self.source.trusted(), ..self }
    }

    /// The images that are meant. Blocking.
    pub(crate) fn images(&self) -> Result<Vec<StoredImage>, Error> {
        self.source.find(self.wanted.as_deref()).map_err(|error| self.explain(error))
    }

    /// Why it cannot be read: what the network did comes before what it made of the image.
    pub(crate) fn explain(&self, error: ReadError) -> Error {
        let failure = match &self.origin {
            Origin::Files => None,
            Origin::Remote(remote) => (remote.failure)(),
        };
        failure.map_or_else(|| Error::Image { name: self.name.clone(), source: error }, Error::Backend)
    }

    /// Whether both are in one repository of a registry, where a digest names one blob.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        match (&self.origin, &other.origin) {
            (Origin::Remote(own), Origin::Remote(other)) => own.repository == other.repository,
            _ => false,
        }
    }
}
