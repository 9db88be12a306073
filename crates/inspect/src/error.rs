//! Why something cannot be looked at.

use std::io;
use std::path::PathBuf;

use scratchdbg_backend::{self as backend, ErrorKind, chain};
use scratchdbg_image::read::ReadError;
use scratchdbg_image::{ImageError, Platform};

/// Something cannot be looked at. Texts may hold what an image controls: escape them before a terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The platform, or a registry, failed or refused a request.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// The platform does not show the files of a container.
    #[error(transparent)]
    FilesNotShown(backend::Error),
    /// A file of this machine cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that goes into an image cannot be read.
    #[error("cannot read {path}: {source}")]
    Content {
        /// Its path in the image.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file that goes into an image is none.
    #[error("{}", chain(.0))]
    HostFile(ImageError),
    /// An image was found and cannot be read.
    #[error("{}", chain(.source))]
    Image {
        /// How the user called it.
        name: String,
        /// Why.
        source: ReadError,
    },
    /// There is no room for a copy of an image.
    #[error("cannot copy {reference} to a temporary file: {source}")]
    NoRoom {
        /// The image.
        reference: String,
        /// Why.
        source: io::Error,
    },
    /// The platform has no such image.
    #[error("the engine has no image {reference}")]
    NoSuchImage {
        /// What was asked for.
        reference: String,
    },
    /// Neither a file nor an image nor a container has this name.
    #[error("nothing is called `{name}`: no file, no image and no container")]
    NothingNamed {
        /// What was asked for.
        name: String,
    },
    /// A file that is no image was given where one is needed.
    #[error("{} is a file, and no image", path.display())]
    NotAnImage {
        /// Its path.
        path: PathBuf,
    },
    /// A layout or archive holds no image.
    #[error("{name} has no image")]
    Empty {
        /// How the user called it.
        name: String,
    },
    /// A layout or archive holds several images, and one is meant.
    #[error("{name} has several images: {}", images.join(", "))]
    SeveralImages {
        /// How the user called it.
        name: String,
        /// Their names.
        images: Vec<String>,
    },
    /// An image is not for the platform that is compared.
    #[error("{name} is not for {wanted}, but for {}", available.join(", "))]
    NotFor {
        /// How the user called it.
        name: String,
        /// The platform.
        wanted: Platform,
        /// What it is for.
        available: Vec<String>,
    },
    /// The debug image is for a platform that the production image is not for.
    #[error("{debug} is also for {platform}, and {production} is not")]
    AlsoFor {
        /// How the user called the debug image.
        debug: String,
        /// The platform.
        platform: Platform,
        /// How the user called the production image.
        production: String,
    },
    /// A Dockerfile cannot be read to its end.
    #[error("{}: {reason}", path.display())]
    Dockerfile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The configuration of an image cannot be read.
    #[error("{0}")]
    Config(String),
    /// The work was stopped before its end.
    #[error("{0}")]
    Stopped(String),
}

impl Error {
    /// What the user can do about it, one sentence each.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Backend(error) => return error.hints.clone(),
            Self::FilesNotShown(error) => {
                let more = "what cannot be looked at is not judged; its image may tell: scratchdbg check IMAGE";
                return error.hints.iter().cloned().chain([more.to_owned()]).collect();
            }
            Self::File { source, .. } | Self::Image { source: ReadError::Io { source, .. }, .. } => {
                scratchdbg_files::hint(source)
            }
            Self::Image { source: ReadError::NotAnImage { .. }, .. } => {
                "check the path: a layout is a folder, an archive a file"
            }
            Self::Image { source: ReadError::NoSuchImage { .. }, .. } => "name one that is there",
            Self::Image { .. } => "the image is damaged, or was tampered with: fetch or build it again",
            Self::NoRoom { .. } => "TMPDIR names the folder for temporary files",
            Self::Empty { .. } => "build one into it with `scratchdbg build -o`",
            Self::SeveralImages { name, .. } => return vec![format!("append the one that is meant: {name}:NAME")],
            Self::NotFor { .. } | Self::AlsoFor { .. } => "--platform chooses what is compared",
            Self::Dockerfile { .. } => {
                "the folder of the Dockerfile is its context: build it with Docker, and check the image that comes out"
            }
            Self::NoSuchImage { .. }
            | Self::NothingNamed { .. }
            | Self::NotAnImage { .. }
            | Self::Content { .. }
            | Self::HostFile(_)
            | Self::Config(_)
            | Self::Stopped(_) => return Vec::new(),
        };
        vec![hint.to_owned()]
    }

    /// Whether the user asked for something that cannot be meant.
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::SeveralImages { .. } | Self::NotAnImage { .. } => true,
            Self::Backend(error) | Self::FilesNotShown(error) => error.kind == ErrorKind::Invalid,
            _ => false,
        }
    }
}
