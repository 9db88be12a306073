//! The mounts of this machine, from `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`): the same
//! directory can have many names.

use std::path::{Path, PathBuf};

/// The identity of a directory, independent of its name: its place on a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The file system's device; empty if unknown.
    device: String,
    path: PathBuf,
}

impl Place {
    /// Identifies a directory of another machine by its name.
    pub(super) fn named(path: &Path) -> Self {
        Self { device: String::new(), path: path.to_owned() }
    }

    /// Whether this is the given directory, or below it.
    pub(super) fn is_in(&self, folder: &Self) -> bool {
        self.device == folder.device && self.path.starts_with(&folder.path)
    }
}

#[derive(Debug)]
struct Mounted {
    device: String,
    /// The directory of the file system that is mounted.
    root: PathBuf,
    at: PathBuf,
    kind: String,
    /// The directories that the file system shows as its own, as it was mounted with them.
    layers: Vec<PathBuf>,
}

/// All mounts.
#[derive(Debug, Default)]
pub(super) struct Mountinfo(Vec<Mounted>);

/// File systems of the kernel, which contain no data.
const OF_THE_KERNEL: &[&str] = &[
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "resctrl",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// File systems whose content is that of other directories, which may be any of the host's. Those
/// of FUSE are [recognized](is_stacked) by the beginning of their type.
const STACKED: &[&str] =
    &["aufs", "ecryptfs", "overlay", "overlayfs", "shiftfs", "unionfs", "wrapfs"];

/// The options of overlay and aufs that name directories (kernel, `overlayfs.rst`; aufs(5)).
const LAYERS: &[&str] = &["lowerdir", "lowerdir+", "datadir+", "upperdir", "workdir", "br", "dirs"];

impl Mountinfo {
    /// Reads the mounts that this process sees.
    pub(super) fn here() -> Self {
        Self::read(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Reads the text of such a file.
    pub(super) fn read(text: &str) -> Self {
        let mounted = |line: &str| {
            let (mount, filesystem) = line.split_once(" - ")?;
            let fields: Vec<&str> = mount.split(' ').collect();
            let path = |index: usize| fields.get(index).map(|field| PathBuf::from(unescape(field)));
            let mut filesystem = filesystem.split(' ');
            let kind = filesystem.next()?.to_owned();
            let layers = if is_stacked(&kind) {
                layers(filesystem.next()?, filesystem.next()?)
            } else {
                Vec::new()
            };
            Some(Mounted {
                device: (*fields.get(2)?).to_owned(),
                root: path(3)?,
                at: path(4)?,
                kind,
                layers,
            })
        };
        Self(text.lines().filter_map(mounted).collect())
    }

    /// Returns the mount that contains a path without links. The last of several mounts at one
    /// place is on top.
    fn of(&self, path: &Path) -> Option<&Mounted> {
        let around = self.0.iter().filter(|mount| path.starts_with(&mount.at));
        around.max_by_key(|mount| mount.at.components().count())
    }

    /// Identifies a path without links.
    pub(super) fn place(&self, path: &Path) -> Place {
        let Some(mount) = self.of(path) else { return Place::named(path) };
        Place { device: mount.device.clone(), path: below(&mount.root, path, &mount.at) }
    }

    /// Whether a path is on a file system of the kernel.
    pub(super) fn is_of_the_kernel(&self, path: &Path) -> bool {
        // The type of a network file system may have a suffix, such as `nfs4`. The types in this
        // list have none.
        self.of(path).is_some_and(|mount| OF_THE_KERNEL.contains(&&*mount.kind))
    }

    /// Whether a path is on a file system that shows other directories, without a name for them.
    /// The root of this machine is known by its names, whatever it is made of.
    pub(super) fn is_stacked(&self, path: &Path) -> bool {
        self.of(path).is_some_and(|mount| is_stacked(&mount.kind) && mount.at != Path::new("/"))
    }

    /// Returns where a path is mounted on, unless that is the root.
    pub(super) fn mount_point(&self, path: &Path) -> Option<&Path> {
        self.of(path).map(|mount| &*mount.at).filter(|at| *at != Path::new("/"))
    }

    /// Returns the mounts below a path.
    pub(super) fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.0.iter().map(|mount| &*mount.at).filter(move |at| *at != path && at.starts_with(path))
    }

    /// Returns all paths at which the content of a path, or content below it, is mounted.
    pub(super) fn names(&self, path: &Path) -> Vec<PathBuf> {
        let place = self.place(path);
        let same = self.0.iter().filter(|mount| mount.device == place.device);
        let name = |mount: &Mounted| {
            if place.path.starts_with(&mount.root) {
                Some(below(&mount.at, &place.path, &mount.root))
            } else {
                // A directory below the path has another name too.
                mount.root.starts_with(&place.path).then(|| mount.at.clone())
            }
        };
        same.filter_map(name).collect()
    }

    /// Returns where stacked file systems show a path without links, or something below it.
    /// `exists` tells whether a path does: in a container, the layers of its root have their names
    /// on the host.
    pub(super) fn shown_at<'a>(
        &'a self,
        path: &'a Path,
        exists: impl Fn(&Path) -> bool + 'a,
    ) -> impl Iterator<Item = PathBuf> + 'a {
        let layers =
            self.0.iter().flat_map(|mount| mount.layers.iter().map(move |layer| (mount, layer)));
        layers.filter_map(move |(mount, layer)| {
            if path.starts_with(layer) {
                return Some(below(&mount.at, path, layer));
            }
            (layer.starts_with(path) && exists(layer)).then(|| mount.at.clone())
        })
    }
}

