//! Finds the tools of a session: a toolkit that the user named, a busybox of this machine, or one
//! in an image of the platform; and what the user adds to it.

mod find;

use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, OnceLock};

use scratchdbg_backend::launcher::{LAUNCHER_NAME, RUN_ENTRYPOINT, TOOLKIT_BIN};
use scratchdbg_backend::{Error, ErrorKind, ToolSource, ToolStore, ToolsImage, chain};
use scratchdbg_builder::Toolkit;
use scratchdbg_builder::toolkit::{self, ExtraFile, HostSearch, ToolkitError, search_host};
use scratchdbg_image::{Digest, ImageSet, Platform, write_hybrid};
use tokio::sync::OnceCell;

pub use self::find::{Base, Wanted, add, find};
use self::find::{GIVE_ONE, from_image};
use crate::LAUNCHER;

/// The modification time of all files in a toolkit image. It is fixed, because the image's name is
/// derived only from its content.
const IMAGE_TIME: u64 = 0;

/// The busybox of this machine, and the name of the toolkit image made from it. Both are determined
/// only once, because hashing the files takes longer than a request to the platform.
#[derive(Debug, Default)]
pub struct HostToolkit(Arc<OnceLock<Host>>);

#[derive(Debug)]
struct Host {
    search: HostSearch,
    reference: Option<String>,
}

impl HostToolkit {
    async fn look(&self) -> Result<&Host, Error> {
        let look = || {
            let HostSearch { toolkit, skipped } = search_host();
            let search = HostSearch { toolkit: toolkit.map(equipped), skipped };
            // Errors are reported when the toolkit is used.
            let reference = search.toolkit.as_ref().and_then(|toolkit| reference_of(toolkit).ok());
            Host { search, reference }
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

    /// Returns the digest of the tools layer of a debug twin made with it. Returns `None` if there
    /// is no busybox.
    pub async fn twin_layer(&self) -> Option<String> {
        let toolkit = self.look().await.ok()?.search.toolkit.clone()?;
        twin_layer(toolkit).await
    }
}

/// The tools of a session.
pub struct SessionTools<'a, S> {
    store: S,
    host: &'a HostToolkit,
    wanted: Wanted,
    /// Called with the name of the image that is loaded, and the origin of its busybox.
    on_load: &'a (dyn Fn(&str, &str) + Sync),
    found: OnceCell<Found>,
    loaded: OnceCell<()>,
}

/// The result of the search, which changes nothing on the platform.
#[derive(Debug)]
struct Found {
    image: ToolsImage,
    /// The platform already has the keeper's image.
    in_store: bool,
    toolkit: Toolkit,
}

impl<S> std::fmt::Debug for SessionTools<'_, S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SessionTools").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl<'a, S: ToolStore> SessionTools<'a, S> {
    /// Uses the tools that the user asked for.
    pub fn new(
        store: S,
        host: &'a HostToolkit,
        wanted: Wanted,
        on_load: &'a (dyn Fn(&str, &str) + Sync),
    ) -> Self {
        Self { store, host, wanted, on_load, found: OnceCell::new(), loaded: OnceCell::new() }
    }

    /// Returns the name of the keeper's image if the platform does not have it yet.
    pub async fn missing_image(&self) -> Result<Option<String>, Error> {
        let found = self.found().await?;
        Ok((!found.in_store).then(|| found.image.keeper.clone()))
    }

    async fn found(&self) -> Result<&Found, Error> {
        self.found.get_or_try_init(|| Box::pin(self.look())).await
    }

    async fn look(&self) -> Result<Found, Error> {
        let Wanted { base, added } = &self.wanted;
        if base.text().is_some_and(|named| named.trim().is_empty()) {
            return Err(failed("--toolkit is empty".to_owned()).hint(GIVE_ONE));
        }
        let mut own = None;
        let toolkit = match base.text() {
            Some(image) => match base.file().await? {
                Some(toolkit) => Some(toolkit),
                None if self.store.image_record(image).await?.is_none() => {
                    return Err(base.absent());
                }
                None => {
                    let toolkit = from_image(&self.store, image).await?;
                    own = toolkit.is_none().then(|| image.to_owned());
                    toolkit
                }
            },
            None => None,
        };
        let toolkit = match toolkit {
            Some(toolkit) => toolkit,
            // The keeper always uses our own toolkit image.
            None => find(&Base::Host, self.host, async || Ok(self.store.clone())).await?,
        };
        let toolkit = add(toolkit, added).await?;
        let is_hosts = added.is_empty() && (own.is_some() || *base == Base::Host);
        let known = if is_hosts { self.host.look().await?.reference.clone() } else { None };
        let keeper = match known {
            Some(reference) => reference,
            None => reference_of(&toolkit)?,
        };
        // An image may have the right name and other content.
        let layer = {
            let toolkit = toolkit.clone();
            blocking(move || toolkit.image_layer(&[launcher(&toolkit, HIDDEN)?]).map_err(explain))
                .await?
        };
        let in_store = self.store.has_toolkit(&keeper, &layer.to_string()).await?;
        Ok(Found {
            image: ToolsImage { keeper, base: "", own, because: None, image_command: None },
            in_store,
            toolkit,
        })
    }

