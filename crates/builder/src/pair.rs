//! From the spec to the pair.

use crate::binary::Binary;
use crate::{BuildError, BuildSpec, Toolkit, config, toolkit};
use scratchdbg_image::{Entry, FileData, Image, ImageSet, Platform, TaggedReference, Tree};
use std::collections::BTreeMap;

/// A production image and its debug twin, ready to be written anywhere. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What is shipped.
    pub prod: ImageSet,
    /// The same, layer for layer, and one more layer with busybox.
    pub debug: Option<ImageSet>,
}

impl Pair {
    /// Both images, the production image first.
    pub fn sets(&self) -> Vec<ImageSet> {
        std::iter::once(&self.prod).chain(&self.debug).cloned().collect()
    }
}

/// Builds a pair. Reads each binary once, and writes nothing: the layers of the result read the binaries again when they
/// are written, and fail then if these have changed.
pub fn build(spec: &BuildSpec) -> Result<Pair, BuildError> {
    config::check(spec)?;
    let created = timestamp(spec.epoch)?;
    if spec.binaries.is_empty() {
        return Err(BuildError::NoBinary);
    }
    let debug_tags = debug_tags(spec)?;
    let binaries = spec.binaries.iter().map(|path| Binary::open(path)).collect::<Result<Vec<_>, _>>()?;
    // Before anything large is read.
    let toolkits = binaries.iter().map(|binary| toolkit_for(spec, &binary.platform)).collect::<Result<Vec<_>, _>>()?;
    let production = binaries.into_iter().map(|binary| production(spec, &created, binary));
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

fn production(spec: &BuildSpec, created: &str, binary: Binary) -> Result<Image, BuildError> {
    let config = config::production(spec, created, &binary.platform, &binary.path);
    let mut tree = Tree::with_root();
    tree.insert(&binary.path, Entry::file(FileData::Host(binary.file), 0o755))?;
    Ok(Image::new(config, vec![spec.layers.layer(tree, spec.epoch)?], BTreeMap::new())?)
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
        Some(_) => spec.tags.iter().map(|tag| tag.with_tag_suffix("-debug")).collect::<Result<_, _>>()?,
    };
    match tags.iter().find(|tag| spec.tags.contains(tag)) {
        Some(tag) => Err(BuildError::SameTag { tag: tag.familiar() }),
        None => Ok(tags),
    }
}

fn toolkit_for<'a>(spec: &'a BuildSpec, platform: &Platform) -> Result<Option<&'a Toolkit>, BuildError> {
    let Some(twin) = &spec.twin else { return Ok(None) };
    let runs_here = |toolkit: &&Toolkit| {
        let has = toolkit.platform();
        (&has.os, &has.architecture) == (&platform.os, &platform.architecture)
    };
    if let Some(toolkit) = twin.toolkits.iter().find(runs_here) {
        return Ok(Some(toolkit));
    }
    let available: Vec<_> = twin.toolkits.iter().map(|toolkit| toolkit.platform().to_string()).collect();
    let available = if available.is_empty() { "none".into() } else { available.join(", ") };
    Err(BuildError::NoToolkitFor { platform: platform.to_string(), available })
}

/// Seconds since 1970 in the form of the image config.
fn timestamp(epoch: u64) -> Result<String, BuildError> {
    let time = i64::try_from(epoch).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map(|time| time.to_string()).ok_or_else(|| BuildError::InvalidSetting {
        what: "SOURCE_DATE_EPOCH",
        value: epoch.to_string(),
        reason: "it is after the year 9999",
    })
}

#[cfg(test)]
mod tests;
