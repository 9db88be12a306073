//! The specification of a build.

use std::collections::BTreeMap;
use std::path::PathBuf;

use scratchdbg_image::{
    Compression, Healthcheck, ImageError, Layer, Platform, TaggedReference, Tree,
};

use crate::Toolkit;

/// The default user and group of images: distroless' `nonroot`. Numeric, because Kubernetes cannot
/// verify `runAsNonRoot` for a name, and because a scratch image has no `/etc/passwd`.
pub const DEFAULT_USER: &str = "65532:65532";

/// All inputs that determine a pair. The same spec and the same files give the same bytes.
#[derive(Clone, Debug)]
pub struct BuildSpec {
    /// The executables, each for a different platform. Each becomes `/<its file name>` in its
    /// image.
    pub binaries: Vec<PathBuf>,
    /// The other files of the images (see [`crate::Addition`]). Without binaries, these are all
    /// files.
    pub files: Tree,
    /// The requested platforms; if empty, those of the binaries.
    pub platforms: Vec<Platform>,
    /// The names of the production image; may be empty.
    pub tags: Vec<TaggedReference>,
    /// The twin. With `None`, only the production image is built, with the same bytes.
    pub twin: Option<Twin>,
    /// `USER[:GROUP]`; empty means root.
    pub user: String,
    /// The command in exec form; by default, the binary.
    pub entrypoint: Option<Vec<String>>,
    /// The default arguments of the entrypoint.
    pub cmd: Option<Vec<String>>,
    /// `NAME=VALUE`, in order.
    pub env: Vec<String>,
    /// Labels of the image config.
    pub labels: BTreeMap<String, String>,
    /// Additional labels by which scratchdbg recognizes temporary objects that it created.
    pub marks: BTreeMap<String, String>,
    /// The working directory. It is created if the files do not contain it.
    pub workdir: Option<String>,
    /// The ports as users write them: `80`, `53/udp`, `8000-8010/tcp`.
    pub expose: Vec<String>,
    /// The paths at which engines mount volumes.
    pub volumes: Vec<String>,
    /// The shell for commands in shell form, with its arguments (`SHELL`). The default is
    /// `/bin/sh -c`.
    pub shell: Option<Vec<String>>,
    /// Instructions for builds that use this image as their base (`ONBUILD`).
    pub on_build: Vec<String>,
    /// The author of the image (`MAINTAINER`).
    pub author: Option<String>,
    /// The platform if neither `platforms` nor a program determines it. If that is absent too, the
    /// build fails.
    pub fallback_platform: Option<Platform>,
    /// The signal that stops the program, by name or number.
    pub stop_signal: Option<String>,
    /// A health check in exec form.
    pub healthcheck: Option<Healthcheck>,
    /// The creation time of the images and their files, in seconds since 1970
    /// (`SOURCE_DATE_EPOCH`).
    pub epoch: u64,
    /// How layers are compressed, and where they are stored until they are written.
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

/// How layers are compressed, and where they are stored until they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerStorage {
    /// Uncompressed, and generated again from the source files each time. Nothing is copied. Use it
    /// for a single output that is a stream.
    Stream,
    /// In temporary files, generated once. Use it for compression, for several outputs, and for a
    /// layout, in whose folder the files become blobs without being copied.
    Spool {
        /// The folder of the files.
        folder: PathBuf,
        /// The compression.
        compression: Compression,
    },
    /// In files without a name, in the default folder for temporary files. However a build ends, no
    /// file is left behind.
    Unnamed {
        /// The compression.
        compression: Compression,
    },
}

impl LayerStorage {
    pub(crate) fn layer(&self, tree: Tree, mtime: u64) -> Result<Layer, ImageError> {
        match self {
            Self::Stream => Layer::from_tree(tree, mtime),
            Self::Spool { folder, compression } => {
                Layer::spooled(&tree, mtime, *compression, folder)
            }
            Self::Unnamed { compression } => Layer::spooled_unnamed(&tree, mtime, *compression),
        }
    }
}

/// The settings of the twin.
#[derive(Clone, Debug)]
pub struct Twin {
    /// One toolkit for each platform of the binaries. Others are not used.
    pub toolkits: Vec<Toolkit>,
    /// The names of the twin; if empty, the production image's tags with the suffix `-debug`.
    pub tags: Vec<TaggedReference>,
}