    async fn load(&self, found: &Found) -> Result<(), Error> {
        if found.in_store {
            return Ok(());
        }
        (self.on_load)(&found.image.keeper, found.toolkit.origin());
        let image = found.toolkit.image(&[launcher(&found.toolkit, HIDDEN)?]).map_err(explain)?;
        self.store.load_image(move |out| write_hybrid(&[image], IMAGE_TIME, out)).await
    }
}

impl<S: ToolStore> ToolSource for SessionTools<'_, S> {
    /// The tools of this machine consist of its busybox and the launcher, which is part of this
    /// program. So the metadata of a few files identifies them.
    async fn stamp(&self) -> Option<String> {
        if self.are_named() {
            return None;
        }
        let stamp = || {
            let own = std::fs::metadata("/proc/self/exe").ok()?;
            let own = (own.dev(), own.ino(), own.size(), own.ctime(), own.ctime_nsec());
            Some(Digest::of(format!("{}{own:?}", toolkit::host_stamp()?).as_bytes()).short())
        };
        blocking(move || Ok(stamp())).await.ok().flatten()
    }

    fn are_named(&self) -> bool {
        self.wanted != Wanted::default()
    }

    async fn provide(&self, dry_run: bool) -> Result<ToolsImage, Error> {
        let found = self.found().await?;
        if !dry_run {
            self.loaded.get_or_try_init(|| self.load(found)).await?;
        }
        Ok(found.image.clone())
    }

    async fn twin_layer(&self) -> Option<String> {
        twin_layer(self.found().await.ok()?.toolkit.clone()).await
    }

    async fn archive(&self) -> Result<Arc<[u8]>, Error> {
        let toolkit = self.found().await?.toolkit.clone();
        blocking(move || {
            Ok(toolkit.archive(&[launcher(&toolkit, HIDDEN)?]).map_err(explain)?.into())
        })
        .await
    }
}

async fn twin_layer(toolkit: Toolkit) -> Option<String> {
    let layer = blocking(move || toolkit.twin_layer().map_err(explain)).await;
    layer.ok().map(|layer| layer.to_string())
}

/// Returns the name of the image that keepers are created from, whether or not a platform has it.
fn reference_of(toolkit: &Toolkit) -> Result<String, Error> {
    Ok(toolkit.image_reference(&[launcher(toolkit, HIDDEN)?]).map_err(explain)?.familiar())
}

/// Returns the image that keepers are created from on a cluster. A container without rights may
/// copy its launcher.
pub fn toolkit_image(toolkit: &Toolkit) -> Result<ImageSet, Error> {
    toolkit.image(&[launcher(toolkit, READABLE)?]).map_err(explain)
}

/// Adds the launcher to the twins that are made with a toolkit, so that they can be the toolkit
/// images of sessions on a cluster. There is none for other platforms than this program's.
fn equipped(toolkit: Toolkit) -> Toolkit {
    match launcher(&toolkit, READABLE) {
        Ok(launcher) => toolkit.with_extras(vec![launcher]),
        Err(_) => toolkit,
    }
}

/// Returns the platform of the launcher.
pub fn launcher_platform() -> Platform {
    Platform::linux(match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    })
}

/// The mode of a launcher that may be copied.
const READABLE: u32 = 0o755;

/// The mode of a launcher that nobody may read. Then no other process may look into it from the
/// moment it starts (`ptrace(2)`), not only from its own first request on.
const HIDDEN: u32 = 0o111;

/// Returns the launcher for the toolkit's platform.
fn launcher(toolkit: &Toolkit, mode: u32) -> Result<ExtraFile, Error> {
    let platform = toolkit.platform();
    if LAUNCHER.is_empty() || platform.architecture != launcher_platform().architecture {
        return Err(failed(format!("this build of scratchdbg carries no launcher for {platform}"))
            .hint(format!("use a scratchdbg that is built for {platform}")));
    }
    Ok(ExtraFile {
        path: format!("{TOOLKIT_BIN}/{LAUNCHER_NAME}"),
        mode,
        bytes: LAUNCHER.into(),
        // The launcher behaves according to the name it is called by.
        links: vec![format!("{TOOLKIT_BIN}/{RUN_ENTRYPOINT}")],
    })
}

/// Runs work that waits for files on a thread of its own, so that a hanging file system does not
/// block Ctrl-C.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| failed(error.to_string()))?
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::Local, message)
}

fn explain(error: ToolkitError) -> Error {
    let result = failed(chain(&error));
    match (error.hint(), &error) {
        (Some(hint), _) => result.hint(hint),
        // This error already contains a hint.
        (None, ToolkitError::NotFound { .. }) => result,
        (None, _) => result.hint(GIVE_ONE),
    }
}
