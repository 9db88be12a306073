//! What can go wrong while a pair is built.

use crate::toolkit::ToolkitError;
use scratchdbg_image::ImageError;
use std::io;
use std::path::PathBuf;

/// Why there is no pair.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither a binary nor another file was named.
    #[error("nothing was given to put into the image: name the static executable that it is to run")]
    NoBinary,
    /// The binary could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The binary.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The binary's name cannot be a path in an image.
    #[error("the name of {} is not UTF-8: rename the file", path.display())]
    NameNotUtf8 {
        /// The binary.
        path: PathBuf,
    },
    /// The file is not something that a Linux kernel executes.
    #[error("{} is not a Linux executable: it is {what}", path.display())]
    NotAnExecutable {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The binary is cut short.
    #[error("{} is cut short: its headers promise {expected} bytes and it has {actual}; copy or build it again", path.display())]
    Truncated {
        /// The binary.
        path: PathBuf,
        /// Where the part that is cut should end.
        expected: u64,
        /// The size of the file.
        actual: u64,
    },
    /// The binary needs a loader that the image will not have.
    #[error("{} is dynamically linked: it needs {interpreter}, which the image does not have", path.display())]
    DynamicallyLinked {
        /// The binary.
        path: PathBuf,
        /// The loader that it asks for.
        interpreter: String,
    },
    /// The binary is for a machine that no image can name.
    #[error("{} is for a machine that OCI images have no name for (ELF machine {machine})", path.display())]
    UnknownMachine {
        /// The binary.
        path: PathBuf,
        /// `e_machine`.
        machine: u16,
    },
    /// A symbolic link in an added folder that points at something that is not added.
    #[error("{} points at {target}, which lies outside of the folder that is added: copy the file, or add the folder that holds both", path.display())]
    LinkLeadsOut {
        /// The link.
        path: PathBuf,
        /// Its text.
        target: String,
    },
    /// A platform that was asked for and that the binary is not made for.
    #[error("{} is made for {actual}, not for {asked}: leave --platform out, or give the binary for {asked}", path.display())]
    WrongPlatform {
        /// The binary.
        path: PathBuf,
        /// What it is made for.
        actual: String,
        /// What was asked for.
        asked: String,
    },
    /// A file that `--with` is to add is not on this machine.
    #[error("--with {need}: this machine has none of {looked_for}; install {package}, or add your own file by --add")]
    NoSource {
        /// The word given to `--with`.
        need: String,
        /// Where it was looked for.
        looked_for: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// Nothing says what the image runs on.
    #[error(
        "nothing says what the image is for: its entrypoint is no executable that is in the image; name it by --platform"
    )]
    UnknownPlatform,
    /// A name, path or value that an image cannot hold.
    #[error("{what} `{value}` is not valid: {reason}")]
    InvalidSetting {
        /// Which setting.
        what: &'static str,
        /// The value given.
        value: String,
        /// What is wrong with it, and what would be right.
        reason: &'static str,
    },
    /// The twin would take the production image's name.
    #[error("`{tag}` is the name of both the production image and its debug twin: give the twin another --debug-tag")]
    SameTag {
        /// The name.
        tag: String,
    },
    /// No toolkit for the platform of a binary.
    #[error(
        "the debug twin for {platform} needs a static busybox for {platform}, the one at hand is for {available}: give one by --toolkit, or build without the twin by --no-debug"
    )]
    NoToolkitFor {
        /// The binary's platform.
        platform: String,
        /// The toolkits' platforms.
        available: String,
    },
    /// The toolkit.
    #[error(transparent)]
    Toolkit(#[from] ToolkitError),
    /// The image.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl BuildError {
    /// What to do about it, where the sentence itself does not say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DynamicallyLinked { .. } => {
                Some("link it statically. Go: CGO_ENABLED=0; Rust: --target x86_64-unknown-linux-musl; C: -static")
            }
            Self::NotAnExecutable { .. } => Some("give the static Linux executable that the image is to run"),
            Self::Read { source, .. } | Self::Image(ImageError::Read { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some("give the path of the static executable that the image is to run")
            }
            _ => None,
        }
    }
}
