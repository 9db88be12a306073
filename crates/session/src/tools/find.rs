//! What a user asks for, and where it is: a file, an image of the platform, or this machine.

use std::path::PathBuf;

use scratchdbg_backend::launcher::{LAUNCHER_NAME, TOOLKIT_BIN};
use scratchdbg_backend::{Error, ImageTool, ToolStore};
use scratchdbg_builder::Toolkit;
use scratchdbg_builder::toolkit::{HostSearch, Skipped, TWIN_BIN, Tool, ToolkitError, read_tools};

use super::{HostToolkit, blocking, equipped, explain, failed};

/// The tools that a user asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The toolkit.
    pub base: Base,
    /// Files and folders of this machine that are added to it.
    pub added: Vec<PathBuf>,
}

/// A toolkit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Base {
    /// A busybox of this machine, or of an image of the platform.
    #[default]
    Host,
    /// The path of a busybox if there is such a file, otherwise an image.
    Named(String),
    /// An image.
    Image(String),
}

impl Base {
    /// Returns what the user named, or the default.
    pub fn named(text: Option<&str>) -> Self {
        text.map_or(Self::Host, |text| Self::Named(text.to_owned()))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Host => None,
            Self::Named(text) | Self::Image(text) => Some(text),
        }
    }

    /// Reads the file, if a file is meant and is there.
    pub(super) async fn file(&self) -> Result<Option<Toolkit>, Error> {
        let Self::Named(path) = self else { return Ok(None) };
        let path = PathBuf::from(path);
        let read = move || {
            if path.exists() {
                Toolkit::from_file(&path).map(|toolkit| Some(equipped(toolkit))).map_err(explain)
            } else {
                Ok(None)
            }
        };
        blocking(read).await
    }

    pub(super) fn absent(&self) -> Error {
        let text = self.text().unwrap_or_default();
        match self {
            Self::Image(_) => failed(format!("the engine has no image {text} with a busybox"))
                .hint(format!("`docker pull {text}` gets it: nothing is pulled by itself")),
            _ => failed(format!("--toolkit {text}: no such file, and no image with a busybox"))
                .hint(GIVE_ONE),
        }
    }
}

/// Finds a static busybox: the named file or image, or one of this machine, or one in an image of
/// the platform. Connects to the platform only if needed. Never asks a registry.
pub async fn find<S: ToolStore>(
    base: &Base,
    host: &HostToolkit,
    store: impl AsyncFnOnce() -> Result<S, Error>,
) -> Result<Toolkit, Error> {
    let Some(named) = base.text() else {
        let HostSearch { toolkit, skipped } = &host.look().await?.search;
        return match toolkit {
            Some(toolkit) => Ok(toolkit.clone()),
            None => find_in_store(&store().await?, skipped.clone()).await,
        };
    };
    if let Some(toolkit) = base.file().await? {
        return Ok(toolkit);
    }
    from_image(&store().await?, named).await?.ok_or_else(|| base.absent())
}

/// Adds tools of this machine to a toolkit.
pub async fn add(toolkit: Toolkit, paths: &[PathBuf]) -> Result<Toolkit, Error> {
    if paths.is_empty() {
        return Ok(toolkit);
    }
    let paths = paths.to_vec();
    let add = move || toolkit.with_tools(read_tools(&paths)?);
    blocking(move || add().map_err(explain)).await
}

pub(super) const GIVE_ONE: &str =
    "give the path of a static busybox, or an image that the engine has and that holds one";

/// Searches the images that may contain a busybox.
async fn find_in_store(store: &impl ToolStore, skipped: Vec<Skipped>) -> Result<Toolkit, Error> {
    for image in store.images_with_busybox().await? {
        // Skip an image whose busybox is dynamic or missing.
        if let Ok(Some(toolkit)) = from_image(store, &image).await {
            // Nobody asked for what else is in it.
            return Ok(toolkit.without_tools());
        }
    }
    Err(explain(ToolkitError::NotFound { skipped }))
}

/// Reads the busybox of an image, and the other tools of a toolkit image. Returns `None` if the
/// platform has no such image, or the image has no static busybox.
pub(super) async fn from_image(
    store: &impl ToolStore,
    image: &str,
) -> Result<Option<Toolkit>, Error> {
    if store.image_record(image).await?.is_none() {
        return Ok(None);
    }
    let (busybox, others): (Vec<_>, Vec<_>) = (store.tools_of_image(image).await?.into_iter())
        .partition(|tool| tool.names.iter().any(|name| name == "busybox"));
    if let Some(ImageTool { bytes, .. }) = busybox.into_iter().next() {
        let origin = format!("image {image}");
        let ours = |tool: &ImageTool| tool.names.iter().any(|name| name == LAUNCHER_NAME);
        let others = others.into_iter().filter(|tool| !ours(tool)).filter_map(|tool| {
            let mut names = tool.names.into_iter();
            let name = names.next()?;
            Some(Tool {
                origin: format!("{name} of {origin}"),
                name,
                bytes: tool.bytes.into(),
                is_program: tool.is_program,
                links: names.collect(),
            })
        });
        let others = others.collect();
        let make = move || Toolkit::from_bytes(bytes, origin)?.with_tools(others);
        return blocking(move || make().map(equipped).map(Some).map_err(explain)).await;
    }
    for folder in [TOOLKIT_BIN, TWIN_BIN] {
        if let Some(bytes) = store.file_of_image(image, &format!("{folder}/busybox")).await?
            && let Ok(toolkit) = Toolkit::from_bytes(bytes, format!("image {image}"))
        {
            return Ok(Some(equipped(toolkit)));
        }
    }
    Ok(None)
}
