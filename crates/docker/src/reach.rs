//! Determines what a container reaches beyond itself, before the container is copied: which of
//! these objects still exist, and what each mount really shows.

mod asked;
mod folders;
mod mountinfo;
pub(crate) mod volume;

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scratchdbg_backend::ContainerRecord;
use scratchdbg_diagnose::mounts::MountKind;
use serde_json::Value;

use self::asked::Inherited;
use self::folders::Host;
use self::mountinfo::Mountinfo;
use self::volume::VolumeContent;
use crate::containers::inspect_path;
use crate::plan::is_host_namespace;
use crate::target::{Mount, Reach, Target};
use crate::{Address, Engine, Error};

/// The maximum number of containers in a chain of shared namespaces.
const LINKS: usize = 8;

/// Returns the setting of one of a container's namespaces.
type ModeOf = fn(&Target) -> &str;

impl Engine {
    /// Examines what a copy of this target would share, and records what no longer exists.
    ///
    /// `missing` are directories of the host that an earlier attempt did not find.
    pub async fn examine_reach(&self, target: &Target, missing: &[String]) -> Result<Reach, Error> {
        let mut reach = target.reach.clone();
        let mut host = Box::pin(self.host_of_mounts()).await?;
        if let Address::Unix(socket) = &self.endpoint().address {
            reach.engine_socket = Some(socket.display().to_string());
        }
        reach.engine_folders.clone_from(&host.engine_folders);
        reach.all_have_hosts_cgroups = !host.has_unified_cgroups;
        if !target.id.is_empty() {
            let inspection = self.raw_inspection(&target.id).await?;
            inspection["Pod"].as_str().unwrap_or_default().clone_into(&mut reach.pod);
            reach.mounts = Box::pin(self.mounts_of(inspection, VOLUMES_FROM)).await?;
            self.note_what_containers_write(&mut host).await?;
        }
        reach.network_gone = self.network_gone(&reach.network_mode).await?;
        reach.ipc_gone = self.peer_gone(&reach.ipc_mode).await?;
        let namespaces: [(_, ModeOf); 4] = [
            ("network", |target| &target.reach.network_mode),
            ("ipc", |target| &target.reach.ipc_mode),
            ("uts", |target| &target.reach.uts_mode),
            ("user", |target| &target.user_namespace),
        ];
        for (kind, mode_of) in namespaces {
            let mode = mode_of(target);
            // Podman calls the host's shared memory `shareable` in the container that has it.
            let is_unclear = kind == "ipc" && self.is_podman() && mode.starts_with("container:");
            if is_unclear || self.leads_to_host(mode, mode_of).await? {
                reach.leads_to_host.push(kind);
            }
        }
        for mount in reach.mounts.iter_mut().filter(|mount| mount.lost.is_none()) {
            match &*mount.kind {
                "volume" => self.examine_mounted_volume(mount, &host).await?,
                "bind" if missing.contains(&mount.source) => {
                    mount.gone = Some(format!("{} is not there", mount.source));
                }
                "bind" => {
                    let source = mount.source.clone();
                    host.examine(&source, mount);
                    let path = mount
                        .also_at
                        .first()
                        .cloned()
                        .filter(|_| host.is_here && mount.unclear.is_none());
                    mount.is_socket |= search(path).await;
                }
                _ => {}
            }
        }
        Ok(reach)
    }

    /// Whether reading a container's files would create directories on this machine: for the
    /// archive API, Docker mounts the volumes of a container that does not run, and creates missing
    /// directories. If this cannot be determined, returns false.
    pub(crate) async fn reading_creates_folders(&self, record: &ContainerRecord) -> bool {
        let mut folders = record.facts.mounts.iter().filter(|mount| mount.kind == MountKind::Bind);
        if !matches!(self.endpoint().address, Address::Unix(_))
            || !folders.any(|mount| is_missing(Path::new(&mount.source)))
        {
            return false;
        }
        // The container may have ended since the record was created.
        let Ok(container) = record.id.parse() else { return false };
        self.inspect(&container).await.is_ok_and(|target| !target.state.has_processes())
    }

