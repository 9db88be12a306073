//! What a container reaches beyond itself, before it is copied: which of it is still there, and what a mount really shows.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;

use crate::target::{Mount, Reach, State, Target};
use crate::{Address, ContainerName, Engine, Error};

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

    /// To name a volume that is gone would make a new one. One can be a folder of the host by another name.
    async fn look_at_volume(&self, mount: &mut Mount) -> Result<(), Error> {
        let path = format!("/volumes/{}", crate::files::percent_encode(&mount.name));
        match self.get(&path).await {
            Ok(answer) => {
                let volume: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
                let option = |key: &str| volume["Options"][key].as_str().unwrap_or_default().to_owned();
                if option("o").split(',').any(|option| matches!(option, "bind" | "rbind")) || option("type") == "none" {
                    mount.also_at.extend(Some(option("device")).filter(|device| !device.is_empty()));
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
        mount.is_socket = fs::metadata(&path).is_ok_and(|facts| facts.file_type().is_socket());
        mount.also_at.push(path.display().to_string());
    }
}
