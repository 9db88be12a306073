//! Finds the containers that targets and labels select, now and later.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use scratchdbg_backend::{self as backend, ContainerName, Selector};

use super::parts::Facts;
use crate::call::Call;
use crate::cluster::{Cluster, ContainerChoice};
use crate::container_id::ContainerId;
use crate::error::Error;
use crate::kind::Kind;
use crate::model::Pod;
use crate::pods::Role;
use crate::target::TargetName;
use crate::watch::{Change, Watch};

/// How long to wait for an API server that does not answer while pods are watched.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// The logs that targets and labels select.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogTargets {
    /// Containers of named pods.
    pub names: Vec<ContainerName>,
    /// Selectors for the pods of workloads, and for the pods with the labels.
    pub selectors: Vec<Selector>,
}

impl Cluster {
    /// Resolves targets and labels.
    pub async fn log_targets(
        &self,
        targets: &[TargetName],
        labels: Option<&str>,
    ) -> Result<LogTargets, backend::Error> {
        let mut found = LogTargets::default();
        for target in targets {
            if target.is_pod() {
                let pod = self.client.pod(self.namespace(), &target.name).await?;
                let choice = target
                    .container
                    .clone()
                    .map_or_else(|| self.choice().clone(), ContainerChoice::Named);
                let containers = containers(&pod, &choice)?;
                found
                    .names
                    .extend(containers.iter().filter_map(|name| id(&pod, name).of_any().name()));
            } else {
                let labels = vec![self.client.selector_of(target, self.namespace()).await?];
                found.selectors.push(Selector {
                    labels,
                    container: target.container.clone(),
                    ..Selector::default()
                });
            }
        }
        if let Some(labels) = labels {
            found
                .selectors
                .push(Selector { labels: vec![labels.to_owned()], ..Selector::default() });
        }
        Ok(found)
    }

    /// Returns the containers that a selector matches now.
    pub(crate) async fn selected(&self, selector: &Selector) -> Result<Vec<String>, Error> {
        let pods = self.client.list::<Pod>(&self.listing(selector)).await?.items;
        Ok(pods.iter().flat_map(|pod| self.started(pod, selector)).collect())
    }

    /// Returns the containers that a selector matches, as they start. Containers that have already
    /// started come first.
    pub(crate) async fn selected_later(
        &self,
        selector: &Selector,
    ) -> Result<BoxStream<'static, Result<String, backend::Error>>, Error> {
        let mut coming = Coming {
            cluster: self.clone(),
            selector: selector.clone(),
            ready: VecDeque::new(),
            told: HashSet::new(),
            watch: None,
        };
        // A missing permission to watch is reported now.
        coming.begin().await?;
        Ok(futures_util::stream::try_unfold(coming, |mut coming| async move {
            Ok(Some((coming.next().await?, coming)))
        })
        .boxed())
    }

    fn listing(&self, selector: &Selector) -> Call {
        let call = Call::list(Kind::Pod, self.namespaces());
        if selector.labels.is_empty() {
            call
        } else {
            call.with("labelSelector", selector.labels.join(","))
        }
    }

    /// Returns the ids of the selected containers of a pod that have a log.
    fn started(&self, pod: &Pod, selector: &Selector) -> Vec<String> {
        let choice = selector
            .container
            .clone()
            .map_or_else(|| self.choice().clone(), ContainerChoice::Named);
        // A pod without the selected container has no log to read.
        let wanted = containers(pod, &choice).unwrap_or_default();
        wanted
            .into_iter()
            .filter(|name| Facts::of(pod, name).has_log())
            .map(|name| id(pod, &name).to_string())
            .collect()
    }
}

/// Receives the containers of new pods.
struct Coming {
    cluster: Cluster,
    selector: Selector,
    ready: VecDeque<String>,
    told: HashSet<String>,
    watch: Option<Watch<Pod>>,
}

impl Coming {
    async fn begin(&mut self) -> Result<(), Error> {
        let call = self.cluster.listing(&self.selector);
        let list = self.cluster.client.list::<Pod>(&call).await?;
        list.items.iter().for_each(|pod| self.tell(pod));
        let mut watch = Call::watch(Kind::Pod, self.cluster.namespaces());
        watch.query.extend(call.query);
        let watch = watch.with("resourceVersion", list.metadata.resource_version);
        self.watch = Some(self.cluster.client.watch(&watch).await?);
        Ok(())
    }

    async fn next(&mut self) -> Result<String, backend::Error> {
        let mut failing_since: Option<Instant> = None;
        loop {
            if let Some(id) = self.ready.pop_front() {
                return Ok(id);
            }
            let Some(watch) = &mut self.watch else {
                // The watch ended, which happens after some minutes, or broke.
                match self.begin().await {
                    Ok(()) => failing_since = None,
                    Err(error) => {
                        let since = *failing_since.get_or_insert_with(Instant::now);
                        if !error.is_passing() || since.elapsed() > TIMEOUT {
                            return Err(error.into());
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                continue;
            };
            match watch.next().await {
                Some(Ok(Change::Is(pod))) => self.tell(&pod),
                Some(Ok(Change::Removed(_) | Change::Bookmark(_))) => {}
                Some(Err(_)) | None => self.watch = None,
            }
        }
    }

    fn tell(&mut self, pod: &Pod) {
        for id in self.cluster.started(pod, &self.selector) {
            if self.told.insert(id.clone()) {
                self.ready.push_back(id);
            }
        }
    }
}

fn id(pod: &Pod, container: &str) -> ContainerId {
    ContainerId {
        namespace: pod.metadata.namespace.clone(),
        pod: pod.metadata.name.clone(),
        container: container.to_owned(),
        uid: Some(pod.metadata.uid.clone()),
    }
}

/// Returns the names of the selected containers of a pod.
fn containers(pod: &Pod, choice: &ContainerChoice) -> Result<Vec<String>, Error> {
    let named = |name: Option<&str>| Ok(vec![pod.chosen_container(name)?.name.clone()]);
    match choice {
        ContainerChoice::Default => named(None),
        ContainerChoice::Named(name) => named(Some(name)),
        ContainerChoice::All => {
            // In the order in which the containers run.
            let mut all: Vec<_> = pod.all_containers().collect();
            all.sort_by_key(|(role, _)| match role {
                Role::Init => 0,
                Role::Main => 1,
                Role::Ephemeral => 2,
            });
            Ok(all.into_iter().map(|(_, container)| container.name.clone()).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_that_are_meant() {
        let pod: Pod = serde_json::from_value(json!({ "spec": {
            "containers": [{ "name": "app" }, { "name": "proxy" }],
            "initContainers": [{ "name": "init" }],
            "ephemeralContainers": [{ "name": "debug" }],
        } }))
        .unwrap();
        let names = |choice| containers(&pod, &choice);
        assert_eq!(names(ContainerChoice::Default).unwrap(), ["app"]);
        assert_eq!(names(ContainerChoice::Named("init".into())).unwrap(), ["init"]);
        assert_eq!(names(ContainerChoice::All).unwrap(), ["init", "app", "proxy", "debug"]);
        assert!(names(ContainerChoice::Named("x".into())).is_err());
    }
}
