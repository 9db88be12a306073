//! The errors of this crate.

use std::io;
use std::path::PathBuf;

use scratchdbg_backend::{self as backend, ErrorKind, chain};
use scratchdbg_image::read::ReadError;
use scratchdbg_image::{ImageError, Platform};

use crate::room::Refusal;

/// An image or a container cannot be inspected. The texts may quote an image: escape them before a
/// terminal.
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
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file that goes into an image cannot be read.
    #[error("cannot read {path}: {source}")]
    Content {
        /// Its path in the image.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// A file that goes into an image is not a regular file.
    #[error("{}", chain(.0))]
    HostFile(ImageError),
    /// An image cannot be read.
    #[error("{}", chain(.source))]
    Image {
        /// The name that the user gave.
        name: String,
        /// The cause.
        source: ReadError,
    },
    /// There is no room for a copy of an image.
    #[error("cannot copy {reference} to a temporary file: {source}")]
    NoRoom {
        /// The image.
        reference: String,
        /// The cause.
        source: io::Error,
    },
    /// A copy of an image is not made, so that it does not fill the disk.
    #[error("cannot copy {reference} to a temporary file: {refusal}")]
    NotCopied {
        /// The image.
        reference: String,
        /// Why.
        refusal: Refusal,
    },
    /// The platform has no such image.
    #[error("the engine has no image {reference}")]
    NoSuchImage {
        /// The name that the user gave.
        reference: String,
    },
    /// Neither a file nor an image nor a container has this name.
    #[error("no file, image or container is called `{name}`")]
    NothingNamed {
        /// The name that the user gave.
        name: String,
    },
    /// A file was given where an image is needed.
    #[error("{} is a file, not an image", path.display())]
    NotAnImage {
        /// The path.
        path: PathBuf,
    },
    /// A layout or archive holds no image.
    #[error("{name} has no image")]
    Empty {
        /// The name that the user gave.
        name: String,
    },
    /// A layout or archive holds several images, and one is meant.
    #[error("{name} has several images: {}", images.join(", "))]
    SeveralImages {
        /// The name that the user gave.
        name: String,
        /// Their names.
        images: Vec<String>,
    },
    /// An image is not for the platform that is compared.
    #[error("{name} is for {}, not for {wanted}", available.join(", "))]
    NotFor {
        /// The name that the user gave.
        name: String,
        /// The platform that is compared.
        wanted: Platform,
        /// The platforms of the image.
        available: Vec<String>,
    },
    /// The debug image is for a platform that the production image is not for.
    #[error("{debug} is for {platform} too, but {production} is not")]
    AlsoFor {
        /// The user's name of the debug image.
        debug: String,
        /// The platform.
        platform: Platform,
        /// The user's name of the production image.
        production: String,
    },
    /// A Dockerfile cannot be read to its end.
    #[error("{}: {reason}", path.display())]
    Dockerfile {
        /// The file.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
    /// A manifest has nothing that runs.
    #[error("{} has no pod: no Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob", path.display())]
    NoPods {
        /// The file.
        path: PathBuf,
    },
    /// The configuration of an image cannot be read.
    #[error("{0}")]
    Config(String),
    /// The work was stopped before its end.
    #[error("{0}")]
    Stopped(String),
}

impl Error {
    /// Returns what the user can do about the error, one sentence each.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Backend(error) => return error.hints.clone(),
            Self::FilesNotShown(error) => {
                let more = "what cannot be looked at is not judged; its image may tell: scratchdbg check IMAGE";
                return error.hints.iter().cloned().chain([more.to_owned()]).collect();
            }
            Self::File { source, .. }
            | Self::Image { source: ReadError::Io { source, .. }, .. } => {
                scratchdbg_files::hint(source)
            }
            Self::Image { source: ReadError::NotAnImage { .. }, .. } => {
                "check the path: a layout is a folder, an archive a file"
            }
            Self::Image { source: ReadError::NoSuchImage { .. }, .. } => "name one of these",
            Self::Image { .. } => "the image was damaged or tampered with: pull or build it again",
            Self::NotCopied { refusal: Refusal::NoArchive | Refusal::NoEnd { .. }, .. } => {
                "check that it is an engine and that it works; nothing was kept"
            }
            Self::NoRoom { .. } | Self::NotCopied { .. } => {
                "set TMPDIR to a folder with enough space"
            }
            Self::Empty { .. } => "build one into it with `scratchdbg build -o`",
            Self::SeveralImages { name, .. } => {
                return vec![format!("append one of them: {name}:NAME")];
            }
            Self::NotFor { .. } | Self::AlsoFor { .. } => {
                "choose the platform to compare with --platform"
            }
            Self::Dockerfile { .. } => {
                "the folder of the Dockerfile is its context: build it with Docker, and check the image that comes out"
            }
            Self::NoPods { .. } => {
                "check takes manifests of Kubernetes; name the file of the workload"
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

    /// Whether the command line is wrong, rather than what it names.
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::SeveralImages { .. } | Self::NotAnImage { .. } => true,
            Self::Backend(error) | Self::FilesNotShown(error) => error.kind == ErrorKind::Invalid,
            _ => false,
        }
    }
}
