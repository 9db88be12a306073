//! Finds the program like an engine does: runc's `LookPath` in the container's root.

use std::cell::LazyCell;
use std::ops::Deref;

use crate::config::ConfigFacts;
use crate::identity::{self, Identity, Resolved};
use crate::rootfs::{Entry, Resolution, Rootfs};

/// The result of looking for a program.
pub(super) enum Found {
    /// Found at this path, which may contain links.
    At(String),
    /// Found at this path, by a relative element of `PATH`.
    Relative(String),
    /// Not found at any of these paths.
    Nowhere(Vec<String>),
    /// Not known yet.
    Open,
}

/// Finds a program. A name with a slash is a path, relative to the working directory. A name
/// without one is looked up in `PATH`.
pub(super) fn find(config: &ConfigFacts, rootfs: &Rootfs, name: &str) -> Found {
    if name.contains('/') {
        let path = absolute(config, name);
        return match rootfs.resolve(&path) {
            Resolution::Found { .. } => Found::At(path),
            Resolution::Unknown => Found::Open,
            _ => Found::Nowhere(vec![path]),
        };
    }
    let identity = LazyCell::new(|| known_identity(config, rootfs));
    let mut tried = Vec::new();
    let mut passed_over = None;
    let mut open = false;
    for (path, is_relative) in candidates(config, name) {
        match is_taken(rootfs, &path, &identity) {
            Taken::Yes if is_relative => return Found::Relative(path),
            Taken::Yes => return Found::At(path),
            Taken::PassedOver => passed_over = passed_over.or_else(|| Some(path.clone())),
            Taken::Unknown => open = true,
            Taken::No => {}
        }
        tried.push(path);
    }
    match passed_over {
        _ if open => Found::Open,
        // If there is no other, this is the one that was meant.
        Some(path) => Found::At(path),
        None => Found::Nowhere(tried),
    }
}

enum Taken {
    Yes,
    /// A file that nobody may execute, or that the user cannot reach.
    PassedOver,
    No,
    Unknown,
}

/// `identity` reads files, so it is only used if not everybody may search the directories.
fn is_taken(
    rootfs: &Rootfs,
    path: &str,
    identity: &impl Deref<Target = Option<Identity>>,
) -> Taken {
    match rootfs.resolve(path) {
        Resolution::Found { entry: Some(entry), parents, .. } if !entry.is_directory() => {
            let may_search = |directory: &Entry| {
                identity.as_ref().is_none_or(|identity| identity.may(directory, 0o1))
            };
            let is_reached = parents
                .iter()
                .all(|(_, directory)| directory.mode & 0o111 == 0o111 || may_search(directory));
            if entry.mode & 0o111 != 0 && is_reached { Taken::Yes } else { Taken::PassedOver }
        }
        Resolution::Unknown => Taken::Unknown,
        _ => Taken::No,
    }
}

fn known_identity(config: &ConfigFacts, rootfs: &Rootfs) -> Option<Identity> {
    match identity::resolve(&config.user, rootfs) {
        Resolved::Known(identity) => Some(identity),
        _ => None,
    }
}

/// Reports whether a later directory of `PATH` has a file `name` that the user may execute. runc
/// built with Go 1.20 and later uses that one, an older runc the first.
pub(super) fn has_another(config: &ConfigFacts, rootfs: &Rootfs, name: &str) -> bool {
    let Some(identity) = known_identity(config, rootfs).filter(|_| !name.contains('/')) else {
        return false;
    };
    candidates(config, name).iter().any(|(path, _)| {
        matches!(rootfs.resolve(path), Resolution::Found { entry: Some(entry), .. }
            if !entry.is_directory() && identity.may(entry, 0o1))
    })
}

fn absolute(config: &ConfigFacts, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    format!("{}/{path}", config.working_directory.trim_end_matches('/'))
}

/// Returns the candidates for a name in `PATH`, and whether each comes from a relative element.
fn candidates(config: &ConfigFacts, name: &str) -> Vec<(String, bool)> {
    config
        .search_path()
        .split(':')
        .map(|directory| {
            let place = match directory {
                "" | "." => absolute(config, name),
                directory => {
                    absolute(config, &format!("{}/{name}", directory.trim_end_matches('/')))
                }
            };
            (place, !directory.starts_with('/'))
        })
        .collect()
}
