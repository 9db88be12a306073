//! What a container reaches beyond itself, before it is copied: which of it is still there, and what a mount really shows.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::State;
use crate::plan::is_hosts;
use crate::target::{Mount, Reach, Target};
use crate::volume::{self, Shows};
use crate::{Address, ContainerName, Engine, Error};

/// How many containers can share a namespace one by way of another, before nobody follows any more.
const LINKS: usize = 8;

/// How one of a container's namespaces is set.
type ModeOf = fn(&Target) -> &str;

impl Engine {
    /// Looks at what a copy of this target would share, and notes what of it is gone. `missing` are folders of the host that
    /// an earlier attempt did not find.
    pub async fn look_at_reach(&self, target: &Target, missing: &[String]) -> Result<Reach, Error> {
        let mut reach = target.reach.clone();
        if let Address::Unix(socket) = &self.endpoint().address {
            reach.engine_socket = Some(socket.display().to_string());
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
        for mount in &mut reach.mounts {
            match &*mount.kind {
                "volume" => self.look_at_volume(mount).await?,
                _ if missing.contains(&mount.source) => mount.gone = Some(format!("{} is not there", mount.source)),
                // The engine may be of another machine: then this says nothing, and does no harm.
                _ => look_behind(mount),
            }
        }
        Ok(reach)
    }

    /// Whether to look at a container's files would make folders on this machine: for the archive call, Docker mounts what a
    /// container has that does not run, and makes what is missing. Where that cannot be seen, it is taken not to be so.
    pub(crate) async fn looking_makes_folders(&self, container: &ContainerName) -> bool {
        let Ok(target) = self.inspect(container).await else { return false };
        let is_missing = |source: &str| {
            fs::symlink_metadata(source).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        };
        let mut folders = target.reach.mounts.iter().filter(|mount| mount.kind == "bind");
        !target.state.has_processes()
            && matches!(self.endpoint().address, Address::Unix(_))
            && folders.any(|mount| is_missing(&mount.source))
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
            Ok(Target { state: State::Running | State::Paused, .. }) => Ok(None),
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
    async fn look_at_volume(&self, mount: &mut Mount) -> Result<(), Error> {
        let path = format!("/volumes/{}", crate::files::percent_encode(&mount.name));
        match self.get(&path).await {
            Ok(answer) => {
                let volume: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
                match volume::shows(&volume) {
                    Shows::Data => {}
                    Shows::Paths(paths) => mount.also_at.extend(paths),
                    Shows::Unclear(why) => mount.unclear = Some(why),
                    Shows::Folder(folder) => {
                        // A link can lead anywhere, and where there is none of this name the engine sees another machine.
                        let seen = if self.is_on_this_machine().await { fs::canonicalize(&folder).ok() } else { None };
                        match seen {
                            Some(path) => {
                                mount.is_socket = is_socket(&path);
                                mount.also_at.push(path.display().to_string());
                            }
                            None => mount.unclear = Some("where its folder leads cannot be seen"),
                        }
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
}

/// Where links lead, and whether there is a socket.
fn look_behind(mount: &mut Mount) {
    if let Ok(path) = fs::canonicalize(&mount.source) {
        mount.is_socket = is_socket(&path);
        mount.also_at.push(path.display().to_string());
    }
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|facts| facts.file_type().is_socket())
}
