//! Searches this machine for a busybox.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use scratchdbg_image::{Digest, HostFile};

use super::{Toolkit, ToolkitError};

/// The paths of busybox in distributions, in the order of the search.
pub const HOST_PATHS: [&str; 6] = [
    "/bin/busybox",
    "/usr/bin/busybox",
    "/usr/local/bin/busybox",
    "/sbin/busybox",
    "/bin/busybox.static",
    "/usr/lib/busybox/busybox-static",
];

/// The maximum size of a busybox. Larger files are not read.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The result of searching [`HOST_PATHS`].
#[derive(Debug)]
pub struct HostSearch {
    /// The first static busybox.
    pub toolkit: Option<Toolkit>,
    /// The files before it that were rejected.
    pub skipped: Vec<Skipped>,
}

/// A file that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub reason: String,
}

/// Searches the usual paths of this machine for a static busybox.
pub fn search_host() -> HostSearch {
    search(&HOST_PATHS.map(Path::new))
}

/// Identifies the files that [`search_host`] would read without reading them: a changed or replaced
/// file differs in inode, size or time. Returns `None` if there are none.
pub fn host_stamp() -> Option<Digest> {
    stamp(&HOST_PATHS.map(Path::new))
}

fn stamp(paths: &[&Path]) -> Option<Digest> {
    let facts: Vec<_> = paths
        .iter()
        .filter_map(|path| {
            let facts = fs::metadata(path).ok()?;
            // The change time cannot be set back.
            Some((path, facts.dev(), facts.ino(), facts.size(), facts.ctime(), facts.ctime_nsec()))
        })
        .collect();
    (!facts.is_empty()).then(|| Digest::of(format!("{facts:?}").as_bytes()))
}

fn search(paths: &[&Path]) -> HostSearch {
    let mut skipped: Vec<Skipped> = Vec::new();
    let mut seen = Vec::new();
    for path in paths {
        // `/bin` is a link to `/usr/bin` on most machines: list a file only once.
        let Ok(real) = path.canonicalize() else { continue };
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        match Toolkit::from_file(path) {
            Ok(toolkit) => return HostSearch { toolkit: Some(toolkit), skipped },
            Err(ToolkitError::Unfit { reason, .. }) => {
                skipped.push(Skipped { path: path.into(), reason });
            }
            Err(error) => skipped.push(Skipped { path: path.into(), reason: error.to_string() }),
        }
    }
    HostSearch { toolkit: None, skipped }
}

impl Toolkit {
    /// Reads a static busybox from a file.
    pub fn from_file(path: &Path) -> Result<Self, ToolkitError> {
        let file = HostFile::new(path)?;
        if file.size() > LARGEST {
            let reason =
                format!("it has {} bytes, and no busybox is larger than 64 MiB", file.size());
            return Err(ToolkitError::Unfit { origin: path.display().to_string(), reason });
        }
        let read = |source: io::Error| ToolkitError::Read { path: path.to_owned(), source };
        Self::from_bytes(
            scratchdbg_files::read(path, LARGEST).map_err(read)?,
            path.display().to_string(),
        )
    }
}

/// Lists the skipped files for the message of [`ToolkitError::NotFound`].
pub(super) fn list(skipped: &[Skipped]) -> String {
    if skipped.is_empty() {
        return String::new();
    }
    let items: Vec<_> =
        skipped.iter().map(|item| format!("{}: {}", item.path.display(), item.reason)).collect();
    format!(" ({})", items.join("; "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_stamp_changes_with_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["first", "second"].map(|name| folder.path().join(name));
        let stamp = || stamp(&paths.each_ref().map(PathBuf::as_path));
        assert_eq!(stamp(), None);
        fs::write(&paths[1], "busybox").unwrap();
        let one = stamp();
        assert!(one.is_some());
        assert_eq!(stamp(), one);
        fs::write(&paths[0], "another, before it").unwrap();
        let two = stamp();
        assert_ne!(two, one);
        // The same length, and renamed over the old file.
        fs::write(folder.path().join("third"), "BUSYBOX").unwrap();
        fs::rename(folder.path().join("third"), &paths[1]).unwrap();
        assert_ne!(stamp(), two);
    }

    use super::*;

    #[test]
    fn what_would_not_do_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (script, link, absent) =
            (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        fs::write(&script, "#!/bin/sh\n").unwrap();
        std::os::unix::fs::symlink(&script, &link).unwrap();
        let found = search(&[&script, &link, &absent]);
        assert!(found.toolkit.is_none());
        assert_eq!(found.skipped, [Skipped { path: script, reason: "it is a script".into() }]);
        let error = ToolkitError::NotFound { skipped: found.skipped }.to_string();
        for part in [
            "it is a script",
            "apt-get install busybox-static",
            "--toolkit PATH",
            "--toolkit IMAGE",
        ] {
            assert!(error.contains(part), "{error}");
        }
        let error = ToolkitError::NotFound { skipped: Vec::new() }.to_string();
        assert!(error.starts_with("no static busybox was found. Install one"), "{error}");
    }
}
