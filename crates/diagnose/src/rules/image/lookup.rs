//! Where an engine finds a program: runc's `LookPath` in the container's root.

use crate::config::ConfigFacts;
use crate::rootfs::{Resolution, Rootfs};

/// Where a program was found.
pub(super) enum Found {
    /// At this path, which may go through links.
    At(String),
    /// Nowhere; the paths that were tried.
    Nowhere(Vec<String>),
    /// Not known yet.
    Open,
}

/// A name with a slash is a path, relative to the working directory; one without is looked for in `PATH`.
pub(super) fn find(config: &ConfigFacts, rootfs: &Rootfs, name: &str) -> Found {
    let mut tried = Vec::new();
    let mut open = false;
    for path in candidates(config, name) {
        match rootfs.resolve(&path) {
            // A directory of that name in PATH is passed over; named by its path it is what is meant.
            Resolution::Found { entry, .. }
                if name.contains('/') || entry.is_some_and(|entry| !entry.is_directory()) =>
            {
                return Found::At(path);
            }
            Resolution::Unknown => open = true,
            _ => {}
        }
        tried.push(path);
    }
    if open { Found::Open } else { Found::Nowhere(tried) }
}

fn candidates(config: &ConfigFacts, name: &str) -> Vec<String> {
    if name.starts_with('/') {
        return vec![name.to_owned()];
    }
    if name.contains('/') {
        return vec![format!("{}/{name}", config.working_directory.trim_end_matches('/'))];
    }
    config
        .search_path()
        .split(':')
        .map(|directory| match directory {
            "" | "." => format!("{}/{name}", config.working_directory.trim_end_matches('/')),
            directory => format!("{}/{name}", directory.trim_end_matches('/')),
        })
        .collect()
}
