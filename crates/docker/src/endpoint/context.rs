//! Docker's context store: `contexts/meta/<sha256 of the name>/meta.json` below the configuration
//! directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Tls;

/// The largest accepted file.
const LARGEST: u64 = 4 * 1024 * 1024;
/// The most contexts that are listed.
const MOST: usize = 1000;

/// Why a context cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// There is no context with this name.
    #[error("context `{name}` is not in Docker's context store")]
    NotFound {
        /// The context.
        name: String,
    },
    /// The stored context has no Docker endpoint.
    #[error("context `{name}` has no Docker endpoint")]
    NoDockerEndpoint {
        /// The context.
        name: String,
    },
    /// A file of the store or the configuration cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file of the store or the configuration is invalid.
    #[error("cannot understand {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
}

/// A context of the store.
#[derive(Debug)]
pub(super) struct StoredContext {
    pub(super) host: String,
    pub(super) tls: Option<Tls>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Deserialize, Default)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

/// Returns the current context of `config.json`, or `None` if there is no such file or it names no
/// context.
pub(super) fn current(config_dir: &Path) -> Result<Option<String>, ContextError> {
    let file: Option<ConfigFile> = read_json(&config_dir.join("config.json"))?;
    Ok(file.map(|file| file.current_context).filter(|name| !name.is_empty()))
}

/// Reads a context.
pub(super) fn load(config_dir: Option<&Path>, name: &str) -> Result<StoredContext, ContextError> {
    let not_found = || ContextError::NotFound { name: name.to_owned() };
    let contexts = config_dir.ok_or_else(not_found)?.join("contexts");
    let folder = folder_name(name);
    let meta: Meta =
        read_json(&contexts.join("meta").join(&folder).join("meta.json"))?.ok_or_else(not_found)?;
    let endpoint = meta
        .endpoints
        .docker
        .filter(|endpoint| !endpoint.host.is_empty())
        .ok_or_else(|| ContextError::NoDockerEndpoint { name: name.to_owned() })?;
    let files = contexts.join("tls").join(&folder).join("docker");
    let present = |file: &str| Some(files.join(file)).filter(|path| path.exists());
    let ca = present("ca.pem").filter(|_| !endpoint.skip_tls_verify);
    let identity = present("cert.pem").zip(present("key.pem"));
    let tls = (ca.is_some() || identity.is_some() || endpoint.skip_tls_verify)
        .then_some(Tls { ca, identity });
    Ok(StoredContext { host: endpoint.host, tls })
}

/// Returns the names and addresses of all contexts, in the order of their names. Those that cannot
/// be read are left out.
pub(crate) fn all(config_dir: &Path) -> Vec<(String, String)> {
    let Ok(folders) = fs::read_dir(config_dir.join("contexts/meta")) else { return Vec::new() };
    let read = |folder: PathBuf| {
        let meta: Meta = read_json(&folder.join("meta.json")).ok().flatten()?;
        Some((meta.name, meta.endpoints.docker?.host))
    };
    let folders = folders.filter_map(|folder| Some(folder.ok()?.path())).take(MOST);
    let mut contexts: Vec<_> = folders.filter_map(read).collect();
    contexts.sort();
    contexts
}

/// Returns the name of a context's directory: the SHA-256 of its name in hexadecimal.
fn folder_name(name: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(name).iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a JSON file. Returns `None` if it does not exist.
fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, ContextError> {
    let text = match scratchdbg_files::read(path, LARGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ContextError::Read { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| ContextError::Parse { path: path.to_owned(), source })
}

#[cfg(test)]
pub(super) mod tests {

    use super::*;

    pub(in crate::endpoint) fn write_context(config_dir: &Path, name: &str, host: &str) {
        let folder = config_dir.join("contexts/meta").join(folder_name(name));
        fs::create_dir_all(&folder).unwrap();
        let meta = serde_json::json!({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}});
        fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
    }

    #[test]
    fn folders_are_named_as_dockers_client_names_them() {
        // From `printf default | sha256sum`.
        assert_eq!(
            folder_name("default"),
            "37a8eec1ce19687d132fe29051dca629d164e2c4958ba141d5f4133a33f0688f"
        );
    }

    #[test]
    fn an_absent_context_is_named() {
        let home = tempfile::tempdir().unwrap();
        let error = load(Some(home.path()), "prod").unwrap_err();
        assert!(matches!(error, ContextError::NotFound { name } if name == "prod"));
    }

    #[test]
    fn a_damaged_store_names_its_file() {
        let home = tempfile::tempdir().unwrap();
        write_context(home.path(), "bad", "x");
        let meta = home.path().join("contexts/meta").join(folder_name("bad")).join("meta.json");
        fs::write(&meta, "{").unwrap();
        assert!(
            matches!(load(Some(home.path()), "bad"), Err(ContextError::Parse { path, .. }) if path == meta)
        );
    }

    #[test]
    fn tls_files_of_a_context() {
        let home = tempfile::tempdir().unwrap();
        write_context(home.path(), "safe", "tcp://h:2376");
        let files = home.path().join("contexts/tls").join(folder_name("safe")).join("docker");
        fs::create_dir_all(&files).unwrap();
        fs::write(files.join("ca.pem"), "").unwrap();
        let stored = load(Some(home.path()), "safe").unwrap();
        assert_eq!(stored.tls, Some(Tls { ca: Some(files.join("ca.pem")), identity: None }));
    }
}
