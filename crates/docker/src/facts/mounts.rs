//! The mounts of a container, and the facts about them that this machine provides.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Method;
use scratchdbg_backend::{ContainerRecord, HostFacts};
use scratchdbg_diagnose::mounts::{Mount, MountKind};
use serde::Deserialize;

use super::inspection::or_default;
use crate::transport::full;
use crate::{ContainerName, Engine};

/// How long to list the files of an image in order to find those below a mount.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of paths below mounts that are kept.
const MAX_PATHS: usize = 4 << 20;

/// A mount in an inspection: either in `Mounts`, or as requested.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawMount {
    #[serde(rename = "Type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    source: String,
    #[serde(deserialize_with = "or_default")]
    destination: String,
    /// The destination of a requested mount.
    #[serde(deserialize_with = "or_default")]
    target: String,
    #[serde(deserialize_with = "or_default")]
    mode: String,
    #[serde(rename = "RW")]
    writable: Option<bool>,
    /// Podman's options.
    #[serde(deserialize_with = "or_default")]
    options: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    tmpfs_options: serde_json::Value,
    #[serde(deserialize_with = "or_default")]
    bind_options: serde_json::Value,
}

impl RawMount {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|other| other == option)
            || self.mode.split(',').any(|other| other == option)
    }
}

/// Returns the mounts in an inspection: existing ones, and the tmpfs that are created at each
/// start.
pub(super) fn of(
    there: &[RawMount],
    asked: &[RawMount],
    tmpfs: &BTreeMap<String, String>,
    is_podman: bool,
) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for raw in there.iter().filter(|raw| !raw.destination.is_empty()) {
        let (kind, source) = match raw.kind.as_str() {
            "bind" => (MountKind::Bind, raw.source.as_str()),
            "volume" => (
                MountKind::Volume,
                if raw.name.is_empty() { raw.source.as_str() } else { raw.name.as_str() },
            ),
            "tmpfs" => (MountKind::Tmpfs, ""),
            _ => (MountKind::Other, ""),
        };
        let mut mount = Mount::new(kind, source, &raw.destination);
        mount.read_only = raw.writable == Some(false) || raw.has("ro");
        mount.copies_up = raw.has("tmpcopyup");
        mount.no_exec = raw.has("noexec").then_some(true);
        mount.needs_source =
            kind == MountKind::Bind && (is_podman || is_strict(asked, &mount.destination));
        if kind == MountKind::Tmpfs {
            let options = asked
                .iter()
                .find(|other| other.target == raw.destination)
                .map(|other| &other.tmpfs_options);
            let exec = raw.has("exec")
                || options.is_some_and(|options| options.to_string().contains("\"exec\""));
            // By default, a tmpfs is noexec in Docker, but not in Podman.
            mount.no_exec = Some(!exec && (!is_podman || raw.has("noexec")));
            mount.copies_up |= is_podman && !raw.has("notmpcopyup");
        }
        mounts.push(mount);
    }
    for (destination, options) in tmpfs {
        let has = |option: &str| options.split(',').any(|other| other.trim() == option);
        let mut mount = Mount::new(MountKind::Tmpfs, "", destination);
        mount.read_only = has("ro");
        mount.no_exec = Some(!has("exec") && (!is_podman || has("noexec")));
        mount.copies_up = is_podman && !has("notmpcopyup");
        mounts.retain(|other| other.destination != mount.destination);
        mounts.push(mount);
    }
    mounts
}

/// Reports whether `--mount type=bind` was requested for this destination: the engine does not
/// create its source.
fn is_strict(asked: &[RawMount], destination: &str) -> bool {
    let makes = |raw: &RawMount| raw.bind_options["CreateMountpoint"].as_bool().unwrap_or_default();
    let mut strict = asked.iter().filter(|raw| raw.kind == "bind" && !makes(raw));
    strict.any(|raw| Mount::new(MountKind::Bind, "", &raw.target).destination == destination)
}

