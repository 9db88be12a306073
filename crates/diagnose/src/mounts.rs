//! What is mounted into a container's filesystem, and what of the image it hides.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::rootfs::normalize;

/// What a mount is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A file or directory of the host.
    Bind,
    /// A volume of the engine.
    Volume,
    /// Memory, empty at every start.
    Tmpfs,
    /// Of another kind.
    Other,
}

/// A mount of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What it is made of.
    pub kind: MountKind,
    /// The path on the engine's host, or the volume's name; empty for a tmpfs.
    pub source: String,
    /// Where it is in the container, normalised.
    pub destination: String,
    /// It cannot be written to.
    pub read_only: bool,
    /// Whether programs on it are refused (`noexec`); `None` where that cannot be seen.
    pub no_exec: Option<bool>,
    /// Its source has to be on the engine's host: the engine does not make it.
    pub needs_source: bool,
    /// Its source is not on the engine's host, and the engine does not make it: no start works.
    pub is_source_missing: bool,
    /// What the image has there is copied into it at the start (`tmpcopyup`).
    pub copies_up: bool,
}

impl Mount {
    /// A mount of that kind at `destination`, of which no more is known.
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

    /// Whether `path`, which is normalised, is its place or below it.
    pub fn covers(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.destination.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.destination == "/")
    }

    /// Whether `path` is below it.
    pub fn is_above(&self, path: &str) -> bool {
        self.covers(path) && path != self.destination
    }

    /// Itself in words, such as `the bind mount of /srv/data at /app`.
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

/// The mount that `path` lies on: of several the innermost.
pub fn over<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let path = normalize(path);
    mounts.iter().filter(|mount| mount.covers(&path)).max_by_key(|mount| mount.destination.len())
}

/// The mounts of a container, with what its image has beneath them.
///
/// To learn what an image has beneath a mount its files have to be listed. Rules ask for it here; whoever runs them does so
/// where [`Mounts::is_asked`], and runs them again.
#[derive(Debug, Default)]
pub struct Mounts {
    list: Vec<Mount>,
    beneath: Option<BTreeSet<String>>,
    asked: AtomicBool,
}

impl Mounts {
    /// Mounts beneath which nothing is known yet.
    pub fn new(list: Vec<Mount>) -> Self {
        Self { list, ..Self::default() }
    }

    /// Whether a rule asked in vain what lies beneath.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && self.beneath.is_none()
    }

    /// Tells every path of the image that a mount covers.
    pub fn tell(&mut self, beneath: BTreeSet<String>) {
        self.beneath = Some(beneath);
    }

    /// The mounts.
    pub fn list(&self) -> &[Mount] {
        &self.list
    }

    /// The mount that `path` lies on.
    pub(crate) fn over(&self, path: &str) -> Option<&Mount> {
        over(&self.list, path)
    }

    /// The mount that hides `path`, and whether the image has something there; `None` where that is not known.
    pub(crate) fn hiding(&self, path: &str) -> Option<(&Mount, Option<bool>)> {
        let mount = self.over(path)?;
        if self.beneath.is_none() {
            self.asked.store(true, Ordering::Relaxed);
        }
        let path = normalize(path);
        Some((mount, self.beneath.as_ref().map(|beneath| beneath.contains(&path))))
    }

    /// The mount that hides what the image has at `path`, where that is certain.
    pub(crate) fn surely_hiding(&self, path: &str) -> Option<&Mount> {
        self.hiding(path).filter(|(_, has)| *has == Some(true)).map(|(mount, _)| mount)
    }

    /// A hidden file of that name, with the mount that hides it.
    pub(crate) fn hidden_file(&self, name: &str) -> Option<(&str, &Mount)> {
        if self.list.is_empty() {
            return None;
        }
        if self.beneath.is_none() {
            self.asked.store(true, Ordering::Relaxed);
        }
        let path = self.beneath.as_ref()?.iter().find(|path| path.rsplit('/').next() == Some(name))?;
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
        assert!(mounts.surely_hiding("/app/server").is_some() && mounts.surely_hiding("/app/x").is_none());
        assert_eq!(mounts.hidden_file("server").unwrap().0, "/app/server");
    }
}
