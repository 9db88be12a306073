//! Names that would mean another image to another reader.

use std::collections::{HashMap, HashSet};

use super::documents::Descriptor;
use super::{ReadError, StoredImage};
use crate::Digest;

/// Fails if the entries of an `index.json` give a name to two of them: engines take the first, or
/// the last. The name of an image must be that of nothing else either, as engines do not all ask
/// what it is.
pub(super) fn expect_one_entry_each(what: &str, entries: &[Descriptor]) -> Result<(), ReadError> {
    let twice = |name: &str| {
        Err(ReadError::invalid(what, format!("it gives the name {name} to two images")))
    };
    let (mut by_name, mut taken) = (HashMap::new(), HashSet::new());
    // A tag alone may be that of any full name.
    let (mut bare, mut tagged) = (Vec::new(), HashMap::<String, HashSet<Digest>>::new());
    let mut others = Vec::new();
    for entry in entries {
        let names = entry.names();
        if entry.is_no_image(true)? {
            others.extend(names);
            continue;
        }
        if let Some(name) = names.first()
            && by_name
                .insert(full_name(name), entry.digest)
                .is_some_and(|other| other != entry.digest)
        {
            return twice(name);
        }
        if let Some((name, tag)) = names.first().and_then(|name| Some((name, tag(name)?))) {
            if tag == name {
                bare.push(name.clone());
            }
            tagged.entry(tag.to_owned()).or_default().insert(entry.digest);
        }
        taken.extend(names.iter().flat_map(|name| forms(name)));
    }
    if let Some(name) =
        bare.iter().find(|name| tagged.get(*name).is_some_and(|images| images.len() > 1))
    {
        return twice(name);
    }
    match others.iter().find(|name| forms(name).iter().any(|form| taken.contains(form))) {
        Some(name) => twice(name),
        None => Ok(()),
    }
}

/// All that an image with this name may be asked for by.
fn forms(name: &str) -> Vec<String> {
    [Some(name.to_owned()), Some(full_name(name)), tag(name).map(str::to_owned)]
        .into_iter()
        .flatten()
        .collect()
}

/// Fails if two images of a `manifest.json`, which does not list platforms, have the same name:
/// engines take the last of them, others the first.
pub(super) fn expect_one_image_each(what: &str, images: &[StoredImage]) -> Result<(), ReadError> {
    let mut seen: HashMap<String, &StoredImage> = HashMap::new();
    for image in images {
        for name in &image.names {
            let Some(other) = seen.insert(full_name(name), image) else { continue };
            if other.config_document.digest() != image.config_document.digest() {
                let platforms = match (other.platform(), image.platform()) {
                    (one, other) if one == other => format!("for {one}"),
                    (one, other) => format!("for {one} and for {other}"),
                };
                return Err(ReadError::invalid(
                    what,
                    format!("it gives the name {name} to two images {platforms}"),
                ));
            }
        }
    }
    Ok(())
}

/// Fails if the two listings of an archive give one name to different images, or if `manifest.json`
/// has an image that `index.json` does not lead to: an engine reads one of the listings or the
/// other.
pub(super) fn expect_agreement(
    of_index: &[StoredImage],
    of_docker: &[StoredImage],
) -> Result<(), ReadError> {
    let mut named: HashMap<String, HashSet<Digest>> = HashMap::new();
    for image in of_index {
        for name in &image.names {
            named.entry(full_name(name)).or_default().insert(image.config_document.digest());
        }
    }
    let all: HashSet<Digest> =
        of_index.iter().map(|image| image.config_document.digest()).collect();
    for image in of_docker {
        if !all.contains(&image.config_document.digest()) {
            let reason = match image.names.first() {
                Some(name) => format!("it gives the name {name} to another image than index.json"),
                None => format!(
                    "it has an image {} that index.json does not",
                    image.config_document.digest()
                ),
            };
            return Err(ReadError::invalid("manifest.json", reason));
        }
        for name in &image.names {
            // A layout names an image by its tag alone, perhaps.
            let by_tag = tag(name).and_then(|tag| named.get(&full_name(tag)));
            let digest = image.config_document.digest();
            if [named.get(&full_name(name)), by_tag]
                .into_iter()
                .flatten()
                .any(|images| !images.contains(&digest))
            {
                let reason = format!("it gives the name {name} to another image than index.json");
                return Err(ReadError::invalid("manifest.json", reason));
            }
        }
    }
    Ok(())
}

/// The full form of a name, or the text itself if it is none.
pub(super) fn full_name(text: &str) -> String {
    text.parse::<crate::TaggedReference>()
        .map_or_else(|_| text.to_owned(), |reference| reference.to_string())
}

/// The tag of a full name, or a bare tag itself.
pub(super) fn tag(name: &str) -> Option<&str> {
    name.rsplit('/').next()?.rsplit(':').next()
}
