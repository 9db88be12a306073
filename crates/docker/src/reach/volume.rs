//! Determines what a volume shows, from its settings: its driver can mount anything of the host
//! under a harmless name.

use serde_json::Value;

/// The content of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VolumeContent {
    /// Files of the volume itself, memory, or a network share.
    Data,
    /// This directory of the host.
    Folder(String),
    /// Unknown content that its driver derives from these paths.
    Paths(Vec<String>),
    /// Anything else, and why it may be part of the host.
    Unclear(&'static str),
}

/// Types of network shares, whose content is that of a server and not of the host.
const SHARES: &[&str] = &["nfs", "nfs3", "nfs4", "cifs", "smb3"];

/// Options of a file system in memory.
const OF_MEMORY: &[&str] = &[
    "size",
    "mode",
    "uid",
    "gid",
    "nr_inodes",
    "nr_blocks",
    "huge",
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
];

/// Options that turn the mount of a share into something else: the kernel then ignores the type, or
/// another program does the mount.
const NOT_OF_SHARES: &[&str] = &["bind", "move", "remount", "helper", "loop", "x-"];

/// Returns an option of a volume, or nothing. The engine takes names of options in any case.
pub(crate) fn option<'a>(volume: &'a Value, key: &str) -> &'a str {
    let options = volume["Options"].as_object().into_iter().flatten();
    let mut named = options.filter(|(name, _)| name.eq_ignore_ascii_case(key));
    named.next().and_then(|(_, value)| value.as_str()).unwrap_or_default()
}

/// Classifies a volume by the engine's description.
pub(crate) fn shows(volume: &Value) -> VolumeContent {
    let option = |key: &str| option(volume, key);
    let driver = volume["Driver"].as_str().unwrap_or_default();
    if !matches!(driver, "" | "local") {
        // Each driver has its own options. Usually an option that refers to a directory of the host
        // contains its path.
        let values = volume["Options"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, value)| value.as_str());
        return VolumeContent::Paths(
            values.filter(|value| value.starts_with('/')).map(str::to_owned).collect(),
        );
    }
    let (kind, device) = (option("type"), option("device"));
    let words: Vec<String> =
        option("o").split(',').map(|word| word.trim().to_ascii_lowercase()).collect();
    let is_bind = |word: &str| matches!(word, "bind" | "rbind");
    if kind.is_empty() && device.is_empty() {
        VolumeContent::Data
    } else if is_bind(kind) || words.iter().any(|word| is_bind(word)) {
        if device.starts_with('/') {
            VolumeContent::Folder(device.to_owned())
        } else {
            VolumeContent::Unclear("its folder has no name")
        }
    } else if (kind == "tmpfs" && words.iter().all(|word| is_of_memory(word)))
        || (SHARES.contains(&kind)
            && !words.iter().any(|word| NOT_OF_SHARES.iter().any(|no| word.contains(no))))
    {
        VolumeContent::Data
    } else if device.starts_with("/dev/") {
        VolumeContent::Unclear("a disk of the host")
    } else {
        VolumeContent::Unclear("what it mounts may be the host's")
    }
}

fn is_of_memory(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    name.is_empty() || OF_MEMORY.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_have_names_in_any_case() {
        let volume = json!({"Options": {"Device": "/srv/data", "o": "bind"}});
        assert_eq!((option(&volume, "device"), option(&volume, "type")), ("/srv/data", ""));
        assert_eq!(option(&json!({"Options": null}), "device"), "");
    }

    #[test]
    fn only_a_volume_that_is_surely_data_is_taken_for_it() {
        let shows = |driver: &str, kind: &str, device: &str, o: &str| {
            let options = [("type", kind), ("device", device), ("o", o)];
            let options: serde_json::Map<String, Value> = options
                .iter()
                .filter(|(_, v)| !v.is_empty())
                .map(|(k, v)| ((*k).to_owned(), (*v).into()))
                .collect();
            super::shows(&json!({"Driver": driver, "Options": options}))
        };
        assert_eq!(super::shows(&json!({"Driver": "local", "Options": null})), VolumeContent::Data);
        for (kind, device, o) in [
            ("", "", ""),
            ("", "", "uid=1000"),
            ("tmpfs", "tmpfs", "size=100m,uid=1000"),
            ("tmpfs", "tmpfs", ""),
            ("nfs", ":/export", "addr=192.0.2.1,rw,nolock"),
            ("cifs", "//server/share", "username=shop,password=x"),
        ] {
            assert_eq!(shows("local", kind, device, o), VolumeContent::Data, "{kind} {device} {o}");
        }
        for (kind, o) in [
            ("none", "bind"),
            ("none", "ro,rbind"),
            ("tmpfs", "bind"),
            ("nfs", "rw, BIND"),
            ("bind", ""),
        ] {
            assert_eq!(
                shows("local", kind, "/tmp/x", o),
                VolumeContent::Folder("/tmp/x".into()),
                "{kind} {o}"
            );
        }
        for (kind, device, o) in [
            ("ext4", "/dev/vda", ""),
            ("proc", "proc", ""),
            ("sysfs", "none", "ro"),
            ("none", "/etc", ""),
            ("none", "etc", "bind"),
            ("overlay", "overlay", "lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w"),
            ("tmpfs", "/etc", "remount"),
            ("nfs", "/etc", "move"),
            ("cifs", "/etc", "\"bind\""),
            ("", "/dev/vda", ""),
            ("devtmpfs", "", ""),
            ("TMPFS", "tmpfs", ""),
        ] {
            assert!(
                matches!(shows("local", kind, device, o), VolumeContent::Unclear(_)),
                "{kind} {device} {o}"
            );
        }
        let upper = json!({"Driver": "local", "Options": {"TYPE": "ext4", "Device": "/dev/vda"}});
        assert_eq!(super::shows(&upper), VolumeContent::Unclear("a disk of the host"));
        assert_eq!(shows("plugin", "", "/etc", "x"), VolumeContent::Paths(vec!["/etc".into()]));
    }
}
