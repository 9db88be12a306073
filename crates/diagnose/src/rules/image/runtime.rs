//! `hidden-by-mount`: files that the runtime mounts or writes in every container hide those of the
//! image.

use super::ImageFacts;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::rootfs::Resolution;

/// Folders that are mounted in every container.
const FOLDERS: [&str; 3] = ["/dev", "/proc", "/sys"];
/// Files that Docker mounts or rewrites.
const FILES: [&str; 5] =
    ["/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf"];

/// A program of the image at `path` that is not visible in any container.
pub(super) fn hidden(image: ImageFacts<'_>, path: &str) -> Option<Finding> {
    let Resolution::Found { path, .. } = image.rootfs.resolve(path) else { return None };
    // An explicit mount there is visible.
    if image.mounts.is_some_and(|mounts| mounts.over(&path).is_some()) {
        return None;
    }
    let is_in =
        |folder: &&str| path.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
    let (place, how) = match FOLDERS.into_iter().find(is_in) {
        Some(folder) => (folder, "mounted"),
        None => (FILES.into_iter().find(|file| *file == path)?, "put there"),
    };
    Some(
        Finding::new(
            Code::HiddenByMount,
            Severity::Error,
            format!("{path} is in the image, and no container sees it: the runtime has a {place} of its own"),
        )
        .evidence(format!("{path} is in the image"))
        .evidence(format!("{place} is {how} in every container"))
        .fix("put the program elsewhere: COPY app /app"),
    )
}
