//! The toolkit: one static busybox, and what is made from it.
//!
//! The names of its applets are read from the binary itself, so that they are right for every version and configuration
//! and nothing foreign is executed. Applet links are hard links: they resolve in whatever root they are seen from.

mod applets;
mod search;

use crate::{LAYOUT_VERSION, binary, config, label};
use scratchdbg_diagnose::program::{self, Program};
use scratchdbg_image::json::Document;
use scratchdbg_image::{
    ContainerConfig, Digest, Entry, FileData, Image, ImageConfig, ImageError, ImageSet, Layer, Node, Platform,
    TaggedReference, Tree,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::path::PathBuf;
use std::sync::Arc;

pub use search::{HOST_PATHS, HostSearch, Skipped, host_stamp, search_host};

/// Where the twin has its tools; its own top-level directory, so that nothing of the production image is covered.
pub const TWIN_BIN: &str = "/.scratchdbg/bin";
/// The time of the files there.
pub(crate) const TWIN_MTIME: u64 = 0;
/// Where a toolkit image has the folder of its sessions' names.
const SESSIONS: &str = "/session";
/// The repository of the toolkit images.
pub const REPOSITORY: &str = "scratchdbg/toolkit";

/// When toolkit images claim to have been made: always the same, so that the same content is the same image.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A static busybox, in memory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Toolkit {
    bytes: Arc<[u8]>,
    digest: Digest,
    platform: Platform,
    applets: Arc<[String]>,
    origin: String,
}

/// A further file of a toolkit image.
#[derive(Clone, Debug)]
pub struct ExtraFile {
    /// Where it goes in the image.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Its content.
    pub bytes: Arc<[u8]>,
    /// Further paths of the same file, as hard links.
    pub links: Vec<String>,
}

