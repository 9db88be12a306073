//! The configuration of a connection: kubeconfig files, or the environment of a pod.

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

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
}

/// A configuration that was read.
pub(crate) struct Settings {
    pub(crate) config: Config,
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
        let options =
            KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
        let what = format!("cannot use context `{context}` of the Kubernetes configuration");
        let config = now(Config::from_custom_kubeconfig(kubeconfig, &options));
        let config = config.ok_or_else(|| Error::config(&what, "it is not read at once"))?;
        let config = config.map_err(|error| Error::config(what, error))?;
        Ok(self.settings(config, Some(context)))
    }

    fn in_pod(&self) -> Result<Settings, Error> {
        let config = Config::incluster()
            .map_err(|error| Error::config("cannot use the pod's service account", error))?;
        Ok(self.settings(config, None))
    }

    fn settings(&self, mut config: Config, context: Option<String>) -> Settings {
        // Requests have their own deadlines: the limit for the first byte depends on the request.
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // A retry inside `kube` would hide an API server that is unhealthy.
        config.default_retry = false;
        let place = Place { server: without_user(&config.cluster_url.to_string()), context };
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Settings { config, place, namespace }
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
                    merged.merge(next).map_err(|error| Error::config(what, error))?
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

/// Reads one file. Relative paths in the file become absolute.
fn read(file: &Path) -> Result<Kubeconfig, Error> {
    let what = || format!("cannot use the Kubernetes configuration {}", file.display());
    Kubeconfig::read_from(file).map_err(|error| Error::config(what(), error))
}

/// Returns the result of a future that is ready at once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    use futures_util::FutureExt as _;
    future.now_or_never()
}

/// Removes the user and password from a URL.
fn without_user(url: &str) -> String {
    let trimmed = url.trim_end_matches('/');
    match trimmed
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?.1)))
    {
        Some((scheme, rest)) => format!("{scheme}://{rest}"),
        None => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(
        folder: &Path,
        name: &str,
        contexts: &[(&str, &str)],
        current: Option<&str>,
    ) -> PathBuf {
        use std::fmt::Write as _;
        let mut text = "apiVersion: v1\nkind: Config\n".to_owned();
        if let Some(current) = current {
            writeln!(text, "current-context: {current}").unwrap();
        }
        for (part, key, body) in [
            ("clusters", "cluster", "{server: \"https://NAME.example:6443\"}"),
            ("users", "user", "{token: t}"),
            ("contexts", "context", "{cluster: NAME, user: NAME, namespace: SPACE}"),
        ] {
            writeln!(text, "{part}:").unwrap();
            for (context, namespace) in contexts {
                let body = body.replace("NAME", context).replace("SPACE", namespace);
                writeln!(text, "- name: {context}\n  {key}: {body}").unwrap();
            }
        }
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn files_are_merged_and_contexts_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let a = write(folder.path(), "a", &[("alpha", "one")], Some("alpha"));
        let b = write(folder.path(), "b", &[("beta", "two")], Some("beta"));
        let missing = folder.path().join("missing");
        let request = ConnectionRequest {
            files: vec![missing.clone(), a.clone(), b.clone()],
            ..ConnectionRequest::default()
        };
        let settings = request.read().unwrap();
        assert_eq!(
            settings.place.to_string(),
            "the cluster at https://alpha.example:6443 (context `alpha`)"
        );
        assert_eq!(settings.namespace, "one");
        let other = ConnectionRequest {
            context: Some("beta".into()),
            namespace: Some("three".into()),
            ..request.clone()
        };
        let settings = other.read().unwrap();
        assert_eq!(
            (settings.place.server.as_str(), settings.namespace.as_str()),
            ("https://beta.example:6443", "three")
        );
        let wrong = ConnectionRequest { context: Some("gamma".into()), ..request.clone() };
        assert!(
            matches!(wrong.read(), Err(Error::NoContext { contexts, .. }) if contexts == ["alpha", "beta"])
        );
        let one = ConnectionRequest { file: Some(b), ..request };
        assert_eq!(one.read().unwrap().namespace, "two");
        let gone =
            ConnectionRequest { file: Some(missing.clone()), ..ConnectionRequest::default() };
        assert!(matches!(gone.read(), Err(Error::Config { .. })));
        let none =
            ConnectionRequest { default_file: Some(missing), ..ConnectionRequest::default() };
        assert!(matches!(none.read(), Err(Error::NoConfig { .. })));
    }

    #[test]
    fn a_context_must_be_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), "a", &[("alpha", "one"), ("beta", "two")], None);
        let request = ConnectionRequest { file: Some(file), ..ConnectionRequest::default() };
        assert!(
            matches!(request.read(), Err(Error::NoCurrentContext { contexts }) if contexts.len() == 2)
        );
    }

    #[test]
    fn broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        for text in ["a: [", "contexts: 7", "\u{0}"] {
            fs::write(&file, text).unwrap();
            let request =
                ConnectionRequest { file: Some(file.clone()), ..ConnectionRequest::default() };
            let Err(error) = request.read() else { panic!("{text:?} is read") };
            assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        assert_eq!(without_user("https://u:p@k.example:6443/"), "https://k.example:6443");
        assert_eq!(without_user("https://k.example/"), "https://k.example");
    }
}
