//! Verifies a stored image completely.

use super::{ImageSource, MemberKind, ReadError, StoredImage};

/// Reads every blob of `image` and checks digests, sizes, media types, the number of layers and
/// history steps, and each entry of each layer. Returns the first error.
pub fn validate(source: &ImageSource, image: &StoredImage) -> Result<(), ReadError> {
    let what = format!("config {}", image.config_document.digest());
    if image.layers.is_empty() {
        return Err(ReadError::invalid(
            what,
            "the image has no layer: Docker loads it and cannot save it again",
        ));
    }
    let steps = image.config.history.iter().filter(|step| !step.empty_layer).count();
    if !image.config.history.is_empty() && steps != image.layers.len() {
        let reason =
            format!("its history names {steps} layers, the image has {}", image.layers.len());
        return Err(ReadError::invalid(what, reason));
    }
    for layer in &image.layers {
        let mut files = std::collections::BTreeSet::new();
        source.visit_layer(layer, &mut |member, _| {
            match &member.kind {
                MemberKind::File => drop(files.insert(member.path.clone())),
                MemberKind::HardLink(target) if !files.contains(target) => {
                    let what = format!("/{} in {}", member.path, layer.name());
                    return Err(ReadError::invalid(
                        what,
                        format!("a hard link to /{target}, which is no file before it"),
                    ));
                }
                _ => {}
            }
            Ok(())
        })?;
    }
    Ok(())
}
