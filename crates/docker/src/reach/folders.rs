//! What a folder of the engine's machine is, where that is this machine: by which other names it goes, who could put another
//! in its place, and what is in it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use super::mountinfo::{Mountinfo, Place};
use crate::target::Mount;

/// How many links lead to a file at most, as the kernel has it.
const LINKS: usize = 40;
/// How much of a folder is searched for sockets at most: files and folders, and for how long.
const FILES: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(1);

/// Who can write to one of these is root.
const THE_HOST: &[&str] = &["/", "/boot", "/dev", "/etc", "/root", "/usr", "/var", "/var/lib"];

const CANNOT_BE_SEEN: &str = "where its links lead cannot be seen";
const CAN_BE_SWAPPED: &str = "a container can write to a folder above it, and so put another in its place";
const OF_THE_KERNEL: &str = "a filesystem of the kernel";
const MORE_BELOW: &str = "other filesystems are mounted below it";

/// The engine's machine.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// Its files are those of this machine.
    pub(super) is_here: bool,
    /// What is mounted there; nothing where that cannot be seen.
    pub(super) mounted: Mountinfo,
    /// Where the engine keeps its files.
    pub(super) engine_folders: Vec<String>,
    /// The engine's containers are of another user namespace: the kernel takes no folder apart from what is mounted below it.
    pub(super) mounts_are_locked: bool,
    /// Folders that containers can write to, but for those by which they have the host anyway.
    pub(super) writable: Vec<Place>,
}

impl Host {
    /// All other names of these folders too.
    pub(super) fn add_engine_folders(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        for folder in folders {
            self.engine_folders.push(folder.display().to_string());
            if self.is_here
                && let Ok(Led { path, .. }) = lead(&folder)
            {
                let names =
                    self.mounted.names(&path).into_iter().filter(|name| path.starts_with(name) || name.exists());
                let names: Vec<_> = names.map(|name| name.display().to_string()).collect();
                self.engine_folders.extend(names);
                self.engine_folders.push(path.display().to_string());
            }
        }
        self.engine_folders.sort();
        self.engine_folders.dedup();
    }

    /// Notes that a container can write to this folder. Who has the host by it gains nothing by more.
    pub(super) fn add_writable(&mut self, folder: &str) {
        let led = if self.is_here { lead(Path::new(folder)).map(|led| led.path).ok() } else { None };
        let path = led.unwrap_or_else(|| PathBuf::from(folder));
        let has_engine = self.engine_folders.iter().any(|engine| Path::new(engine).starts_with(&path));
        if has_engine || THE_HOST.iter().any(|host| path == Path::new(host)) {
            return;
        }
        let places = self.mounted.below(&path).chain([&*path]).map(|path| self.mounted.place(path)).collect::<Vec<_>>();
        self.writable.extend(places);
    }

    /// Looks at a folder of the host that a mount shows, and notes what a copy has to know of it.
    pub(super) fn look(&self, folder: &str, mount: &mut Mount) {
        let led = match lead(Path::new(folder)) {
            // The engine is of another machine, or has another view of it: then a file of this one says nothing, and does no harm.
            led if !self.is_here => {
                if self.can_be_swapped([Path::new(folder)]) {
                    mount.unclear = Some(CAN_BE_SWAPPED);
                }
                let Ok(led) = led else { return };
                mount.is_socket = is_socket(&led.path);
                mount.also_at.push(led.path.display().to_string());
                return;
            }
            Ok(led) => led,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                mount.gone = Some(format!("{folder} is not there"));
                return;
            }
            Err(_) => {
                mount.unclear = Some(CANNOT_BE_SEEN);
                return;
            }
        };
        let path = &led.path;
        mount.also_at.push(path.display().to_string());
        mount.is_socket = is_socket(path);
        let names = self.mounted.names(path).into_iter().filter(|name| !self.is_engines_mount(name));
        mount.also_at.extend(names.map(|name| name.display().to_string()));
        mount.has_more_below = self.mounted.below(path).next().is_some();
        if self.mounted.is_of_the_kernel(path) {
            mount.unclear = Some(OF_THE_KERNEL);
        } else if self.can_be_swapped(led.looked_up.iter().map(PathBuf::as_path)) {
            mount.unclear = Some(CAN_BE_SWAPPED);
        } else if mount.has_more_below && self.mounts_are_locked {
            mount.unclear = Some(MORE_BELOW);
        }
    }

    /// A volume of the engine's own has nothing mounted in it.
    pub(super) fn look_into_volume(&self, folder: &str, mount: &mut Mount) {
        if self.is_here && !folder.is_empty() && self.mounted.below(Path::new(folder)).next().is_some() {
            mount.unclear = Some(MORE_BELOW);
        }
    }

    /// Whether a container can write to one of the folders in which the names of a path are looked up; for a path, to one above it.
    fn can_be_swapped<'a>(&self, paths: impl IntoIterator<Item = &'a Path>) -> bool {
        let mut places = paths.into_iter().map(|path| {
            if self.is_here { self.mounted.place(path) } else { Place::named(path.parent().unwrap_or(path)) }
        });
        places.any(|place| self.writable.iter().any(|folder| place.is_in(folder)))
    }

    /// Engines mount what their users named below their own folders: that makes it none of theirs.
    fn is_engines_mount(&self, name: &Path) -> bool {
        name.starts_with("/var/lib/kubelet/pods")
            || self.engine_folders.iter().any(|folder| name.starts_with(Path::new(folder).join("volumes")))
    }
}

/// Where a path leads.
#[derive(Debug)]
struct Led {
    /// Without links.
    path: PathBuf,
    /// The folders that its names, and those of the links on the way, were looked up in.
    looked_up: Vec<PathBuf>,
}

/// Follows a path to its end.
fn lead(path: &Path) -> io::Result<Led> {
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
    Ok(Led { path: at, looked_up })
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|facts| facts.file_type().is_socket())
}

/// Whether there is a socket in a folder, as far as it is searched: what is near its top first.
pub(super) fn has_socket(folder: &Path) -> bool {
    let deadline = Instant::now() + PATIENCE;
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

    /// A folder `shared` that a container writes to, with `data` in it, links to that, and one out of it.
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
            host.look(&folder.path().join(name).display().to_string(), &mut mount);
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
        // One that has the host gains nothing.
        host.writable.clear();
        host.add_writable("/");
        host.engine_folders =
            vec![folder.path().canonicalize().unwrap().join("shared/data/deep/er").display().to_string()];
        host.add_writable(&folder.path().join("shared").display().to_string());
        assert_eq!(unclear(&host, "shared/data"), (None, false));
        // Elsewhere there are names alone.
        host.is_here = false;
        host.mounted = Mountinfo::default();
        host.add_writable("/no-such/shared");
        for (name, expected) in
            [("/no-such/shared", None), ("/no-such/shared/x", Some(CAN_BE_SWAPPED)), ("/no-such/sharedness/x", None)]
        {
            let mut mount = Mount::default();
            host.look(name, &mut mount);
            assert_eq!((mount.unclear, mount.gone), (expected, None), "{name}");
        }
    }

    #[test]
    fn a_socket_in_a_folder_is_found() {
        let (folder, _) = stage();
        assert!(!has_socket(folder.path()));
        let _socket = UnixListener::bind(folder.path().join("shared/data/deep/s")).unwrap();
        assert!(has_socket(folder.path()));
        // A link leads elsewhere in a container.
        assert!(!has_socket(&folder.path().join("own")));
    }
}
