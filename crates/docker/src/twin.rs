//! Verifies debug twins. A label only finds candidates, because any image can have it. Each use
//! verifies both images, from the engine's description of them:
//!
//! - The twin's layers are those of the production image and exactly one more.
//! - That layer is byte for byte the one that this scratchdbg makes from the available busybox. So
//!   its content is known, and no other program runs with the target's environment and volumes.
//! - The settings are those of the production image, except for the end of `PATH` and the labels of
//!   a twin.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use serde_json::{Map, Value};

use crate::{Engine, Error};

const LABEL_ROLE: &str = "io.scratchdbg.role";
const LABEL_PROD: &str = "io.scratchdbg.prod";
/// The directory at the end of a twin's `PATH`; see `builder`.
const TWIN_BIN: &str = "/.scratchdbg/bin";
/// The `PATH` that the engine gives a process if its image sets none.
const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The maximum number of candidates, since any user can create more.
const MOST: usize = 64;
/// The number of concurrent requests.
const CONCURRENCY: usize = 8;

/// The result of looking for the debug twin of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Twin {
    /// A verified twin, by its id.
    Proved(String),
    /// An image that claims to be the twin, but is not.
    NotProved {
        /// The id of the image.
        id: String,
        /// The reason.
        why: NotATwin,
    },
}

/// Why an image that claims to be a debug twin is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotATwin {
    /// The layers of the image differ.
    #[error("its layers are not the image's and one more")]
    Layers,
    /// The settings of the image differ.
    #[error("its settings are not the image's")]
    Settings,
    /// The additional layer could contain anything.
    #[error(
        "its layer of tools is not the one that this scratchdbg makes of the busybox at hand, and could hold anything"
    )]
    Tools,
}

impl Engine {
    /// Looks for the debug twins of these images. `tools` returns the `diff_id` of a twin's tools
    /// layer; it is called only if there is a candidate.
    pub async fn twins_of(
        &self,
        images: &[&str],
        tools: impl AsyncFnOnce() -> Option<String>,
    ) -> Result<HashMap<String, Twin>, Error> {
        let mut candidates = self.list_images(Some(&format!("{LABEL_ROLE}=debug"))).await?;
        // An old twin, or a false one, has only one label.
        candidates.extend(self.list_images(Some(LABEL_PROD)).await?);
        candidates.sort_by_key(|image| {
            let named =
                image.labels.get(LABEL_PROD).is_some_and(|prod| images.contains(&prod.as_str()));
            (!named, image.id.clone())
        });
        candidates.dedup_by(|left, right| left.id == right.id);
        candidates.truncate(MOST);
        let mut twins = HashMap::new();
        if candidates.is_empty() || images.is_empty() {
            return Ok(twins);
        }
        let tools = tools().await;
        let mut ids: Vec<String> = candidates.iter().map(|image| image.id.clone()).collect();
        ids.extend(images.iter().map(|&image| image.to_owned()));
        let mut looks = Vec::new();
        for id in &ids {
            looks.push(self.raw_image(id));
        }
        let documents: Vec<_> =
            futures_util::stream::iter(looks).buffered(CONCURRENCY).collect().await;
        let documents = documents.into_iter().collect::<Result<Vec<_>, _>>()?;
        let (candidates, production) = documents.split_at(candidates.len());
        for (&image, document) in images.iter().zip(production) {
            let Some(document) = document else { continue };
            let claims =
                ids.iter().zip(candidates).filter_map(|(id, twin)| Some((id, twin.as_ref()?)));
            let judged = claims.filter_map(|(id, twin)| {
                let verdict = prove(document, twin, tools.as_deref());
                // A candidate with other layers may be another image's twin: report it only if its
                // label names this image.
                let named = twin["Config"]["Labels"][LABEL_PROD] == image;
                match verdict {
                    Ok(()) => Some(Twin::Proved(id.clone())),
                    Err(why) if named || why != NotATwin::Layers => {
                        Some(Twin::NotProved { id: id.clone(), why })
                    }
                    Err(_) => None,
                }
            });
            let best = judged.min_by_key(|twin| matches!(twin, Twin::NotProved { .. }));
            twins.extend(best.map(|twin| (image.to_owned(), twin)));
        }
        Ok(twins)
    }
}

/// Verifies that one image is the debug twin of another.
fn prove(production: &Value, twin: &Value, tools: Option<&str>) -> Result<(), NotATwin> {
    let layers = |image: &Value| image["RootFS"]["Layers"].as_array().cloned().unwrap_or_default();
    let (shared, all) = (layers(production), layers(twin));
    let Some((added, below)) = all.split_last() else { return Err(NotATwin::Layers) };
    if below != shared || shared.is_empty() {
        return Err(NotATwin::Layers);
    }
    let of_both = ["Architecture", "Variant", "Os", "Created"];
    if of_both.iter().any(|&key| production[key] != twin[key])
        || expected(production) != settings(twin)
    {
        return Err(NotATwin::Settings);
    }
    if added.as_str().is_none() || added.as_str() != tools {
        return Err(NotATwin::Tools);
    }
    Ok(())
}

/// Returns the settings of an image without empty values (engines write them as null, as empty, or
/// not at all), and without the labels in which the images of a pair differ.
fn settings(image: &Value) -> Map<String, Value> {
    let mut settings = image["Config"].as_object().cloned().unwrap_or_default();
    if let Some(labels) = settings.get_mut("Labels").and_then(Value::as_object_mut) {
        labels.remove(LABEL_ROLE);
        labels.remove(LABEL_PROD);
    }
    settings.retain(|_, value| !is_empty(value));
    settings
}

