//! What the demo makes: a hardened container that ends with its client, and its images. Each has what proves that it is ours, so that
//! `sessions gc`, and any next session, removes what a client leaves that was killed.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};

use super::container::attach_and_start;
use super::removal::Removal;
use crate::containers::unprivileged;
use crate::ours::{DEMOS, MODE_DEMO, Role};
use crate::transport::Hijacked;
use crate::{ContainerName, Engine, Error, labels};

/// How long it may take to go once its input is closed, before it is removed.
const GOES_WITHIN: Duration = Duration::from_secs(3);

/// A container that is made to be thrown away, and what it is made of.
#[derive(Debug)]
pub struct Throwaway {
    session: String,
    /// Its standard streams. The engine closes its input when they go, however that comes, and it ends by that.
    running: Option<(Removal, Hijacked)>,
}

impl Default for Throwaway {
    fn default() -> Self {
        Self { session: scratchdbg_backend::session_id(), running: None }
    }
}

impl Throwaway {
    /// The name of its container.
    pub fn container(&self) -> String {
        Role::Demo.name(&self.session)
    }

    /// The name of its image. That of the twin has `-debug` behind it.
    pub fn image(&self) -> String {
        format!("{DEMOS}:{}", self.session)
    }

    /// What its images are to be labelled with.
    pub fn labels(&self, engine: &Engine) -> BTreeMap<String, String> {
        labels::labels(&self.session, "", MODE_DEMO, engine.now()).into_iter().collect()
    }

    /// Makes and starts the container, with every restriction that an application without a shell can live with: read-only root, no
    /// capability, no new privileges, no network. Its id.
    pub async fn run(&mut self, engine: &Engine) -> Result<ContainerName, Error> {
        let body = ContainerCreateBody {
            image: Some(self.image()),
            labels: Some(self.labels(engine).into_iter().collect()),
            attach_stdin: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            host_config: Some(HostConfig { readonly_rootfs: Some(true), auto_remove: Some(true), ..unprivileged() }),
            ..ContainerCreateBody::default()
        };
        let container = engine.create(&self.container(), body).await?;
        match attach_and_start(engine, &container, None).await {
            Ok(running) => {
                self.running = Some(running);
                Ok(container)
            }
            Err(error) => {
                // Automatic removal covers only what has run.
                let _already_gone = engine.remove(&container).await;
                Err(error)
            }
        }
    }

    /// Removes its container and these images, also what was only begun, and the sessions in it.
    pub async fn remove(&mut self, engine: &Engine, images: &[String]) -> Result<(), Error> {
        let container: ContainerName = self.container().parse()?;
        if let Ok(target) = engine.inspect(&container).await {
            for session in engine.list_sessions().await?.0.iter().filter(|session| session.target == target.id) {
                engine.end_session(session).await?;
            }
        }
        if let Some((mut removal, streams)) = self.running.take() {
            drop(streams);
            let _gone = tokio::time::timeout(GOES_WITHIN, removal.exit_code()).await;
        }
        engine.remove(&container).await?;
        for image in images {
            engine.remove_unused_image(image).await?;
        }
        Ok(())
    }
}
