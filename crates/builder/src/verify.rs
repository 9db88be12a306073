//! `pair verify`: proves that a debug image is its production image plus one layer.
//!
//! The comparison is pure. [`Subject::read`] gathers its input, and reads every layer completely,
//! so that all data are verified by digests.

mod settings;

use std::collections::BTreeMap;

use scratchdbg_image::read::{
    ImageSource, Member, MemberKind, ReadError, StoredImage, StoredLayer,
};
use scratchdbg_image::{Digest, annotation};
use serde::Serialize;
use serde_json::Value;

use self::settings::settings;
use crate::reserved::{self, FOLDER as TWIN_ROOT, Listed};
use crate::{label, toolkit};

/// Names of shells, which would make a production image enterable.
const SHELLS: [&str; 10] =
    ["ash", "bash", "busybox", "dash", "ksh", "mksh", "sh", "toybox", "yash", "zsh"];

/// The facts about one of the two images.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in messages.
    pub name: String,
    /// The config document.
    pub config: Value,
    /// Its digest: the image id.
    pub config_digest: Digest,
    /// The digest of the manifest, if there is one.
    pub manifest_digest: Option<Digest>,
    /// The annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// The layers, from the bottom up.
    pub layers: Vec<ListedLayer>,
}

/// A layer with its entries.
#[derive(Clone, Debug)]
pub struct ListedLayer {
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Its entries.
    pub members: Vec<Member>,
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether the debug image is the production image plus one layer.
    pub ok: bool,
    /// The layers that both images begin with, by `diff_id`.
    pub shared_layers: Vec<Digest>,
    /// The additional layer of the debug image.
    pub debug_layer: Option<Digest>,
    /// The differences, most serious first.
    pub differences: Vec<Difference>,
}

/// A difference that should not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The subject of the difference: `role`, `layers`, `debug-layer`, `production-folder`,
    /// `production-shell`, `base`, or the path of a config key.
    pub subject: String,
    /// A description, as a sentence.
    pub message: String,
}

impl Subject {
    /// Reads and verifies a stored image completely.
    pub fn read(source: &ImageSource, image: &StoredImage) -> Result<Self, ReadError> {
        Self::read_beside(source, image, None)
    }

    /// Like [`Subject::read`], for an image beside another one that was already read, in a store
    /// where each digest names one blob. Shared layers are not read again.
    pub fn read_beside(
        source: &ImageSource,
        image: &StoredImage,
        other: Option<(&StoredImage, &Self)>,
    ) -> Result<Self, ReadError> {
        let known = |layer: &StoredLayer| {
            let (stored, subject) = other?;
            let same = |other: &StoredLayer| layer.digest.is_some() && other == layer;
            let at = stored.layers.iter().position(same)?;
            subject.layers.get(at).cloned()
        };
        let layers = image.layers.iter().map(|layer| {
            if let Some(known) = known(layer) {
                return Ok(known);
            }
            let mut members = Vec::new();
            source.visit_layer(layer, &mut |member, _| {
                members.push(member.clone());
                Ok(())
            })?;
            Ok(ListedLayer { diff_id: layer.diff_id, members })
        });
        let document = &image.config_document;
        Ok(Self {
            name: image.names.first().cloned().unwrap_or_else(|| document.digest().to_string()),
            config: image.exact_config()?,
            config_digest: document.digest(),
            manifest_digest: image.manifest.as_ref().map(scratchdbg_image::json::Document::digest),
            annotations: image.annotations.clone(),
            layers: layers.collect::<Result<_, ReadError>>()?,
        })
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.config["config"]["Labels"][key].as_str()
    }
}

