//! Documents whose keys every reader takes for the same.
//!
//! Engines are written in Go, whose `encoding/json` takes a key in any case, and of several keys
//! the last. Other readers know only the key itself, or the first. So a document with a key in
//! another spelling, or with a key that is there twice, is refused.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ReadError;
use super::ordered::{Json, folded, is_same};
use super::spelling::{HEALTHCHECK, HISTORY, ROOTFS};

/// What engines know of a value.
pub(super) enum Shape {
    /// A scalar, or an object whose keys are any names, which engines take as they are.
    Free,
    /// A list of such values.
    List(&'static Self),
    /// An object with these keys, and others that engines pass over.
    Object {
        /// The keys whose values are [free](Shape::Free).
        keys: &'static [&'static str],
        /// The other keys.
        nested: &'static [(&'static str, Self)],
    },
}

const PLATFORM: Shape = Shape::Object {
    keys: &["architecture", "os", "os.version", "os.features", "variant", "features"],
    nested: &[],
};

const DESCRIPTOR: Shape = Shape::Object {
    keys: &["mediaType", "digest", "size", "urls", "annotations", "data", "artifactType"],
    nested: &[("platform", PLATFORM)],
};

/// A manifest or an index, of any version.
pub(super) const LISTING: Shape = Shape::Object {
    keys: &[
        "schemaVersion",
        "mediaType",
        "artifactType",
        "annotations",
        "name",
        "tag",
        "architecture",
        "fsLayers",
        "history",
        "signatures",
    ],
    nested: &[
        ("config", DESCRIPTOR),
        ("layers", Shape::List(&DESCRIPTOR)),
        ("manifests", Shape::List(&DESCRIPTOR)),
        ("subject", DESCRIPTOR),
    ],
};

/// `manifest.json`.
pub(super) const DOCKER_LISTING: Shape = Shape::List(&Shape::Object {
    keys: &["Config", "RepoTags", "Layers", "Parent", "LayerSources"],
    nested: &[],
});

/// `oci-layout`.
pub(super) const MARK: Shape = Shape::Object { keys: &["imageLayoutVersion"], nested: &[] };

const CONTAINER: Shape = Shape::Object {
    keys: &[
        "Hostname",
        "Domainname",
        "User",
        "Memory",
        "MemorySwap",
        "CpuShares",
        "Cpuset",
        "AttachStdin",
        "AttachStdout",
        "AttachStderr",
        "ExposedPorts",
        "PublishService",
        "Tty",
        "OpenStdin",
        "StdinOnce",
        "Env",
        "Cmd",
        "ArgsEscaped",
        "Image",
        "Volumes",
        "WorkingDir",
        "Entrypoint",
        "NetworkDisabled",
        "MacAddress",
        "OnBuild",
        "Labels",
        "StopSignal",
        "StopTimeout",
        "Shell",
    ],
    nested: &[("Healthcheck", Shape::Object { keys: HEALTHCHECK, nested: &[] })],
};

/// The config of an image.
pub(super) const CONFIG: Shape = Shape::Object {
    keys: &[
        "id",
        "parent",
        "comment",
        "created",
        "container",
        "docker_version",
        "author",
        "architecture",
        "variant",
        "os",
        "os.version",
        "os.features",
    ],
    nested: &[
        ("config", CONTAINER),
        ("container_config", CONTAINER),
        ("rootfs", Shape::Object { keys: ROOTFS, nested: &[] }),
        ("history", Shape::List(&Shape::Object { keys: HISTORY, nested: &[] })),
    ],
};

/// Reads a document. `what` names it in errors.
pub(super) fn parse<T: DeserializeOwned>(
    what: &str,
    bytes: &[u8],
    shape: &Shape,
) -> Result<T, ReadError> {
    read(bytes, shape).map_err(|reason| ReadError::invalid(what, reason))
}

/// Reads an index that is to be changed. The error tells what is wrong with it.
pub(crate) fn index(bytes: &[u8]) -> Result<Value, String> {
    read(bytes, &LISTING)
}

