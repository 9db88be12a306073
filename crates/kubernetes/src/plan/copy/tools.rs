//! Brings the tools into a copy, with its image.

use scratchdbg_backend::launcher::{self, TWIN_BASE};
use scratchdbg_backend::{NumericUser, ToolsImage};
use serde_json::{Map, Value, json};

use super::super::keeper;
use super::CopyPlan;
use crate::model::Pod;

/// The name of the init container that provides the tools, and of its volume.
const TOOLS: &str = "scratchdbg-tools";

impl CopyPlan {
    /// Sets the image of the copy, and provides the tools. A twin contains both. Otherwise an init
    /// container copies the tools from the toolkit image to a volume.
    #[expect(clippy::too_many_arguments, reason = "the parts of one pod")]
    pub(super) fn bring_tools(
        &mut self,
        pod: &Pod,
        original: &Value,
        copy: &mut Map<String, Value>,
        spec: &mut Map<String, Value>,
        volumes: &mut Vec<Value>,
        user: NumericUser,
        tools: &ToolsImage,
    ) {
        let is_twin = tools.base == TWIN_BASE;
        // The root file system may be read-only, and the launcher writes to a directory for the
        // names of sessions.
        let path = if is_twin {
            format!("{TWIN_BASE}{}", launcher::SESSIONS)
        } else {
            TWIN_BASE.to_owned()
        };
        volumes.push(json!({"name": TOOLS, "emptyDir": {"sizeLimit": "32Mi"}}));
        let mount = |path: &str| json!({"name": TOOLS, "mountPath": path});
        let mounts = copy.entry("volumeMounts").or_insert_with(|| json!([]));
        if let Some(mounts) = mounts.as_array_mut() {
            mounts.push(mount(&path));
        }
        if is_twin {
            copy.insert("image".to_owned(), tools.keeper.clone().into());
            copy.insert("imagePullPolicy".to_owned(), "IfNotPresent".into());
            self.differs("its image is the debug twin");
            return;
        }
        let status = pod.container_status(&self.container);
        let image = original["image"].as_str().unwrap_or_default();
        copy.insert(
            "image".to_owned(),
            running_image(image, status.map_or("", |status| &status.image_id)).into(),
        );
        let policy = if original["imagePullPolicy"] == "Never" { "Never" } else { "IfNotPresent" };
        copy.insert("imagePullPolicy".to_owned(), policy.into());
        // The toolkit image has no user of its own, and may be refused without one.
        let mut context =
            copy.get("securityContext").and_then(Value::as_object).cloned().unwrap_or_default();
        let of_pod = spec.get("securityContext").cloned().unwrap_or_default();
        for (field, id) in [("runAsUser", user.uid), ("runAsGroup", user.gid)] {
            if !context.contains_key(field) && of_pod.get(field).is_none() {
                context.insert(field.to_owned(), id.into());
            }
        }
        let mut init = json!({
            "name": TOOLS,
            "image": tools.keeper,
            "imagePullPolicy": "IfNotPresent",
            "command": [keeper::program("")],
            "args": ["install", TWIN_BASE],
            "securityContext": context,
            "volumeMounts": [mount(TWIN_BASE)],
        });
        // A quota that demands limits demands them of this container too.
        if let Some(resources) = copy.get("resources") {
            init["resources"] = resources.clone();
        }
        spec.insert("initContainers".to_owned(), json!([init]));
    }
}

/// Returns the image that a container ran, by digest if its name was resolved to a digest.
fn running_image(name: &str, id: &str) -> String {
    let repository = name.split('@').next().unwrap_or_default();
    let has_tag = repository.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let untagged = if has_tag {
        repository.rsplit_once(':').map_or(repository, |(name, _)| name)
    } else {
        repository
    };
    match id.split_once('@') {
        Some((_, digest)) => format!("{untagged}@{digest}"),
        None => name.to_owned(),
    }
}
