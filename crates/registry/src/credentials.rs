//! Docker's credentials: its configuration file and its helper programs.

mod config_file;
mod helper;

use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchdbg_secrets::Secret;

use self::config_file::ConfigFile;
use crate::origin::HUB;

/// The name of Docker Hub in Docker's configuration.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The time limit for a helper, which may ask the user to unlock a key ring.
const HELPER_TIMEOUT: Duration = Duration::from_mins(1);

/// A user's credential for a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A user name, and a password or a token in its place.
    Login { username: String, password: Secret },
    /// A token that the token server exchanges for other tokens (OAuth 2 refresh token).
    Identity(Secret),
    /// A token for the registry itself.
    Registry(Secret),
}

/// Why credentials cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Docker's configuration file exists, but is unusable.
    #[error("cannot read {}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The file's entry for a registry is invalid.
    #[error("the credentials for {key} in {} are malformed", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The registry's name in the file.
        key: String,
    },
    /// The helper program failed.
    #[error("the credential helper `{program}` {reason}")]
    Helper {
        /// The program.
        program: String,
        /// The failure, as the predicate of a sentence about the program.
        reason: String,
    },
}

impl CredentialError {
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Config { .. } => "it should be JSON, as `docker login` writes it".to_owned(),
            Self::Entry { .. } => "`docker login` writes them again".to_owned(),
            Self::Helper { program, .. } => {
                format!(
                    "test it: `echo REGISTRY | {program} get`; Docker's config.json names it (credsStore, credHelpers)"
                )
            }
        }
    }
}

/// The source of credentials.
#[derive(Clone, Debug)]
pub(crate) struct CredentialStore {
    /// The directory of Docker's `config.json`.
    folder: Option<PathBuf>,
    helper_timeout: Duration,
}

