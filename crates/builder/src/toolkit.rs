//! The toolkit: a static busybox, and the images and archives made from it.
//!
//! The applet names are read from the binary itself. So they are correct for every version and
//! configuration, and no untrusted program is executed. Applets are hard links, which resolve in
//! any root.

mod applets;
mod search;
mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor};
use std::iter;
use std::path::PathBuf;
use std::sync::Arc;

use scratchdbg_diagnose::program::{self, Program};
use scratchdbg_image::json::Document;
use scratchdbg_image::{
    ContainerConfig, Digest, Entry, FileData, Image, ImageConfig, ImageError, ImageSet, Layer,
    Node, Platform, TaggedReference, Tree,
};
use serde_json::json;

use crate::{LAYOUT_VERSION, binary, config, label};

pub use search::{HOST_PATHS, HostSearch, Skipped, host_stamp, search_host};
pub use tools::{LARGEST as LARGEST_TOOLS, Tool, read as read_tools};

/// The twin's own top-level directory, so that its layer hides nothing of the production image. It
/// has the same contents as the root of a toolkit image.
const TWIN_BASE: &str = "/.scratchdbg";
/// The folder of the twin's tools.
pub const TWIN_BIN: &str = "/.scratchdbg/bin";
/// The modification time of the files there.
pub(crate) const TWIN_MTIME: u64 = 0;
/// The folder for the names of sessions in a toolkit image.
const SESSIONS: &str = "/session";
/// The repository of the toolkit images.
pub const REPOSITORY: &str = "scratchdbg/toolkit";

/// The creation time of toolkit images. It is constant, so that the same content gives the same
/// image.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A static busybox, in memory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Toolkit {
    bytes: Arc<[u8]>,
    digest: Digest,
    platform: Platform,
    applets: Arc<[String]>,
    origin: String,
    /// Files of a twin beside busybox, with their paths in a toolkit image.
    extras: Arc<[ExtraFile]>,
    /// The tools that the user added, sorted by path. No twin has them.
    tools: Arc<[ExtraFile]>,
}

/// An additional file of a toolkit image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraFile {
    /// The path in the image.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The content.
    pub bytes: Arc<[u8]>,
    /// Additional paths of the same file, as hard links.
    pub links: Vec<String>,
}

/// Why a file is not a toolkit, or why no toolkit was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolkitError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not a busybox, or cannot run in an image without other files.
    #[error("{origin} cannot be the toolkit: {reason}")]
    Unfit {
        /// Where the bytes come from.
        origin: String,
        /// The reason.
        reason: String,
    },
    /// A file cannot be a tool of a toolkit.
    #[error("{origin} cannot be in a toolkit: {reason}")]
    NoTool {
        /// The file.
        origin: String,
        /// The reason.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// No toolkit was found.
    #[error(
        "no static busybox was found{}. Install one (Debian, Ubuntu: apt-get install busybox-static), name a file \
         (--toolkit PATH), or name an image in the engine that contains one (--toolkit IMAGE)",
        search::list(skipped)
    )]
    NotFound {
        /// The candidates, and why they were rejected.
        skipped: Vec<Skipped>,
    },
    /// No image could be made from it.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl ToolkitError {
    /// Returns what to do about a file or folder.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoTool { hint, .. } => Some(hint),
            Self::Read { source, .. } => Some(scratchdbg_files::hint(source)),
            _ => None,
        }
    }
}

impl Toolkit {
    /// Creates a toolkit from the bytes of a static busybox. `origin` names their source in
    /// messages.
    pub fn from_bytes(
        bytes: impl Into<Arc<[u8]>>,
        origin: impl Into<String>,
    ) -> Result<Self, ToolkitError> {
        let (bytes, origin) = (bytes.into(), origin.into());
        let platform = match static_platform(&bytes) {
            Ok(platform) => platform,
            Err(reason) => return Err(ToolkitError::Unfit { origin, reason }),
        };
        let Some(applets) = applets::find(&bytes) else {
            let reason =
                "it is not a busybox with a shell: it holds no list of applets with `sh` in it"
                    .into();
            return Err(ToolkitError::Unfit { origin, reason });
        };
        Ok(Self {
            digest: Digest::of(&bytes),
            bytes,
            platform,
            applets: applets.into(),
            origin,
            extras: Arc::from([]),
            tools: Arc::from([]),
        })
    }

