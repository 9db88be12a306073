//! A connection to a cluster.

use std::path::PathBuf;
use std::sync::Arc;

use kube::client::ClientBuilder;
use scratchdbg_backend::{self as backend, Scope};

use crate::client::{Client, credentials};
use crate::config::{ConnectionRequest, Settings};
use crate::error::Error;

/// A connection to a cluster, for one namespace or for all of them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) client: Client,
    /// The namespace of objects that are named without one.
    namespace: Arc<str>,
}

impl Cluster {
    /// Reads the configuration, gets the credentials, and prepares a connection. Nothing is asked of the API server yet.
    pub async fn connect(request: &ConnectionRequest, scope: &Scope) -> Result<Self, backend::Error> {
        let request = request.clone();
        // Files are read, and a program may be run that asks for a password.
        let prepared = tokio::task::spawn_blocking(move || prepare(&request));
        let prepared = tokio::select! {
            prepared = prepared => prepared,
            () = scope.canceled() => return Err(Error::NotConnected { place: Arc::default() }.into()),
        };
        let (settings_place, namespace, inner) = prepared
            .map_err(|error| Error::config("cannot read the Kubernetes configuration", error))
            .and_then(|prepared| prepared)?;
        let client = Client { inner, place: settings_place, scope: scope.clone() };
        Ok(Self { client, namespace: namespace.into() })
    }

    /// The namespace of objects that are named without one.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where it is, for messages.
    pub fn place(&self) -> String {
        self.client.place.to_string()
    }

    /// The lifetime of the command that it is part of.
    pub fn scope(&self) -> &Scope {
        &self.client.scope
    }
}

fn prepare(request: &ConnectionRequest) -> Result<(Arc<crate::place::Place>, String, kube::Client), Error> {
    let Settings { config, place, namespace } = request.read()?;
    let place = Arc::new(place);
    // This runs the program that gives the credentials, where there is one.
    let builder = ClientBuilder::try_from(config).map_err(|error| match error {
        kube::Error::Auth(error) => Error::Credentials { place: Arc::clone(&place), reason: credentials(&error) },
        error => Error::config(format!("cannot connect to {place}"), error),
    })?;
    Ok((place, namespace, builder.build()))
}

impl ConnectionRequest {
    /// The files that a text like that of `KUBECONFIG` names.
    pub fn files_of(text: &std::ffi::OsStr) -> Vec<PathBuf> {
        std::env::split_paths(text).filter(|path| !path.as_os_str().is_empty()).collect()
    }
}
