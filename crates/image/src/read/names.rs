//! Names that would mean another image to another reader.

use std::collections::{HashMap, HashSet};

use super::{ReadError, StoredImage};
use crate::Digest;

/// Fails if two images for one platform of Linux have the same name: engines take the last of them,
/// others the first.
pub(super) fn expect_one_image_each(what: &str, images: &[StoredImage]) -> Result<(), ReadError> {
    let mut seen: HashMap<(String, String), Digest> = HashMap::new();
    // There are images of Windows for several versions of it.
    for image in images.iter().filter(|image| image.platform().os == "linux") {
        let platform = image.platform().to_string();
        for name in &image.names {
            let digest = image.config_document.digest();
            if seen.insert((full_name(name), platform.clone()), digest).is_some_and(|other| other != digest) {
                return Err(ReadError::invalid(what, format!("it gives the name {name} to two images for {platform}")));
            }
        }
    }
    Ok(())
}

/// Fails if the two listings of an archive give one name to different images: an engine reads one
/// of the listings or the other.
pub(super) fn expect_agreement(of_index: &[StoredImage], of_docker: &[StoredImage]) -> Result<(), ReadError> {
    let mut named: HashMap<String, HashSet<Digest>> = HashMap::new();
    for image in of_index {
        for name in &image.names {
            named.entry(full_name(name)).or_default().insert(image.config_document.digest());
        }
    }
    for image in of_docker {
        for name in &image.names {
            // A layout names an image by its tag alone, perhaps.
            let by_tag = tag(name).and_then(|tag| named.get(&full_name(tag)));
            let digest = image.config_document.digest();
            if [named.get(&full_name(name)), by_tag].into_iter().flatten().any(|images| !images.contains(&digest)) {
                let reason = format!("it gives the name {name} to another image than index.json");
                return Err(ReadError::invalid("manifest.json", reason));
            }
        }
    }
    Ok(())
}

/// The full form of a name, or the text itself if it is none.
pub(super) fn full_name(text: &str) -> String {
    text.parse::<crate::TaggedReference>().map_or_else(|_| text.to_owned(), |reference| reference.to_string())
}

/// The tag of a full name, or a bare tag itself.
pub(super) fn tag(name: &str) -> Option<&str> {
    name.rsplit('/').next()?.rsplit(':').next()
}
