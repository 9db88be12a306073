//! The mounts of a container, and the files of the image that they hide.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::rootfs::normalize;

/// The kind of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A file or directory of the host.
    Bind,
    /// A volume of the engine.
    Volume,
    /// Memory, which is empty at every start.
    Tmpfs,
    /// Any other kind.
    Other,
}

/// A mount of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its kind.
    pub kind: MountKind,
    /// The path on the engine's host, or the volume's name; empty for a tmpfs.
    pub source: String,
    /// Its path in the container, normalized.
    pub destination: String,
    /// It is read-only.
    pub read_only: bool,
    /// Whether programs on it cannot be executed (`noexec`); `None` if that is unknown.
    pub no_exec: Option<bool>,
    /// Its source must exist on the engine's host: the engine does not create it.
    pub needs_source: bool,
    /// Its source does not exist on the engine's host, and the engine does not create it: no start
    /// succeeds.
    pub is_source_missing: bool,
    /// The image's files at that path are copied into it at the start (`tmpcopyup`).
    pub copies_up: bool,
}

impl Mount {
    /// Returns a mount of that kind at `destination`, with no further facts.
    pub fn new(kind: MountKind, source: &str, destination: &str) -> Self {
        Self {
            kind,
            source: source.to_owned(),
            destination: normalize(destination),
            read_only: false,
            no_exec: None,
            needs_source: false,
            is_source_missing: false,
            copies_up: false,
        }
    }

    /// Reports whether the normalized `path` is its destination or below it.
    pub fn covers(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.destination.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.destination == "/")
    }

    /// Reports whether `path` is below it.
    pub fn is_above(&self, path: &str) -> bool {
        self.covers(path) && path != self.destination
    }

    /// Describes it, such as `the bind mount of /srv/data at /app`.
    pub(crate) fn describe(&self) -> String {
        let place = &self.destination;
        match self.kind {
            MountKind::Bind => format!("the bind mount of {} at {place}", self.source),
            MountKind::Volume => format!("the volume {} at {place}", self.source),
            MountKind::Tmpfs => format!("the tmpfs at {place}"),
            MountKind::Other => format!("the mount at {place}"),
        }
    }
}

/// Returns the innermost mount that contains `path`.
pub fn over<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let path = normalize(path);
    mounts.iter().filter(|mount| mount.covers(&path)).max_by_key(|mount| mount.destination.len())
}

/// The mounts of a container, with the files of its image that they cover.
///
/// Which files of an image a mount covers is only known once they are listed. Rules request that
/// here. If [`Mounts::is_asked`] is true, list the files and run the rules again.
#[derive(Debug, Default)]
pub struct Mounts {
    list: Vec<Mount>,
    beneath: Option<BTreeSet<String>>,
    asked: AtomicBool,
}

impl Mounts {
    /// Returns mounts whose covered files are unknown.
    pub fn new(list: Vec<Mount>) -> Self {
        Self { list, ..Self::default() }
    }

    /// Reports whether a rule needs the covered files, and they are unknown.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && self.beneath.is_none()
    }

    /// Sets the paths of the image that mounts cover.
    pub fn tell(&mut self, beneath: BTreeSet<String>) {
        self.beneath = Some(beneath);
    }

    /// Returns the mounts.
    pub fn list(&self) -> &[Mount] {
        &self.list
    }

    /// Returns the mount that contains `path`.
    pub(crate) fn over(&self, path: &str) -> Option<&Mount> {
        over(&self.list, path)
    }

    /// Returns the mount that hides `path`, and whether the image has something there, or `None` if
    /// that is unknown.
    pub(crate) fn hiding(&self, path: &str) -> Option<(&Mount, Option<bool>)> {
        let mount = self.over(path)?;
        if self.beneath.is_none() {
            self.asked.store(true, Ordering::Relaxed);
        }
        let path = normalize(path);
        Some((mount, self.beneath.as_ref().map(|beneath| beneath.contains(&path))))
    }

    /// Returns the mount that certainly hides the image's file at `path`.
    pub(crate) fn surely_hiding(&self, path: &str) -> Option<&Mount> {
        self.hiding(path).filter(|(_, has)| *has == Some(true)).map(|(mount, _)| mount)
    }

    /// Returns a hidden file with that name, and the mount that hides it.
    pub(crate) fn hidden_file(&self, name: &str) -> Option<(&str, &Mount)> {
        if self.list.is_empty() {
            return None;
        }
        if self.beneath.is_none() {
            self.asked.store(true, Ordering::Relaxed);
        }
        let path =
            self.beneath.as_ref()?.iter().find(|path| path.rsplit('/').next() == Some(name))?;
        Some((path, self.over(path)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mount = |destination| Mount::new(MountKind::Bind, "/x", destination);
        let list = [mount("/app"), mount("/app/data/"), mount("/")];
        for (path, place) in [
            ("/app", "/app"),
            ("/app/server", "/app"),
            ("/app/data/x", "/app/data"),
            ("/app/../app/data", "/app/data"),
            ("/application", "/"),
            ("/", "/"),
        ] {
            assert_eq!(over(&list, path).unwrap().destination, place, "{path}");
        }
        assert_eq!(over(&list[..2], "/application"), None);
        assert!(list[0].is_above("/app/x") && !list[0].is_above("/app"));
    }

    #[test]
    fn what_is_beneath_is_asked_for() {
        let mut mounts = Mounts::new(vec![Mount::new(MountKind::Tmpfs, "", "/app")]);
        assert!(mounts.hiding("/other").is_none() && !mounts.is_asked());
        assert_eq!(mounts.hiding("/app/server").unwrap().1, None);
        assert!(mounts.is_asked());
        mounts.tell(BTreeSet::from(["/app/server".to_owned()]));
        assert!(!mounts.is_asked());
        assert!(
            mounts.surely_hiding("/app/server").is_some()
                && mounts.surely_hiding("/app/x").is_none()
        );
        assert_eq!(mounts.hidden_file("server").unwrap().0, "/app/server");
    }
}
