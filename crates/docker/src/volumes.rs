//! The volumes that were made for containers of ours, where the engine does not tell them from those
//! that such a container was given: on Podman.

use hyper::Method;
use scratchdbg_backend::Mode;

use crate::files::percent_encode;
use crate::labels::{LABEL_MODE, LABEL_VOLUMES};
use crate::transport::full;
use crate::{ContainerName, Engine, Error};

impl Engine {
    /// Returns the names of the volumes that were made for a container of ours. None is known of a
    /// copy that does not tell which volumes it was given.
    pub(crate) async fn own_volumes(&self, container: &ContainerName) -> Vec<String> {
        let Ok(answer) = self.inspect_container(container.as_str()).await else {
            return Vec::new();
        };
        let labels = answer.config.and_then(|config| config.labels).unwrap_or_default();
        let is_copy = labels.get(LABEL_MODE).is_some_and(|mode| mode == Mode::Copy.as_str());
        let given = match labels.get(LABEL_VOLUMES) {
            Some(given) => given.split(',').collect::<Vec<_>>(),
            None if is_copy => return Vec::new(),
            None => Vec::new(),
        };
        let mounts = answer.mounts.unwrap_or_default().into_iter();
        let volumes = mounts.filter(|mount| mount.typ.as_deref() == Some("volume"));
        volumes
            .filter_map(|mount| mount.name)
            .filter(|name| !given.contains(&name.as_str()))
            .collect()
    }

    /// Removes volumes. One that another container has is left.
    pub(crate) async fn remove_volumes(&self, names: &[String]) {
        for name in names {
            if let Err(error) = self.remove_volume(name).await {
                tracing::debug!(%error, name, "it may be left");
            }
        }
    }

    async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        let path = format!("/volumes/{}", percent_encode(name));
        let request = self.transport.request(Method::DELETE, &path, full(""))?;
        self.transport.fetch(request).await.map(drop)
    }
}
