//! The configuration of a connection: kubeconfig files, or the environment of a pod.

mod address;
mod file;
mod login;
mod problem;
mod select;

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{InClusterError, Kubeconfig};

pub(crate) use self::problem::Problem;
use crate::credentials::{Dialog, Login, Source};
use crate::error::Error;
use crate::place::Place;

/// The cluster that a user names. The caller reads the environment.
#[derive(Debug, Clone, Default)]
pub struct ConnectionRequest {
    /// The file that the command line names. It must exist, and no other file is read.
    pub file: Option<PathBuf>,
    /// The files of `KUBECONFIG`, merged: earlier files take precedence. Missing files are ignored.
    pub files: Vec<PathBuf>,
    /// The file that is read if none is named: `.kube/config` in the home directory.
    pub default_file: Option<PathBuf>,
    /// The context to use instead of the current one.
    pub context: Option<String>,
    /// The namespace to use instead of the context's.
    pub namespace: Option<String>,
    /// Whether this process runs in a pod, with the API server's address in its environment.
    pub is_in_pod: bool,
    /// How a credential program can deal with the user.
    pub dialog: Dialog,
}

/// A configuration that was read. Not `Debug`: it contains secrets.
pub(crate) struct Settings {
    /// The connection, without credentials.
    pub(crate) config: Config,
    pub(crate) login: Login,
    pub(crate) place: Place,
    pub(crate) namespace: String,
}

impl ConnectionRequest {
    /// Reads the configuration. Blocks on files.
    pub(crate) fn read(&self) -> Result<Settings, Error> {
        let Some((kubeconfig, named)) = self.kubeconfig()? else {
            return if self.is_in_pod { self.in_pod() } else { Err(self.nothing_found()) };
        };
        let contexts =
            || kubeconfig.contexts.iter().map(|context| context.name.clone()).collect::<Vec<_>>();
        let context = match (&self.context, &kubeconfig.current_context) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) if !name.is_empty() => name.clone(),
            // A kubeconfig without a context selects no cluster. In a pod, the pod's own
            // configuration is used then.
            (None, _) if self.is_in_pod && !named => return self.in_pod(),
            (None, _) => return Err(Error::NoCurrentContext { contexts: contexts() }),
        };
        if !kubeconfig.contexts.iter().any(|each| each.name == context) {
            return Err(Error::NoContext { name: context, contexts: contexts() });
        }
        let what = || format!("cannot use context `{context}` of the Kubernetes configuration");
        let selected = select::select(&kubeconfig, &context);
        let (config, login) = selected.map_err(|problem| Error::config(what(), problem))?;
        Ok(self.settings(config, login, Some(context)))
    }

    fn in_pod(&self) -> Result<Settings, Error> {
        let mut config = Config::incluster().map_err(|error| {
            let problem = Problem::Other(match error {
                InClusterError::ReadDefaultNamespace(_) => "its namespace cannot be read",
                InClusterError::ReadCertificateBundle(_) => "its certificates cannot be read",
                InClusterError::ParseCertificates(_) => "its certificates are invalid",
                _ => "the address of the API server in the environment is invalid",
            });
            Error::config("cannot use the pod's service account", problem)
        })?;
        let token = std::mem::take(&mut config.auth_info).token_file;
        let source = token.map_or(Source::None, |path| Source::File(path.into()));
        Ok(self.settings(config, Login { source, identity: None }, None))
    }

    fn settings(&self, mut config: Config, login: Login, context: Option<String>) -> Settings {
        // Requests have their own deadlines: the limit for the first byte depends on the request.
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // A retry inside `kube` would hide an API server that is unhealthy.
        config.default_retry = false;
        let place = Place { server: address::shown(&config.cluster_url), context };
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Settings { config, login, place, namespace }
    }

    /// Returns the merged files, and whether the user named them. Returns `None` if there are none.
    pub(crate) fn kubeconfig(&self) -> Result<Option<(Kubeconfig, bool)>, Error> {
        if let Some(file) = &self.file {
            return Ok(Some((read(file)?, true)));
        }
        let named = !self.files.is_empty();
        let files = if named { &self.files[..] } else { self.default_file.as_slice() };
        let mut merged: Option<Kubeconfig> = None;
        for file in files.iter().filter(|file| file.exists()) {
            let next = read(file)?;
            merged = Some(match merged {
                None => next,
                Some(merged) => {
                    let what = format!(
                        "cannot merge {} into the Kubernetes configuration",
                        file.display()
                    );
                    let merged = merged.merge(next);
                    merged.map_err(|error| Error::config(what, file::of_merge(&error)))?
                }
            });
        }
        Ok(merged.map(|merged| (merged, named)))
    }

    fn nothing_found(&self) -> Error {
        let looked_at = if self.files.is_empty() {
            self.default_file.iter().cloned().collect()
        } else {
            self.files.clone()
        };
        Error::NoConfig { looked_at }
    }
}

/// How long it may take to establish a connection.
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

fn read(path: &Path) -> Result<Kubeconfig, Error> {
    let what = || format!("cannot use the Kubernetes configuration {}", path.display());
    file::read(path).map_err(|problem| Error::config(what(), problem))
}

/// Returns the result of a future that is ready at once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    use futures_util::FutureExt as _;
    future.now_or_never()
}

#[cfg(test)]
mod tests;