impl CredentialStore {
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        Self { folder: folder.map(Path::to_owned), helper_timeout: HELPER_TIMEOUT }
    }

    /// Returns the credential for `registry`, a host with an optional port as in image names.
    /// Credentials are looked up anew each time, so that no secret stays in memory longer than
    /// necessary.
    pub(crate) async fn find(&self, registry: &str) -> Result<Option<Credential>, CredentialError> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let path = folder.join("config.json");
        let failed =
            |reason: String| CredentialError::Config { path: folder.join("config.json"), reason };
        let read = tokio::task::spawn_blocking(move || ConfigFile::read(&path)).await;
        let Some(file) = read.map_err(|error| failed(error.to_string()))?? else { return Ok(None) };
        let key = if registry == HUB { HUB_KEY } else { registry };
        if let Some(name) = file.helper(registry, key)
            && let Some(credential) = helper::ask(name, key, self.helper_timeout).await?
        {
            return Ok(Some(credential));
        }
        file.entry(registry, key)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn store(config: &str) -> (tempfile::TempDir, CredentialStore) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config).unwrap();
        let store = CredentialStore {
            helper_timeout: Duration::from_millis(500),
            ..CredentialStore::new(Some(folder.path()))
        };
        (folder, store)
    }

    fn login(username: &str, password: &str) -> Credential {
        Credential::Login { username: username.into(), password: Secret::new(password) }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!(
            "{:?} {:?}",
            login("user", "hidden-word"),
            Credential::Identity(Secret::new("hidden-word"))
        );
        assert!(!shown.contains("hidden-word"), "{shown}");
    }

    #[tokio::test]
    async fn the_file_has_them_by_host() {
        // "dXNlcjpwYTpzcw==" is user:pa:ss, "Og==" is a single colon.
        let (_folder, store) = store(
            r#"{"auths": {
                "https://index.docker.io/v1/": {"auth": "dXNlcjpwYTpzcw=="},
                "https://old.example/v2/": {"auth": "dXNlcjpwYTpzcw"},
                "r.example:5000": {"username": "u", "password": "p"},
                "identity.example": {"auth": "Og==", "identitytoken": "refresh"},
                "token.example": {"registrytoken": "bearer"},
                "empty.example": {},
                "broken.example": {"auth": "!"},
                "half.example": {"auth": "dXNlcg=="}
            }, "detachKeys": "ctrl-a"}"#,
        );
        for (registry, expected) in [
            ("docker.io", Some(login("user", "pa:ss"))),
            ("old.example", Some(login("user", "pa:ss"))),
            ("r.example:5000", Some(login("u", "p"))),
            ("r.example", None),
            ("identity.example", Some(Credential::Identity(Secret::new("refresh")))),
            ("token.example", Some(Credential::Registry(Secret::new("bearer")))),
            ("empty.example", None),
            ("unknown.example", None),
        ] {
            assert_eq!(store.find(registry).await.unwrap(), expected, "{registry}");
        }
        for registry in ["broken.example", "half.example"] {
            let error = store.find(registry).await.unwrap_err();
            assert!(
                matches!(&error, CredentialError::Entry { key, .. } if key == registry),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn no_file_is_no_credentials_and_a_bad_one_an_error() {
        assert_eq!(CredentialStore::new(None).find("r.example").await.unwrap(), None);
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(CredentialStore::new(Some(empty.path())).find("r.example").await.unwrap(), None);
        for bad in ["", "{", r#"{"auths": []}"#] {
            let (_folder, store) = store(bad);
            assert!(
                matches!(store.find("r.example").await, Err(CredentialError::Config { .. })),
                "{bad}"
            );
        }
    }

    /// Creates a helper that is named by its path, because tests must not change this process's
    /// PATH.
    fn helper(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("docker-credential-test");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn helpers_are_asked_without_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        let ask = async |script: &str| {
            let path = helper(folder.path(), script);
            helper::run(&path, "r.example; echo $HOME", Duration::from_millis(500)).await
        };
        let answer = r#"[ "$1" = get ] && [ "$(cat)" = 'r.example; echo $HOME' ] && echo '{"Username":"u","Secret":"p"}'"#;
        assert_eq!(ask(answer).await.unwrap(), Some(login("u", "p")));
        let identity = r#"cat >/dev/null; echo '{"Username":"<token>","Secret":"refresh"}'"#;
        assert_eq!(
            ask(identity).await.unwrap(),
            Some(Credential::Identity(Secret::new("refresh")))
        );
        assert_eq!(
            ask("echo credentials not found in native keychain; exit 1").await.unwrap(),
            None
        );
        for (script, part) in [
            ("echo no credentials server URL; exit 1", "failed: no credentials server URL"),
            // What else a helper says may have the secret in it.
            ("echo hidden-word; exit 1", "ended with exit code 1"),
            ("echo '{\"Username\":\"u\",\"Secret\":\"hidden-word\"}'; exit 2", "exit code 2"),
            ("echo '{\"Secret\":\"hidden-word\"}'; kill -9 $$", "signal 9"),
            ("echo '{\"Secret\": \"hidden-word\"'", "no JSON"),
            ("exit 3", "3"),
            ("exec sleep 60", "gave no answer"),
            ("exec yes", "says too much"),
        ] {
            let error = ask(script).await.unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("hidden-word"), "{script}: {error}");
        }
        // What a helper leaves in the background may keep its output open.
        let behind = r#"sleep 60 & cat >/dev/null; echo '{"Username":"u","Secret":"p"}'"#;
        let path = helper(folder.path(), behind);
        let answer = helper::run(&path, "r.example", Duration::from_secs(30)).await.unwrap();
        assert_eq!(answer, Some(login("u", "p")));
        let missing =
            helper::run(Path::new("/nonexistent/helper"), "r", Duration::from_secs(1)).await;
        assert!(missing.unwrap_err().to_string().contains("cannot be started"));
    }

    #[tokio::test]
    async fn a_configuration_that_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let error = CredentialStore::new(Some(folder.path()))
            .find("r.example")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("config.json: it is a device, not a regular file"), "{error}");
        fs::remove_file(&path).unwrap();
        fs::File::create(&path).unwrap().set_len(10 << 30).unwrap();
        let error = CredentialStore::new(Some(folder.path()))
            .find("r.example")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("config.json: it is larger than 4 MiB"), "{error}");
    }

    #[tokio::test]
    async fn a_helpers_name_is_no_path() {
        for name in ["../evil", "a/b", "", "a b"] {
            let (_folder, store) = store(&serde_json::json!({"credsStore": name}).to_string());
            let found = store.find("r.example").await;
            assert!(name.is_empty() == found.is_ok(), "{name}: {found:?}");
        }
    }
}