    /// Adds these files to the twins that are made with it, as [`Toolkit::image`] does to a toolkit
    /// image. With the programs of a session, a twin can serve as a toolkit image.
    #[must_use]
    pub fn with_extras(self, extras: Vec<ExtraFile>) -> Self {
        Self { extras: extras.into(), ..self }
    }

    /// The platform of the busybox.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The digest of the busybox.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The size of the busybox in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The names of its applets, sorted.
    pub fn applets(&self) -> &[String] {
        &self.applets
    }

    /// The source of the busybox, for messages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the files of the twin's additional layer. With [`TWIN_MTIME`], the layer's bytes
    /// depend only on the tools, so that all twins made with them share the layer.
    pub(crate) fn twin_tree(&self) -> Result<Tree, ImageError> {
        let mut tree = Tree::default();
        self.install(&mut tree, TWIN_BIN, &BTreeSet::new())?;
        if !self.extras.is_empty() {
            install_extras(&mut tree, TWIN_BASE, &self.extras)?;
            tree.insert(&format!("{TWIN_BASE}{SESSIONS}"), sessions())?;
        }
        Ok(tree)
    }

    /// Returns the `diff_id` of the twin's additional layer.
    pub fn twin_layer(&self) -> Result<Digest, ToolkitError> {
        Ok(Layer::from_tree(self.twin_tree()?, TWIN_MTIME)?.diff_id())
    }

    /// Returns the `diff_id` of the only layer of the image that [`Toolkit::image`] makes with
    /// these files.
    pub fn image_layer(&self, extras: &[ExtraFile]) -> Result<Digest, ToolkitError> {
        Ok(Layer::from_tree(self.image_tree(extras)?, 0)?.diff_id())
    }

    /// Returns the name of the image that [`Toolkit::image`] makes with these files. The name
    /// contains a digest of the content, so an engine that has the name has the right image. Only
    /// hashes the files.
    pub fn image_reference(&self, extras: &[ExtraFile]) -> Result<TaggedReference, ToolkitError> {
        let extras: Vec<_> = extras
            .iter()
            .chain(&*self.tools)
            .map(|file| {
                let digest = Digest::of(&file.bytes);
                json!({"path": file.path, "mode": file.mode, "digest": digest, "links": file.links})
            })
            .collect();
        let content = json!({"layout": LAYOUT_VERSION, "busybox": self.digest, "extras": extras});
        let document = Document::of(&content, "the toolkit's content")?;
        Ok(format!("{REPOSITORY}:{}", document.digest().short()).parse()?)
    }

    /// Returns the image that `attach` creates debug containers from: `/bin/busybox`, its applets
    /// beside it, and `extras`.
    pub fn image(&self, extras: &[ExtraFile]) -> Result<ImageSet, ToolkitError> {
        let labels =
            [(label::ROLE, "toolkit".to_owned()), (label::LAYOUT, LAYOUT_VERSION.to_string())];
        let config = ImageConfig {
            created: Some(CREATED.into()),
            architecture: self.platform.architecture.clone(),
            variant: self.platform.variant.clone(),
            os: self.platform.os.clone(),
            config: ContainerConfig {
                env: Some(vec!["PATH=/bin".into()]),
                labels: Some(
                    labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                ),
                ..ContainerConfig::default()
            },
            history: vec![config::history(CREATED, "scratchdbg toolkit")],
            ..ImageConfig::default()
        };
        let image = Image::new(
            config,
            vec![Layer::from_tree(self.image_tree(extras)?, 0)?],
            BTreeMap::new(),
        )?;
        Ok(ImageSet::new(vec![self.image_reference(extras)?], vec![image])?)
    }

