//! The errors of building a pair.

use std::io;
use std::path::PathBuf;

use scratchdbg_image::ImageError;

use crate::toolkit::ToolkitError;

/// Why a pair could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither a binary nor another file was given.
    #[error("no file was given for the image: name the static executable that it runs")]
    NoBinary,
    /// The binary could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The binary.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The binary's name cannot be a path in an image.
    #[error("the name of {} is not UTF-8: rename the file", path.display())]
    NameNotUtf8 {
        /// The binary.
        path: PathBuf,
    },
    /// The file is not a Linux executable.
    #[error("{} is not a Linux executable: it is {what}", path.display())]
    NotAnExecutable {
        /// The file.
        path: PathBuf,
        /// What the file is instead.
        what: String,
    },
    /// The binary is truncated.
    #[error("{} is truncated: its headers describe {expected} bytes, and it has {actual}; copy or build it again", path.display())]
    Truncated {
        /// The binary.
        path: PathBuf,
        /// Where the missing part should end.
        expected: u64,
        /// The size of the file.
        actual: u64,
    },
    /// The binary needs a dynamic loader that the image does not contain.
    #[error("{} is dynamically linked: it needs {interpreter}, which the image does not have", path.display())]
    DynamicallyLinked {
        /// The binary.
        path: PathBuf,
        /// The loader.
        interpreter: String,
    },
    /// The binary is for an architecture that no image can declare.
    #[error("{} is for an architecture that OCI images cannot name (ELF machine {machine})", path.display())]
    UnknownMachine {
        /// The binary.
        path: PathBuf,
        /// `e_machine`.
        machine: u16,
    },
    /// A symbolic link in an added folder that leads out of the folder.
    #[error("{} points at {target}, outside of the added folder: copy the file, or add a folder that contains both", path.display())]
    LinkLeadsOut {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: String,
    },
    /// A requested platform that the binary does not run on.
    #[error("{} is for {actual}, not for {asked}: leave --platform out, or give the binary for {asked}", path.display())]
    WrongPlatform {
        /// The binary.
        path: PathBuf,
        /// The binary's platform.
        actual: String,
        /// The requested platform.
        asked: String,
    },
    /// A file that `--with` requires is not on this machine.
    #[error(
        "--with {need}: none of {looked_for} exists on this machine; install {package}, or add your own file with --add"
    )]
    NoSource {
        /// The argument of `--with`.
        need: String,
        /// The searched paths.
        looked_for: String,
        /// The Debian package that contains it.
        package: &'static str,
    },
    /// The platform of the image cannot be determined.
    #[error(
        "the platform of the image is not known, because its entrypoint is not an executable in the image: set --platform"
    )]
    UnknownPlatform,
    /// A name, path or value that is not allowed in an image.
    #[error("{what} `{value}` is not valid: {reason}")]
    InvalidSetting {
        /// The setting.
        what: &'static str,
        /// The value.
        value: String,
        /// What is wrong with it, and what would be right.
        reason: &'static str,
    },
    /// The twin would have the same name as the production image.
    #[error(
        "`{tag}` is the name of both the production image and its debug twin: give the twin another --debug-tag"
    )]
    SameTag {
        /// The name.
        tag: String,
    },
    /// The production image uses the folder that the twin's layer adds.
    #[error("{what}")]
    FolderOfTools {
        /// What of it, as a sentence.
        what: String,
    },
    /// There is no toolkit for the platform of a binary.
    #[error(
        "the debug twin for {platform} needs a static busybox for {platform}, and the one found is for {available}: name one with --toolkit, or build without a twin (--no-debug)"
    )]
    NoToolkitFor {
        /// The binary's platform.
        platform: String,
        /// The toolkits' platforms.
        available: String,
    },
    /// An error of the toolkit.
    #[error(transparent)]
    Toolkit(#[from] ToolkitError),
    /// An error of the image.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl BuildError {
    /// Returns a hint if the message itself does not contain the remedy.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DynamicallyLinked { .. } => Some(
                "link it statically. Go: CGO_ENABLED=0; Rust: --target x86_64-unknown-linux-musl; C: -static",
            ),
            Self::NotAnExecutable { .. } => {
                Some("give the static Linux executable that the image runs")
            }
            Self::Read { source, .. } | Self::Image(ImageError::Read { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some("check the path of the static executable that the image runs")
            }
            Self::Read { source, .. } => Some(scratchdbg_files::hint(source)),
            Self::Image(error) => error.hint(),
            Self::Truncated { .. } => {
                Some("compare its size and checksum with those of the original")
            }
            Self::WrongPlatform { .. } => {
                Some("--platform is not needed: the platform is taken from the binary")
            }
            Self::LinkLeadsOut { .. } => {
                Some("--add follows a symbolic link that is its own argument")
            }
            Self::NoSource { .. } => Some("or leave it out of the list of `--with`"),
            Self::FolderOfTools { .. } => Some(
                "use another folder, or build without a debug twin, which would replace it (--no-debug)",
            ),
            Self::NoToolkitFor { .. } => Some("--toolkit can be repeated, once for each platform"),
            _ => None,
        }
    }
}