/// Compares a production image with its debug image.
pub fn verify(prod: &Subject, debug: &Subject) -> Verification {
    let same =
        prod.layers.iter().zip(&debug.layers).take_while(|(a, b)| a.diff_id == b.diff_id).count();
    let shared_layers: Vec<_> = prod.layers[..same].iter().map(|layer| layer.diff_id).collect();
    let is_one_more = same == prod.layers.len() && debug.layers.len() == same + 1;
    let added = debug.layers.last().filter(|_| is_one_more);
    let mut differences = role(prod, debug);
    differences.extend(layers(prod, debug, same));
    differences.extend(added.and_then(debug_layer));
    differences.extend(production_folder(prod));
    differences.extend(production_shell(prod));
    differences.extend(settings(prod, debug));
    differences.extend(base(prod, debug));
    Verification {
        ok: differences.is_empty(),
        shared_layers,
        debug_layer: added.map(|layer| layer.diff_id),
        differences,
    }
}

fn difference(subject: &str, message: String) -> Difference {
    Difference { subject: subject.to_owned(), message }
}

fn role(prod: &Subject, debug: &Subject) -> Vec<Difference> {
    let mut found = Vec::new();
    if let Some(role) = prod.label(label::ROLE).filter(|role| *role != "prod") {
        let message =
            format!("{}, given as the production image, is labeled as `{role}`", prod.name);
        found.push(difference("role", message));
    }
    match debug.label(label::ROLE) {
        Some("debug") => {}
        Some(role) => {
            found.push(difference(
                "role",
                format!("{}, given as the debug image, is labeled as `{role}`", debug.name),
            ));
        }
        None => {
            found.push(difference("role", format!("{} has no label {}", debug.name, label::ROLE)));
        }
    }
    found
}

fn layers(prod: &Subject, debug: &Subject, same: usize) -> Option<Difference> {
    let message = match (prod.layers.get(same), debug.layers.get(same)) {
        (Some(layer), Some(other)) => {
            format!(
                "layer {} is {} in production and {} in debug",
                same + 1,
                layer.diff_id,
                other.diff_id
            )
        }
        (Some(layer), None) => {
            format!("the debug image lacks layer {}, {}", same + 1, layer.diff_id)
        }
        (None, None) => "the debug image has no layer of its own".to_owned(),
        (None, Some(_)) if debug.layers.len() == same + 1 => return None,
        (None, Some(_)) => {
            format!(
                "the debug image has {} layers more than production, and not one",
                debug.layers.len() - same
            )
        }
    };
    Some(difference("layers", message))
}

/// Checks that all entries of the layer are in its own folder, that it deletes nothing, and that it
/// contains the tools.
fn debug_layer(layer: &ListedLayer) -> Option<Difference> {
    let file_name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    for Member { path, .. } in &layer.members {
        let inside = path == TWIN_ROOT
            || path.strip_prefix(TWIN_ROOT).is_some_and(|rest| rest.starts_with('/'));
        if !inside {
            return Some(difference(
                "debug-layer",
                format!("it changes /{path}, outside of /{TWIN_ROOT}"),
            ));
        }
        if file_name(path).starts_with(".wh.") {
            return Some(difference(
                "debug-layer",
                format!("/{path} deletes a file of the production image"),
            ));
        }
    }
    if let Some(found) = layer.members.iter().find_map(|member| no_tool(layer, member)) {
        return Some(found);
    }
    let shell = format!("{}/sh", toolkit::TWIN_BIN.trim_start_matches('/'));
    let has_shell = layer.members.iter().any(|member| member.path == shell);
    (!has_shell).then(|| difference("debug-layer", format!("it has no /{shell}")))
}

