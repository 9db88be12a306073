//! `index.json`: merges new entries into existing ones.

use std::io;
use std::path::Path;

use oci_spec::image::Descriptor;
use serde_json::Value;

use crate::json::Document;
use crate::read::exact;
use crate::{ImageError, annotation, image};

/// The maximum size of an index: 4 MiB hold ten thousand images.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Adds `new` to the index of the layout at `root`. An entry replaces one with the same full name.
/// All other content is kept, including unknown keys.
pub(super) fn with(root: &Path, new: Vec<Descriptor>) -> Result<Document, ImageError> {
    let mut index = match read(root)? {
        Some(index) => index,
        None => to_value(&image::index(Vec::new())?)?,
    };
    let Some(entries) = index.get_mut("manifests").and_then(Value::as_array_mut) else {
        return Err(not_a_layout(root, "its index.json has no list of manifests"));
    };
    for descriptor in new {
        merge(root, entries, to_value(&descriptor)?)?;
    }
    Document::of(&index, "index.json")
}

fn merge(root: &Path, entries: &mut Vec<Value>, new: Value) -> Result<(), ImageError> {
    let Some(name) = annotation_of(&new, annotation::CONTAINERD_NAME) else {
        let there = entries.iter().any(|old| old["digest"] == new["digest"]);
        if !there {
            entries.push(new);
        }
        return Ok(());
    };
    let tag = annotation_of(&new, annotation::REF_NAME);
    for old in entries.iter_mut() {
        let old_name = annotation_of(old, annotation::CONTAINERD_NAME);
        let same_tag = annotation_of(old, annotation::REF_NAME) == tag;
        match old_name {
            Some(old_name) if old_name == name => {}
            Some(other) if same_tag => {
                let (tag, other) = (tag.unwrap_or_default().to_owned(), other.to_owned());
                return Err(ImageError::TagTaken { path: root.to_owned(), tag, other });
            }
            None if same_tag => {}
            _ => continue,
        }
        *old = new;
        return Ok(());
    }
    entries.push(new);
    Ok(())
}

fn annotation_of<'a>(descriptor: &'a Value, key: &str) -> Option<&'a str> {
    descriptor.get("annotations")?.get(key)?.as_str()
}

fn read(root: &Path) -> Result<Option<Value>, ImageError> {
    let path = root.join("index.json");
    let bytes = match scratchdbg_files::read(&path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ImageError::Read { path, source }),
    };
    // Engines might read another list than the one that is added to.
    exact::index(&bytes)
        .map(Some)
        .map_err(|error| not_a_layout(root, &format!("its index.json: {error}")))
}

fn to_value<T: serde::Serialize>(value: &T) -> Result<Value, ImageError> {
    serde_json::to_value(value).map_err(|source| ImageError::Json { what: "index.json", source })
}

fn not_a_layout(root: &Path, reason: &str) -> ImageError {
    ImageError::NotALayout { path: root.to_owned(), reason: reason.to_owned() }
}
