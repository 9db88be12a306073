//! A connection to a cluster.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scratchdbg_backend::{self as backend, Scope};
use tokio::sync::Semaphore;

use crate::client::{Client, credentials};
use crate::config::{ConnectionRequest, Settings};
use crate::container_id::ContainerId;
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
        let request = request.clone();
        // This reads files, and may run a program that asks for a password.
        let prepared = tokio::task::spawn_blocking(move || prepare(&request));
        let prepared = tokio::select! {
            prepared = prepared => prepared,
            () = scope.canceled() => return Err(Error::NotConnected { place: Arc::default() }.into()),
        };
        let (settings_place, namespace, inner) = prepared
            .map_err(|error| Error::config("cannot read the Kubernetes configuration", error))
            .and_then(|prepared| prepared)?;
        let client = Client {
            inner,
            place: settings_place,
            scope: scope.clone(),
            clock: Arc::default(),
            link: Link::default(),
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

fn prepare(
    request: &ConnectionRequest,
) -> Result<(Arc<crate::place::Place>, String, kube::Client), Error> {
    let Settings { config, place, namespace } = request.read()?;
    let place = Arc::new(place);
    // This runs the credential program, if the configuration names one.
    let client = transport::client(&config).map_err(|error| match error {
        kube::Error::Auth(error) => {
            Error::Credentials { place: Arc::clone(&place), reason: credentials(&error) }
        }
        error => Error::config(format!("cannot connect to {place}"), error),
    })?;
    Ok((place, namespace, client))
}

impl ConnectionRequest {
    /// Splits a list of files in the format of `KUBECONFIG`.
    pub fn files_of(text: &std::ffi::OsStr) -> Vec<PathBuf> {
        std::env::split_paths(text).filter(|path| !path.as_os_str().is_empty()).collect()
    }
}
