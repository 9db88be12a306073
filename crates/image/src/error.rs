//! The error type of this crate.

use std::io;
use std::path::PathBuf;

use crate::Digest;

/// An error while creating, writing or reading images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A digest that is not `sha256:` and 64 lower-case hexadecimal digits.
    #[error("`{text}` is not a digest: expected sha256: and 64 lower-case hexadecimal digits")]
    InvalidDigest {
        /// The text.
        text: String,
    },
    /// An image name that no registry or engine would accept.
    #[error("`{text}` is not an image name: {reason}")]
    InvalidReference {
        /// The text.
        text: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// A platform that is not `os/architecture[/variant]`.
    #[error(
        "`{text}` is not a platform: expected os/architecture or os/architecture/variant, as in linux/arm64"
    )]
    InvalidPlatform {
        /// The text.
        text: String,
    },
    /// An unknown compression.
    #[error(
        "`{text}` is not a compression: expected none, gzip, gzip:1 to gzip:12, zstd, or zstd:1 to zstd:19"
    )]
    InvalidCompression {
        /// The text.
        text: String,
    },
    /// A path that is not allowed in a layer.
    #[error("`{path}` cannot be a path in a layer: {reason}")]
    InvalidPath {
        /// The path.
        path: String,
        /// The reason.
        reason: &'static str,
    },
    /// Two different entries for one path.
    #[error("`/{path}` is added to the image twice: use two paths, or leave one out")]
    DuplicatePath {
        /// The path in the image, without its leading slash.
        path: String,
    },
    /// A file of this machine could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file of this machine is a directory, pipe, socket or device.
    #[error("{} is {kind}, not a regular file", path.display())]
    NotARegularFile {
        /// The file.
        path: PathBuf,
        /// The kind of the file.
        kind: &'static str,
    },
    /// A source file became shorter while it was read.
    #[error("{} changed while it was read: it had {expected} bytes and ended after {actual}; build again", path.display())]
    SourceChanged {
        /// The file.
        path: PathBuf,
        /// Its size when the build began.
        expected: u64,
        /// The bytes that were there.
        actual: u64,
    },
    /// The bytes of a blob differ from those that were hashed first.
    #[error(
        "a source file changed during the build (its digest was {expected} and is {actual}): build again"
    )]
    BlobChanged {
        /// The digest recorded first.
        expected: Digest,
        /// The digest of the bytes read now.
        actual: Digest,
    },
    /// A config whose history does not match its layers.
    #[error("the history names {history} layers, the image has {layers}")]
    HistoryMismatch {
        /// History entries that are not marked as empty.
        history: usize,
        /// Layers.
        layers: usize,
    },
    /// An image without layers: Docker can load it, but not save it again.
    #[error("an image needs at least one layer")]
    NoLayers,
    /// An image set without an image.
    #[error("an image set needs at least one image")]
    EmptySet,
    /// Two images of one set have the same platform, so an engine could pick either.
    #[error("two images for {platform}: an index may hold each platform once")]
    DuplicatePlatform {
        /// The platform, as `os/architecture[/variant]`.
        platform: String,
    },
    /// A value without a JSON form.
    #[error("cannot write {what} as JSON: {source}")]
    Json {
        /// What should be written.
        what: &'static str,
        /// The cause.
        source: serde_json::Error,
    },
    /// A file could not be created, written, flushed or renamed.
    #[error("cannot write {}: {source}", path.display())]
    Store {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A folder that is not an OCI layout.
    #[error("{} is not an OCI layout that can be added to: {reason}", path.display())]
    NotALayout {
        /// The folder.
        path: PathBuf,
        /// What it contains instead.
        reason: String,
    },
    /// Another process has been changing the layout for too long.
    #[error("{} is being changed by {holder}: wait until it has ended, and try again", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process, if it is known.
        holder: String,
    },
    /// A tag that another repository's image in the same layout has already.
    #[error("{} already has a `{tag}`, of {other}: a layout has one image for each tag; use another tag or folder", path.display())]
    TagTaken {
        /// The folder.
        path: PathBuf,
        /// The tag.
        tag: String,
        /// The full name of that image.
        other: String,
    },
    /// Writing the output failed.
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
}

impl ImageError {
    /// What the user can do, if the message itself does not tell.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read { source, .. } => Some(scratchdbg_files::hint(source)),
            Self::Store { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("create the folder first")
            }
            Self::Store { source, .. } | Self::Write(source)
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                Some("nothing was changed: free some space, or write elsewhere")
            }
            Self::Store { source, .. } | Self::Write(source)
                if source.kind() == io::ErrorKind::FileTooLarge =>
            {
                Some(
                    "nothing was changed: write elsewhere, or raise the limit of a file's size (`ulimit -f`)",
                )
            }
            Self::NotARegularFile { .. } => Some("name a regular file"),
            Self::DuplicatePlatform { .. } => Some(
                "give one binary for each platform, or build images of one platform one by one",
            ),
            Self::DuplicatePath { .. } => Some("`--add SRC:DST` and `--with` say what goes where"),
            Self::InvalidPath { .. } => Some("a path in the image is absolute, without `..`"),
            Self::NotALayout { .. } => Some("name an empty folder, a new one, or an OCI layout"),
            Self::TagTaken { .. } => Some("give each repository its own layout, or its own tags"),
            _ => None,
        }
    }
}
