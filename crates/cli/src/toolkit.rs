//! Where the tools of a session come from: `--toolkit`, the host, or an image that the engine has already.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use scratchdbg_builder::Toolkit;
use scratchdbg_builder::toolkit::{self, ExtraFile, HostSearch, Skipped, TWIN_BIN, ToolkitError, search_host};
use scratchdbg_docker::{Engine, LAUNCHER, LAUNCHER_NAME, RUN_ENTRYPOINT, TOOLKIT_BIN};
use scratchdbg_image::{Digest, write_hybrid};

use crate::blocking::blocking;
use crate::context::Context;
use crate::error::CommandError;

/// What a toolkit image's files claim as their time. Fixed: the image's name is made of its content alone.
const IMAGE_TIME: u64 = 0;

/// The busybox of this machine, and the name of the image that is made of it. To hash the files takes longer than to ask
/// the engine: it is done once.
#[derive(Debug, Default)]
pub(crate) struct HostToolkit(Arc<OnceLock<Found>>);

#[derive(Debug)]
struct Found {
    search: HostSearch,
    reference: Option<String>,
}

impl HostToolkit {
    async fn found(&self) -> Result<&Found, CommandError> {
        let look = || {
            let search = search_host();
            // What is wrong with it is said when it is used.
            let reference = search.toolkit.as_ref().and_then(|toolkit| reference_of(toolkit).ok());
            Found { search, reference }
        };
        if self.0.get().is_none() {
            let place = Arc::clone(&self.0);
            blocking(move || {
                place.get_or_init(look);
                Ok(())
            })
            .await?;
        }
        Ok(self.0.get_or_init(look))
    }
}

/// Tells the tools that [`for_session`] makes of this machine's busybox from others, at the cost of a few looks at files.
/// They are made of that busybox and of the launcher, which is part of this program.
pub(crate) fn host_stamp() -> Option<String> {
    let own = std::fs::metadata("/proc/self/exe").ok()?;
    let own = (own.dev(), own.ino(), own.size(), own.ctime(), own.ctime_nsec());
    Some(Digest::of(format!("{}{own:?}", toolkit::host_stamp()?).as_bytes()).short())
}

/// Finds a static busybox. No registry is ever asked.
pub(crate) async fn find(wanted: Option<&str>, context: &Context) -> Result<Toolkit, CommandError> {
    let Some(wanted) = wanted else {
        let HostSearch { toolkit, skipped } = &context.host_toolkit.found().await?.search;
        return match toolkit {
            Some(toolkit) => Ok(toolkit.clone()),
            None => find_in_engine(context.engine().await?, skipped.clone()).await,
        };
    };
    let path = PathBuf::from(wanted);
    let from_file = move || if path.exists() { Toolkit::from_file(&path).map(Some).map_err(explain) } else { Ok(None) };
    if let Some(toolkit) = blocking(from_file).await? {
        return Ok(toolkit);
    }
    match from_image(context.engine().await?, wanted).await? {
        Some(toolkit) => Ok(toolkit),
        None => Err(CommandError::new(format!("--toolkit {wanted}: no such file, and no image with a busybox"))
            .hint("give the path of a static busybox, or an image that the engine has and that holds one")),
    }
}

/// Looks into the images that may hold a busybox.
async fn find_in_engine(engine: &Engine, skipped: Vec<Skipped>) -> Result<Toolkit, CommandError> {
    for image in engine.images_with_busybox().await? {
        // One that is dynamic, or holds none after all, is passed over.
        if let Ok(Some(toolkit)) = from_image(engine, &image).await {
            return Ok(toolkit);
        }
    }
    Err(explain(ToolkitError::NotFound { skipped }))
}

/// The busybox of an image; nothing when the engine has no such image, or it holds no static one.
async fn from_image(engine: &Engine, image: &str) -> Result<Option<Toolkit>, CommandError> {
    if !engine.has_image(image).await? {
        return Ok(None);
    }
    for folder in [TOOLKIT_BIN, TWIN_BIN] {
        if let Some(bytes) = engine.file_of_image(image, &format!("{folder}/busybox")).await?
            && let Ok(toolkit) = Toolkit::from_bytes(bytes, format!("image {image}"))
        {
            return Ok(Some(toolkit));
        }
    }
    Ok(None)
}

