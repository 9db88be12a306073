//! The demo's objects: a hardened container that ends with its client, and its images. Each object
//! can be verified to be scratchdbg's, so that `sessions gc` and any later session remove the
//! objects of a client that was killed.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use scratchdbg_backend::{self as backend, ErrorKind, ImageBackend as _};
use tokio::time::Instant;

use super::container::attach_and_start;
use super::exit_waiter::ExitWaiter;
use crate::containers::unprivileged;
use crate::labels::LABEL_TARGET;
use crate::ours::{DEMOS, MODE_DEMO, Role};
use crate::transport::Hijacked;
use crate::{ContainerName, Engine, Error, labels};

/// How long the container may take to end after its input is closed, before it is removed.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to look for images that the engine may be loading, and how often.
const LATE_WITHIN: Duration = Duration::from_secs(3);
const LATE_PAUSE: Duration = Duration::from_millis(200);

/// A temporary container and its images.
#[derive(Debug)]
pub struct Throwaway {
    session: String,
    /// The standard streams of the container. When they are closed in any way, the engine closes
    /// the container's input, which ends the container.
    running: Option<(ExitWaiter, Hijacked)>,
}

/// The commands of the engine's own client that correspond to the steps of a [`Throwaway`]. The
/// demo prints them.
#[derive(Debug)]
pub struct ShownCommands {
    /// Starts the container.
    pub run: String,
    /// Looks for a shell in the container.
    pub shell: String,
    /// Lists the files that changed in the container.
    pub changes: String,
    /// Lists the debug containers that are left over.
    pub left: String,
}

impl Default for Throwaway {
    fn default() -> Self {
        Self { session: scratchdbg_backend::session_id(), running: None }
    }
}

impl Throwaway {
    /// Returns the name of the container.
    pub fn container(&self) -> String {
        Role::Demo.name(&self.session)
    }

    /// Returns the name of the image. The twin's name has the suffix `-debug`.
    pub fn image(&self) -> String {
        format!("{DEMOS}:{}", self.session)
    }

    /// Returns the labels for the images.
    pub fn labels(&self, engine: &Engine) -> BTreeMap<String, String> {
        labels::labels(&self.session, "", MODE_DEMO, engine.now()).into_iter().collect()
    }

    /// Returns the commands of the engine's client, with the names of the container and the image,
    /// and the container's id.
    pub fn commands(&self, container: &str) -> ShownCommands {
        let name = self.container();
        ShownCommands {
            run: format!(
                "docker run -d -i --rm --name {name} --network none --read-only --cap-drop ALL --security-opt no-new-privileges {}",
                self.image()
            ),
            shell: format!("docker exec {name} sh"),
            changes: format!("docker diff {name}"),
            left: format!("docker ps -aq --filter label={LABEL_TARGET}={container}"),
        }
    }

    /// Tries to start a shell in the container. Returns the engine's refusal, or `None` if there is
    /// a shell.
    pub async fn try_shell(
        &self,
        engine: &Engine,
        container: &ContainerName,
    ) -> Result<Option<String>, Error> {
        match engine.exec(container, &["sh"]).await {
            Err(Error::ExecRefused { message, .. }) => Ok(Some(message)),
            Err(error) => Err(error),
            Ok(_) => Ok(None),
        }
    }

    /// Returns the ids of containers that sessions in the container left behind.
    pub async fn left(
        &self,
        engine: &Engine,
        container: &ContainerName,
    ) -> Result<Vec<String>, Error> {
        engine.containers_with_label(LABEL_TARGET, container.as_str()).await
    }

    /// Creates and starts the container, with every restriction that an application without a shell
    /// can run under: read-only root, no capabilities, no new privileges, no network. Returns its
    /// id.
    pub async fn run(&mut self, engine: &Engine) -> Result<ContainerName, Error> {
        let body = ContainerCreateBody {
            image: Some(self.image()),
            labels: Some(self.labels(engine).into_iter().collect()),
            attach_stdin: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            host_config: Some(HostConfig {
                readonly_rootfs: Some(true),
                auto_remove: Some(true),
                ..unprivileged()
            }),
            ..ContainerCreateBody::default()
        };
        let container = engine.create(&self.container(), body).await?;
        match attach_and_start(engine, &container, None).await {
            Ok(running) => {
                self.running = Some(running);
                Ok(container)
            }
            Err(error) => {
                // The engine removes only containers that have run.
                let _already_gone = engine.remove(&container).await;
                Err(error)
            }
        }
    }

    /// Removes the container, even if it is incomplete, these images, and sessions in the
    /// container. Waits for the images in `loading`: their load was canceled, but the engine may
    /// still complete it.
    pub async fn remove(
        &mut self,
        engine: &Engine,
        images: &[String],
        loading: Vec<String>,
    ) -> Result<(), backend::Error> {
        let container: ContainerName = self.container().parse()?;
        if let Ok(target) = engine.inspect(&container).await {
            for session in
                engine.list_sessions().await?.0.iter().filter(|session| session.target == target.id)
            {
                engine.end_session(session).await?;
            }
        }
        if let Some((mut exit_waiter, streams)) = self.running.take() {
            drop(streams);
            let _gone = tokio::time::timeout(STOP_TIMEOUT, exit_waiter.exit_code()).await;
        }
        engine.remove(&container).await?;
        for image in images {
            engine.remove_unused_image(image).await?;
        }
        remove_late(engine, loading).await
    }
}

/// Removes images as soon as they exist.
async fn remove_late(engine: &Engine, mut images: Vec<String>) -> Result<(), backend::Error> {
    let deadline = Instant::now() + LATE_WITHIN;
    while !images.is_empty() {
        let mut awaited = Vec::new();
        for image in images {
            if engine.image_record(&image).await?.is_some() {
                engine.remove_image(&image).await?;
            } else {
                awaited.push(image);
            }
        }
        if !awaited.is_empty() && Instant::now() >= deadline {
            let images = awaited.join(" and ");
            return Err(backend::Error::new(
                ErrorKind::Unreachable,
                format!("the engine did not finish loading {images}"),
            ));
        }
        images = awaited;
        tokio::time::sleep(LATE_PAUSE).await;
    }
    Ok(())
}
