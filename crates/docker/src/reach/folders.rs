//! Examines directories of the engine's machine, if that is this machine: their other names, the
//! containers that could replace them, and their content.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use super::mountinfo::{Mountinfo, Place};
use crate::target::Mount;

/// The maximum number of links in a path, as in the kernel.
const LINKS: usize = 40;
/// The limits of searching a directory for sockets: the number of entries, and the time.
const FILES: usize = 20_000;
const TIMEOUT: Duration = Duration::from_secs(1);

/// Directories of which each gives control of the host to a process that can write to it.
const THE_HOST: &[&str] = &["/", "/boot", "/dev", "/etc", "/root", "/usr", "/var", "/var/lib"];

const CANNOT_BE_SEEN: &str = "where its links lead cannot be seen";
const CAN_BE_SWAPPED: &str =
    "a container can write to a folder above it, and so put another in its place";
const OF_THE_KERNEL: &str = "a filesystem of the kernel";
const STACKED: &str = "its filesystem shows other folders, which may be the host's";
const MORE_BELOW: &str = "other filesystems are mounted below it";

/// The engine's machine.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// Whether the engine's files are on this machine.
    pub(super) is_here: bool,
    /// The mounts of this machine. Empty if they are unknown.
    pub(super) mounted: Mountinfo,
    /// The directories with the engine's files.
    pub(super) engine_folders: Vec<String>,
    /// Whether the engine's containers have another user namespace: the kernel then does not mount
    /// a directory without the mounts below it.
    pub(super) mounts_are_locked: bool,
    /// Whether control groups have version 2.
    pub(super) has_unified_cgroups: bool,
    /// Directories that containers can write to, except for those that give control of the host
    /// anyway.
    pub(super) writable: Vec<Place>,
}

impl Host {
    /// Adds directories under all their names.
    pub(super) fn add_engine_folders(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        for folder in folders {
            self.engine_folders.push(folder.display().to_string());
            if self.is_here
                && let Ok(Resolved { path, .. }) = resolve(&folder)
            {
                let names = self
                    .mounted
                    .names(&path)
                    .into_iter()
                    .filter(|name| path.starts_with(name) || name.exists());
                let names: Vec<_> = names.map(|name| name.display().to_string()).collect();
                self.engine_folders.extend(names);
                self.engine_folders.push(path.display().to_string());
            }
        }
        self.engine_folders.sort();
        self.engine_folders.dedup();
    }

    /// Records that a container can write to this directory. A directory that gives control of the
    /// host is ignored: the container gains nothing more.
    pub(super) fn add_writable(&mut self, folder: &str) {
        let resolved = if self.is_here {
            resolve(Path::new(folder)).map(|resolved| resolved.path).ok()
        } else {
            None
        };
        let path = resolved.unwrap_or_else(|| PathBuf::from(folder));
        let has_engine =
            self.engine_folders.iter().any(|engine| Path::new(engine).starts_with(&path));
        if has_engine || THE_HOST.iter().any(|host| path == Path::new(host)) {
            return;
        }
        let places = self
            .mounted
            .below(&path)
            .chain([&*path])
            .map(|path| self.mounted.place(path))
            .collect::<Vec<_>>();
        self.writable.extend(places);
    }

