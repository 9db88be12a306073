//! The credentials in Docker's `config.json`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use scratchdbg_secrets::Secret;
use serde::Deserialize;

use super::{Credential, CredentialError};
use crate::origin::HUB;

/// The largest accepted file.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Base64 with optional padding, because some tools omit it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

/// Not `Debug`: it contains passwords.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    identitytoken: String,
    #[serde(default)]
    registrytoken: String,
}

/// The parsed file.
pub(super) struct ConfigFile {
    path: PathBuf,
    content: Content,
}

impl ConfigFile {
    /// Reads the file. Returns `None` if there is none. Blocking.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, CredentialError> {
        let failed = |reason: String| CredentialError::Config { path: path.to_owned(), reason };
        let bytes = match scratchdbg_files::read(path, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        // Report only the position: the message may quote the file's content.
        let not_json = |error: serde_json::Error| {
            failed(format!("it is not what it should be at line {}", error.line()))
        };
        let content = serde_json::from_slice(&bytes).map_err(not_json)?;
        Ok(Some(Self { path: path.to_owned(), content }))
    }

    /// Returns the helper for a registry.
    pub(super) fn helper(&self, registry: &str, key: &str) -> Option<&str> {
        let own =
            self.content.cred_helpers.get(key).or_else(|| self.content.cred_helpers.get(registry));
        own.or(self.content.creds_store.as_ref())
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// Returns the file's own entry for a registry.
    pub(super) fn entry(
        &self,
        registry: &str,
        key: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        let auths = &self.content.auths;
        // Older clients wrote the address of the registry's API.
        let same_host = || {
            auths.iter().find(|(name, _)| host(name) == registry || is_hub(registry, host(name)))
        };
        let Some((key, entry)) = auths.get_key_value(key).or_else(same_host) else {
            return Ok(None);
        };
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        if let Some(token) = some(&entry.registrytoken) {
            return Ok(Some(Credential::Registry(Secret::new(token))));
        }
        if let Some(token) = some(&entry.identitytoken) {
            return Ok(Some(Credential::Identity(Secret::new(token))));
        }
        let (username, password) = match some(&entry.auth) {
            Some(auth) => decode(&auth).ok_or_else(|| CredentialError::Entry {
                path: self.path.clone(),
                key: key.clone(),
            })?,
            None => (entry.username.clone(), entry.password.clone()),
        };
        if username.is_empty() && password.is_empty() {
            return Ok(None);
        }
        Ok(Some(Credential::Login { username, password: Secret::new(password) }))
    }
}

/// Decodes `user:password` in base64. Some tools append zero bytes.
fn decode(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(auth).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// Returns the host, with its port, of a key that may be a URL.
fn host(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split('/').next().unwrap_or(rest)
}

fn is_hub(registry: &str, host: &str) -> bool {
    registry == HUB && matches!(host, "index.docker.io" | "registry-1.docker.io")
}
