//! Sessions on pods.
//!
//! * [`PodSessions`] is the platform for `scratchdbg-session`.
//! * `channel` is the protocol of exec and attach on a WebSocket. `socket` is such a connection.
//! * `keeper` adds the ephemeral container, waits for it (`wait`) and connects to it (`link`).
//! * `copy` creates a pod for a session, and removes it.
//! * `process` is the session's process in the target: its streams (`output`) and its end.
//! * `list` finds existing keepers, and ends them.
//! * `tools` selects the image of keepers.
//! * `choose` finds the container that a user names.

mod backend;
mod channel;
mod choose;
mod copy;
mod keeper;
mod link;
mod list;
mod output;
mod pings;
mod process;
mod socket;
mod tools;
mod wait;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use scratchdbg_backend::{Error, ErrorKind};

pub use self::choose::Chosen;
pub use self::keeper::PodKeeper;
pub use self::output::PodOutput;
pub use self::process::{PodProbe, PodProcess};
pub use self::tools::{ClusterTools, Configured, FindTwin, Twin};
use crate::cluster::Cluster;
use crate::container_id::ContainerId;
use crate::model::Pod;

/// Sessions on the pods of a cluster. Cheap to clone.
#[derive(Clone)]
pub struct PodSessions {
    cluster: Cluster,
    /// Notifies the user of waits, and of additions to a pod.
    report: Arc<dyn Fn(&str) + Send + Sync>,
    /// Whether the session of this command does not run in a copy of a pod.
    makes_no_copy: Arc<AtomicBool>,
}

impl std::fmt::Debug for PodSessions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PodSessions")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// A pod, and its container for a session.
#[derive(Debug, Clone)]
pub struct PodTarget {
    pod: Pod,
    container: String,
}

impl PodTarget {
    /// Returns the image of the container: its name as the pod specifies it, and its id as the
    /// kubelet reports it. The id is usually `REPOSITORY@DIGEST`, and is empty before the first
    /// start.
    pub fn image(&self) -> (&str, &str) {
        let name =
            self.pod.container(&self.container).map_or("", |(_, container)| &container.image);
        let id = self.pod.container_status(&self.container).map_or("", |status| &status.image_id);
        (name, id)
    }
}

impl PodTarget {
    /// Returns the name of the pod's node. It is empty before the pod is scheduled.
    fn node(&self) -> &str {
        &self.pod.spec.node_name
    }
}

impl PodSessions {
    /// Creates the platform for sessions on this cluster. `report` is called with notes for the
    /// user.
    pub fn new(cluster: &Cluster, report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { cluster: cluster.clone(), report: Arc::new(report), makes_no_copy: Arc::default() }
    }

    /// Reads a pod. A pod of the same name with another `uid` is an error.
    async fn pod(&self, namespace: &str, name: &str, uid: Option<&str>) -> Result<Pod, Error> {
        let pod = self.cluster.client.pod(namespace, name).await?;
        if uid.is_some_and(|uid| uid != pod.metadata.uid) {
            let message = format!("pod `{name}` was deleted; another one has its name");
            return Err(Error::new(ErrorKind::Gone, message));
        }
        Ok(pod)
    }
}

/// Returns the id of a container, valid for this pod and no later pod of the same name.
fn id_of(pod: &Pod, container: &str) -> ContainerId {
    ContainerId {
        namespace: pod.metadata.namespace.clone(),
        pod: pod.metadata.name.clone(),
        container: container.to_owned(),
        uid: Some(pod.metadata.uid.clone()),
    }
}

/// Returns 128 random bits from the kernel, in hexadecimal.
fn random_name() -> Result<String, Error> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    let read =
        std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(|error| Error::new(ErrorKind::Local, format!("no random bytes: {error}")))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
