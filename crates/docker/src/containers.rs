//! Operations on containers: inspect, create, start, stop, remove, and list changes.

use std::time::Duration;

use bollard::models::{
    ChangeType, ContainerCreateBody, ContainerInspectResponse, ContainerSummary, HealthConfig,
    HostConfig, HostConfigCgroupnsModeEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use hyper::Method;
use jiff::Timestamp;

use crate::files::percent_encode;
use crate::transport::{Kind, full};
use crate::{ContainerName, Engine, Error, Target};

/// A path that differs from the container's image, from the engine's diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `A` added, `C` changed, `D` deleted.
    pub kind: char,
    /// The path.
    pub path: String,
}

/// How long to look for a container that may have been created, in order to remove it.
const CREATION_TIMEOUT: Duration = Duration::from_secs(5);
const CREATION_PAUSE: Duration = Duration::from_millis(200);

impl Engine {
    /// Inspects a container.
    pub async fn inspect(&self, container: &ContainerName) -> Result<Target, Error> {
        match self.inspect_container(container.as_str()).await {
            Ok(answer) => Ok(Target::from_inspect(answer)),
            Err(error) => Err(self.explain_lookup(container, error).await),
        }
    }

    /// Returns the engine's inspection of a container.
    pub(crate) async fn inspect_container(
        &self,
        container: &str,
    ) -> Result<ContainerInspectResponse, Error> {
        let request = self.transport.request(Method::GET, &inspect_path(container), full(""))?;
        read_container(&self.transport.fetch(request).await?)
    }

    /// Lists the containers that have all of these labels (`KEY`, `KEY=VALUE`). With `all`,
    /// includes containers that do not run.
    pub(crate) async fn list_containers(
        &self,
        all: bool,
        labels: &[String],
    ) -> Result<Vec<ContainerSummary>, Error> {
        Ok(self.list_containers_dated(all, labels).await?.0)
    }

    /// Like [`list_containers`](Self::list_containers), with the time by the engine's clock.
    pub(crate) async fn list_containers_dated(
        &self,
        all: bool,
        labels: &[String],
    ) -> Result<(Vec<ContainerSummary>, Option<Timestamp>), Error> {
        let request = self.transport.request(Method::GET, &list_path(all, labels), full(""))?;
        let (answer, date) = self.fetch_dated(request).await?;
        Ok((read_list(&answer)?, date))
    }

    /// Replaces the error of a failed lookup by one that the user can act on.
    pub(crate) async fn explain_lookup(&self, container: &ContainerName, error: Error) -> Error {
        let Error::Api(answer) = &error else { return error };
        let typed = container.as_str();
        // Compare the text: the status has been 400, 404 and 500 over the years.
        let ambiguous = answer.message.to_ascii_lowercase().contains("multiple ids found");
        if !ambiguous && !error.is_no_such_container() {
            return error;
        }
        // The names are only suggestions: if they cannot be listed, the original error remains.
        let all = self.names().await.unwrap_or_default();
        let name = typed.to_owned();
        if ambiguous {
            let matches = all
                .into_iter()
                .filter(|(id, _)| id.starts_with(typed))
                .map(|(_, name)| name)
                .collect();
            return Error::Ambiguous { name, matches };
        }
        Error::NoSuchContainer {
            name,
            similar: scratchdbg_backend::similar(typed, all.iter().map(|(_, name)| name.as_str())),
        }
    }

    /// Returns ids and names of all containers, including stopped ones.
    pub(crate) async fn names(&self) -> Result<Vec<(String, String)>, Error> {
        let list = self.list_containers(true, &[]).await?;
        let first_name = |names: Option<Vec<String>>| {
            names.unwrap_or_default().into_iter().next().unwrap_or_default()
        };
        Ok(list
            .into_iter()
            .map(|each| {
                (
                    each.id.unwrap_or_default(),
                    first_name(each.names).trim_start_matches('/').to_owned(),
                )
            })
            .collect())
    }

    /// Returns the ids of the containers that have a label with this value, including stopped ones.
    pub async fn containers_with_label(
        &self,
        label: &str,
        value: &str,
    ) -> Result<Vec<String>, Error> {
        let list = self.list_containers(true, &[format!("{label}={value}")]).await?;
        Ok(list.into_iter().filter_map(|each| each.id).collect())
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<ContainerName, Error> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        self.transport.expect_sendable(Kind::Create)?;
        // The engine may create the container although no response arrives. Until its id is known,
        // its name identifies it.
        let scope = self.transport.scope();
        scope.made(name);
        let body = without_image_settings(body);
        let created = self
            .transport
            .ask(Kind::Create, self.docker.create_container(Some(options), body))
            .await;
        match created {
            Ok(created) => {
                let id: ContainerName = created.id.parse()?;
                scope.made(id.as_str());
                scope.gone(name);
                Ok(id)
            }
            Err(error) => {
                if matches!(error, Error::Api(_) | Error::Unreachable(_)) {
                    scope.gone(name);
                } else if let Ok(name) = name.parse() {
                    self.remove_once_made(&name).await;
                }
                Err(error)
            }
        }
    }

