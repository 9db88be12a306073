//! A connection to a cluster.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scratchdbg_backend::{self as backend, Scope};
use tokio::sync::Semaphore;

use crate::client::Client;
use crate::config::{ConnectionRequest, Problem, Settings};
use crate::container_id::ContainerId;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::link::Link;
use crate::logs::CleanEnds;
use crate::model::Pod;
use crate::transport;

/// A connection to a cluster, for one namespace or for all of them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) client: Client,
    /// The namespace of objects that are named without one.
    namespace: Arc<str>,
    options: Arc<Options>,
    /// Limits how many streams are opened at the same time.
    pub(crate) opening: Arc<Semaphore>,
    pub(crate) clean_ends: Arc<CleanEnds>,
    /// The ends of runs, by the runtime's container id.
    pub(crate) run_ends: Arc<Mutex<HashMap<String, Timestamp>>>,
    recent: Arc<Mutex<RecentPods>>,
}

/// Recently read pods by namespace and name, with the time of the request.
type RecentPods = HashMap<(String, String), (Instant, Arc<Pod>)>;

/// Selects objects of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether lists contain the objects of all namespaces.
    pub all_namespaces: bool,
    /// The containers of a pod that are selected.
    pub containers: ContainerChoice,
}

/// Selects containers of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ContainerChoice {
    /// The container that kubectl selects: the one that the pod's annotation names, or the first.
    #[default]
    Default,
    /// The container with this name. Pods without such a container are left out.
    Named(String),
    /// All containers, including init and ephemeral containers.
    All,
}

/// How many streams are opened at the same time.
const OPENED_AT_A_TIME: usize = 8;

/// The maximum age of a cached pod where pods are read repeatedly. The status of a pod lags by some
/// seconds anyway.
const RECENT: Duration = Duration::from_millis(700);

impl Cluster {
    /// Reads the configuration, gets the credentials, and prepares a connection. Sends no request
    /// to the API server.
    pub async fn connect(
        request: &ConnectionRequest,
        scope: &Scope,
    ) -> Result<Self, backend::Error> {
        let dialog = request.dialog;
        let request = request.clone();
        let read = tokio::task::spawn_blocking(move || request.read());
        let read = tokio::select! {
            read = read => read,
            () = scope.canceled() => return Err(Error::NotConnected { place: Arc::default() }.into()),
        };
        let what = "cannot read the Kubernetes configuration";
        let read = read.map_err(|_| Error::config(what, Problem::Other("a thread has failed")));
        let Settings { config, login, place, namespace } = read??;
        let place = Arc::new(place);
        // This may run a program that asks for a password.
        let credentials = tokio::select! {
            credentials = Credentials::get(login, dialog) => credentials,
            () = scope.canceled() => return Err(Error::NotConnected { place }.into()),
        };
        let credentials = credentials.map_err(|error| Error::Credentials {
            place: Arc::clone(&place),
            reason: error.to_string(),
        })?;
        let inner = transport::client(&config, &credentials)
            .map_err(|problem| Error::config(format!("cannot connect to {place}"), problem))?;
        let client = Client {
            inner,
            place,
            scope: scope.clone(),
            clock: Arc::default(),
            link: Link::default(),
            credentials,
        };
        Ok(Self {
            client,
            namespace: namespace.into(),
            options: Arc::default(),
            opening: Arc::new(Semaphore::new(OPENED_AT_A_TIME)),
            clean_ends: Arc::default(),
            run_ends: Arc::default(),
            recent: Arc::default(),
        })
    }

    /// Returns the same connection with other options.
    #[must_use]
    pub fn with(self, options: Options) -> Self {
        Self { options: Arc::new(options), ..self }
    }

    /// Returns the namespace whose objects are listed, or `None` for all namespaces.
    pub(crate) fn namespaces(&self) -> Option<&str> {
        (!self.options.all_namespaces).then_some(&*self.namespace)
    }

    pub(crate) fn choice(&self) -> &ContainerChoice {
        &self.options.containers
    }

    /// Reads the pod of a container. If the id has a `uid`, another pod of the same name is an
    /// error.
    pub(crate) async fn fresh_pod(&self, id: &ContainerId) -> Result<Arc<Pod>, Error> {
        let pod = Arc::new(self.client.pod(&id.namespace, &id.pod).await?);
        let key = (id.namespace.clone(), id.pod.clone());
        self.recent().insert(key, (Instant::now(), Arc::clone(&pod)));
        check_uid(id, pod)
    }

    /// Returns the pod of a container, from the cache if it was read a moment ago.
    pub(crate) async fn recent_pod(&self, id: &ContainerId) -> Result<Arc<Pod>, Error> {
        let known = self.recent().get(&(id.namespace.clone(), id.pod.clone())).cloned();
        match known {
            Some((at, pod)) if at.elapsed() < RECENT => check_uid(id, pod),
            _ => self.fresh_pod(id).await,
        }
    }

    fn recent(&self) -> MutexGuard<'_, RecentPods> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the name of a container for display. The pod's name suffices if the pod has one
    /// container. The namespace precedes the name if several namespaces are listed.
    pub(crate) fn display_name(&self, pod: &Pod, container: &str) -> String {
        let name = &pod.metadata.name;
        let name = if pod.all_containers().count() > 1 {
            format!("{name}/{container}")
        } else {
            name.clone()
        };
        if self.options.all_namespaces {
            format!("{}/{name}", pod.metadata.namespace)
        } else {
            name
        }
    }

    /// Returns the namespace of objects that are named without one.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the cluster's address and context for messages.
    pub fn place(&self) -> String {
        self.client.place.to_string()
    }

    /// Returns the scope of the command that uses this connection.
    pub fn scope(&self) -> &Scope {
        &self.client.scope
    }
}

fn check_uid(id: &ContainerId, pod: Arc<Pod>) -> Result<Arc<Pod>, Error> {
    match &id.uid {
        Some(uid) if *uid != pod.metadata.uid => Err(Error::PodGone { pod: id.pod.clone() }),
        _ => Ok(pod),
    }
}

impl ConnectionRequest {
    /// Splits a list of files in the format of `KUBECONFIG`.
    pub fn files_of(text: &std::ffi::OsStr) -> Vec<PathBuf> {
        std::env::split_paths(text).filter(|path| !path.as_os_str().is_empty()).collect()
    }
}