/// Returns the settings that the twin of an image must have.
fn expected(production: &Value) -> Map<String, Value> {
    let mut settings = settings(production);
    let environment = settings.entry("Env").or_insert_with(|| Value::Array(Vec::new()));
    if let Some(environment) = environment.as_array_mut() {
        let is_path =
            |entry: &Value| entry.as_str().is_some_and(|entry| entry.starts_with("PATH="));
        match environment.iter().rposition(is_path) {
            Some(at) => {
                environment[at] =
                    format!("{}:{TWIN_BIN}", environment[at].as_str().unwrap_or_default()).into();
            }
            None => environment.push(format!("{DEFAULT_PATH}:{TWIN_BIN}").into()),
        }
    }
    settings
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(set) => !set,
        Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn production() -> Value {
        json!({
            "Architecture": "amd64",
            "Os": "linux",
            "Created": "1970-01-01T00:00:00Z",
            "RootFS": {"Type": "layers", "Layers": ["sha256:1", "sha256:2"]},
            "Config": {
                "User": "65532:65532",
                "Env": ["A=1"],
                "Cmd": null,
                "Entrypoint": ["/app"],
                "Labels": {"io.scratchdbg.role": "prod", "shop": "yes"},
            },
        })
    }

    fn twin() -> Value {
        let mut twin = production();
        twin["RootFS"]["Layers"] = json!(["sha256:1", "sha256:2", "sha256:tools"]);
        twin["Config"]["Env"] = json!(["A=1", format!("{DEFAULT_PATH}:{TWIN_BIN}")]);
        twin["Config"]["Cmd"] = json!([]);
        twin["Config"]["Labels"] =
            json!({"io.scratchdbg.role": "debug", "io.scratchdbg.prod": "sha256:0", "shop": "yes"});
        twin
    }

    #[test]
    fn a_twin_is_proved_by_its_layers_and_settings() {
        assert_eq!(prove(&production(), &twin(), Some("sha256:tools")), Ok(()));
        let mut with_path = production();
        with_path["Config"]["Env"] = json!(["PATH=/x", "A=1"]);
        let mut its_twin = twin();
        its_twin["Config"]["Env"] = json!([format!("PATH=/x:{TWIN_BIN}"), "A=1"]);
        assert_eq!(prove(&with_path, &its_twin, Some("sha256:tools")), Ok(()));
        assert_eq!(
            prove(&production(), &twin(), None),
            Err(NotATwin::Tools),
            "no busybox is at hand"
        );
    }

    /// All of these have the same labels.
    #[test]
    fn what_only_says_that_it_is_a_twin_is_not_believed() {
        for (path, value, why) in [
            ("/RootFS/Layers", json!(["sha256:evil"]), NotATwin::Layers),
            ("/RootFS/Layers", json!([]), NotATwin::Layers),
            ("/RootFS/Layers", Value::Null, NotATwin::Layers),
            ("/RootFS/Layers", json!(["sha256:1", "sha256:2"]), NotATwin::Layers),
            (
                "/RootFS/Layers",
                json!(["sha256:1", "sha256:2", "sha256:evil", "sha256:tools"]),
                NotATwin::Layers,
            ),
            ("/RootFS/Layers", json!(["sha256:2", "sha256:1", "sha256:tools"]), NotATwin::Layers),
            ("/RootFS/Layers", json!(["sha256:1", "sha256:2", "sha256:evil"]), NotATwin::Tools),
            ("/RootFS/Layers", json!(["sha256:1", "sha256:2", null]), NotATwin::Tools),
            ("/Architecture", json!("arm64"), NotATwin::Settings),
            ("/Config/User", json!("0"), NotATwin::Settings),
            ("/Config/Entrypoint", json!(["/evil"]), NotATwin::Settings),
            ("/Config/Env", json!(["A=1", format!("PATH=/evil:{TWIN_BIN}")]), NotATwin::Settings),
            ("/Config/Env", json!(["A=1"]), NotATwin::Settings),
            (
                "/Config/Env",
                json!(["A=1", format!("{DEFAULT_PATH}:{TWIN_BIN}"), "LD_PRELOAD=/evil"]),
                NotATwin::Settings,
            ),
            ("/Config/Labels/shop", json!("no"), NotATwin::Settings),
        ] {
            let mut twin = twin();
            *twin.pointer_mut(path).expect(path) = value.clone();
            assert_eq!(
                prove(&production(), &twin, Some("sha256:tools")),
                Err(why),
                "{path} {value}"
            );
        }
        for (key, value) in [
            ("Volumes", json!({"/data": {}})),
            ("OnBuild", json!(["RUN x"])),
            ("WorkingDir", json!("/x")),
        ] {
            let mut twin = twin();
            twin["Config"][key] = value;
            assert_eq!(
                prove(&production(), &twin, Some("sha256:tools")),
                Err(NotATwin::Settings),
                "{key}"
            );
        }
        // Two images without layers are not a pair.
        let nothing = json!({"RootFS": {"Layers": []}});
        let one = json!({"RootFS": {"Layers": ["sha256:tools"]}});
        assert_eq!(prove(&nothing, &one, Some("sha256:tools")), Err(NotATwin::Layers));
    }
}
