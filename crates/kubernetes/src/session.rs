//! Sessions on pods.
//!
//! * [`PodSessions`] is the platform for `scratchdbg-session`.
//! * `channel` is the protocol of exec and attach on a WebSocket, `socket` such a connection.
//! * `keeper` adds the ephemeral container, waits for it (`wait`) and talks to it (`link`).
//! * `process` is the session's process in the target: its streams (`output`) and its end.
//! * `list` finds the keepers that there are, and ends them.
//! * `tools` says which image keepers are made from.
//! * `choose` finds the container that a user means.

mod backend;
mod channel;
mod choose;
mod keeper;
mod link;
mod list;
mod output;
mod process;
mod socket;
mod tools;
mod wait;

use std::sync::Arc;

use scratchdbg_backend::{Error, ErrorKind};

pub use self::choose::Chosen;
pub use self::keeper::PodKeeper;
pub use self::output::PodOutput;
pub use self::process::{PodProbe, PodProcess};
pub use self::tools::ClusterTools;
use crate::cluster::Cluster;
use crate::container_id::ContainerId;
use crate::model::Pod;

/// Sessions on the pods of a cluster. Cheap to clone.
#[derive(Clone)]
pub struct PodSessions {
    cluster: Cluster,
    /// Tells the user what is being waited for, and what is added to a pod.
    report: Arc<dyn Fn(&str) + Send + Sync>,
}

impl std::fmt::Debug for PodSessions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PodSessions").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// A pod with a container that a session is to run in, and what the user may do there.
#[derive(Debug, Clone)]
pub struct PodTarget {
    pod: Pod,
    container: String,
    /// Why the user may not debug it.
    denied: Option<Error>,
}

impl PodSessions {
    /// Sessions on this cluster. `report` is called with notes for the user.
    pub fn new(cluster: &Cluster, report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { cluster: cluster.clone(), report: Arc::new(report) }
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
