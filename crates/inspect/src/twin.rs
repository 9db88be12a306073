//! Finds the debug twin of a running image in the image's registry, and proves it.
//!
//! Tags can be moved, and labels can be set by anybody. So the production image is the one that the
//! platform says it runs, by digest, and the twin must be that image and exactly one layer more.
//! That layer must be in its own folder, and its launcher must be the caller's own, byte for byte.
//! Its busybox is believed: whoever may push the twin may push the production image too.

use std::io::Read;
use std::sync::Arc;

use scratchdbg_backend as backend;
use scratchdbg_builder::verify::{ListedLayer, Subject, verify};
use scratchdbg_image::read::{ImageSource, MemberKind, ReadError, StoredImage, StoredLayer};
use scratchdbg_image::{Platform, TaggedReference};

use crate::blocking::blocking;
use crate::open::{OpenImage, open};
use crate::{Error, ImageLocation, Sources};

/// What is appended to the tag of a production image.
const SUFFIX: &str = "-debug";

/// The largest layer of tools that is looked into, compressed. busybox and the launcher have a few
/// megabytes.
const LARGEST_LAYER: u64 = 64 << 20;

/// The launcher in a twin's layer, relative to the root.
const LAUNCHER_PATH: &str = ".scratchdbg/bin/scratchdbg-launcher";

/// An image that a container runs, as its platform tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningImage {
    /// Its name, as it was given when the container was made.
    pub name: String,
    /// `REPOSITORY@DIGEST` of its manifest or index; the bare digest of its config, if the platform
    /// got it from no registry.
    pub id: String,
}

/// A proved twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedTwin {
    /// `REPOSITORY@DIGEST`: what was proved, whatever its tag will name.
    pub reference: String,
    /// Its name.
    pub name: String,
    /// The entrypoint and the arguments that the production image sets.
    pub command: (Vec<String>, Vec<String>),
}

/// Why no twin is used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoTwin {
    /// Without a tag, a twin has no name.
    #[error("image {name} has no tag, so its twin has no name")]
    Unnamed {
        /// The image.
        name: String,
    },
    /// The production image or the twin cannot be read.
    #[error("{0}")]
    Unreadable(Box<Error>),
    /// The name stands for another image by now.
    #[error("{name} is another image in its registry than the one that runs")]
    Moved {
        /// The image.
        name: String,
    },
    /// Neither is for this platform.
    #[error("{name} is for other platforms than {platform}")]
    OtherPlatform {
        /// The image.
        name: String,
        /// The platform.
        platform: Platform,
    },
    /// It is not the production image and one more layer.
    #[error("{name} is not the debug twin of the image that runs: {why}")]
    NotATwin {
        /// The image.
        name: String,
        /// The first difference.
        why: String,
    },
    /// Its launcher is missing, or that of another version.
    #[error("{name} was made by another version of scratchdbg: its launcher {what}")]
    OtherLauncher {
        /// The image.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl From<Error> for NoTwin {
    fn from(error: Error) -> Self {
        Self::Unreadable(Box::new(error))
    }
}

/// Returns the name that the twin of an image has. `None` if the image has no tag.
pub fn twin_name(image: &str) -> Option<String> {
    let (name, digest) =
        image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    // Without a digest, no tag means `latest`.
    let tagged =
        (has_tag || digest.is_none()).then(|| name.parse::<TaggedReference>().ok()).flatten()?;
    Some(tagged.with_tag_suffix(SUFFIX).ok()?.familiar())
}

/// Finds and proves the twin of a running image, for `platform`. `launcher` is the one that
/// sessions need.
pub async fn find_twin(
    running: &RunningImage,
    platform: &Platform,
    launcher: &'static [u8],
    sources: &impl Sources,
) -> Result<ProvedTwin, NoTwin> {
    if twin_name(&running.name).is_none() {
        return Err(NoTwin::Unnamed { name: running.name.clone() });
    }
    find_both(running, platform, launcher, sources).await?.1
}

/// Like [`find_twin`], but returns the production image too. Fails if that cannot be read.
pub(crate) async fn find_both(
    running: &RunningImage,
    platform: &Platform,
    launcher: &'static [u8],
    sources: &impl Sources,
) -> Result<(Arc<OpenImage>, Result<ProvedTwin, NoTwin>), Error> {
    let (pulled, config) = production_name(running);
    let production = Arc::new(open(ImageLocation::Registry(pulled), sources).await?);
    let opened = Arc::clone(&production);
    let twin = async {
        let Some(name) = twin_name(&running.name) else {
            return Err(NoTwin::Unnamed { name: running.name.clone() });
        };
        let twin = Arc::new(open(ImageLocation::Registry(name.clone()), sources).await?);
        let (platform, running) = (platform.clone(), running.name.clone());
        let judged = blocking(move || {
            let production = Candidate { name: running, opened };
            let twin = Candidate { name, opened: twin };
            Ok(prove(&production, config.as_deref(), &twin, &platform, launcher))
        });
        judged.await?
    };
    let twin = twin.await;
    Ok((production, twin))
}

/// Returns how the production image is asked for, and the digest of the config that it must have,
/// if its name does not contain a digest.
pub(crate) fn production_name(running: &RunningImage) -> (String, Option<String>) {
    // The old Docker integration of the kubelet has a scheme before it.
    let id = running.id.rsplit("://").next().unwrap_or_default();
    let repository = running.name.split('@').next().unwrap_or_default();
    match id.split_once('@') {
        // The runtime may know the same content from another repository too.
        Some((_, digest)) => (format!("{repository}@{digest}"), None),
        None => (running.name.clone(), Some(id.to_owned())),
    }
}

