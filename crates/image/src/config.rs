//! The image config: `application/vnd.oci.image.config.v1+json`.
//!
//! The types of `oci-spec` do not support `Healthcheck`, `Shell` or `OnBuild`, and would lose them
//! on reading and writing. The types here keep them, and all unknown keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{Digest, Platform};

/// An image config (OCI image-spec, config; Docker's additions from docker-image-spec).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// The creation time, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// `GOARCH`. Empty if the document has none, as Docker reads it.
    #[serde(default)]
    pub architecture: String,
    /// CPU variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// `GOOS`.
    #[serde(default)]
    pub os: String,
    /// The defaults of containers created from the image.
    #[serde(default, deserialize_with = "or_default")]
    pub config: ContainerConfig,
    /// The layers, from the bottom up.
    #[serde(default)]
    pub rootfs: RootFs,
    /// How each layer was created.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
    /// All other keys.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Accepts `null`, which engines treat as an empty value.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ImageConfig {
    /// The platform that the config declares.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

/// The `config` object of an image config. Empty fields are not written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// User and optional group, separated by a colon, by number or name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Keys are `PORT/PROTOCOL`, values empty objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed_ports: Option<BTreeMap<String, Value>>,
    /// `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// The program and its fixed arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// The default arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Keys are paths, values empty objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<BTreeMap<String, Value>>,
    /// Working directory.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Signal name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Docker's health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// All other keys: `Shell`, `OnBuild`, `ArgsEscaped` and future ones.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Docker's health check. Times are in nanoseconds; absent means Docker's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", program, argument...]` or `["CMD-SHELL", line]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Vec<String>>,
    /// The time between two checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    /// The time limit of one check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// The time at the start in which failures do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_period: Option<i64>,
    /// The time between two checks during the start period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<i64>,
    /// The number of consecutive failures that make a container unhealthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<i64>,
}

/// The `rootfs` object of an image config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Digests of the uncompressed layers, from the bottom up.
    pub diff_ids: Vec<Digest>,
}

impl Default for RootFs {
    fn default() -> Self {
        Self { kind: "layers".into(), diff_ids: Vec::new() }
    }
}

/// How one layer was created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The time, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// The author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether this step created no layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn nothing_is_lost_between_reading_and_writing() {
        let text = concat!(
            r#"{"architecture":"amd64","author":"me","config":{"ArgsEscaped":true,"Cmd":["a"],"Entrypoint":["/app"],"#,
            r#""Env":["A=1"],"ExposedPorts":{"80/tcp":{}},"Healthcheck":{"Interval":1,"Retries":3,"StartInterval":2,"#,
            r#""StartPeriod":4,"Test":["CMD","/app"],"Timeout":5},"Labels":{"a":"b"},"OnBuild":["RUN x"],"#,
            r#""Shell":["/bin/sh"],"StopSignal":"SIGINT","User":"1:2","Volumes":{"/v":{}},"WorkingDir":"/w"},"#,
            r#""created":"1970-01-01T00:00:00Z","history":[{"created_by":"x","empty_layer":true}],"os":"linux","#,
            r#""os.version":"1","rootfs":{"diff_ids":[],"type":"layers"},"variant":"v2"}"#
        );
        let config: ImageConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.config.healthcheck.as_ref().unwrap().start_interval, Some(2));
        assert_eq!(String::from_utf8(json::canonical(&config).unwrap()).unwrap(), text);
    }

    #[test]
    fn null_and_absent_are_read_alike() {
        let config: ImageConfig = serde_json::from_str(
            r#"{"architecture":"arm64","os":"linux","config":{"Cmd":null,"Env":null,"Labels":null},"rootfs":{"type":"layers","diff_ids":[]}}"#,
        )
        .unwrap();
        assert_eq!(config.config, ContainerConfig::default());
        assert_eq!(config.platform(), Platform::linux("arm64"));
        let empty = r#"{"architecture":"arm64","os":"linux","config":null,"history":null}"#;
        assert_eq!(
            serde_json::from_str::<ImageConfig>(empty).unwrap().config,
            ContainerConfig::default()
        );
    }
}
