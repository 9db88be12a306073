//! Builds a pair from a spec.

use std::collections::{BTreeMap, BTreeSet};

use scratchdbg_image::{
    Entry, FileData, Image, ImageConfig, ImageError, ImageSet, Platform, TaggedReference, Tree,
};

use crate::binary::Binary;
use crate::{BuildError, BuildSpec, Toolkit, binary, config, program, reserved, settings, toolkit};

/// A production image and its debug twin, ready to be written. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The production image.
    pub prod: ImageSet,
    /// The twin: the same layers, and one more with busybox.
    pub debug: Option<ImageSet>,
}

impl Pair {
    /// Both images, the production image first.
    pub fn sets(&self) -> Vec<ImageSet> {
        std::iter::once(&self.prod).chain(&self.debug).cloned().collect()
    }
}

/// Builds a pair. With [`LayerStorage::Stream`], this writes nothing: the layers read their files
/// again when they are written, and fail if the files have changed.
///
/// [`LayerStorage::Stream`]: crate::LayerStorage::Stream
pub fn build(spec: &BuildSpec) -> Result<Pair, BuildError> {
    settings::check(spec)?;
    let created = timestamp(spec.epoch)?;
    let debug_tags = debug_tags(spec)?;
    let contents = contents(spec)?;
    // Fail before reading large files.
    let toolkits = contents
        .iter()
        .map(|content| toolkit_for(spec, &content.platform))
        .collect::<Result<Vec<_>, _>>()?;
    let production = contents.into_iter().map(|content| production(spec, &created, content));
    let production = production.collect::<Result<Vec<_>, _>>()?;
    let name = spec.tags.first().map(ToString::to_string);
    let twins = production
        .iter()
        .zip(toolkits)
        .filter_map(|(image, toolkit)| Some(twin(spec, image, toolkit?, &created, name.clone())));
    let twins = twins.collect::<Result<Vec<_>, _>>()?;
    Ok(Pair {
        prod: ImageSet::new(spec.tags.clone(), production)?,
        debug: if twins.is_empty() { None } else { Some(ImageSet::new(debug_tags, twins)?) },
    })
}

/// The content of one image.
struct Content {
    platform: Platform,
    binary: Option<Binary>,
}

/// Returns one content for each binary, or one without a binary if there are only files.
fn contents(spec: &BuildSpec) -> Result<Vec<Content>, BuildError> {
    if spec.binaries.is_empty() {
        let platform = platform_of_files(spec)?;
        return Ok(vec![Content { platform, binary: None }]);
    }
    let binaries = spec.binaries.iter().map(|path| Binary::open(path, &spec.files));
    let mut contents = Vec::new();
    let mut platforms = BTreeSet::new();
    for binary in binaries.collect::<Result<Vec<_>, _>>()? {
        let asked = spec
            .platforms
            .iter()
            .find(|asked| binary::runs(asked, &binary.platform))
            .or(spec.platforms.first());
        let platform =
            asked.map_or_else(|| Ok(binary.platform.clone()), |asked| binary.asked(asked))?;
        if !platforms.insert(platform.clone()) {
            return Err(ImageError::DuplicatePlatform { platform: platform.to_string() }.into());
        }
        contents.push(Content { platform, binary: Some(binary) });
    }
    match spec.platforms.iter().find(|asked| !platforms.contains(asked)) {
        Some(asked) => Err(BuildError::InvalidSetting {
            what: "--platform",
            value: asked.to_string(),
            reason: "none of the binaries is made for it",
        }),
        None => Ok(contents),
    }
}

fn platform_of_files(spec: &BuildSpec) -> Result<Platform, BuildError> {
    if spec.files.iter().all(|(path, _)| path.is_empty()) {
        return Err(BuildError::NoBinary);
    }
    let command = [&spec.entrypoint, &spec.cmd].into_iter().flatten().flatten().next();
    let actual = command.map(|program| program::platform(spec, program)).transpose()?.flatten();
    match (&spec.platforms[..], actual) {
        ([], Some(actual)) => Ok(actual),
        ([], None) => spec.fallback_platform.clone().ok_or(BuildError::UnknownPlatform),
        ([asked], None) => Ok(asked.clone()),
        ([asked], Some(actual)) if binary::runs(asked, &actual) => Ok(asked.clone()),
        ([asked], Some(actual)) => Err(BuildError::WrongPlatform {
            path: command.map(Into::into).unwrap_or_default(),
            actual: actual.to_string(),
            asked: asked.to_string(),
        }),
        ([_, another, ..], _) => Err(BuildError::InvalidSetting {
            what: "--platform",
            value: another.to_string(),
            reason: "files make an image for one platform: build one for each, with a tag of its own",
        }),
    }
}

