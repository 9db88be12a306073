//! What a container reaches beyond itself, before it is copied: which of it is still there, and what a mount really shows.

mod asked;
mod folders;
mod mountinfo;
mod volume;

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
use self::volume::Shows;
use crate::containers::inspect_path;
use crate::plan::is_hosts;
use crate::target::{Mount, Reach, Target};
use crate::{Address, Engine, Error};

/// How many containers can share a namespace one by way of another, before nobody follows any more.
const LINKS: usize = 8;

/// How one of a container's namespaces is set.
type ModeOf = fn(&Target) -> &str;

impl Engine {
    /// Looks at what a copy of this target would share, and notes what of it is gone. `missing` are folders of the host that
    /// an earlier attempt did not find.
    pub async fn look_at_reach(&self, target: &Target, missing: &[String]) -> Result<Reach, Error> {
        let mut reach = target.reach.clone();
        let mut host = Box::pin(self.host_of_mounts()).await?;
        if let Address::Unix(socket) = &self.endpoint().address {
            reach.engine_socket = Some(socket.display().to_string());
        }
        reach.engine_folders.clone_from(&host.engine_folders);
        if !target.id.is_empty() {
            let inspection = self.raw_inspection(&target.id).await?;
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
            if self.leads_to_host(mode_of(target), mode_of).await? {
                reach.leads_to_host.push(kind);
            }
        }
        for mount in reach.mounts.iter_mut().filter(|mount| mount.lost.is_none()) {
            match &*mount.kind {
                "volume" => self.look_at_volume(mount, &host).await?,
                "bind" if missing.contains(&mount.source) => {
                    mount.gone = Some(format!("{} is not there", mount.source));
                }
                "bind" => {
                    let source = mount.source.clone();
                    host.look(&source, mount);
                    let path = mount.also_at.first().cloned().filter(|_| host.is_here && mount.unclear.is_none());
                    mount.is_socket |= search(path).await;
                }
                _ => {}
            }
        }
        Ok(reach)
    }

    /// Whether to look at a container's files would make folders on this machine: for the archive call, Docker mounts what a
    /// container has that does not run, and makes what is missing. Where that cannot be seen, it is taken not to be so.
    pub(crate) async fn looking_makes_folders(&self, record: &ContainerRecord) -> bool {
        let mut folders = record.facts.mounts.iter().filter(|mount| mount.kind == MountKind::Bind);
        if !matches!(self.endpoint().address, Address::Unix(_))
            || !folders.any(|mount| is_missing(Path::new(&mount.source)))
        {
            return false;
        }
        // It may have ended since the record was made.
        let Ok(container) = record.id.parse() else { return false };
        self.inspect(&container).await.is_ok_and(|target| !target.state.has_processes())
    }