    /// Returns the same files as a tar archive, to be unpacked into a folder of a container.
    pub fn archive(&self, extras: &[ExtraFile]) -> Result<Vec<u8>, ToolkitError> {
        let mut bytes = Vec::new();
        Layer::from_tree(self.tools_tree(extras)?, 0)?.write_to(&mut bytes)?;
        Ok(bytes)
    }

    /// Returns the files of the image.
    fn image_tree(&self, extras: &[ExtraFile]) -> Result<Tree, ImageError> {
        let mut tree = self.tools_tree(extras)?;
        tree.insert(SESSIONS, sessions())?;
        Ok(tree)
    }

    /// Returns busybox, its applets, the tools and `extras`.
    fn tools_tree(&self, extras: &[ExtraFile]) -> Result<Tree, ImageError> {
        let mut tree = Tree::with_root();
        let replaced = self.tools.iter().flat_map(|tool| iter::once(&tool.path).chain(&tool.links));
        let replaced = replaced.filter_map(|path| path.strip_prefix("/bin/")).collect();
        self.install(&mut tree, "/bin", &replaced)?;
        install_extras(&mut tree, "", &self.tools)?;
        install_extras(&mut tree, "", extras)?;
        Ok(tree)
    }

    /// Adds busybox and a link for each applet to `folder`, but for those that are `replaced`.
    fn install(
        &self,
        tree: &mut Tree,
        folder: &str,
        replaced: &BTreeSet<&str>,
    ) -> Result<(), ImageError> {
        let busybox = format!("{}/busybox", folder.trim_start_matches('/'));
        let file = Entry::file(FileData::Bytes(self.bytes.clone()), 0o755);
        tree.insert(&busybox, file.clone())?;
        let applets = self.applets.iter().filter(|applet| *applet != "busybox");
        for applet in applets.filter(|applet| !replaced.contains(applet.as_str())) {
            let link = Entry { node: Node::HardLink(busybox.clone()), ..file.clone() };
            tree.insert(&format!("{folder}/{applet}"), link)?;
        }
        Ok(())
    }
}

/// Returns the folder for the names of sessions. Sessions of all users create folders there, whose
/// names must stay secret.
fn sessions() -> Entry {
    Entry { mode: 0o1733, ..Entry::directory() }
}

/// Adds files below `base`.
fn install_extras(tree: &mut Tree, base: &str, extras: &[ExtraFile]) -> Result<(), ImageError> {
    for file in extras {
        let path = format!("{base}{}", file.path);
        let entry = Entry::file(FileData::Bytes(file.bytes.clone()), file.mode);
        tree.insert(&path, entry.clone())?;
        for link in &file.links {
            let target = path.trim_start_matches('/').to_owned();
            tree.insert(
                &format!("{base}{link}"),
                Entry { node: Node::HardLink(target), ..entry.clone() },
            )?;
        }
    }
    Ok(())
}

/// Returns the platform of a static executable. The error tells why the file is not one.
fn static_platform(bytes: &[u8]) -> Result<Platform, String> {
    let facts = match program::inspect(Cursor::new(bytes)) {
        Ok(Program::Elf(facts)) => facts,
        Ok(Program::Script(_)) => return Err("it is a script".into()),
        Ok(Program::Other(format)) => return Err(format!("it is {format}")),
        Err(error) => return Err(error.to_string()),
    };
    if let Some(interpreter) = &facts.interpreter {
        return Err(format!(
            "it is dynamically linked (it needs {interpreter}); a static one is needed"
        ));
    }
    if !facts.kind.is_executable() || facts.truncated.is_some() {
        return Err(format!("it is not a whole executable ({})", facts.kind));
    }
    binary::platform(&facts)
        .ok_or_else(|| format!("OCI images have no name for its machine ({})", facts.machine))
}

#[cfg(test)]
mod tests;