    /// Removes a container that the engine may or may not have created, or may still be creating.
    /// If it does not appear, the scope records that it may exist.
    async fn remove_once_made(&self, container: &ContainerName) {
        let deadline = tokio::time::Instant::now() + CREATION_TIMEOUT;
        loop {
            match self.delete(container).await {
                Ok(()) => return self.transport.scope().gone(container.as_str()),
                Err(error) if error.is_status(404) && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(CREATION_PAUSE).await;
                }
                Err(error) => return tracing::debug!(%error, %container, "it may be left"),
            }
        }
    }

    pub(crate) async fn rename(&self, container: &ContainerName, name: &str) -> Result<(), Error> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        self.transport
            .ask(Kind::Rename, self.docker.rename_container(container.as_str(), options))
            .await
    }

    pub(crate) async fn start(&self, container: &ContainerName) -> Result<(), Error> {
        self.transport.ask(Kind::Start, self.docker.start_container(container.as_str(), None)).await
    }

    /// Sends a signal to the first process of a container.
    pub(crate) async fn kill(&self, container: &ContainerName, signal: u8) -> Result<(), Error> {
        let path = format!("/containers/{container}/kill?signal={signal}");
        let request = self.transport.request(Method::POST, &path, full(""))?;
        self.transport.fetch(request).await.map(drop)
    }

    /// Stops a container, with the engine's usual grace period.
    pub async fn stop(&self, container: &ContainerName) -> Result<(), Error> {
        let options = StopContainerOptionsBuilder::default().build();
        self.transport
            .ask(Kind::Stop, self.docker.stop_container(container.as_str(), Some(options)))
            .await
    }

    /// Removes a container, running or not, with its anonymous volumes. A container that is gone or
    /// being removed is not an error. The caller must know that scratchdbg created the container.
    pub async fn remove(&self, container: &ContainerName) -> Result<(), Error> {
        match self.delete(container).await {
            Err(error) if !error.is_status(404) && !error.is_status(409) => Err(error),
            _ => {
                self.transport.scope().gone(container.as_str());
                Ok(())
            }
        }
    }

    /// Like [`remove`](Self::remove), with a time limit. Docker 28 cannot remove a container that
    /// has ended while another process holds one of its outputs open.
    pub(crate) async fn remove_within(
        &self,
        container: &ContainerName,
        limit: Duration,
    ) -> Result<(), Error> {
        let removed = tokio::time::timeout(limit, self.remove(container)).await;
        removed.unwrap_or_else(|_| Err(Error::Unending { container: container.to_string() }))
    }

    /// Like [`remove_within`](Self::remove_within), and waits until the container is gone: the
    /// engine may have begun to remove it, and fail.
    pub(crate) async fn remove_to_the_end(
        &self,
        container: &ContainerName,
        limit: Duration,
    ) -> Result<(), Error> {
        const PAUSE: Duration = Duration::from_millis(50);
        let removed = async {
            self.remove(container).await?;
            loop {
                match self.inspect_container(container.as_str()).await {
                    Ok(_) => tokio::time::sleep(PAUSE).await,
                    Err(error) if error.is_status(404) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        let removed = tokio::time::timeout(limit, removed).await;
        removed.unwrap_or_else(|_| Err(Error::Unending { container: container.to_string() }))
    }

    /// Inspects a container, with a time limit: Docker 28 does not answer requests about a
    /// container whose removal hangs.
    pub(crate) async fn inspect_within(
        &self,
        container: &str,
        limit: Duration,
    ) -> Result<ContainerInspectResponse, Error> {
        let looked = tokio::time::timeout(limit, self.inspect_container(container)).await;
        looked.unwrap_or_else(|_| Err(Error::Unending { container: container.to_owned() }))
    }

    async fn delete(&self, container: &ContainerName) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        self.transport
            .ask(Kind::Remove, self.docker.remove_container(container.as_str(), Some(options)))
            .await
    }

    /// Returns the changes of a container's file system.
    pub async fn changes(&self, container: &ContainerName) -> Result<Vec<Change>, Error> {
        let answer = self
            .transport
            .ask(Kind::Changes, self.docker.container_changes(container.as_str()))
            .await?;
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

/// Returns the API path of a container's inspection.
pub(crate) fn inspect_path(container: &str) -> String {
    format!("/containers/{}/json", percent_encode(container))
}

/// Returns the API path of the list of containers that have all of these labels. With `all`,
/// includes containers that do not run.
pub(crate) fn list_path(all: bool, labels: &[String]) -> String {
    let filters = serde_json::json!({ "label": labels }).to_string();
    format!("/containers/json?all={all}&filters={}", percent_encode(&filters))
}

/// Parses an engine's inspection of a container.
pub(crate) fn read_container(answer: &[u8]) -> Result<ContainerInspectResponse, Error> {
    let unreadable = |error| Error::transport("look at a container", error);
    let mut answer: serde_json::Value = serde_json::from_slice(answer).map_err(unreadable)?;
    normalize_podman(&mut answer);
    let answer: ContainerInspectResponse = serde_json::from_value(answer).map_err(unreadable)?;
    // All other fields have a default.
    let has_id = answer.id.as_deref().is_some_and(|id| !id.is_empty());
    let has_state = answer.state.as_ref().is_some_and(|state| state.status.is_some());
    if has_id && has_state {
        Ok(answer)
    } else {
        Err(Error::transport("look at a container", NO_CONTAINER))
    }
}

/// The error for a response that contains no container.
const NO_CONTAINER: &str = "the engine's answer tells of no container";

/// Parses a list of containers.
pub(crate) fn read_list(answer: &[u8]) -> Result<Vec<ContainerSummary>, Error> {
    let unreadable = |error| Error::transport("list containers", error);
    let mut answer: Vec<serde_json::Value> = serde_json::from_slice(answer).map_err(unreadable)?;
    for state in answer.iter_mut().filter_map(|each| each.get_mut("State")) {
        docker_state(state);
    }
    serde_json::from_value(answer.into()).map_err(unreadable)
}

fn docker_state(state: &mut serde_json::Value) {
    match state.as_str() {
        // Podman's state between the end of the processes and the end of the cleanup.
        Some("stopped") => *state = "exited".into(),
        Some("configured" | "initialized") => *state = "created".into(),
        _ => {}
    }
}

/// Replaces Podman's own names by Docker's. Podman uses its names even in its Docker-compatible
/// API.
fn normalize_podman(answer: &mut serde_json::Value) {
    if let Some(status) = answer.pointer_mut("/State/Status") {
        docker_state(status);
    }
    // Podman writes `RLIMIT_NOFILE`, but accepts only `nofile` when a container is created.
    let limits =
        answer.pointer_mut("/HostConfig/Ulimits").and_then(serde_json::Value::as_array_mut);
    for name in limits.into_iter().flatten().filter_map(|limit| limit.get_mut("Name")) {
        if let Some(short) = name.as_str().and_then(|name| name.strip_prefix("RLIMIT_")) {
            *name = short.to_ascii_lowercase().into();
        }
    }
}

/// Overrides the settings of an image that run other programs in its containers, or change how they
/// are stopped. Containers that scratchdbg creates must not have them.
fn without_image_settings(body: ContainerCreateBody) -> ContainerCreateBody {
    let none = HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() };
    ContainerCreateBody {
        healthcheck: Some(body.healthcheck.unwrap_or(none)),
        stop_signal: Some(body.stop_signal.unwrap_or_else(|| "SIGTERM".to_owned())),
        ..body
    }
}

/// Returns the restrictions of all containers that scratchdbg creates.
pub(crate) fn unprivileged() -> HostConfig {
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        network_mode: Some("none".to_owned()),
        // Engines would show the host's control groups where those have version 1, or by their own
        // settings. An engine or a kernel that knows no other way ignores this.
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        ..HostConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::normalize_podman;

    #[test]
    fn podman_is_understood() {
        let mut answer = json!({
            "State": {"Status": "stopped"},
            "HostConfig": {"Ulimits": [{"Name": "RLIMIT_NOFILE", "Soft": 1, "Hard": 2}, {"Name": "core"}]},
        });
        normalize_podman(&mut answer);
        assert_eq!(answer["State"]["Status"], "exited");
        assert_eq!(
            answer["HostConfig"]["Ulimits"],
            json!([{"Name": "nofile", "Soft": 1, "Hard": 2}, {"Name": "core"}])
        );
        let mut docker = json!({"State": {"Status": "running"}, "HostConfig": {"Ulimits": null}});
        let before = docker.clone();
        normalize_podman(&mut docker);
        assert_eq!(docker, before);
    }
}
