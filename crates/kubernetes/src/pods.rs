//! Finds pods and their containers.

use scratchdbg_backend::similar;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::kind::Kind;
use crate::model::{Container, ContainerStatus, LabelSelector, Pod, Workload};
use crate::target::TargetName;

/// The annotation that names the container that kubectl selects by default.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// The role of a container in its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A main container.
    Main,
    /// An init container. It runs before the main containers, or beside them as a sidecar.
    Init,
    /// An ephemeral container, which was added to the running pod.
    Ephemeral,
}

impl Pod {
    /// Returns all containers, main containers first.
    pub(crate) fn all_containers(&self) -> impl Iterator<Item = (Role, &Container)> {
        let spec = &self.spec;
        let lists = [
            (Role::Main, &spec.containers),
            (Role::Init, &spec.init_containers),
            (Role::Ephemeral, &spec.ephemeral_containers),
        ];
        lists
            .into_iter()
            .flat_map(|(role, list)| list.iter().map(move |container| (role, container)))
    }

    /// Returns the container with this name.
    pub(crate) fn container(&self, name: &str) -> Option<(Role, &Container)> {
        self.all_containers().find(|(_, container)| container.name == name)
    }

    /// Returns the status of the container with this name. `None` before the node has accepted the
    /// pod.
    pub(crate) fn container_status(&self, name: &str) -> Option<&ContainerStatus> {
        let status = &self.status;
        let lists = [
            &status.container_statuses,
            &status.init_container_statuses,
            &status.ephemeral_container_statuses,
        ];
        lists.into_iter().flatten().find(|status| status.name == name)
    }

    /// Returns the default container: the one that kubectl's annotation names, or the first.
    pub(crate) fn default_container(&self) -> Option<&Container> {
        let named = self.metadata.annotations.get(DEFAULT_CONTAINER);
        let named = named
            .and_then(|name| self.spec.containers.iter().find(|container| container.name == *name));
        named.or_else(|| self.spec.containers.first())
    }

    /// Returns the container with this name, or the default container if there is no name.
    pub(crate) fn chosen_container(&self, name: Option<&str>) -> Result<&Container, Error> {
        let found = match name {
            Some(name) => self.container(name).map(|(_, container)| container),
            None => self.default_container(),
        };
        found.ok_or_else(|| Error::NoSuchContainer {
            pod: self.metadata.name.clone(),
            name: name.unwrap_or_default().to_owned(),
            containers: self
                .all_containers()
                .map(|(_, container)| container.name.clone())
                .collect(),
        })
    }
}

impl LabelSelector {
    /// Returns the selector in the API's syntax. Returns `None` if the selector is empty, or is not
    /// supported.
    pub(crate) fn expression(&self) -> Option<String> {
        let mut parts: Vec<String> =
            self.match_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        for requirement in &self.match_expressions {
            let (key, values) = (&requirement.key, requirement.values.join(","));
            parts.push(match requirement.operator.as_str() {
                "In" => format!("{key} in ({values})"),
                "NotIn" => format!("{key} notin ({values})"),
                "Exists" => key.clone(),
                "DoesNotExist" => format!("!{key}"),
                _ => return None,
            });
        }
        (!parts.is_empty()).then(|| parts.join(","))
    }
}

impl Client {
    /// Reads a pod. If the pod does not exist, the error contains similar names.
    pub(crate) async fn pod(&self, namespace: &str, name: &str) -> Result<Pod, Error> {
        match self.get(&Call::get(Kind::Pod, namespace, name)).await {
            Err(error) if error.status() == Some(404) => {
                Err(self.no_such(Kind::Pod, namespace, name).await)
            }
            answer => answer,
        }
    }

    /// Reads a workload. If the workload does not exist, the error contains similar names.
    pub(crate) async fn workload(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Workload, Error> {
        match self.get(&Call::get(kind, namespace, name)).await {
            Err(error) if error.status() == Some(404) => {
                Err(self.no_such(kind, namespace, name).await)
            }
            answer => answer,
        }
    }

    /// Returns the selector of a workload's pods.
    pub(crate) async fn selector_of(
        &self,
        target: &TargetName,
        namespace: &str,
    ) -> Result<String, Error> {
        let call = Call::get(target.kind, namespace, &target.name);
        let workload = self.workload(target.kind, namespace, &target.name).await?;
        let expression = workload.spec.selector.as_ref().and_then(LabelSelector::expression);
        expression.ok_or_else(|| Error::broken(&call, "it selects no pods"))
    }

    /// Returns the error for an object that does not exist. Lists the objects of its kind to find
    /// similar names; there are none if the user may not list them.
    async fn no_such(&self, kind: Kind, namespace: &str, name: &str) -> Error {
        let names = self.list::<Workload>(&Call::list(kind, Some(namespace))).await;
        let names: Vec<String> = names
            .map(|list| list.items.into_iter().map(|each| each.metadata.name).collect())
            .unwrap_or_default();
        Error::NoSuchObject {
            what: kind.words(),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            similar: similar(name, names.iter().map(String::as_str)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(json: serde_json::Value) -> Pod {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_default_container_is_kubectls() {
        let plain = pod(
            serde_json::json!({ "spec": { "containers": [{ "name": "a" }, { "name": "b" }] } }),
        );
        assert_eq!(plain.default_container().unwrap().name, "a");
        let annotated = |name: &str| {
            pod(serde_json::json!({
                "metadata": { "annotations": { DEFAULT_CONTAINER: name } },
                "spec": { "containers": [{ "name": "a" }, { "name": "b" }], "initContainers": [{ "name": "i" }] },
            }))
        };
        assert_eq!(annotated("b").default_container().unwrap().name, "b");
        assert_eq!(annotated("gone").default_container().unwrap().name, "a");
        assert_eq!(annotated("b").chosen_container(Some("i")).unwrap().name, "i");
        let error = annotated("b").chosen_container(Some("x")).unwrap_err();
        assert!(
            matches!(error, Error::NoSuchContainer { containers, .. } if containers == ["a", "b", "i"])
        );
    }

    #[test]
    fn selectors_as_the_api_takes_them() {
        let selector = |json| serde_json::from_value::<LabelSelector>(json).unwrap().expression();
        let found = selector(serde_json::json!({
            "matchLabels": { "app": "shop" },
            "matchExpressions": [
                { "key": "tier", "operator": "In", "values": ["a", "b"] },
                { "key": "x", "operator": "DoesNotExist" },
            ],
        }));
        assert_eq!(found.as_deref(), Some("app=shop,tier in (a,b),!x"));
        assert_eq!(selector(serde_json::json!({})), None, "it would be all pods");
        assert_eq!(
            selector(serde_json::json!({ "matchExpressions": [{ "key": "x", "operator": "Gt" }] })),
            None
        );
    }
}