fn is_stacked(kind: &str) -> bool {
    // `fuseblk` is a disk.
    STACKED.contains(&kind) || kind == "fuse" || kind.starts_with("fuse.")
}

/// Returns the directories in the source and the options of a stacked file system.
fn layers(source: &str, options: &str) -> Vec<PathBuf> {
    let named = options.split(',').filter_map(|option| {
        let (name, value) = option.split_once('=')?;
        LAYERS.contains(&name).then_some(value)
    });
    // The source of ecryptfs and of many others is the directory. aufs writes `/folder=rw`.
    let paths = named.flat_map(|value| value.split(':')).chain([source]);
    let path = |path: &str| PathBuf::from(unescape(path.split('=').next().unwrap_or_default()));
    paths.filter(|path| path.starts_with('/') && path.len() > 1).map(path).collect()
}

/// Moves `path`, which is below `from`, to below `to`.
fn below(to: &Path, path: &Path, from: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
        Ok(rest) => to.join(rest),
        Err(_) => path.to_owned(),
    }
}

/// Decodes the octal escapes of space, tab, newline, backslash and others.
fn unescape(field: &str) -> String {
    let mut pieces = field.split('\\');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let number = piece.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (number.filter(u8::is_ascii), piece.get(3..)) {
            (Some(number), Some(rest)) => {
                text.push(char::from(number));
                text.push_str(rest);
            }
            _ => {
                text.push('\\');
                text.push_str(piece);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "\
        20 1 8:1 / / rw - ext4 /dev/sda rw\n\
        21 20 0:5 / /proc rw shared:5 - proc proc rw\n\
        22 20 8:2 / /mnt/disk rw - ext4 /dev/sdb rw\n\
        23 20 8:1 /etc /srv/m/sub rw - ext4 /dev/sda rw\n\
        24 20 8:1 /srv/with\\040space /srv/other rw - ext4 /dev/sda rw\n\
        25 20 0:5 / /srv/kernel rw - proc proc rw\n\
        26 20 8:2 /persist/etc /etc/own rw - ext4 /dev/sdb rw\n\
        27 20 0:9 / /srv/share rw - nfs4 server:/x rw\n\
        28 20 0:10 / /srv/merged rw - overlay overlay rw,lowerdir=/srv/low:/srv/lower\\040most,upperdir=/persist/up,workdir=/persist/work\n\
        29 20 0:11 / /opt/conf rw - overlay none rw,lowerdir=/srv/settings\n\
        30 20 0:12 / /srv/pool rw - fuse.mergerfs 1:2 rw,user_id=0\n\
        31 20 0:13 / /srv/secret rw - ecryptfs /srv/.secret rw\n\
        32 20 8:3 / /srv/ntfs rw - fuseblk /dev/sdc rw\n\
        33 20 0:14 / /srv/branches rw - aufs none rw,br=/srv/a=rw:/srv/b=ro\n\
        nonsense\n";

    #[test]
    fn a_folder_is_known_by_what_it_is() {
        let here = Mountinfo::read(HERE);
        for (path, expected) in [
            ("/srv/m/sub", &["/srv/m/sub", "/etc"][..]),
            ("/srv/m/sub/cron.d", &["/srv/m/sub/cron.d", "/etc/cron.d"]),
            ("/srv/with space/x", &["/srv/other/x", "/srv/with space/x"]),
            ("/mnt/disk/x", &["/mnt/disk/x"]),
            // A part of the directory is mounted elsewhere.
            ("/mnt/disk/persist", &["/mnt/disk/persist", "/etc/own"]),
            ("/srv/data", &["/srv/data"]),
        ] {
            let mut names = here.names(Path::new(path));
            names.sort();
            let mut expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            expected.sort();
            assert_eq!(names, expected, "{path}");
        }
        for (path, is_kernels) in
            [("/srv/kernel/1", true), ("/proc", true), ("/srv/share/x", false), ("/srv", false)]
        {
            assert_eq!(here.is_of_the_kernel(Path::new(path)), is_kernels, "{path}");
        }
        let below: Vec<_> = here.below(Path::new("/srv/m")).collect();
        assert_eq!(below, [Path::new("/srv/m/sub")]);
        assert_eq!(here.below(Path::new("/srv/m/sub")).count(), 0);
    }

    #[test]
    fn a_place_is_below_another_whatever_its_name() {
        let here = Mountinfo::read(HERE);
        let place = |path: &str| here.place(Path::new(path));
        assert!(place("/srv/m/sub/x").is_in(&place("/etc")));
        assert!(place("/srv/other").is_in(&place("/srv/with space")));
        assert!(!place("/srv/spaceship").is_in(&place("/srv/space")));
        assert!(!place("/mnt/disk/x").is_in(&place("/")), "another filesystem");
        assert!(Place::named(Path::new("/a/b")).is_in(&Place::named(Path::new("/a"))));
        assert_eq!(Mountinfo::read("").place(Path::new("/x")), Place::named(Path::new("/x")));
    }

    #[test]
    fn a_filesystem_that_shows_other_folders_is_known() {
        let here = Mountinfo::read(HERE);
        for (path, expected) in [
            ("/srv/merged", true),
            ("/srv/merged/x", true),
            ("/srv/pool/x", true),
            ("/srv/secret", true),
            ("/srv/branches", true),
            ("/srv/ntfs", false),
            ("/srv/share", false),
            ("/srv/mergedness", false),
            ("/", false),
        ] {
            assert_eq!(here.is_stacked(Path::new(path)), expected, "{path}");
        }
        // The names of the root's content are those of the root, whatever it is made of.
        let root = Mountinfo::read(
            "20 1 0:7 / / rw - overlay overlay rw,lowerdir=/rom,upperdir=/media/up\n",
        );
        assert!(!root.is_stacked(Path::new("/srv/x")));
        for (path, expected) in [
            ("/srv/low/x", "/srv/merged/x"),
            ("/srv/lower most", "/srv/merged"),
            ("/persist", "/srv/merged"),
            ("/srv/settings/cron.d", "/opt/conf/cron.d"),
            ("/srv/.secret", "/srv/secret"),
            ("/srv/b/x", "/srv/branches/x"),
        ] {
            assert!(
                here.shown_at(Path::new(path), |_| true).any(|at| at == Path::new(expected)),
                "{path}"
            );
        }
        assert!(
            root.shown_at(Path::new("/media/up/etc"), |_| true).any(|at| at == Path::new("/etc"))
        );
        for (path, exists) in [("/srv/lowest", true), ("/persist", false)] {
            assert_eq!(here.shown_at(Path::new(path), |_| exists).count(), 0, "{path}");
        }
    }

    #[test]
    fn names_are_unescaped() {
        for (field, expected) in
            [("/a\\040b", "/a b"), ("/a\\134b", "/a\\b"), ("/a\\", "/a\\"), ("/ä\\777", "/ä\\777")]
        {
            assert_eq!(unescape(field), expected);
        }
    }
}
