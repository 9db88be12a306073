//! The documents of a store: what they list, and what engines choose by.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ReadError;
use super::exact::{self, LISTING};
use super::names::{full_name, tag};
use crate::{Digest, Platform, annotation};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// `BuildKit` lists attestations of an image beside the image: a manifest for an unknown platform,
/// whose layers are not layers.
const ATTESTATION_TYPE: &str = "vnd.docker.reference.type";
const UNKNOWN: &str = "unknown";
/// The maximum length of a name, in bytes.
const LONGEST_NAME: usize = 1024;

/// A reference to a blob.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    annotations: Option<BTreeMap<String, String>>,
    platform: Option<ListedPlatform>,
}

/// The platform in a descriptor.
#[derive(Deserialize)]
pub(super) struct ListedPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

/// An element of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerImage {
    pub(super) config: String,
    pub(super) repo_tags: Option<Vec<String>>,
    pub(super) layers: Vec<String>,
}

/// A document as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: Option<u64>,
    media_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    annotations: Option<BTreeMap<String, String>>,
    fs_layers: Option<serde_json::Value>,
}

/// An index or a manifest.
pub(super) enum Listing {
    Index(Vec<Descriptor>),
    Manifest { config: Descriptor, layers: Vec<Descriptor>, annotations: BTreeMap<String, String> },
}

impl Listing {
    /// Reads a document. `said` is its media type by its descriptor.
    pub(super) fn read(what: &str, bytes: &[u8], said: Option<&str>) -> Result<Self, ReadError> {
        let raw: Raw = exact::parse(what, bytes, &LISTING)?;
        let invalid = |reason: &str| Err(ReadError::invalid(what, reason));
        if let (Some(own), Some(said)) = (raw.media_type.as_deref(), said)
            && own != said
        {
            return invalid("its media type is not the one of its descriptor");
        }
        if raw.schema_version.is_some_and(|version| version != 2) || raw.fs_layers.is_some() {
            return invalid(
                "it is not of schema version 2, and engines do not take it for what it seems to be",
            );
        }
        let is_known = |media_type: &str| is_index(media_type) || is_manifest(media_type);
        match (raw.media_type.as_deref().or(said), raw.manifests, raw.config, raw.layers) {
            (Some(other), ..) if !is_known(other) => {
                invalid(&format!("its media type is `{other}`, which is that of no image"))
            }
            (_, Some(_), Some(_), _) | (_, Some(_), _, Some(_)) => invalid(
                "it is an index and a manifest at once, and readers would not agree what it is",
            ),
            (Some(said), Some(_), ..) if is_manifest(said) => {
                invalid("it says that it is a manifest and is an index")
            }
            (Some(said), None, ..) if is_index(said) => {
                invalid("it says that it is an index and is none")
            }
            (_, Some(entries), ..) => Ok(Self::Index(entries)),
            (_, None, Some(config), Some(layers)) => Ok(Self::Manifest {
                config,
                layers,
                annotations: raw.annotations.unwrap_or_default(),
            }),
            _ => invalid("it is neither an index nor a manifest"),
        }
    }
}

fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_LIST)
}

fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}

impl Descriptor {
    /// The names in its annotations, which count in the `index.json` of a layout or archive. Some
    /// engines look for one annotation, others for the other.
    pub(super) fn names(&self) -> Vec<String> {
        let value = |key| self.annotations.as_ref().and_then(|annotations| annotations.get(key));
        let mut names: Vec<String> = [annotation::CONTAINERD_NAME, annotation::REF_NAME]
            .into_iter()
            .filter_map(value)
            .filter(|name| name.len() <= LONGEST_NAME)
            .cloned()
            .collect();
        // The tag of a full name is nothing new.
        if let [full, short] = &names[..]
            && (tag(full) == Some(short) || full_name(full) == full_name(short))
        {
            names.truncate(1);
        }
        names
    }

    /// The platform that engines choose it by.
    pub(super) fn platform(&self) -> Option<&ListedPlatform> {
        self.platform
            .as_ref()
            .filter(|platform| !(platform.os.is_empty() && platform.architecture.is_empty()))
    }

    /// Whether it leads to no image, and no engine chooses it by its platform. Where engines choose
    /// by name, as in the `index.json` of a layout, other things may be listed without a platform.
    pub(super) fn is_no_image(&self, by_name: bool) -> Result<bool, ReadError> {
        let is_known = is_index(&self.media_type) || is_manifest(&self.media_type);
        let is_attestation = self
            .annotations
            .as_ref()
            .is_some_and(|annotations| annotations.contains_key(ATTESTATION_TYPE));
        if is_known && !is_attestation {
            return Ok(false);
        }
        match self.platform() {
            Some(platform) if platform.os == UNKNOWN && platform.architecture == UNKNOWN => {
                Ok(true)
            }
            None if by_name => Ok(true),
            _ if is_known => Ok(false),
            _ => Err(ReadError::invalid(
                format!("manifest {}", self.digest),
                format!(
                    "its media type is `{}`, and engines may choose it by its platform",
                    self.media_type
                ),
            )),
        }
    }
}

impl ListedPlatform {
    /// Whether it is the platform that the image itself declares.
    pub(super) fn agrees(&self, own: &Platform) -> bool {
        (&self.os, &self.architecture) == (&own.os, &own.architecture)
            && (self.usual_variant() == as_engines_compare(own).2
                || self.variant_left_out_by(own).is_some())
    }

    /// The variant, if an image leaves it out of its own config, as those for Arm did.
    pub(super) fn variant_left_out_by(&self, own: &Platform) -> Option<&str> {
        let leaves_out =
            own.architecture == "arm" && own.variant.as_deref().unwrap_or_default().is_empty();
        self.variant.as_deref().filter(|variant| leaves_out && !variant.is_empty())
    }

    fn usual_variant(&self) -> String {
        usual(&self.os, &self.architecture, self.variant.as_deref()).2
    }
}

impl std::fmt::Display for ListedPlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// The operating system, the architecture and the variant of a platform, as engines compare them.
pub(super) fn as_engines_compare(platform: &Platform) -> (String, String, String) {
    usual(&platform.os, &platform.architecture, platform.variant.as_deref())
}

/// As containerd and Docker normalize platforms before they choose.
fn usual(os: &str, architecture: &str, variant: Option<&str>) -> (String, String, String) {
    let os = match &*os.to_lowercase() {
        "" => "linux",
        "macos" => "darwin",
        other => other,
    }
    .to_owned();
    let variant = variant.unwrap_or_default().to_lowercase();
    let architecture = architecture.to_lowercase();
    let (architecture, variant) = match (&*architecture, &*variant) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", other) => ("amd64", other),
        ("aarch64" | "arm64", "8" | "v8") => ("arm64", ""),
        ("aarch64", other) => ("arm64", other),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        (architecture, variant) => (architecture, variant),
    };
    (os, architecture.to_owned(), variant.to_owned())
}