fn production(spec: &BuildSpec, created: &str, content: Content) -> Result<Image, BuildError> {
    let path = content.binary.as_ref().map(|binary| binary.path.as_str());
    let config = config::production(spec, created, &content.platform, path)?;
    let mut tree = spec.files.clone();
    if let Some(binary) = content.binary {
        tree.insert(&binary.path, Entry::file(FileData::Host(binary.file), 0o755))?;
    }
    if let Some(workdir) = spec.workdir.as_deref().filter(|workdir| tree.get(workdir).is_none()) {
        tree.insert(workdir, Entry::directory())?;
    }
    if spec.twin.is_some() {
        expect_free_folder(&tree, &config)?;
    }
    Ok(Image::new(config, vec![spec.layers.layer(tree, spec.epoch)?], BTreeMap::new())?)
}

/// Fails if the twin's layer would replace a part of the production image.
fn expect_free_folder(files: &Tree, config: &ImageConfig) -> Result<(), BuildError> {
    let container = serde_json::to_value(&config.config).unwrap_or_default();
    let found =
        reserved::conflict_of_files(files).or_else(|| reserved::conflict_of_settings(&container));
    found.map_or(Ok(()), |what| Err(BuildError::FolderOfTools { what }))
}

fn twin(
    spec: &BuildSpec,
    production: &Image,
    toolkit: &Toolkit,
    created: &str,
    name: Option<String>,
) -> Result<Image, BuildError> {
    let prod_digest = production.config_document().digest().to_string();
    let config = config::twin(production.config(), &prod_digest, created);
    let mut layers = production.layers().to_vec();
    layers.push(spec.layers.layer(toolkit.twin_tree()?, toolkit::TWIN_MTIME)?);
    let annotations = config::base_annotations(&production.manifest().digest().to_string(), name);
    Ok(Image::new(config, layers, annotations)?)
}

fn debug_tags(spec: &BuildSpec) -> Result<Vec<TaggedReference>, BuildError> {
    let tags = match &spec.twin {
        None => Vec::new(),
        Some(twin) if !twin.tags.is_empty() => twin.tags.clone(),
        Some(_) => {
            spec.tags.iter().map(|tag| tag.with_tag_suffix("-debug")).collect::<Result<_, _>>()?
        }
    };
    match tags.iter().find(|tag| spec.tags.contains(tag)) {
        Some(tag) => Err(BuildError::SameTag { tag: tag.familiar() }),
        None => Ok(tags),
    }
}

fn toolkit_for<'a>(
    spec: &'a BuildSpec,
    platform: &Platform,
) -> Result<Option<&'a Toolkit>, BuildError> {
    let Some(twin) = &spec.twin else { return Ok(None) };
    if let Some(toolkit) =
        twin.toolkits.iter().find(|toolkit| binary::runs(platform, toolkit.platform()))
    {
        return Ok(Some(toolkit));
    }
    let available: Vec<_> =
        twin.toolkits.iter().map(|toolkit| toolkit.platform().to_string()).collect();
    let available = if available.is_empty() { "none".into() } else { available.join(", ") };
    Err(BuildError::NoToolkitFor { platform: platform.to_string(), available })
}

/// Formats seconds since 1970 as the image config requires.
fn timestamp(epoch: u64) -> Result<String, BuildError> {
    let time =
        i64::try_from(epoch).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map(|time| time.to_string()).ok_or_else(|| BuildError::InvalidSetting {
        what: "SOURCE_DATE_EPOCH",
        value: epoch.to_string(),
        reason: "it is after the year 9999",
    })
}

#[cfg(test)]
mod tests;
