//! Containers as such: look one up, make one, start, stop and remove it, and see what it changed.

use std::time::Duration;

use bollard::models::{
    ChangeType, ContainerCreateBody, ContainerInspectResponse, ContainerSummary, HealthConfig, HostConfig,
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

/// A path that differs from the container's image, as the engine's diff lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `A` added, `C` changed, `D` deleted.
    pub kind: char,
    /// The path.
    pub path: String,
}

/// How long a container that may be being made is looked for, to be removed.
const MADE_WITHIN: Duration = Duration::from_secs(5);
const MADE_PAUSE: Duration = Duration::from_millis(200);

impl Engine {
    /// Looks a container up.
    pub async fn inspect(&self, container: &ContainerName) -> Result<Target, Error> {
        match self.inspect_container(container.as_str()).await {
            Ok(answer) => Ok(Target::from_inspect(answer)),
            Err(error) => Err(self.explain_lookup(container, error).await),
        }
    }

    /// What the engine says of a container, in Docker's words.
    pub(crate) async fn inspect_container(&self, container: &str) -> Result<ContainerInspectResponse, Error> {
        let request = self.transport.request(Method::GET, &inspect_path(container), full(""))?;
        read_container(&self.transport.fetch(request).await?)
    }

    /// The containers that carry all of these labels (`KEY`, `KEY=VALUE`), in Docker's words; with `all`, those too that
    /// do not run.
    pub(crate) async fn list_containers(&self, all: bool, labels: &[String]) -> Result<Vec<ContainerSummary>, Error> {
        Ok(self.list_containers_dated(all, labels).await?.0)
    }

    /// The same, and when that was, by the engine's clock.
    pub(crate) async fn list_containers_dated(
        &self,
        all: bool,
        labels: &[String],
    ) -> Result<(Vec<ContainerSummary>, Option<Timestamp>), Error> {
        let request = self.transport.request(Method::GET, &list_path(all, labels), full(""))?;
        let (answer, date) = self.fetch_dated(request).await?;
        Ok((read_list(&answer)?, date))
    }

    /// Turns a failed look-up into what the user can do something about.
    pub(crate) async fn explain_lookup(&self, container: &ContainerName, error: Error) -> Error {
        let Error::Api(answer) = &error else { return error };
        let typed = container.as_str();
        // Docker's text; the status has been 400, 404 and 500 over the years.
        let ambiguous = answer.message.to_ascii_lowercase().contains("multiple ids found");
        if !ambiguous && !error.is_no_such_container() {
            return error;
        }
        // The list is a courtesy: the look-up's own failure stays the error when it fails.
        let all = self.names().await.unwrap_or_default();
        let name = typed.to_owned();
        if ambiguous {
            let matches = all.into_iter().filter(|(id, _)| id.starts_with(typed)).map(|(_, name)| name).collect();
            return Error::Ambiguous { name, matches };
        }
        Error::NoSuchContainer {
            name,
            similar: scratchdbg_backend::similar(typed, all.iter().map(|(_, name)| name.as_str())),
        }
    }

    /// Ids and names of all containers, stopped ones too.
    pub(crate) async fn names(&self) -> Result<Vec<(String, String)>, Error> {
        let list = self.list_containers(true, &[]).await?;
        let first_name = |names: Option<Vec<String>>| names.unwrap_or_default().into_iter().next().unwrap_or_default();
        Ok(list
            .into_iter()
            .map(|each| (each.id.unwrap_or_default(), first_name(each.names).trim_start_matches('/').to_owned()))
            .collect())
    }

    /// Ids of the containers that carry a label with this value, stopped ones too.
    pub async fn labelled(&self, label: &str, value: &str) -> Result<Vec<String>, Error> {
        let list = self.list_containers(true, &[format!("{label}={value}")]).await?;
        Ok(list.into_iter().filter_map(|each| each.id).collect())
    }

    pub(crate) async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<ContainerName, Error> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        // It may be made although no answer comes. Its name is known until its id is.
        let scope = self.transport.scope();
        scope.made(name);
        let body = without_images_say(body);
        let created = self.transport.ask(Kind::Create, self.docker.create_container(Some(options), body)).await;
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