impl Engine {
    /// Adds facts about a container's mounts from this machine, if it is the engine's, and about
    /// the settings of its volumes.
    pub(super) async fn describe_all_mounts(&self, record: &mut ContainerRecord, host: &HostFacts) {
        describe_binds(record, host);
        for mount in &mut record.facts.mounts {
            if mount.kind != MountKind::Volume || mount.no_exec.is_some() {
                continue;
            }
            let path = format!("/volumes/{}", crate::files::percent_encode(&mount.source));
            let Some(volume) = self.ask(&path).await else { continue };
            let options = volume["Options"]["o"].as_str().unwrap_or_default();
            if options.split(',').any(|option| option == "noexec") {
                mount.no_exec = Some(true);
            } else if options.is_empty() && volume["Driver"] == "local" && host.is_this_machine {
                let place = volume["Mountpoint"].as_str().unwrap_or_default();
                mount.no_exec = mounted_here().and_then(|mounted| no_exec(&mounted, place));
            }
        }
    }

    /// Returns the paths of a container's own files that a mount covers. An export excludes mounts,
    /// so it shows the covered files. Returns `None` if the engine does not respond in time.
    pub(super) async fn paths_covered(
        &self,
        container: &ContainerName,
        mounts: &[Mount],
    ) -> Option<BTreeSet<String>> {
        tokio::time::timeout(TIMEOUT, self.list_below(container, mounts)).await.ok().flatten()
    }

    async fn list_below(
        &self,
        container: &ContainerName,
        mounts: &[Mount],
    ) -> Option<BTreeSet<String>> {
        let path = format!("/containers/{container}/export");
        let request = self.transport.request(Method::GET, &path, full("")).ok()?;
        let mut body = self.transport.send(request).await.ok()?.into_body();
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        let mounts = mounts.to_vec();
        let reading = tokio::task::spawn_blocking(move || {
            covered(Pieces { receiver, rest: bytes::Bytes::new() }, &mounts)
        });
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.ok()?.into_data() else { continue };
            if sender.send(data).await.is_err() {
                break;
            }
        }
        drop(sender);
        reading.await.ok()?.ok()
    }
}

/// Adds facts about a container's binds from this machine, if it is the engine's, without a request
/// to the engine.
pub(super) fn describe_binds(record: &mut ContainerRecord, host: &HostFacts) {
    let is_bind = |mount: &Mount| mount.kind == MountKind::Bind;
    if !host.is_this_machine || !record.facts.mounts.iter().any(is_bind) {
        return;
    }
    let mounted = mounted_here();
    for mount in record.facts.mounts.iter_mut().filter(|mount| is_bind(mount)) {
        let source = Path::new(&mount.source);
        let is_there = source.symlink_metadata();
        let is_gone = is_there.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        // If not even the parent directory exists, this process may have another view of the
        // machine than the engine.
        let is_same_view = source.parent().is_some_and(Path::exists);
        mount.is_source_missing = is_gone && is_same_view && mount.needs_source;
        if mount.no_exec.is_none() && is_there.is_ok() {
            mount.no_exec = mounted.as_deref().and_then(|mounted| no_exec(mounted, &mount.source));
        }
    }
}

/// Returns the mounts that this process sees.
fn mounted_here() -> Option<String> {
    std::fs::read_to_string("/proc/self/mountinfo").ok()
}

/// Returns the paths of an archive that a mount covers.
fn covered(archive: impl Read, mounts: &[Mount]) -> io::Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    let mut kept = 0;
    for entry in tar::Archive::new(archive).entries()? {
        let entry = entry?;
        let path = format!(
            "/{}",
            entry.path()?.to_string_lossy().trim_start_matches("./").trim_matches('/')
        );
        if mounts.iter().any(|mount| mount.covers(&path)) && kept + path.len() <= MAX_PATHS {
            kept += path.len();
            paths.insert(path);
        }
    }
    Ok(paths)
}

/// A body that a thread reads while its chunks arrive.
struct Pieces {
    receiver: tokio::sync::mpsc::Receiver<bytes::Bytes>,
    rest: bytes::Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.rest = piece,
                None => return Ok(0),
            }
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

/// Reports whether the file system of `path` is mounted noexec, from `/proc/self/mountinfo`
/// (`proc_pid_mountinfo(5)`).
fn no_exec(mountinfo: &str, path: &str) -> Option<bool> {
    let real = std::fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(Path::new(path));
    let mut best: Option<(usize, bool)> = None;
    for line in mountinfo.lines() {
        let mut fields = line.split(' ');
        let (Some(place), Some(options)) = (fields.nth(4), fields.next()) else { continue };
        let place = unescape(place);
        if !path.starts_with(&place) {
            continue;
        }
        // The last of several mounts at one place is on top.
        if best.is_none_or(|(length, _)| place.len() >= length) {
            best = Some((place.len(), options.split(',').any(|option| option == "noexec")));
        }
    }
    best.map(|(_, no_exec)| no_exec)
}