/// What a session is made with.
#[derive(Debug)]
pub(crate) struct SessionTools {
    /// The image of the keeper.
    pub(crate) image: String,
    /// The user's own image, whose tools need not be static.
    pub(crate) own_image: Option<String>,
    /// The engine has the keeper's image.
    pub(crate) in_engine: bool,
    toolkit: Toolkit,
}

/// Finds out what a session's tools are. Changes nothing: see [`SessionTools::load`].
pub(crate) async fn for_session(wanted: Option<&str>, context: &Context) -> Result<SessionTools, CommandError> {
    let engine = context.engine().await?;
    let own_image = match wanted {
        Some(image) if !tokio::fs::try_exists(Path::new(image)).await.unwrap_or(false) => {
            let no_busybox = engine.has_image(image).await? && from_image(engine, image).await?.is_none();
            no_busybox.then(|| image.to_owned())
        }
        _ => None,
    };
    // The keeper's files are ours in any case.
    let wanted = wanted.filter(|_| own_image.is_none());
    let toolkit = find(wanted, context).await?;
    let known = match wanted {
        None => context.host_toolkit.found().await?.reference.clone(),
        Some(_) => None,
    };
    let image = match known {
        Some(reference) => reference,
        None => reference_of(&toolkit)?,
    };
    // An image may have the name and not be it.
    let layer = {
        let toolkit = toolkit.clone();
        blocking(move || toolkit.image_layer(&[launcher(&toolkit)?]).map_err(explain)).await?
    };
    let in_engine = engine.has_toolkit(&image, &layer.to_string()).await?;
    Ok(SessionTools { image, own_image, in_engine, toolkit })
}

/// The `diff_id` of the layer that a twin made with the busybox of this machine has; nothing where there is none.
pub(crate) async fn host_twin_layer(context: &Context) -> Option<String> {
    let toolkit = context.host_toolkit.found().await.ok()?.search.toolkit.clone()?;
    twin_layer(toolkit).await
}

async fn twin_layer(toolkit: Toolkit) -> Option<String> {
    let layer = blocking(move || toolkit.twin_layer().map_err(explain)).await;
    layer.ok().map(|layer| layer.to_string())
}

impl SessionTools {
    /// The `diff_id` of the layer that a twin made with these tools has.
    pub(crate) async fn twin_layer(&self) -> Option<String> {
        twin_layer(self.toolkit.clone()).await
    }

    /// The same files as an archive, for a container that is made from another image.
    pub(crate) fn archive(&self) -> Result<Vec<u8>, CommandError> {
        self.toolkit.archive(&[launcher(&self.toolkit)?]).map_err(explain)
    }

    /// Has the keeper's image in the engine.
    pub(crate) async fn load(&mut self, context: &Context) -> Result<(), CommandError> {
        if self.in_engine {
            return Ok(());
        }
        let Self { image, toolkit, .. } = self;
        context.printer.note(&format!("loading the toolkit image {image} (busybox from {})", toolkit.origin()));
        let image = toolkit.image(&[launcher(toolkit)?]).map_err(explain)?;
        context.engine().await?.load(move |out| write_hybrid(&[image], IMAGE_TIME, out)).await?;
        self.in_engine = true;
        Ok(())
    }
}

/// The name of the image that keepers are made from, whether an engine has it or not.
fn reference_of(toolkit: &Toolkit) -> Result<String, CommandError> {
    Ok(toolkit.image_reference(&[launcher(toolkit)?]).map_err(explain)?.familiar())
}

/// The launcher, for the toolkit's platform.
fn launcher(toolkit: &Toolkit) -> Result<ExtraFile, CommandError> {
    let own = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let platform = toolkit.platform();
    if LAUNCHER.is_empty() || platform.architecture != own {
        return Err(CommandError::new(format!("this build of scratchdbg carries no launcher for {platform}"))
            .hint(format!("use a scratchdbg that is built for {platform}")));
    }
    Ok(ExtraFile {
        path: format!("{TOOLKIT_BIN}/{LAUNCHER_NAME}"),
        mode: 0o755,
        bytes: LAUNCHER.into(),
        // The launcher does what it is called.
        links: vec![format!("{TOOLKIT_BIN}/{RUN_ENTRYPOINT}")],
    })
}

fn explain(error: ToolkitError) -> CommandError {
    let result = CommandError::new(scratchdbg_backend::chain(&error));
    match error {
        // It says itself what to do.
        ToolkitError::NotFound { .. } => result,
        _ => result.hint("give the path of a static busybox, or an image that the engine has and that holds one"),
    }
}
