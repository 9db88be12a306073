//! Where the tools of a session come from: `--toolkit`, the host, or an image that the engine has already.

use std::path::Path;

use scratchdbg_builder::Toolkit;
use scratchdbg_builder::toolkit::{ExtraFile, Skipped, TWIN_BIN, ToolkitError, search_host};
use scratchdbg_engine::{Engine, LAUNCHER, LAUNCHER_NAME, RUN_ENTRYPOINT, TOOLKIT_BIN};
use scratchdbg_image::write_hybrid;

use crate::context::Context;
use crate::error::CommandError;

/// What a toolkit image's files claim as their time. Fixed: the image's name is made of its content alone.
const IMAGE_TIME: u64 = 0;

/// Finds a static busybox. No registry is ever asked.
pub(crate) async fn find(wanted: Option<&str>, context: &Context) -> Result<Toolkit, CommandError> {
    let Some(wanted) = wanted else {
        let found = search_host();
        return match found.toolkit {
            Some(toolkit) => Ok(toolkit),
            None => find_in_engine(context.engine().await?, found.skipped).await,
        };
    };
    if Path::new(wanted).exists() {
        return Toolkit::from_file(Path::new(wanted)).map_err(explain);
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

/// The name of the image that keepers are made from, whether the engine has it or not.
pub(crate) async fn reference(wanted: Option<&str>, context: &Context) -> Result<String, CommandError> {
    let toolkit = find(wanted, context).await?;
    Ok(toolkit.image_reference(&[launcher(&toolkit)?]).map_err(explain)?.familiar())
}

/// Has the image that keepers are made from in the engine: its reference.
pub(crate) async fn image_in_engine(wanted: Option<&str>, context: &Context) -> Result<String, CommandError> {
    let engine = context.engine().await?;
    let toolkit = find(wanted, context).await?;
    let extras = [launcher(&toolkit)?];
    let reference = toolkit.image_reference(&extras).map_err(explain)?.familiar();
    if !engine.has_image(&reference).await? {
        context.printer.note(&format!("loading the toolkit image {reference} (busybox from {})", toolkit.origin()));
        let image = toolkit.image(&extras).map_err(explain)?;
        engine.load(move |out| write_hybrid(&[image], IMAGE_TIME, out)).await?;
    }
    Ok(reference)
}

/// What a session is made with.
pub(crate) struct SessionTools {
    /// The image of the keeper.
    pub(crate) image: String,
    /// The user's own image, whose tools need not be static.
    pub(crate) own_image: Option<String>,
}

/// Has the tools of a session in the engine; with `only_name`, finds out what they would be, and changes nothing.
pub(crate) async fn for_session(
    wanted: Option<&str>,
    only_name: bool,
    context: &Context,
) -> Result<SessionTools, CommandError> {
    let own_image = match wanted {
        Some(image) if !Path::new(image).exists() => {
            let engine = context.engine().await?;
            let static_busybox = engine.has_image(image).await? && from_image(engine, image).await?.is_none();
            static_busybox.then(|| image.to_owned())
        }
        _ => None,
    };
    // The keeper's files are ours in any case.
    let wanted = wanted.filter(|_| own_image.is_none());
    let image = if only_name { reference(wanted, context).await? } else { image_in_engine(wanted, context).await? };
    Ok(SessionTools { image, own_image })
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
    CommandError::new(CommandError::chain(&error))
}