/// Decodes the octal escapes of space, tab, newline and backslash.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(field.to_owned(), |field, (escape, character)| field.replace(escape, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_and_latest_mount_decides() {
        let mountinfo = "1 0 8:1 / / rw,relatime - ext4 /dev/sda rw\n\
            2 1 8:2 / /no\\040such/data rw,nosuid,noexec - tmpfs tmpfs rw\n\
            3 1 8:3 / /no\\040such/data/exec rw - tmpfs tmpfs rw\n\
            4 1 8:3 / /no-such-twice rw,noexec - tmpfs tmpfs rw\n\
            5 1 8:3 / /no-such-twice rw - tmpfs tmpfs rw\nnonsense\n";
        for (path, expected) in [
            ("/no such/data", true),
            ("/no such/data/x", true),
            ("/no such/data/exec/x", false),
            ("/no such/database", false),
            ("/no-such-twice/x", false),
        ] {
            assert_eq!(no_exec(mountinfo, path), Some(expected), "{path}");
        }
        assert_eq!(no_exec("", "/no such"), None);
    }

    #[test]
    fn mounts_of_an_inspection() {
        let there: Vec<RawMount> = serde_json::from_value(serde_json::json!([
            {"Type": "bind", "Source": "/srv/x", "Destination": "/app/", "Mode": "ro", "RW": false},
            {"Type": "volume", "Name": "data", "Source": "/var/x", "Destination": "/data", "RW": true},
            {"Type": "tmpfs", "Source": "", "Destination": "/run", "RW": true},
            {"Type": "bind", "Source": "/y", "Destination": "/y", "RW": true, "Options": ["noexec", "rbind"]}
        ]))
        .unwrap();
        let asked: Vec<RawMount> = serde_json::from_value(serde_json::json!([
            {"Type": "bind", "Source": "/srv/x", "Target": "/app/"},
            {"Type": "bind", "Source": "/srv/z", "Target": "/z", "BindOptions": {"CreateMountpoint": true}},
            {"Type": "tmpfs", "Target": "/run", "TmpfsOptions": {"Options": [["exec"]]}}
        ]))
        .unwrap();
        let tmpfs = BTreeMap::from([
            ("/tmp".to_owned(), String::new()),
            ("/x".to_owned(), "exec,size=4k".to_owned()),
        ]);
        let mounts = of(&there, &asked, &tmpfs, false);
        let find = |place: &str| mounts.iter().find(|mount| mount.destination == place).unwrap();
        assert!(find("/app").read_only && find("/app").no_exec.is_none());
        assert_eq!(
            (find("/data").source.as_str(), find("/data").kind),
            ("data", MountKind::Volume)
        );
        assert_eq!(
            (find("/run").no_exec, find("/tmp").no_exec, find("/x").no_exec),
            (Some(false), Some(true), Some(false))
        );
        assert_eq!(find("/y").no_exec, Some(true));
        let strict: Vec<_> = mounts.iter().filter(|mount| mount.needs_source).collect();
        assert_eq!(strict, [find("/app")]);
        assert!(
            of(&there, &asked, &tmpfs, true)
                .iter()
                .all(|mount| mount.needs_source == (mount.kind == MountKind::Bind))
        );
        assert_eq!(of(&[], &[], &tmpfs, true)[0].no_exec, Some(false));
    }

    #[test]
    fn paths_of_an_archive() {
        let mut archive = tar::Builder::new(Vec::new());
        for path in ["app/server", "./app/data/x", "other", "application"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            archive.append_data(&mut header, path, io::empty()).unwrap();
        }
        let archive = archive.into_inner().unwrap();
        let mounts = [Mount::new(MountKind::Tmpfs, "", "/app")];
        let paths = covered(&archive[..], &mounts).unwrap();
        assert_eq!(paths.into_iter().collect::<Vec<_>>(), ["/app/data/x", "/app/server"]);
    }
}
