//! Directories that control the host: writing to them, and reading some of them, gives control of
//! the host.

mod of_the_host;

use scratchdbg_diagnose::rootfs::normalize;

use self::of_the_host::{
    ANYWHERE, ENGINE, PART, READABLE, SOCKET, WITH_SUBFOLDERS, WITHOUT_SUBFOLDERS,
};

use crate::target::{Mount, Reach};

/// The content of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MountContent {
    /// Data.
    Data,
    /// A part of the host that all users may read.
    PartOfHost,
    /// A directory that controls the host, or may control it, and the reason.
    Ruling(&'static str),
}

/// Classifies a mount.
pub(super) fn classify(mount: &Mount, reach: &Reach) -> MountContent {
    let paths =
        std::iter::once(&mount.source).filter(|_| mount.kind == "bind").chain(&mount.also_at);
    let mut shown = MountContent::Data;
    for path in paths {
        match shows_path(path, reach.engine_socket.as_deref(), &reach.engine_folders) {
            MountContent::Data => {}
            MountContent::PartOfHost => shown = MountContent::PartOfHost,
            ruling @ MountContent::Ruling(_) => return ruling,
        }
    }
    match mount.unclear {
        Some(why) => MountContent::Ruling(why),
        None if mount.is_socket => MountContent::Ruling(SOCKET),
        None => shown,
    }
}