/// An image in a registry that may be one of the two.
struct Candidate {
    name: String,
    opened: Arc<OpenImage>,
}

impl Candidate {
    /// Returns the image for a platform.
    fn image(&self, platform: &Platform) -> Result<StoredImage, NoTwin> {
        let found = self.opened.images()?.into_iter().find(|image| is_for(image, platform));
        found.ok_or_else(|| NoTwin::OtherPlatform {
            name: self.name.clone(),
            platform: platform.clone(),
        })
    }

    fn unreadable(&self, error: ReadError) -> NoTwin {
        self.opened.explain(error).into()
    }
}

/// Whether an image is for a platform, in any variant.
pub(crate) fn is_for(image: &StoredImage, platform: &Platform) -> bool {
    let own = image.platform();
    (own.os, own.architecture) == (platform.os.clone(), platform.architecture.clone())
}

/// Compares the two. Blocking.
fn prove(
    production: &Candidate,
    config: Option<&str>,
    twin: &Candidate,
    platform: &Platform,
    launcher: &[u8],
) -> Result<ProvedTwin, NoTwin> {
    let (prod_image, twin_image) = (production.image(platform)?, twin.image(platform)?);
    if config.is_some_and(|config| prod_image.config_document.digest().to_string() != config) {
        return Err(NoTwin::Moved { name: production.name.clone() });
    }
    let not_a_twin = |why: String| NoTwin::NotATwin { name: twin.name.clone(), why };
    let Some((added, shared)) = twin_image.layers.split_last() else {
        return Err(not_a_twin("it has no layers".to_owned()));
    };
    if shared != prod_image.layers {
        return Err(not_a_twin("its layers are not the image's and one more".to_owned()));
    }
    if added.size > LARGEST_LAYER {
        return Err(not_a_twin(format!("its layer of tools has {} MiB", added.size >> 20)));
    }
    let (added, has_launcher) =
        look_into(&twin.opened.source, added, launcher).map_err(|error| twin.unreadable(error))?;
    // Only what differs is read: of the other layers the digests are compared.
    let shared: Vec<_> = prod_image
        .layers
        .iter()
        .map(|layer| ListedLayer { diff_id: layer.diff_id, members: Vec::new() })
        .collect();
    let production = subject(production, &prod_image, shared.clone())?;
    let debug = subject(twin, &twin_image, [shared, vec![added]].concat())?;
    let verification = verify(&production, &debug);
    if let Some(difference) = verification.differences.into_iter().next() {
        return Err(not_a_twin(format!("{}: {}", difference.subject, difference.message)));
    }
    match has_launcher {
        Some(true) => {}
        Some(false) => {
            return Err(NoTwin::OtherLauncher {
                name: twin.name.clone(),
                what: "is not this one's",
            });
        }
        None => return Err(NoTwin::OtherLauncher { name: twin.name.clone(), what: "is missing" }),
    }
    let Some(manifest) = &twin_image.manifest else {
        return Err(not_a_twin("it has no manifest".to_owned()));
    };
    let repository = twin.name.rsplit_once(':').map_or(&*twin.name, |(repository, _)| repository);
    let container = &prod_image.config.config;
    let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    Ok(ProvedTwin {
        reference: format!("{repository}@{}", manifest.digest()),
        name: twin.name.clone(),
        command: (words(&container.entrypoint), words(&container.cmd)),
    })
}

/// Lists a layer, and tells whether it has the launcher, and this one.
fn look_into(
    source: &ImageSource,
    layer: &StoredLayer,
    launcher: &[u8],
) -> Result<(ListedLayer, Option<bool>), ReadError> {
    let (mut members, mut has_launcher) = (Vec::new(), None);
    source.visit_layer(layer, &mut |member, content| {
        if member.path == LAUNCHER_PATH {
            let is_same = member.kind == MemberKind::File
                && is_executable(member.mode)
                && equals(content, launcher);
            // Of a path that is there twice, the last entry counts.
            has_launcher = Some(is_same);
        }
        members.push(member.clone());
        Ok(())
    })?;
    Ok((ListedLayer { diff_id: layer.diff_id, members }, has_launcher))
}

/// Whether everybody may execute a file.
fn is_executable(mode: u32) -> bool {
    mode & 0o555 == 0o555
}

fn equals(content: &mut dyn Read, expected: &[u8]) -> bool {
    let mut found = Vec::with_capacity(expected.len());
    let read = content.take(expected.len() as u64 + 1).read_to_end(&mut found);
    read.is_ok() && found == expected
}

fn subject(
    candidate: &Candidate,
    image: &StoredImage,
    layers: Vec<ListedLayer>,
) -> Result<Subject, NoTwin> {
    let document = &image.config_document;
    let config = image.exact_config().map_err(|error| candidate.unreadable(error))?;
    Ok(Subject {
        name: candidate.name.clone(),
        config,
        config_digest: document.digest(),
        manifest_digest: image.manifest.as_ref().map(scratchdbg_image::json::Document::digest),
        annotations: image.annotations.clone(),
        layers,
    })
}

impl NoTwin {
    /// The platform's or the registry's hints.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable(error) => match &**error {
                Error::Backend(backend::Error { hints, .. }) => hints.clone(),
                error => error.hints(),
            },
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
