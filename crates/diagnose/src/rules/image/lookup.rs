//! Where an engine finds a program: runc's `LookPath` in the container's root.

use crate::config::ConfigFacts;
use crate::identity::{self, Identity, Resolved};
use crate::rootfs::{Resolution, Rootfs};

/// Where a program was found.
pub(super) enum Found {
    /// At this path, which may go through links.
    At(String),
    /// At this path, by an element of `PATH` that is no absolute path.
    Relative(String),
    /// Nowhere; the paths that were tried.
    Nowhere(Vec<String>),
    /// Not known yet.
    Open,
}

/// A name with a slash is a path, relative to the working directory; one without is looked for in `PATH`.
pub(super) fn find(config: &ConfigFacts, rootfs: &Rootfs, name: &str) -> Found {
    if name.contains('/') {
        let path = absolute(config, name);
        return match rootfs.resolve(&path) {
            Resolution::Found { .. } => Found::At(path),
            Resolution::Unknown => Found::Open,
            _ => Found::Nowhere(vec![path]),
        };
    }
    let identity = known_identity(config, rootfs);
    let mut tried = Vec::new();
    let mut passed_over = None;
    let mut open = false;
    for (path, is_relative) in candidates(config, name) {
        match is_taken(rootfs, &path, identity.as_ref()) {
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
        // Where there is nothing else, it is the one that was meant.
        Some(path) => Found::At(path),
        None => Found::Nowhere(tried),
    }
}

enum Taken {
    Yes,
    /// A file that nobody may execute, or that the user cannot get to.
    PassedOver,
    No,
    Unknown,
}

fn is_taken(rootfs: &Rootfs, path: &str, identity: Option<&Identity>) -> Taken {
    match rootfs.resolve(path) {
        Resolution::Found { entry: Some(entry), parents, .. } if !entry.is_directory() => {
            let is_reached =
                identity.is_none_or(|identity| parents.iter().all(|(_, directory)| identity.may(directory, 0o1)));
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

/// Whether a directory of `PATH` behind the one where `name` was found has one that the user may execute. runc that is built
/// with Go 1.20 and later takes that one, an older one the first.
pub(super) fn has_another(config: &ConfigFacts, rootfs: &Rootfs, name: &str) -> bool {
    let Some(identity) = known_identity(config, rootfs).filter(|_| !name.contains('/')) else { return false };
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

/// The places of a name in `PATH`, and whether the element is no absolute path.
fn candidates(config: &ConfigFacts, name: &str) -> Vec<(String, bool)> {
    config
        .search_path()
        .split(':')
        .map(|directory| {
            let place = match directory {
                "" | "." => absolute(config, name),
                directory => absolute(config, &format!("{}/{name}", directory.trim_end_matches('/'))),
            };
            (place, !directory.starts_with('/'))
        })
        .collect()
}
