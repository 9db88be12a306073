//! Sessions on pods.
//!
//! * [`PodSessions`] is the platform for `scratchdbg-session`.
//! * `channel` is the protocol of exec and attach on a WebSocket, `socket` such a connection.
//! * `keeper` adds the ephemeral container, waits for it (`wait`) and talks to it (`link`).
//! * `copy` makes a pod for a session, and removes it.
//! * `process` is the session's process in the target: its streams (`output`) and its end.
//! * `list` finds the keepers that there are, and ends them.
//! * `tools` says which image keepers are made from.
//! * `choose` finds the container that a user means.

mod backend;
mod channel;
mod choose;
mod copy;
mod keeper;
mod link;
mod list;
mod output;
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
    /// Tells the user what is being waited for, and what is added to a pod.
    report: Arc<dyn Fn(&str) + Send + Sync>,
    /// The session of this command runs in no copy of a pod.
    makes_no_copy: Arc<AtomicBool>,
}

impl std::fmt::Debug for PodSessions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PodSessions").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// A pod with a container that a session is to run in.
#[derive(Debug, Clone)]
pub struct PodTarget {
    pod: Pod,
    container: String,
}

impl PodTarget {
    /// The image of the container: its name, as the pod has it, and its id, as the kubelet tells it. The id is
    /// `REPOSITORY@DIGEST` as a rule, and empty before the first start.
    pub fn image(&self) -> (&str, &str) {
        let name = self.pod.container(&self.container).map_or("", |(_, container)| &container.image);
        let id = self.pod.container_status(&self.container).map_or("", |status| &status.image_id);
        (name, id)
    }
}

impl PodSessions {
    /// Sessions on this cluster. `report` is called with notes for the user.
    pub fn new(cluster: &Cluster, report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { cluster: cluster.clone(), report: Arc::new(report), makes_no_copy: Arc::default() }
    }

    /// Reads a pod. One that has another `uid` is another pod.
    async fn pod(&self, namespace: &str, name: &str, uid: Option<&str>) -> Result<Pod, Error> {
        let pod = self.cluster.client.pod(namespace, name).await?;
        if uid.is_some_and(|uid| uid != pod.metadata.uid) {
            let message = format!("pod `{name}` was deleted; another one has its name");
            return Err(Error::new(ErrorKind::Gone, message));
        }
        Ok(pod)
    }
}

/// Returns the id by which the traits name a container of this pod and of no later one.
fn id_of(pod: &Pod, container: &str) -> ContainerId {
    ContainerId {
        namespace: pod.metadata.namespace.clone(),
        pod: pod.metadata.name.clone(),
        container: container.to_owned(),
        uid: Some(pod.metadata.uid.clone()),
    }
}

/// Returns 128 random bits of the kernel, in hexadecimal.
fn random_name() -> Result<String, Error> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(|error| Error::new(ErrorKind::Local, format!("no random bytes: {error}")))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