/// Why a file is not a toolkit, or why there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolkitError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no busybox, or one that does not work in an image that holds nothing else.
    #[error("{origin} cannot serve as the toolkit: {reason}")]
    Unfit {
        /// Where the bytes are from.
        origin: String,
        /// Why not.
        reason: String,
    },
    /// There is no toolkit anywhere.
    #[error(
        "no static busybox was found{}. Three ways to have one: install it (Debian, Ubuntu: apt-get install \
         busybox-static); name one, --toolkit PATH; or have an image that holds one in the engine, --toolkit IMAGE",
        search::list(skipped)
    )]
    NotFound {
        /// What was looked at and why it would not do.
        skipped: Vec<Skipped>,
    },
    /// An image could not be made from it.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl Toolkit {
    /// Takes the bytes of a static busybox; `origin` says in messages where they are from.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>, origin: impl Into<String>) -> Result<Self, ToolkitError> {
        let (bytes, origin) = (bytes.into(), origin.into());
        let platform = match static_platform(&bytes) {
            Ok(platform) => platform,
            Err(reason) => return Err(ToolkitError::Unfit { origin, reason }),
        };
        let Some(applets) = applets::find(&bytes) else {
            let reason = "it is not a busybox with a shell: it holds no list of applets with `sh` in it".into();
            return Err(ToolkitError::Unfit { origin, reason });
        };
        Ok(Self { digest: Digest::of(&bytes), bytes, platform, applets: applets.into(), origin })
    }

    /// What it runs on.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The digest of the busybox.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Size of the busybox in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The names of its applets, sorted.
    pub fn applets(&self) -> &[String] {
        &self.applets
    }

    /// Where it is from, for messages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The files of the one layer that a twin has more than its production image. With [`TWIN_MTIME`] its bytes depend on
    /// the busybox alone, so that every twin made with it shares the layer.
    pub(crate) fn twin_tree(&self) -> Result<Tree, ImageError> {
        let mut tree = Tree::default();
        self.install(&mut tree, TWIN_BIN)?;
        Ok(tree)
    }

    /// The `diff_id` of that layer: the digest of its tar.
    pub fn twin_layer(&self) -> Result<Digest, ToolkitError> {
        Ok(Layer::from_tree(self.twin_tree()?, TWIN_MTIME)?.diff_id())
    }

    /// The `diff_id` of the one layer of the image that [`Toolkit::image`] makes of the same files.
    pub fn image_layer(&self, extras: &[ExtraFile]) -> Result<Digest, ToolkitError> {
        Ok(Layer::from_tree(self.image_tree(extras)?, 0)?.diff_id())
    }

    /// The name of the image that [`Toolkit::image`] makes of the same files: it says what is in it, so that an engine
    /// that has it has the right one. Costs no more than hashing the files.
    pub fn image_reference(&self, extras: &[ExtraFile]) -> Result<TaggedReference, ToolkitError> {
        let extras: Vec<_> = extras
            .iter()
            .map(|file| {
                let digest = Digest::of(&file.bytes);
                json!({"path": file.path, "mode": file.mode, "digest": digest, "links": file.links})
            })
            .collect();
        let content = json!({"layout": LAYOUT_VERSION, "busybox": self.digest, "extras": extras});
        let document = Document::of(&content, "the toolkit's content")?;
        Ok(format!("{REPOSITORY}:{}", document.digest().short()).parse()?)
    }

    /// The image that `attach` starts debug containers from: `/bin/busybox`, its applets beside it, and `extras`.
    pub fn image(&self, extras: &[ExtraFile]) -> Result<ImageSet, ToolkitError> {
        let labels = [(label::ROLE, "toolkit".to_owned()), (label::LAYOUT, LAYOUT_VERSION.to_string())];
        let config = ImageConfig {
            created: Some(CREATED.into()),
            architecture: self.platform.architecture.clone(),
            variant: self.platform.variant.clone(),
            os: self.platform.os.clone(),
            config: ContainerConfig {
                env: Some(vec!["PATH=/bin".into()]),
                labels: Some(labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
                ..ContainerConfig::default()
            },
            history: vec![config::history(CREATED, "scratchdbg toolkit")],
            ..ImageConfig::default()
        };
        let image = Image::new(config, vec![Layer::from_tree(self.image_tree(extras)?, 0)?], BTreeMap::new())?;
        Ok(ImageSet::new(vec![self.image_reference(extras)?], vec![image])?)
    }

    /// The same files as a tar archive, to be unpacked into a folder of a container.
    pub fn archive(&self, extras: &[ExtraFile]) -> Result<Vec<u8>, ToolkitError> {
        let mut bytes = Vec::new();
        Layer::from_tree(self.tools_tree(extras)?, 0)?.write_to(&mut bytes)?;
        Ok(bytes)
    }

    /// The files of the image.
    fn image_tree(&self, extras: &[ExtraFile]) -> Result<Tree, ImageError> {
        let mut tree = self.tools_tree(extras)?;
        // Sessions of all users make folders there whose names nobody else is to know.
        tree.insert(SESSIONS, Entry { mode: 0o1733, ..Entry::directory() })?;
        Ok(tree)
    }

    /// busybox, its applets and `extras`.
    fn tools_tree(&self, extras: &[ExtraFile]) -> Result<Tree, ImageError> {
        let mut tree = Tree::with_root();
        self.install(&mut tree, "/bin")?;
        for file in extras {
            let entry = Entry::file(FileData::Bytes(file.bytes.clone()), file.mode);
            tree.insert(&file.path, entry.clone())?;
            for link in &file.links {
                let target = file.path.trim_start_matches('/').to_owned();
                tree.insert(link, Entry { node: Node::HardLink(target), ..entry.clone() })?;
            }
        }
        Ok(tree)
    }

    /// Puts busybox and a link for each applet into `folder`.
    fn install(&self, tree: &mut Tree, folder: &str) -> Result<(), ImageError> {
        let busybox = format!("{}/busybox", folder.trim_start_matches('/'));
        let file = Entry::file(FileData::Bytes(self.bytes.clone()), 0o755);
        tree.insert(&busybox, file.clone())?;
        for applet in self.applets.iter().filter(|applet| *applet != "busybox") {
            let link = Entry { node: Node::HardLink(busybox.clone()), ..file.clone() };
            tree.insert(&format!("{folder}/{applet}"), link)?;
        }
        Ok(())
    }
}

/// The platform of a static executable, or in words why it is none.
fn static_platform(bytes: &[u8]) -> Result<Platform, String> {
    let facts = match program::inspect(Cursor::new(bytes)) {
        Ok(Program::Elf(facts)) => facts,
        Ok(Program::Script(_)) => return Err("it is a script".into()),
        Ok(Program::Other(format)) => return Err(format!("it is {format}")),
        Err(error) => return Err(error.to_string()),
    };
    if let Some(interpreter) = &facts.interpreter {
        return Err(format!("it is dynamically linked (it needs {interpreter}); a static one is needed"));
    }
    if !facts.kind.is_executable() || facts.truncated.is_some() {
        return Err(format!("it is not a whole executable ({})", facts.kind));
    }
    binary::platform(&facts).ok_or_else(|| format!("OCI images have no name for its machine ({})", facts.machine))
}

#[cfg(test)]
mod tests;
