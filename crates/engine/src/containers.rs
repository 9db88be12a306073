//! Containers as such: look one up, make one, start, stop and remove it, and see what it changed.

use std::collections::HashMap;

use bollard::models::{ChangeType, ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
    RenameContainerOptionsBuilder, StopContainerOptionsBuilder,
};

use crate::name::{self, ContainerName};
use crate::{Engine, Error, Target};

/// A container to be made with every restriction that an application without a shell can live with: read-only root,
/// no capability, no new privileges, no network.
#[derive(Debug, Clone)]
pub struct NewContainer {
    /// Its name.
    pub name: String,
    /// From which image.
    pub image: String,
    /// Labels.
    pub labels: Vec<(String, String)>,
}

/// A path that differs from the container's image, as the engine's diff lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `A` added, `C` changed, `D` deleted.
    pub kind: char,
    /// The path.
    pub path: String,
}

impl Engine {
    /// Looks a container up.
    pub async fn inspect(&self, container: &ContainerName) -> Result<Target, Error> {
        match self.docker.inspect_container(container.as_str(), None).await {
            Ok(answer) => Ok(Target::from_inspect(answer)),
            Err(error) => Err(self.explain_lookup(container, Error::bollard("inspect a container", error)).await),
        }
    }

    /// Turns a failed look-up into what the user can do something about.
    pub(crate) async fn explain_lookup(&self, container: &ContainerName, error: Error) -> Error {
        let Error::Api(answer) = &error else { return error };
        let typed = container.as_str();
        // Docker's text; the status has been 400, 404 and 500 over the years.
        let ambiguous = answer.message.to_ascii_lowercase().contains("multiple ids found");
        if !ambiguous && answer.status != 404 {
            return error;
        }
        // The list is a courtesy: the look-up's own failure stays the error when it fails.
        let all = self.names().await.unwrap_or_default();
        let name = typed.to_owned();
        if ambiguous {
            let matches = all.into_iter().filter(|(id, _)| id.starts_with(typed)).map(|(_, name)| name).collect();
            return Error::Ambiguous { name, matches };
        }
        Error::NoSuchContainer { name, similar: name::similar(typed, all.iter().map(|(_, name)| name.as_str())) }
    }

    /// Ids and names of all containers, stopped ones too.
    pub(crate) async fn names(&self) -> Result<Vec<(String, String)>, Error> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let list = self.docker.list_containers(Some(options)).await;
        let list = list.map_err(|error| Error::bollard("list containers", error))?;
        let first_name = |names: Option<Vec<String>>| names.unwrap_or_default().into_iter().next().unwrap_or_default();
        Ok(list
            .into_iter()
            .map(|each| (each.id.unwrap_or_default(), first_name(each.names).trim_start_matches('/').to_owned()))
            .collect())
    }

    /// Makes and starts a hardened container; its id. Nothing is left when it does not start.
    pub async fn run_hardened(&self, new: &NewContainer) -> Result<ContainerName, Error> {
        let body = ContainerCreateBody {
            image: Some(new.image.clone()),
            labels: Some(new.labels.iter().cloned().collect::<HashMap<_, _>>()),
            host_config: Some(HostConfig { readonly_rootfs: Some(true), ..unprivileged() }),
            ..ContainerCreateBody::default()
        };
        let id = self.create(&new.name, body).await?;
        match self.start(&id).await {
            Ok(()) => Ok(id),
            Err(error) => {
                let _left = self.remove(&id).await;
                Err(error)
            }
        }
    }

    /// Ids of the containers that carry a label with this value, stopped ones too.
    pub async fn labelled(&self, label: &str, value: &str) -> Result<Vec<String>, Error> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{label}={value}")])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let list = self.docker.list_containers(Some(options)).await;
        let list = list.map_err(|error| Error::bollard("list containers", error))?;
        Ok(list.into_iter().filter_map(|each| each.id).collect())
    }

    pub(crate) async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<ContainerName, Error> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let answer = self.docker.create_container(Some(options), body).await;
        answer.map_err(|error| Error::bollard("create a container", error))?.id.parse()
    }

    pub(crate) async fn rename(&self, container: &ContainerName, name: &str) -> Result<(), Error> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        let answer = self.docker.rename_container(container.as_str(), options).await;
        answer.map_err(|error| Error::bollard("rename a container", error))
    }

    pub(crate) async fn start(&self, container: &ContainerName) -> Result<(), Error> {
        let answer = self.docker.start_container(container.as_str(), None).await;
        answer.map_err(|error| Error::bollard("start a container", error))
    }

    /// Stops a container, with the engine's usual grace.
    pub async fn stop(&self, container: &ContainerName) -> Result<(), Error> {
        let options = StopContainerOptionsBuilder::default().build();
        let answer = self.docker.stop_container(container.as_str(), Some(options)).await;
        answer.map_err(|error| Error::bollard("stop a container", error))
    }

    /// Removes a container, running or not, with its anonymous volumes. One that is gone already, or going, is fine.
    pub async fn remove(&self, container: &ContainerName) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.docker.remove_container(container.as_str(), Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) => match Error::bollard("remove a container", error) {
                error if error.is_status(404) || error.is_status(409) => Ok(()),
                error => Err(error),
            },
        }
    }

    /// What a container changed in its filesystem.
    pub async fn changes(&self, container: &ContainerName) -> Result<Vec<Change>, Error> {
        let answer = self.docker.container_changes(container.as_str()).await;
        let answer = answer.map_err(|error| Error::bollard("list a container's changes", error))?;
        let change = |change: bollard::models::FilesystemChange| Change {
            kind: match change.kind {
                ChangeType::_0 => 'C',
                ChangeType::_1 => 'A',
                ChangeType::_2 => 'D',
            },
            path: change.path,
        };
        Ok(answer.unwrap_or_default().into_iter().map(change).collect())
    }
}

/// The restrictions that everything we create has in common.
pub(crate) fn unprivileged() -> HostConfig {
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        network_mode: Some("none".to_owned()),
        ..HostConfig::default()
    }
}