    /// Returns why a network is not available.
    async fn network_gone(&self, mode: &str) -> Result<Option<String>, Error> {
        let of_the_engine = [
            "",
            "default",
            "bridge",
            "none",
            "host",
            "nat",
            "slirp4netns",
            "pasta",
            "private",
            "pod",
        ];
        if of_the_engine.contains(&mode)
            || mode.starts_with("slirp4netns:")
            || mode.starts_with("pasta:")
        {
            return Ok(None);
        }
        if mode.starts_with("container:") || mode.starts_with("ns:") {
            return self.peer_gone(mode).await;
        }
        let path = format!("/networks/{}", crate::files::percent_encode(mode));
        match self.get(&path).await {
            Ok(answer) => {
                let network: serde_json::Value =
                    serde_json::from_slice(&answer).unwrap_or_default();
                let is_swarms = network["Scope"] == "swarm" && network["Attachable"] != true;
                Ok(is_swarms.then(|| "only services may use it".to_owned()))
            }
            Err(error) if error.is_status(404) => Ok(Some("it is gone".to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Returns why the container whose namespace is shared cannot be joined.
    async fn peer_gone(&self, mode: &str) -> Result<Option<String>, Error> {
        let Some(peer) = mode.strip_prefix("container:") else { return Ok(None) };
        let Ok(name) = peer.parse() else { return Ok(Some("it is gone".to_owned())) };
        match self.inspect(&name).await {
            Ok(target) if target.state.has_processes() => Ok(None),
            Ok(target) => Ok(Some(format!("it is {}", target.state.as_str()))),
            Err(Error::NoSuchContainer { .. } | Error::Ambiguous { .. }) => {
                Ok(Some("it is gone".to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a namespace is the host's, through any number of containers. If this cannot be
    /// determined, returns true.
    async fn leads_to_host(&self, mode: &str, mode_of: fn(&Target) -> &str) -> Result<bool, Error> {
        let mut mode = mode.to_owned();
        for _ in 0..LINKS {
            if is_host_namespace(&mode) {
                return Ok(true);
            }
            let Some(peer) = mode.strip_prefix("container:") else { return Ok(false) };
            let Ok(name) = peer.parse() else { return Ok(true) };
            match self.inspect(&name).await {
                Ok(target) => mode_of(&target).clone_into(&mut mode),
                Err(Error::NoSuchContainer { .. } | Error::Ambiguous { .. }) => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Examines a mounted volume. Naming a volume that is gone would create a new one. A volume may
    /// be a directory of the host under another name.
    async fn examine_mounted_volume(&self, mount: &mut Mount, host: &Host) -> Result<(), Error> {
        match self.volume(&mount.name).await {
            Ok(volume) => {
                match volume::shows(&volume) {
                    VolumeContent::Data => host.examine_volume(&mount.source.clone(), mount),
                    VolumeContent::Paths(paths) => mount.also_at.extend(paths),
                    VolumeContent::Unclear(why) => mount.unclear = Some(why),
                    VolumeContent::Folder(folder) => {
                        // A link may lead anywhere. If the engine runs on another machine, its
                        // target is unknown.
                        let mut seen = Mount::default();
                        host.examine(&folder, &mut seen);
                        let path = seen.also_at.first().cloned().filter(|_| host.is_here);
                        mount.unclear = match seen.unclear {
                            None if path.is_none() => Some("where its folder leads cannot be seen"),
                            // The mount's options may include everything mounted below.
                            None if seen.has_more_below => {
                                Some("other filesystems are mounted below it")
                            }
                            unclear => unclear,
                        };
                        mount.is_socket = seen.is_socket || search(path).await;
                        mount.also_at.extend(seen.also_at);
                        mount.also_at.push(folder);
                    }
                }
                Ok(())
            }
            Err(error) if error.is_status(404) => {
                mount.gone = Some(format!("volume {} is gone", mount.name));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the engine's inspection of a container as JSON, including options unknown to us.
    async fn raw_inspection(&self, container: &str) -> Result<Value, Error> {
        let path = inspect_path(container);
        let unreadable = |error| Error::transport(&path, error);
        let mut inspection: Value =
            serde_json::from_slice(&self.get(&path).await?).map_err(unreadable)?;
        if self.is_podman() {
            // Podman's own API has options for which Docker's API has no names.
            let path = format!("/libpod{path}");
            if let Ok(own) = self.get(&path).await
                && let Ok(mut own) = serde_json::from_slice::<Value>(&own)
                && own["Mounts"].is_array()
            {
                inspection["Mounts"] = own["Mounts"].take();
                inspection["Pod"] = own["Pod"].take();
            }
        }
        Ok(inspection)
    }

    /// Returns a container's mounts with all requested options, including those inherited from
    /// other containers, up to `depth` levels.
    async fn mounts_of(&self, inspection: Value, depth: usize) -> Result<Vec<Mount>, Error> {
        let mut inherited = Inherited::default();
        let others = inspection["HostConfig"]["VolumesFrom"].as_array().into_iter().flatten();
        for other in others.filter_map(Value::as_str) {
            let name = other.split(':').next().unwrap_or_default();
            let theirs = match self.raw_inspection(name).await {
                Ok(theirs) => theirs,
                Err(error) if error.is_status(404) => {
                    inherited.unknown = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // A container that is younger has only taken over the name of the original one.
            if depth == 0 || !is_older(&theirs, &inspection) {
                inherited.unknown = true;
                continue;
            }
            let mounts = Box::pin(self.mounts_of(theirs, depth - 1)).await?;
            inherited
                .mounts
                .extend(mounts.into_iter().map(|mount| (mount.destination.clone(), mount)));
        }
        Ok(asked::mounts(&inspection, &inherited, self.is_podman()))
    }

    /// Describes the machine with the engine's files.
    async fn host_of_mounts(&self) -> Result<Host, Error> {
        let ask = async |path: &str| -> Result<Value, Error> {
            serde_json::from_slice(&self.get(path).await?)
                .map_err(|error| Error::transport(path, error))
        };
        let info = ask("/info").await?;
        let mut folders: Vec<PathBuf> =
            info["DockerRootDir"].as_str().map(PathBuf::from).into_iter().collect();
        // If this process has another view of the machine, the engine's directories do not exist.
        let has_all = !folders.is_empty() && !folders.iter().any(|folder| is_missing(folder));
        let is_here = self.is_described_by(&info) && has_all;
        if self.is_podman()
            && let Ok(own) = ask("/libpod/info").await
        {
            let store = ["graphRoot", "runRoot", "volumePath"]
                .map(|key| own["store"][key].as_str().map(PathBuf::from));
            folders.extend(store.into_iter().flatten());
        }
        if is_here && let Address::Unix(socket) = &self.endpoint().address {
            folders.push(socket.clone());
        }
        let security =
            info["SecurityOptions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mounts_are_locked =
            security.into_iter().any(|option| matches!(option, "name=userns" | "name=rootless"));
        let has_unified_cgroups = info["CgroupVersion"] == "2";
        let mounted = if is_here { Mountinfo::here() } else { Mountinfo::default() };
        let mut host =
            Host { is_here, mounted, mounts_are_locked, has_unified_cgroups, ..Host::default() };
        folders.retain(|folder| folder.is_absolute());
        host.add_engine_folders(folders);
        Ok(host)
    }

    /// Records the directories whose content containers could replace.
    async fn note_what_containers_write(&self, host: &mut Host) -> Result<(), Error> {
        let containers = self.list_containers(true, &[]).await?;
        let volumes: Value =
            serde_json::from_slice(&self.get("/volumes").await?).unwrap_or_default();
        let folders = volumes["Volumes"].as_array().into_iter().flatten().filter_map(|volume| {
            let VolumeContent::Folder(folder) = volume::shows(volume) else { return None };
            Some((volume["Name"].as_str()?.to_owned(), folder))
        });
        let folders: HashMap<String, String> = folders.collect();
        let mounts =
            containers.into_iter().flat_map(|container| container.mounts.unwrap_or_default());
        for mount in mounts.filter(|mount| mount.rw != Some(false)) {
            let source = mount.source.unwrap_or_default();
            let folder = mount.name.and_then(|name| folders.get(&name).cloned()).unwrap_or(source);
            if folder.starts_with('/') {
                host.add_writable(&folder);
            }
        }
        Ok(())
    }
}

/// The maximum depth of inherited volumes.
const VOLUMES_FROM: usize = 8;

/// Whether a container was created before another. Returns false if unknown.
fn is_older(one: &Value, other: &Value) -> bool {
    let made = |inspection: &Value| {
        inspection["Created"].as_str().and_then(|time| time.parse::<Timestamp>().ok())
    };
    made(one).zip(made(other)).is_some_and(|(one, other)| one <= other)
}

/// Whether a path of this machine is known not to exist.
fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Whether a directory contains sockets. Searches on a thread for blocking work, so that signals
/// are still handled.
async fn search(folder: Option<String>) -> bool {
    let Some(folder) = folder else { return false };
    tokio::task::spawn_blocking(move || folders::has_socket(Path::new(&folder)))
        .await
        .unwrap_or_default()
}
