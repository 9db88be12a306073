//! What is to be built.

use crate::Toolkit;
use scratchdbg_image::{Compression, Healthcheck, ImageError, Layer, Platform, TaggedReference, Tree};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The numeric user and group that images run as unless told otherwise: distroless' `nonroot`. A number, because
/// Kubernetes cannot verify `runAsNonRoot` for a name, and a scratch image has no `/etc/passwd` to look names up in.
pub const DEFAULT_USER: &str = "65532:65532";

/// All that decides what a pair is. Same spec and same files, same bytes.
#[derive(Clone, Debug)]
pub struct BuildSpec {
    /// The executables, each for another platform; each becomes `/<its file name>` of its image.
    pub binaries: Vec<PathBuf>,
    /// What else is in the images (see [`crate::Addition`]). Without binaries this is all there is.
    pub files: Tree,
    /// The platforms that are asked for; none takes them from the binaries.
    pub platforms: Vec<Platform>,
    /// Names of the production image; none leaves it unnamed.
    pub tags: Vec<TaggedReference>,
    /// The twin; `None` builds the production image alone, with the same bytes.
    pub twin: Option<Twin>,
    /// `USER[:GROUP]`; empty is root.
    pub user: String,
    /// The command in exec form; `None` runs the binary.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments for the entrypoint that a user replaces.
    pub cmd: Option<Vec<String>>,
    /// `NAME=VALUE`, in order.
    pub env: Vec<String>,
    /// Labels of the image config.
    pub labels: BTreeMap<String, String>,
    /// Labels of scratchdbg's own beside those: by them it knows what it made for a while.
    pub marks: BTreeMap<String, String>,
    /// The working directory; it is made if the files do not have it.
    pub workdir: Option<String>,
    /// Ports as users write them: `80`, `53/udp`, `8000-8010/tcp`.
    pub expose: Vec<String>,
    /// Paths where engines mount a volume.
    pub volumes: Vec<String>,
    /// The shell that engines run commands in shell form by, with its arguments (`SHELL`); `None` is `/bin/sh -c`.
    pub shell: Option<Vec<String>>,
    /// Instructions for builds that begin with this image (`ONBUILD`).
    pub on_build: Vec<String>,
    /// Who made the image (`MAINTAINER`).
    pub author: Option<String>,
    /// What the image is for where neither the platforms nor a program in it say. `None` makes that an error.
    pub fallback_platform: Option<Platform>,
    /// The signal that asks the program to end, by name or number.
    pub stop_signal: Option<String>,
    /// A health check in exec form.
    pub healthcheck: Option<Healthcheck>,
    /// Seconds since 1970 (`SOURCE_DATE_EPOCH`): when the images claim to have been made, and their files.
    pub epoch: u64,
    /// How layers are packed, and where they are until they are written.
    pub layers: LayerStorage,
}

impl Default for BuildSpec {
    fn default() -> Self {
        Self {
            binaries: Vec::new(),
            files: Tree::with_root(),
            platforms: Vec::new(),
            tags: Vec::new(),
            twin: None,
            user: DEFAULT_USER.into(),
            entrypoint: None,
            cmd: None,
            env: Vec::new(),
            labels: BTreeMap::new(),
            marks: BTreeMap::new(),
            workdir: None,
            expose: Vec::new(),
            volumes: Vec::new(),
            shell: None,
            on_build: Vec::new(),
            author: None,
            fallback_platform: None,
            stop_signal: None,
            healthcheck: None,
            epoch: 0,
            layers: LayerStorage::Stream,
        }
    }
}

/// How layers are packed, and where they are until they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerStorage {
    /// Uncompressed, and made anew from the source files each time: nothing is copied. Right for one output that is a
    /// stream.
    Stream,
    /// In temporary files, made once. Right for compression, for several outputs, and for a layout, in whose folder the
    /// files become blobs without being copied.
    Spool {
        /// Where the files are.
        folder: PathBuf,
        /// How they are packed.
        compression: Compression,
    },
    /// The same in files without a name, in the folder for temporary files: nothing is left of them, however a build ends.
    Unnamed {
        /// How they are packed.
        compression: Compression,
    },
}

impl LayerStorage {
    pub(crate) fn layer(&self, tree: Tree, mtime: u64) -> Result<Layer, ImageError> {
        match self {
            Self::Stream => Layer::from_tree(tree, mtime),
            Self::Spool { folder, compression } => Layer::spooled(&tree, mtime, *compression, folder),
            Self::Unnamed { compression } => Layer::spooled_unnamed(&tree, mtime, *compression),
        }
    }
}

/// How the twin is made.
#[derive(Clone, Debug)]
pub struct Twin {
    /// One for each platform of the binaries; others are not used.
    pub toolkits: Vec<Toolkit>,
    /// Names of the twin; none gives it the production image's tags with `-debug` appended.
    pub tags: Vec<TaggedReference>,
}
