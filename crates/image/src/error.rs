//! The one error type of this crate.

use crate::Digest;
use std::io;
use std::path::PathBuf;

/// What can go wrong while images are made, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A digest that is not `sha256:` and 64 lower-case hexadecimal digits.
    #[error("`{text}` is not a digest: expected sha256: and 64 lower-case hexadecimal digits")]
    InvalidDigest {
        /// The text as it was given.
        text: String,
    },
    /// An image name that no registry or engine would take.
    #[error("`{text}` is not an image name: {reason}")]
    InvalidReference {
        /// The text as it was given.
        text: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// A platform that is not `os/architecture[/variant]`.
    #[error("`{text}` is not a platform: expected os/architecture or os/architecture/variant, as in linux/arm64")]
    InvalidPlatform {
        /// The text as it was given.
        text: String,
    },
    /// A compression that we do not know.
    #[error("`{text}` is not a compression: expected none, gzip, gzip:1 to gzip:12, zstd, or zstd:1 to zstd:19")]
    InvalidCompression {
        /// The text as it was given.
        text: String,
    },
    /// A path that must not be in a layer.
    #[error("`{path}` cannot be a path in a layer: {reason}")]
    InvalidPath {
        /// The path as it was given.
        path: String,
        /// Why not.
        reason: &'static str,
    },
    /// Two different things for one path; a layer has each path once.
    #[error("`/{path}` is put into the image twice: name two places, or leave one out")]
    DuplicatePath {
        /// The path in the image, without its leading slash.
        path: String,
    },
    /// A file of this machine could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of this machine is a directory, pipe, socket or device.
    #[error("{} is {kind}, not a regular file", path.display())]
    NotARegularFile {
        /// The file.
        path: PathBuf,
        /// What it is instead.
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
    /// A blob whose bytes are no longer those that were hashed first.
    #[error("the bytes of {expected} are now those of {actual}: a source file changed during the build; build again")]
    BlobChanged {
        /// The digest recorded first.
        expected: Digest,
        /// The digest of what was read now.
        actual: Digest,
    },
    /// A config whose history does not fit its layers.
    #[error("the history names {history} layers, the image has {layers}")]
    HistoryMismatch {
        /// History entries that are not marked as empty.
        history: usize,
        /// Layers.
        layers: usize,
    },
    /// An image without a layer: Docker loads it and cannot save it again.
    #[error("an image needs at least one layer")]
    NoLayers,
    /// An image set without an image.
    #[error("an image set needs at least one image")]
    EmptySet,
    /// Two images of one set claim the same platform, so that an engine could pick either.
    #[error("two images for {platform}: an index may hold each platform once")]
    DuplicatePlatform {
        /// The platform, as `os/architecture[/variant]`.
        platform: String,
    },
    /// A value that has no JSON form.
    #[error("cannot write {what} as JSON: {source}")]
    Json {
        /// What was to be written.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// A file could not be made, written, made durable or put in its place.
    #[error("cannot write {}: {source}", path.display())]
    Store {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder that holds something else than an OCI layout.
    #[error("{} is not an OCI layout that can be added to: {reason}", path.display())]
    NotALayout {
        /// The folder.
        path: PathBuf,
        /// What is there instead.
        reason: String,
    },
    /// Another process has been changing the layout for too long.
    #[error("{} is being changed by {holder}: wait for it to end, or end it, and try again", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process, as far as it can be told.
        holder: String,
    },
    /// A tag that names an image of another repository in the same layout.
    #[error("{} already has a `{tag}`, of {other}: in a layout a tag stands for one image; use another tag or folder", path.display())]
    TagTaken {
        /// The folder.
        path: PathBuf,
        /// The tag.
        tag: String,
        /// The full name of the image that has it.
        other: String,
    },
    /// The place that the bytes go to refused them.
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
}