    /// Examines a directory of the host that is mounted, and records what a copy must know about
    /// it.
    pub(super) fn examine(&self, folder: &str, mount: &mut Mount) {
        let resolved = match resolve(Path::new(folder)) {
            // The engine runs on another machine, or has another view of this one. A file of this
            // machine then proves nothing, and does no harm.
            resolved if !self.is_here => {
                if self.can_be_swapped([Path::new(folder)]) {
                    mount.unclear = Some(CAN_BE_SWAPPED);
                }
                let Ok(resolved) = resolved else { return };
                mount.is_socket = is_socket(&resolved.path);
                mount.also_at.push(resolved.path.display().to_string());
                return;
            }
            Ok(resolved) => resolved,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                mount.gone = Some(format!("{folder} is not there"));
                return;
            }
            Err(_) => {
                mount.unclear = Some(CANNOT_BE_SEEN);
                return;
            }
        };
        let path = &resolved.path;
        mount.also_at.push(path.display().to_string());
        mount.is_socket = is_socket(path);
        let names =
            self.mounted.names(path).into_iter().filter(|name| !self.is_engines_mount(name));
        // The roots of containers show folders too: that does not make those the engine's.
        let shown = self.mounted.shown_at(path, Path::exists).filter(|name| !self.is_engines(name));
        mount.also_at.extend(names.chain(shown).map(|name| name.display().to_string()));
        mount.has_more_below = self.mounted.below(path).next().is_some();
        if self.mounted.is_of_the_kernel(path) {
            mount.unclear = Some(OF_THE_KERNEL);
        } else if self.mounted.is_stacked(path) {
            mount.unclear = Some(STACKED);
        } else if self.can_be_swapped(resolved.looked_up.iter().map(PathBuf::as_path)) {
            mount.unclear = Some(CAN_BE_SWAPPED);
        } else if mount.has_more_below && self.mounts_are_locked {
            mount.unclear = Some(MORE_BELOW);
        }
    }

    /// Examines the directory of a volume that the engine manages. Such a volume contains no other
    /// mounts, and is mounted on by nobody but the engine.
    pub(super) fn examine_volume(&self, folder: &str, mount: &mut Mount) {
        if !self.is_here || folder.is_empty() {
            return;
        }
        let resolved = resolve(Path::new(folder)).map(|resolved| resolved.path);
        let path = resolved.unwrap_or_else(|_| PathBuf::from(folder));
        let is_below_engines = |at: &Path| {
            self.is_engines(at) && !self.engine_folders.iter().any(|engine| at == Path::new(engine))
        };
        if self.mounted.below(&path).next().is_some() {
            mount.unclear = Some(MORE_BELOW);
        } else if self.mounted.mount_point(&path).is_some_and(is_below_engines) {
            if self.mounted.is_of_the_kernel(&path) {
                mount.unclear = Some(OF_THE_KERNEL);
            } else if self.mounted.is_stacked(&path) {
                mount.unclear = Some(STACKED);
            }
            let names = self.mounted.names(&path).into_iter();
            let others =
                names.filter(|name| !path.starts_with(name) && !self.is_engines_mount(name));
            mount.also_at.extend(others.map(|name| name.display().to_string()));
        }
    }

    /// Whether a container can write to one of the directories in which the components of these
    /// paths are looked up, or to a directory above.
    fn can_be_swapped<'a>(&self, paths: impl IntoIterator<Item = &'a Path>) -> bool {
        let mut places = paths.into_iter().map(|path| {
            if self.is_here {
                self.mounted.place(path)
            } else {
                Place::named(path.parent().unwrap_or(path))
            }
        });
        places.any(|place| self.writable.iter().any(|folder| place.is_in(folder)))
    }

    /// Whether a path is one of the engine's directories, or below one.
    fn is_engines(&self, path: &Path) -> bool {
        self.engine_folders.iter().any(|engine| path.starts_with(engine))
    }

    /// Whether a path is a mount that an engine made below its own directories. Engines mount there
    /// what users named, which does not make it the engine's.
    fn is_engines_mount(&self, name: &Path) -> bool {
        name.starts_with("/var/lib/kubelet/pods")
            || self
                .engine_folders
                .iter()
                .any(|folder| name.starts_with(Path::new(folder).join("volumes")))
    }
}

/// The result of resolving a path.
#[derive(Debug)]
struct Resolved {
    /// The path without links.
    path: PathBuf,
    /// The directories in which the components of the path and of its links were looked up.
    looked_up: Vec<PathBuf>,
}

/// Resolves a path.
fn resolve(path: &Path) -> io::Result<Resolved> {
    let names = |path: &Path| {
        let named = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            _ => None,
        });
        named.collect::<VecDeque<_>>()
    };
    let mut left = names(path);
    let (mut at, mut looked_up, mut links) = (PathBuf::from("/"), Vec::new(), 0);
    while let Some(name) = left.pop_front() {
        if name == ".." {
            at.pop();
            continue;
        }
        looked_up.push(at.clone());
        let next = at.join(&name);
        if !fs::symlink_metadata(&next)?.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        if links > LINKS {
            return Err(io::Error::other("too many links"));
        }
        let target = fs::read_link(&next)?;
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        let mut further = names(&target);
        further.append(&mut left);
        left = further;
    }
    looked_up.sort();
    looked_up.dedup();
    Ok(Resolved { path: at, looked_up })
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|facts| facts.file_type().is_socket())
}