    /// Why a network cannot be had.
    async fn network_gone(&self, mode: &str) -> Result<Option<String>, Error> {
        let of_the_engine = ["", "default", "bridge", "none", "host", "nat", "slirp4netns", "pasta", "private", "pod"];
        if of_the_engine.contains(&mode) || mode.starts_with("slirp4netns:") || mode.starts_with("pasta:") {
            return Ok(None);
        }
        if mode.starts_with("container:") || mode.starts_with("ns:") {
            return self.peer_gone(mode).await;
        }
        let path = format!("/networks/{}", crate::files::percent_encode(mode));
        match self.get(&path).await {
            Ok(answer) => {
                let network: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
                let is_swarms = network["Scope"] == "swarm" && network["Attachable"] != true;
                Ok(is_swarms.then(|| "only services may use it".to_owned()))
            }
            Err(error) if error.is_status(404) => Ok(Some("it is gone".to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Why the container whose namespace is shared cannot be joined.
    async fn peer_gone(&self, mode: &str) -> Result<Option<String>, Error> {
        let Some(peer) = mode.strip_prefix("container:") else { return Ok(None) };
        let Ok(name) = peer.parse() else { return Ok(Some("it is gone".to_owned())) };
        match self.inspect(&name).await {
            Ok(target) if target.state.has_processes() => Ok(None),
            Ok(target) => Ok(Some(format!("it is {}", target.state.as_str()))),
            Err(Error::NoSuchContainer { .. } | Error::Ambiguous { .. }) => Ok(Some("it is gone".to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Whether a namespace is the host's, by way of however many containers. Where that cannot be seen, it may be.
    async fn leads_to_host(&self, mode: &str, mode_of: fn(&Target) -> &str) -> Result<bool, Error> {
        let mut mode = mode.to_owned();
        for _ in 0..LINKS {
            if is_hosts(&mode) {
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

    /// To name a volume that is gone would make a new one. One can be a folder of the host by another name.
    async fn look_at_volume(&self, mount: &mut Mount, host: &Host) -> Result<(), Error> {
        let path = format!("/volumes/{}", crate::files::percent_encode(&mount.name));
        match self.get(&path).await {
            Ok(answer) => {
                let volume: Value = serde_json::from_slice(&answer).unwrap_or_default();
                match volume::shows(&volume) {
                    Shows::Data => host.look_into_volume(&mount.source.clone(), mount),
                    Shows::Paths(paths) => mount.also_at.extend(paths),
                    Shows::Unclear(why) => mount.unclear = Some(why),
                    Shows::Folder(folder) => {
                        // A link can lead anywhere, and where the engine sees another machine, nobody knows where.
                        let mut seen = Mount::default();
                        host.look(&folder, &mut seen);
                        let path = seen.also_at.first().cloned().filter(|_| host.is_here);
                        mount.unclear = match seen.unclear {
                            None if path.is_none() => Some("where its folder leads cannot be seen"),
                            // Its options may have all that is below it mounted too.
                            None if seen.has_more_below => Some("other filesystems are mounted below it"),
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

    /// What the engine says of a container, as it says it: options that nobody here knows, too.
    async fn raw_inspection(&self, container: &str) -> Result<Value, Error> {
        let path = inspect_path(container);
        let unreadable = |error| Error::transport(&path, error);
        let mut inspection: Value = serde_json::from_slice(&self.get(&path).await?).map_err(unreadable)?;
        if self.is_podman() {
            // Its own list has options that Docker's has no names for.
            let path = format!("/libpod{path}");
            if let Ok(own) = self.get(&path).await
                && let Ok(mut own) = serde_json::from_slice::<Value>(&own)
                && own["Mounts"].is_array()
            {
                inspection["Mounts"] = own["Mounts"].take();
            }
        }
        Ok(inspection)
    }

    /// A container's mounts with all that was asked for, of other containers' too, as far as `depth` of them have theirs from others.
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
            // One that is younger has the name of the one that was meant, and no more.
            if depth == 0 || !is_older(&theirs, &inspection) {
                inherited.unknown = true;
                continue;
            }
            let mounts = Box::pin(self.mounts_of(theirs, depth - 1)).await?;
            inherited.mounts.extend(mounts.into_iter().map(|mount| (mount.destination.clone(), mount)));
        }
        Ok(asked::mounts(&inspection, &inherited, self.is_podman()))
    }

    /// The machine that the engine's files are on.
    async fn host_of_mounts(&self) -> Result<Host, Error> {
        let ask = async |path: &str| -> Result<Value, Error> {
            serde_json::from_slice(&self.get(path).await?).map_err(|error| Error::transport(path, error))
        };
        let info = ask("/info").await?;
        let mut folders: Vec<PathBuf> = info["DockerRootDir"].as_str().map(PathBuf::from).into_iter().collect();
        // In another view of the machine it has no folder there.
        let has_all = !folders.is_empty() && !folders.iter().any(|folder| is_missing(folder));
        let is_here = self.is_described_by(&info) && has_all;
        if self.is_podman()
            && let Ok(own) = ask("/libpod/info").await
        {
            let store = ["graphRoot", "runRoot", "volumePath"].map(|key| own["store"][key].as_str().map(PathBuf::from));
            folders.extend(store.into_iter().flatten());
        }
        if is_here && let Address::Unix(socket) = &self.endpoint().address {
            folders.push(socket.clone());
        }
        let security = info["SecurityOptions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mounts_are_locked = security.into_iter().any(|option| matches!(option, "name=userns" | "name=rootless"));
        let mounted = if is_here { Mountinfo::here() } else { Mountinfo::default() };
        let mut host = Host { is_here, mounted, mounts_are_locked, ..Host::default() };
        folders.retain(|folder| folder.is_absolute());
        host.add_engine_folders(folders);
        Ok(host)
    }

    /// What containers could put something else in the place of.
    async fn note_what_containers_write(&self, host: &mut Host) -> Result<(), Error> {
        let containers = self.list_containers(true, &[]).await?;
        let volumes: Value = serde_json::from_slice(&self.get("/volumes").await?).unwrap_or_default();
        let folders = volumes["Volumes"].as_array().into_iter().flatten().filter_map(|volume| {
            let Shows::Folder(folder) = volume::shows(volume) else { return None };
            Some((volume["Name"].as_str()?.to_owned(), folder))
        });
        let folders: HashMap<String, String> = folders.collect();
        let mounts = containers.into_iter().flat_map(|container| container.mounts.unwrap_or_default());
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

/// How many containers can have their volumes from one another.
const VOLUMES_FROM: usize = 8;

/// Whether a container was made before another; where that cannot be told, it was not.
fn is_older(one: &Value, other: &Value) -> bool {
    let made = |inspection: &Value| inspection["Created"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    made(one).zip(made(other)).is_some_and(|(one, other)| one <= other)
}

/// Whether there is nothing at a path of this machine, as far as that can be seen.
fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Looks for sockets in a folder, off the threads that signals are heard on.
async fn search(folder: Option<String>) -> bool {
    let Some(folder) = folder else { return false };
    tokio::task::spawn_blocking(move || folders::has_socket(Path::new(&folder))).await.unwrap_or_default()
}
