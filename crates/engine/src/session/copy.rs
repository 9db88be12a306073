//! A copy of a container that has no processes to join: same filesystem, environment, user, mounts and limits.
//!
//! The copy joins the keeper's PID namespace, so that its first process can come from the keeper's files. Nothing is
//! written into it, and the original is not touched.

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig};
use hyper::Method;
use serde::{Deserialize, Serialize};

use super::keeper::Keeper;
use crate::containers::unprivileged;
use crate::ours::COPIES;
use crate::{Engine, Error, Plan, labels};

/// What has to be removed after a session in a copy.
#[derive(Debug, Default)]
pub(super) struct Copy {
    image: Option<String>,
}

impl Copy {
    /// Removes the image that was made.
    pub(super) async fn remove(self, engine: &Engine) -> Result<(), Error> {
        match self.image {
            Some(image) => engine.remove_image(&image).await,
            None => Ok(()),
        }
    }
}

/// The copy's container, without its command.
pub(super) async fn container(
    engine: &Engine,
    plan: &Plan,
    session: &str,
    keeper: &Keeper,
    environment: &[String],
) -> Result<(ContainerCreateBody, Copy), Error> {
    let pid_mode = Some(format!("container:{}", keeper.container()));
    let Some(target_id) = plan.copied_container() else {
        // An image alone: there are no settings to take over, so it gets the strictest.
        let host_config = HostConfig { pid_mode, ..unprivileged() };
        let body = ContainerCreateBody {
            image: Some(plan.copy_image.clone()),
            user: plan.exec_user.clone(),
            env: Some(environment.to_vec()),
            host_config: Some(host_config),
            healthcheck: Some(no_healthcheck()),
            ..ContainerCreateBody::default()
        };
        return Ok((body, Copy::default()));
    };
    let original = engine.inspect_container(target_id).await?;
    let copy = Copy { image: engine.commit_if_changed(plan, target_id, session).await? };
    let config = original.config.unwrap_or_default();
    let host_config = HostConfig {
        pid_mode,
        // All of the original's mounts, the anonymous ones too.
        volumes_from: Some(vec![target_id.to_owned()]),
        binds: None,
        mounts: None,
        // It must not take the original's place.
        port_bindings: None,
        publish_all_ports: None,
        restart_policy: None,
        container_id_file: None,
        links: None,
        init: None,
        ..original.host_config.unwrap_or_default()
    };
    let env = config.env.unwrap_or_default().into_iter().chain(environment.iter().cloned()).collect();
    let body = ContainerCreateBody {
        image: Some(copy.image.clone().unwrap_or_else(|| plan.copy_image.clone())),
        user: plan.exec_user.clone().or(config.user),
        env: Some(env),
        working_dir: config.working_dir,
        host_config: Some(host_config),
        healthcheck: Some(no_healthcheck()),
        ..ContainerCreateBody::default()
    };
    Ok((body, copy))
}

fn no_healthcheck() -> HealthConfig {
    HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }
}

impl Engine {
    /// An image of a container's filesystem as it is now; nothing when it is that of its image still.
    async fn commit_if_changed(&self, plan: &Plan, container: &str, session: &str) -> Result<Option<String>, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Changes {
            labels: std::collections::HashMap<String, String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Committed {
            id: String,
        }
        if self.changes(&container.parse()?).await?.is_empty() {
            return Ok(None);
        }
        // Pausing would be noticed by whoever talks to the original.
        let path = format!("/commit?container={container}&repo={COPIES}&tag={session}&pause=0");
        let labels = labels::session_labels(session, plan);
        let request = self.transport.json_request(Method::POST, &path, &Changes { labels })?;
        self.transport.scope().made(&format!("{COPIES}:{session}"));
        let answer = self.transport.fetch(request).await?;
        let committed: Committed = serde_json::from_slice(&answer).map_err(|error| Error::transport(&path, error))?;
        tracing::debug!(image = %committed.id, "committed the container's filesystem");
        Ok(Some(format!("{COPIES}:{session}")))
    }
}
