//! The configuration that a container is created from: that of an image, or the container's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::platform::Platform;

/// The search path that Docker, containerd and Podman use if the configuration sets none.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What to run, and how. The JSON fields are those of the OCI image configuration's `config`
/// object, which Docker's `Config` shares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfigFacts {
    /// The program and its first arguments.
    #[serde(deserialize_with = "entrypoint")]
    pub entrypoint: Vec<String>,
    /// Further arguments, or the complete command if there is no entrypoint.
    #[serde(deserialize_with = "or_default", rename = "Cmd")]
    pub command: Vec<String>,
    /// `NAME=value` entries.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// `user` or `user:group`, as names or numbers; empty for root.
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    /// The working directory; empty for `/`.
    #[serde(deserialize_with = "or_default", rename = "WorkingDir")]
    pub working_directory: String,
    /// The health check (Docker's extension of the OCI configuration).
    pub healthcheck: Option<Healthcheck>,
    /// The signal that asks the program to end, such as `SIGTERM` or `15`; empty for SIGTERM.
    #[serde(deserialize_with = "or_default")]
    pub stop_signal: String,
    /// Where anonymous volumes are mounted.
    #[serde(deserialize_with = "keys")]
    pub volumes: Vec<String>,
    /// The platform that the image declares.
    #[serde(skip)]
    pub platform: Option<Platform>,
}

/// A health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// Empty (inherited), `NONE`, `CMD` and an argument vector, or `CMD-SHELL` and one shell line.
    #[serde(deserialize_with = "or_default")]
    pub test: Vec<String>,
}

/// The configuration does not follow its specification.
#[derive(Debug, thiserror::Error)]
#[error("the image configuration is not valid: {0}: rebuild the image, or export it again")]
pub struct ConfigError(#[from] serde_json::Error);

#[derive(Deserialize)]
struct ImageConfiguration {
    #[serde(default, deserialize_with = "or_default")]
    os: String,
    #[serde(default, deserialize_with = "or_default")]
    architecture: String,
    #[serde(default, deserialize_with = "or_default")]
    variant: String,
    #[serde(default, deserialize_with = "or_default")]
    config: ConfigFacts,
}

/// Reads `null` as the default value: Docker and others write `null` instead of omitting a field.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Engines take one empty string for no entrypoint: `docker run --entrypoint ''` resets it, and the
/// kubelet does the same.
fn entrypoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words: Vec<String> = or_default(deserializer)?;
    Ok(if matches!(&words[..], [only] if only.is_empty()) { Vec::new() } else { words })
}

/// Returns the keys of an object, whose values are ignored.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let object: Option<BTreeMap<String, serde_json::Value>> = Option::deserialize(deserializer)?;
    Ok(object.unwrap_or_default().into_keys().collect())
}

impl ConfigFacts {
    /// Parses an image configuration (`application/vnd.oci.image.config.v1+json`, or Docker's
    /// format with the same fields).
    ///
    /// # Errors
    /// [`ConfigError`] if the text is not JSON or a field has the wrong type.
    pub fn from_image_json(json: &[u8]) -> Result<Self, ConfigError> {
        Self::from_image(serde_json::from_slice(json)?)
    }

    /// Like [`from_image_json`](Self::from_image_json), for a parsed document.
    ///
    /// # Errors
    /// [`ConfigError`] if a field has the wrong type.
    pub fn from_image(document: serde_json::Value) -> Result<Self, ConfigError> {
        let image: ImageConfiguration = serde_json::from_value(document)?;
        let mut config = image.config;
        if !image.os.is_empty() && !image.architecture.is_empty() {
            config.platform =
                Some(Platform::new(&image.os, &image.architecture, Some(&image.variant)));
        }
        Ok(config)
    }

    /// Returns the argument vector that is executed.
    pub fn arguments(&self) -> Vec<&str> {
        self.entrypoint.iter().chain(&self.command).map(String::as_str).collect()
    }

    /// Returns the value of an environment variable. The last of several entries counts.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
    }

    /// Returns the search path for programs without a slash in their name.
    pub fn search_path(&self) -> &str {
        self.variable("PATH").unwrap_or(DEFAULT_PATH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_and_oci_spellings() {
        let json = br#"{
            "architecture": "arm64", "os": "linux", "variant": "v8", "rootfs": {"type": "layers", "diff_ids": []},
            "config": {
                "Entrypoint": ["/app"], "Cmd": null, "Env": ["A=1", "A=2", "PATH=/x"], "User": "65532:65532",
                "WorkingDir": "/srv", "StopSignal": "SIGINT", "Healthcheck": {"Test": ["CMD-SHELL", "curl x"], "Interval": 5}
            }
        }"#;
        let config = ConfigFacts::from_image_json(json).unwrap();
        assert_eq!(config.arguments(), ["/app"]);
        assert_eq!(config.variable("A"), Some("2"));
        assert_eq!(config.search_path(), "/x");
        assert_eq!(config.platform.unwrap().to_string(), "linux/arm64");
        assert_eq!(config.healthcheck.unwrap().test, ["CMD-SHELL", "curl x"]);

        let empty = ConfigFacts::from_image_json(br#"{"config": null}"#).unwrap();
        assert_eq!(empty, ConfigFacts::default());
        assert_eq!(empty.search_path(), DEFAULT_PATH);
        assert_eq!(ConfigFacts::from_image_json(b"{}").unwrap(), ConfigFacts::default());
        for (entrypoint, arguments) in [
            ("[\"\"]", &["b"][..]),
            ("[]", &["b"]),
            ("[\"\",\"\"]", &["", "", "b"]),
            ("[\"\",\"a\"]", &["", "a", "b"]),
        ] {
            let json =
                format!("{{\"config\": {{\"Entrypoint\": {entrypoint}, \"Cmd\": [\"b\"]}}}}");
            assert_eq!(
                ConfigFacts::from_image_json(json.as_bytes()).unwrap().arguments(),
                arguments,
                "{entrypoint}"
            );
        }
        for bad in [&b""[..], b"7", b"{\"config\": {\"Env\": 1}}", b"\xff"] {
            assert!(ConfigFacts::from_image_json(bad).is_err());
        }
    }
}