    /// Removes a container of which nobody knows whether it was made: the engine may be at it still. One that does not come is
    /// not known to be gone, which the scope tells.
    async fn remove_once_made(&self, container: &ContainerName) {
        let deadline = tokio::time::Instant::now() + MADE_WITHIN;
        loop {
            match self.delete(container).await {
                Ok(()) => return self.transport.scope().gone(container.as_str()),
                Err(error) if error.is_status(404) && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(MADE_PAUSE).await;
                }
                Err(error) => return tracing::debug!(%error, %container, "it may be left"),
            }
        }
    }

    pub(crate) async fn rename(&self, container: &ContainerName, name: &str) -> Result<(), Error> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        self.transport.ask(Kind::Rename, self.docker.rename_container(container.as_str(), options)).await
    }

    pub(crate) async fn start(&self, container: &ContainerName) -> Result<(), Error> {
        self.transport.ask(Kind::Start, self.docker.start_container(container.as_str(), None)).await
    }

    /// Signals the first process of a container.
    pub(crate) async fn kill(&self, container: &ContainerName, signal: u8) -> Result<(), Error> {
        let path = format!("/containers/{container}/kill?signal={signal}");
        let request = self.transport.request(Method::POST, &path, full(""))?;
        self.transport.fetch(request).await.map(drop)
    }

    /// Stops a container, with the engine's usual grace.
    pub async fn stop(&self, container: &ContainerName) -> Result<(), Error> {
        let options = StopContainerOptionsBuilder::default().build();
        self.transport.ask(Kind::Stop, self.docker.stop_container(container.as_str(), Some(options))).await
    }

    /// Removes a container, running or not, with its anonymous volumes. One that is gone already, or going, is fine. Whether
    /// it is ours is the caller's to know.
    pub async fn remove(&self, container: &ContainerName) -> Result<(), Error> {
        match self.delete(container).await {
            Err(error) if !error.is_status(404) && !error.is_status(409) => Err(error),
            _ => {
                self.transport.scope().gone(container.as_str());
                Ok(())
            }
        }
    }

    /// The same, for no longer than this. Docker 28 does nothing with a container that has ended while another process holds an
    /// output of it.
    pub(crate) async fn remove_within(&self, container: &ContainerName, limit: Duration) -> Result<(), Error> {
        let removed = tokio::time::timeout(limit, self.remove(container)).await;
        removed.unwrap_or_else(|_| Err(Error::Unending { container: container.to_string() }))
    }

    /// Looks at a container of which a session can do without knowing, for no longer than this: Docker 28 answers no question about
    /// one that it comes to no end with.
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
        self.transport.ask(Kind::Remove, self.docker.remove_container(container.as_str(), Some(options))).await
    }

    /// What a container changed in its filesystem.
    pub async fn changes(&self, container: &ContainerName) -> Result<Vec<Change>, Error> {
        let answer = self.transport.ask(Kind::Changes, self.docker.container_changes(container.as_str())).await?;
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

/// Where an engine tells of a container.
pub(crate) fn inspect_path(container: &str) -> String {
    format!("/containers/{}/json", percent_encode(container))
}

/// Where it lists those that carry all of these labels; with `all`, those too that do not run.
pub(crate) fn list_path(all: bool, labels: &[String]) -> String {
    let filters = serde_json::json!({ "label": labels }).to_string();
    format!("/containers/json?all={all}&filters={}", percent_encode(&filters))
}

/// What an engine tells of a container, in Docker's words.
pub(crate) fn read_container(answer: &[u8]) -> Result<ContainerInspectResponse, Error> {
    let unreadable = |error| Error::transport("look at a container", error);
    let mut answer: serde_json::Value = serde_json::from_slice(answer).map_err(unreadable)?;
    in_dockers_words(&mut answer);
    let answer: ContainerInspectResponse = serde_json::from_value(answer).map_err(unreadable)?;
    // All else has a meaning where it is left out.
    let has_id = answer.id.as_deref().is_some_and(|id| !id.is_empty());
    let has_state = answer.state.as_ref().is_some_and(|state| state.status.is_some());
    if has_id && has_state { Ok(answer) } else { Err(Error::transport("look at a container", NO_CONTAINER)) }
}

/// What an answer is in which there is no container.
const NO_CONTAINER: &str = "the engine's answer tells of no container";

/// A list of containers, in Docker's words.
pub(crate) fn read_list(answer: &[u8]) -> Result<Vec<ContainerSummary>, Error> {
    let unreadable = |error| Error::transport("list containers", error);
    let mut answer: Vec<serde_json::Value> = serde_json::from_slice(answer).map_err(unreadable)?;
    for state in answer.iter_mut().filter_map(|each| each.get_mut("State")) {
        dockers_state(state);
    }
    serde_json::from_value(answer.into()).map_err(unreadable)
}

fn dockers_state(state: &mut serde_json::Value) {
    match state.as_str() {
        // Between the end of the processes and the end of the cleaning up.
        Some("stopped") => *state = "exited".into(),
        Some("configured" | "initialized") => *state = "created".into(),
        _ => {}
    }
}

/// Podman has words of its own, also where it answers as Docker does.
fn in_dockers_words(answer: &mut serde_json::Value) {
    if let Some(status) = answer.pointer_mut("/State/Status") {
        dockers_state(status);
    }
    // `RLIMIT_NOFILE` is `nofile`, and only so taken when a container is made.
    let limits = answer.pointer_mut("/HostConfig/Ulimits").and_then(serde_json::Value::as_array_mut);
    for name in limits.into_iter().flatten().filter_map(|limit| limit.get_mut("Name")) {
        if let Some(short) = name.as_str().and_then(|name| name.strip_prefix("RLIMIT_")) {
            *name = short.to_ascii_lowercase().into();
        }
    }
}

/// What an image has run in its containers, or has them stopped by, is not for those that we make, whichever image they are of.
fn without_images_say(body: ContainerCreateBody) -> ContainerCreateBody {
    let none = HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() };
    ContainerCreateBody {
        healthcheck: Some(body.healthcheck.unwrap_or(none)),
        stop_signal: Some(body.stop_signal.unwrap_or_else(|| "SIGTERM".to_owned())),
        ..body
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::in_dockers_words;

    #[test]
    fn podman_is_understood() {
        let mut answer = json!({
            "State": {"Status": "stopped"},
            "HostConfig": {"Ulimits": [{"Name": "RLIMIT_NOFILE", "Soft": 1, "Hard": 2}, {"Name": "core"}]},
        });
        in_dockers_words(&mut answer);
        assert_eq!(answer["State"]["Status"], "exited");
        assert_eq!(
            answer["HostConfig"]["Ulimits"],
            json!([{"Name": "nofile", "Soft": 1, "Hard": 2}, {"Name": "core"}])
        );
        let mut docker = json!({"State": {"Status": "running"}, "HostConfig": {"Ulimits": null}});
        let before = docker.clone();
        in_dockers_words(&mut docker);
        assert_eq!(docker, before);
    }
}