/// Finds an entry that is more than a file for debugging: an engine would unpack files through a
/// link, and a device or a set-user-id program would give rights.
fn no_tool(layer: &ListedLayer, member: &Member) -> Option<Difference> {
    const SPECIAL_BITS: u32 = 0o7000;
    // Of a directory, the sticky bit takes rights away. That for the names of sessions has it.
    const OF_DIRECTORY: u32 = 0o6000;
    const OF_OTHERS: u32 = 0o022;
    let Member { path, .. } = member;
    let tell = |what: String| Some(difference("debug-layer", format!("/{path} {what}")));
    let is_inside =
        |target: &str| target.strip_prefix(TWIN_ROOT).is_some_and(|rest| rest.starts_with('/'));
    if !member.is_plain {
        return tell(
            "has extended headers or a name in an unusual form, which the debug layer needs none of".to_owned(),
        );
    }
    if (member.uid, member.gid) != (0, 0) {
        return tell(format!("belongs to {}:{}, and not to root", member.uid, member.gid));
    }
    if matches!(member.kind, MemberKind::File | MemberKind::HardLink(_))
        && member.mode & OF_OTHERS != 0
    {
        return tell(format!("has the mode {:o}: others than root may write it", member.mode));
    }
    match &member.kind {
        MemberKind::Directory if member.mode & OF_DIRECTORY == 0 => None,
        // The mode of a hard link becomes that of its file.
        MemberKind::Directory | MemberKind::File | MemberKind::HardLink(_)
            if member.mode & SPECIAL_BITS != 0 =>
        {
            tell(format!("has the mode {:o}, with a special bit", member.mode))
        }
        _ if member.capabilities.is_some() => tell("has file capabilities".to_owned()),
        MemberKind::Directory => None,
        MemberKind::Special => tell("is neither a file nor a directory nor a link".to_owned()),
        _ if layer.members.iter().any(|other| {
            other.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        }) =>
        {
            tell("is no directory, and another entry is below it".to_owned())
        }
        MemberKind::File => None,
        MemberKind::HardLink(target) if is_inside(target.trim_start_matches('/')) => None,
        // Ours lead to a program in the same folder.
        MemberKind::Symlink(target)
            if !target.contains('/') && !matches!(&**target, "" | "." | "..") =>
        {
            None
        }
        MemberKind::HardLink(target) | MemberKind::Symlink(target) => {
            tell(format!("is a link to {target}, which may be anywhere"))
        }
    }
}

fn listed(member: &Member) -> Listed<'_> {
    let target = match &member.kind {
        MemberKind::HardLink(target) | MemberKind::Symlink(target) => Some(&**target),
        MemberKind::Directory | MemberKind::File | MemberKind::Special => None,
    };
    Listed { path: &member.path, target }
}

/// Checks that the debug layer replaces nothing of the production image and changes nothing that
/// its settings name.
fn production_folder(prod: &Subject) -> Option<Difference> {
    let found = reserved::conflict(prod.layers.iter().flat_map(|layer| &layer.members).map(listed))
        .or_else(|| reserved::conflict_of_settings(&prod.config["config"]))?;
    Some(difference("production-folder", found))
}

fn production_shell(prod: &Subject) -> Option<Difference> {
    let is_shell = |member: &&Member| {
        let name = member.path.rsplit('/').next().unwrap_or_default();
        let is_program = match member.kind {
            MemberKind::File => member.mode & 0o111 != 0,
            MemberKind::HardLink(_) | MemberKind::Symlink(_) => true,
            MemberKind::Directory | MemberKind::Special => false,
        };
        is_program && SHELLS.contains(&name)
    };
    let found = prod.layers.iter().flat_map(|layer| &layer.members).find(is_shell)?;
    Some(difference(
        "production-shell",
        format!("the production image holds a shell: /{}", found.path),
    ))
}

/// Checks the annotations that link the debug image to the production image.
fn base(prod: &Subject, debug: &Subject) -> Vec<Difference> {
    let mut found = Vec::new();
    let expected = prod.config_digest.to_string();
    if let Some(actual) = debug.label(label::PROD).filter(|actual| *actual != expected) {
        let message = format!(
            "the debug image says that it was made from {actual}, and the production image is {expected}"
        );
        found.push(difference("base", message));
    } else if debug.label(label::PROD).is_none() {
        found.push(difference("base", format!("the debug image has no label {}", label::PROD)));
    }
    let manifest = prod.manifest_digest.map(|digest| digest.to_string());
    if let (Some(expected), Some(actual)) =
        (manifest, debug.annotations.get(annotation::BASE_DIGEST))
        && *actual != expected
    {
        let message = format!(
            "the annotation {} is {actual}, and production's manifest {expected}",
            annotation::BASE_DIGEST
        );
        found.push(difference("base", message));
    }
    found
}

#[cfg(test)]
mod tests;