fn read<T: DeserializeOwned>(bytes: &[u8], shape: &Shape) -> Result<T, String> {
    expect(bytes, shape)?;
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn expect(bytes: &[u8], shape: &Shape) -> Result<(), String> {
    let json: Json = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    keys(&json, shape)
}

fn keys(json: &Json, shape: &Shape) -> Result<(), String> {
    match json {
        Json::Scalar(_) => Ok(()),
        Json::Array(items) => {
            let of_item = if let Shape::List(of_item) = shape { *of_item } else { &Shape::Free };
            items.iter().try_for_each(|item| keys(item, of_item))
        }
        Json::Object(members) => {
            let mut seen = HashSet::new();
            for (key, value) in members {
                if let Some(known) = shape.known(key)
                    && known != key
                {
                    return Err(format!("it has a key `{key}`, which engines take for `{known}`"));
                }
                if !seen.insert(shape.folded(key)) {
                    return Err(format!("it has the key `{key}` twice"));
                }
                keys(value, shape.of(key))?;
            }
            Ok(())
        }
    }
}

impl Shape {
    /// The key that engines take this one for.
    fn known(&self, key: &str) -> Option<&'static str> {
        let Self::Object { keys, nested } = self else { return None };
        let all = keys.iter().chain(nested.iter().map(|(name, _)| name));
        all.copied().find(|known| is_same(known, key))
    }

    /// The form in which keys are the same to Go. Those that are names of their own are only the
    /// same to themselves.
    fn folded(&self, key: &str) -> String {
        if let Self::Object { .. } = self { folded(key).collect() } else { key.to_owned() }
    }

    fn of(&self, key: &str) -> &Self {
        let Self::Object { nested, .. } = self else { return &Self::Free };
        nested.iter().find(|(name, _)| *name == key).map_or(&Self::Free, |(_, shape)| shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_readers_take_differently_are_refused() {
        for (shape, document, expected) in [
            (&LISTING, r#"{"config":{},"Config":{}}"#, "`Config`, which engines take for `config`"),
            (&LISTING, r#"{"CONFIG":{}}"#, "`CONFIG`, which engines take for `config`"),
            (&LISTING, r#"{"layers":[],"layer\u017f":[]}"#, "which engines take for `layers`"),
            (&LISTING, r#"{"manifests":[],"Manifests":[]}"#, "which engines take for `manifests`"),
            (&LISTING, r#"{"manifests":[],"manifests":[]}"#, "the key `manifests` twice"),
            (&LISTING, r#"{"FSLayers":[]}"#, "which engines take for `fsLayers`"),
            (
                &LISTING,
                r#"{"manifests":[{"digest":"a","Digest":"b"}]}"#,
                "which engines take for `digest`",
            ),
            (
                &LISTING,
                r#"{"manifests":[{"platform":{"OS":"linux"}}]}"#,
                "which engines take for `os`",
            ),
            (&LISTING, r#"{"layers":[{"size":1,"size":2}]}"#, "the key `size` twice"),
            (&LISTING, r#"{"annotations":{"a":"1","a":"2"}}"#, "the key `a` twice"),
            (&LISTING, r#"{"other":1,"Other":2}"#, "the key `Other` twice"),
            (&LISTING, r#"{"other":{"a":[{"b":1,"b":2}]}}"#, "the key `b` twice"),
            (
                &DOCKER_LISTING,
                r#"[{"Config":"a","config":"b"}]"#,
                "which engines take for `Config`",
            ),
            (
                &DOCKER_LISTING,
                r#"[{},{"repotag\u017f":["b"]}]"#,
                "which engines take for `RepoTags`",
            ),
            (&CONFIG, r#"{"config":{"entrypoint":["/x"]}}"#, "which engines take for `Entrypoint`"),
            (
                &CONFIG,
                r#"{"config":{"Wor\u212aingDir":"/x"}}"#,
                "which engines take for `WorkingDir`",
            ),
            (&CONFIG, r#"{"config":{},"config":{}}"#, "the key `config` twice"),
            (&CONFIG, r#"{"history":[{"Comment":"x"}]}"#, "which engines take for `comment`"),
            (&CONFIG, r#"{"config":{"Healthcheck":{"test":[]}}}"#, "which engines take for `Test`"),
            (&CONFIG, r#"{"container_config":{"cmd":[]}}"#, "which engines take for `Cmd`"),
            (
                &MARK,
                r#"{"imagelayoutversion":"1.0.0"}"#,
                "which engines take for `imageLayoutVersion`",
            ),
            (&MARK, "{} {}", "trailing characters"),
            (&MARK, "\u{feff}{}", "expected value"),
        ] {
            let error = expect(document.as_bytes(), shape).unwrap_err();
            assert!(error.contains(expected), "{document}: {error}");
        }
        for (shape, document) in [
            (
                &LISTING,
                r#"{"annotations":{"a":"1","A":"2","config":"3","Config":"4"},"manifests":[],"more":{"x":1}}"#,
            ),
            (&LISTING, r#"{"config":null,"layers":[{"platform":null}]}"#),
            (
                &CONFIG,
                r#"{"config":{"Labels":{"a":"1","A":"2","Cmd":"","cmd":""},"Volumes":{"/A":{},"/a":{}}}}"#,
            ),
            (&DOCKER_LISTING, r#"[{"Config":"a","LayerSources":{"sha256:a":{}}}]"#),
            (&MARK, "7"),
        ] {
            assert_eq!(expect(document.as_bytes(), shape), Ok(()), "{document}");
        }
    }
}