fn shows_path(path: &str, engine_socket: Option<&str>, engine_folders: &[String]) -> MountContent {
    let path = plain(path);
    if path == "/" {
        return MountContent::Ruling("the host's root");
    }
    if [".sock", ".socket"].iter().any(|end| path.ends_with(end)) {
        return MountContent::Ruling(SOCKET);
    }
    if engine_socket.is_some_and(|socket| is_at_or_below(&plain(socket), &path)) {
        return MountContent::Ruling("the engine's socket is in it");
    }
    let of_engine = |folder: &String| {
        let folder = plain(folder);
        is_at_or_below(&path, &folder) || is_at_or_below(&folder, &path)
    };
    if engine_folders.iter().any(of_engine) {
        return MountContent::Ruling(ENGINE);
    }
    if READABLE.iter().any(|readable| is_at_or_below(&path, readable)) {
        return MountContent::PartOfHost;
    }
    if let Some((_, why)) = WITH_SUBFOLDERS.iter().find(|(folder, _)| is_at_or_below(&path, folder))
    {
        return MountContent::Ruling(why);
    }
    // A directory with one of these in it gives it, too.
    if WITH_SUBFOLDERS.iter().any(|(folder, _)| is_at_or_below(folder, &path)) {
        return MountContent::Ruling(PART);
    }
    let is_home = path.strip_prefix("/home/").is_some_and(|rest| !rest.contains('/'));
    if is_home || WITHOUT_SUBFOLDERS.contains(&&*path) {
        return MountContent::Ruling(PART);
    }
    let ruling = ANYWHERE.iter().find(|(name, _)| path.split('/').any(|part| part == *name));
    ruling.map_or(MountContent::Data, |(_, why)| MountContent::Ruling(why))
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Normalizes a path: removes `.`, `..` and doubled slashes, and resolves `/var/run`.
fn plain(path: &str) -> String {
    let path = normalize(path);
    if is_at_or_below(&path, "/var/run") { path["/var".len()..].to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_rule_the_host_are_told_from_data() {
        let socket = Some("/opt/engine/run/api");
        let shows_path = |path: &str| shows_path(path, socket, &["/data/of/engine/".to_owned()]);
        for path in [
            "/",
            "//",
            "/srv/..",
            "/proc",
            "/proc/1/root",
            "/sys/fs/cgroup",
            "/dev",
            "/dev/mem",
            "/etc",
            "/etc/",
            "/etc/shadow",
            "/etc/shop",
            "/etc/cron.daily",
            "/etc/ssl",
            "/etc/ssl/private",
            "/etc/ssl/certs/../private",
            "/etc/passwd-",
            "/etc/pam.d",
            "/etc/ld.so.preload",
            "/root",
            "/root/.ssh",
            "/root/shop/data",
            "/home/ann",
            "/home/ann/.docker/config.json",
            "/run",
            "/run/shop",
            "/var/run",
            "/var/run/docker.sock",
            "/srv/../var/run/docker.sock",
            "/run/user/1000/podman/podman.sock",
            "/var/run/docker/containerd",
            "/var",
            "/var/lib/docker/volumes",
            "/var/spool/cron/crontabs",
            "/lib/systemd/system",
            "/lib64",
            "/usr/bin",
            "/usr/local/bin/tool",
            "/usr/share",
            "/opt/cni/bin",
            "/tmp/x/engine.socket",
            "/opt/engine",
            "/opt/engine/run",
            "/opt/engine/run/api",
            "/data",
            "/data/of/engine",
            "/data/of/engine/volumes/x/_data",
            "/srv/../data/of/",
        ] {
            assert!(matches!(shows_path(path), MountContent::Ruling(_)), "{path}");
        }
        for path in [
            "/etc/localtime",
            "/etc/timezone",
            "/etc/hosts",
            "/etc/passwd",
            "/etc/ssl/certs",
            "/etc/ssl/certs/ca-certificates.crt",
            "/run/systemd/resolve/stub-resolv.conf",
            "/usr/share/zoneinfo",
            "/usr/share/zoneinfo/Europe/Berlin",
        ] {
            assert_eq!(shows_path(path), MountContent::PartOfHost, "{path}");
        }
        for path in [
            "/srv/shop",
            "/home/ann/shop",
            "/data/of/engineer",
            "/data/other",
            "/var/log/shop",
            "/var/lib/shop",
            "/opt/engine-data",
            "/opt/engine/running",
            "/tmp/x",
            "/mnt/disk",
            "/development",
            "/binaries",
            "/etcetera",
            "/library",
        ] {
            assert_eq!(shows_path(path), MountContent::Data, "{path}");
        }
    }

    #[test]
    fn what_package_managers_and_the_system_keep_rules_the_host() {
        for path in [
            "/var/cache",
            "/var/cache/apt",
            "/var/cache/apt/archives/partial",
            "/var/lib/apt/lists",
            "/var/lib/aptitude",
            "/var/cache/dnf",
            "/var/cache/libdnf5",
            "/var/cache/yum/x86_64",
            "/var/lib/yum",
            "/var/cache/zypp/packages",
            "/var/lib/zypp",
            "/var/cache/pacman/pkg",
            "/var/cache/apk",
            "/var/cache/PackageKit",
            "/var/lib/PackageKit",
            "/var/lib/snapd/snaps",
            "/var/cache/snapd",
            "/var/lib/flatpak/exports",
            "/var/cache/ldconfig",
            "/var/backups",
            "/var/backups/shadow.bak",
            "/var/lib/sudo/lectured",
            "/var/lib/systemd/linger",
            "/var/lib/AccountsService",
            "/var/lib/polkit-1",
            "/var/lib/dbus",
            "/var/lib/NetworkManager",
            "/var/lib/unattended-upgrades",
            "/lost+found",
            "/srv/lost+found/#12",
            "/.snapshots/1/snapshot/etc",
            "/swapfile",
        ] {
            assert!(matches!(shows_path(path, None, &[]), MountContent::Ruling(_)), "{path}");
        }
        for path in [
            "/var/cache/shop",
            "/var/cache/nginx",
            "/var/lib/aptly",
            "/var/lib/postgresql/data",
            "/var/lib/mysql",
            "/var/tmp",
            "/var/log",
            "/srv/apt/lists",
            "/srv/lost",
        ] {
            assert_eq!(shows_path(path, None, &[]), MountContent::Data, "{path}");
        }
        // What is above such a folder gives it too.
        for (folder, _) in WITH_SUBFOLDERS {
            let above = folder
                .rsplit_once('/')
                .map_or("/", |(above, _)| if above.is_empty() { "/" } else { above });
            assert!(matches!(shows_path(above, None, &[]), MountContent::Ruling(_)), "{above}");
        }
    }

    #[test]
    fn a_mount_shows_what_any_of_its_paths_does() {
        let mount = |kind: &str, also_at: &[&str], is_socket, unclear| Mount {
            kind: kind.to_owned(),
            source: "/srv/x".to_owned(),
            also_at: also_at.iter().map(|&path| path.to_owned()).collect(),
            is_socket,
            unclear,
            ..Mount::default()
        };
        let engine = MountContent::Ruling(ENGINE);
        for (mount, expected) in [
            (mount("bind", &[], false, None), MountContent::Data),
            (mount("bind", &["/run/docker.sock"], false, None), MountContent::Ruling(SOCKET)),
            (mount("bind", &["/usr/share/zoneinfo/UTC"], false, None), MountContent::PartOfHost),
            (mount("bind", &["/etc/hosts", "/var/lib/docker"], false, None), engine),
            (mount("volume", &[], false, None), MountContent::Data),
            (mount("volume", &["/"], false, None), MountContent::Ruling("the host's root")),
            (mount("volume", &["/tmp/link", "/etc/hosts"], false, None), MountContent::PartOfHost),
            (mount("volume", &[], false, Some("a disk")), MountContent::Ruling("a disk")),
            (mount("bind", &[], true, None), MountContent::Ruling(SOCKET)),
        ] {
            assert_eq!(classify(&mount, &Reach::default()), expected, "{mount:?}");
        }
    }
}