/// Whether a directory contains a socket, within the search limits. Searches breadth-first.
pub(super) fn has_socket(folder: &Path) -> bool {
    let deadline = Instant::now() + TIMEOUT;
    let mut folders = VecDeque::from([folder.to_owned()]);
    let mut left = FILES;
    while let Some(folder) = folders.pop_front() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            if left == 0 || Instant::now() > deadline {
                return false;
            }
            left -= 1;
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_socket() {
                return true;
            }
            if kind.is_dir() {
                folders.push_back(entry.path());
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Creates a directory `shared` that a container writes to, with `data` in it, links to `data`,
    /// and a link out of the directory.
    fn stage() -> (tempfile::TempDir, Host) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        fs::create_dir_all(path.join("shared/data/deep")).unwrap();
        fs::create_dir_all(path.join("own/data")).unwrap();
        symlink("shared/data", path.join("into")).unwrap();
        symlink(path.join("shared"), path.join("whole")).unwrap();
        symlink(path.join("own/data"), path.join("shared/out")).unwrap();
        symlink("loop", path.join("loop")).unwrap();
        let mut host = Host { is_here: true, mounted: Mountinfo::here(), ..Host::default() };
        host.add_writable(&path.join("shared").display().to_string());
        (folder, host)
    }

    #[test]
    fn what_a_container_can_put_another_in_the_place_of_is_not_data() {
        let (folder, mut host) = stage();
        let unclear = |host: &Host, name: &str| {
            let mut mount = Mount::default();
            host.examine(&folder.path().join(name).display().to_string(), &mut mount);
            (mount.unclear, mount.gone.is_some())
        };
        for (name, expected) in [
            ("shared", None),
            ("whole", None),
            ("own", None),
            ("own/data", None),
            ("shared/data", Some(CAN_BE_SWAPPED)),
            ("own/../shared/data/deep", Some(CAN_BE_SWAPPED)),
            ("into", Some(CAN_BE_SWAPPED)),
            ("whole/data", Some(CAN_BE_SWAPPED)),
            ("shared/out", Some(CAN_BE_SWAPPED)),
            ("loop", Some(CANNOT_BE_SEEN)),
        ] {
            assert_eq!(unclear(&host, name), (expected, false), "{name}");
        }
        assert_eq!(unclear(&host, "shared/gone"), (None, true));
        // A container that controls the host gains nothing.
        host.writable.clear();
        host.add_writable("/");
        host.engine_folders = vec![
            folder.path().canonicalize().unwrap().join("shared/data/deep/er").display().to_string(),
        ];
        host.add_writable(&folder.path().join("shared").display().to_string());
        assert_eq!(unclear(&host, "shared/data"), (None, false));
        // On another machine, only names are known.
        host.is_here = false;
        host.mounted = Mountinfo::default();
        host.add_writable("/no-such/shared");
        for (name, expected) in [
            ("/no-such/shared", None),
            ("/no-such/shared/x", Some(CAN_BE_SWAPPED)),
            ("/no-such/sharedness/x", None),
        ] {
            let mut mount = Mount::default();
            host.examine(name, &mut mount);
            assert_eq!((mount.unclear, mount.gone), (expected, None), "{name}");
        }
    }

    #[test]
    fn a_folder_that_another_filesystem_shows_is_known_by_that_name() {
        let (folder, mut host) = stage();
        let own = folder.path().canonicalize().unwrap().join("own/data").display().to_string();
        let mounts = format!(
            "20 1 8:1 / / rw - ext4 /dev/sda rw\n\
             21 20 0:10 / /etc rw - overlay overlay rw,lowerdir=/rom:{own}\n\
             22 20 0:11 / /no-such/engine/merged rw - overlay overlay rw,lowerdir={own}\n\
             23 20 8:1 /etc /no-such/engine/volumes/a/_data rw - ext4 /dev/sda rw\n\
             24 20 0:12 / /no-such/engine/volumes/b/_data rw - tmpfs tmpfs rw\n\
             25 20 0:13 / /no-such/engine/volumes/c/_data rw - fuse.mergerfs 1:2 rw\n\
             26 20 0:5 / /no-such/engine/volumes/d rw - proc proc rw\n"
        );
        host.mounted = Mountinfo::read(&mounts);
        host.engine_folders = vec!["/no-such/engine".to_owned()];
        let mut mount = Mount::default();
        host.examine(&own, &mut mount);
        assert!(mount.also_at.contains(&"/etc".to_owned()), "{mount:?}");
        assert!(
            !mount.also_at.iter().any(|at| at.starts_with("/no-such")),
            "a container shows it, too: {mount:?}"
        );
        for (name, also_at, unclear) in [
            ("a", &["/etc"][..], None),
            ("b", &[], None),
            ("c", &[], Some(STACKED)),
            ("d", &[], Some(OF_THE_KERNEL)),
            ("e", &[], None),
        ] {
            let mut mount = Mount::default();
            host.examine_volume(&format!("/no-such/engine/volumes/{name}/_data"), &mut mount);
            assert_eq!(
                (mount.unclear, &mount.also_at[..]),
                (unclear, &also_at.iter().map(|&at| at.to_owned()).collect::<Vec<_>>()[..]),
                "{name}"
            );
        }
    }

    #[test]
    fn a_socket_in_a_folder_is_found() {
        let (folder, _) = stage();
        assert!(!has_socket(folder.path()));
        let _socket = UnixListener::bind(folder.path().join("shared/data/deep/s")).unwrap();
        assert!(has_socket(folder.path()));
        // A link has another target in a container.
        assert!(!has_socket(&folder.path().join("own")));
    }
}
