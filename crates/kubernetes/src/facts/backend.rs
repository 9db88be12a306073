//! Implements the backend traits: lists the containers of pods, and reports files and images as
//! unsupported, since the API does not show those of a node.

use std::collections::{BTreeSet, HashMap};
use std::io;

use scratchdbg_backend::{
    BoxError, ContainerName, ContainerRecord, Error, ErrorKind, FactsBackend, FilesBackend, Found,
    HostFacts, ImageBackend, ImageRecord, ListFilter, Phase,
};
use scratchdbg_diagnose::container::Event;
use scratchdbg_diagnose::pod::PodEvent;
use scratchdbg_diagnose::rootfs::Want;

use super::convert::{self, pod_facts};
use crate::call::Call;
use crate::cluster::{Cluster, ContainerChoice};
use crate::container_id::ContainerId;
use crate::kind::Kind;
use crate::model::{Event as ApiEvent, Pod};
use crate::pods::Role;

/// The key of [`ListFilter`] for a label selector in the API's syntax.
pub(crate) const SELECTOR: &str = "selector";

impl FactsBackend for Cluster {
    async fn host_facts(&self) -> Result<HostFacts, Error> {
        Ok(HostFacts { clock: convert::nanoseconds(self.client.now()), ..HostFacts::default() })
    }

    async fn container_record(&self, container: &ContainerName) -> Result<ContainerRecord, Error> {
        let id = container.as_str().parse::<ContainerId>().map_err(crate::error::Error::from)?;
        let pod = self.fresh_pod(&id).await?;
        let container = pod.chosen_container(Some(&id.container))?;
        let name = self.display_name(&pod, &container.name);
        let mut record = convert::record(
            &pod,
            container,
            id.to_string(),
            name,
            pod_facts(&pod, &container.name),
        );
        record.facts.now = convert::nanoseconds(self.client.now());
        Ok(record)
    }

    /// Does nothing: [`Cluster::explain`] requests all facts at once.
    async fn observe(&self, _record: &mut ContainerRecord, _host: &HostFacts) {}

    async fn describe_mounts(&self, _record: &mut ContainerRecord, _host: &HostFacts) {}

    async fn events_of(&self, _container: &str, _host: &HostFacts) -> Option<Vec<Event>> {
        None
    }

    async fn list_records(
        &self,
        filter: &ListFilter,
        _host: &HostFacts,
    ) -> Result<Vec<ContainerRecord>, Error> {
        let mut call = Call::list(Kind::Pod, self.namespaces());
        for (key, values) in &filter.filters {
            if key != SELECTOR {
                let error = Error::new(
                    ErrorKind::Unsupported,
                    format!("--filter {key} is for containers of an engine"),
                );
                return Err(error.hint("pods are chosen with --selector LABELS and --namespace"));
            }
            call = call.with("labelSelector", values.join(","));
        }
        let (pods, events) = tokio::join!(self.client.list::<Pod>(&call), self.events_of_pods());
        let mut pods = pods?.items;
        pods.sort_by(|one, other| {
            let key =
                |pod: &Pod| (pod.metadata.creation_timestamp.clone(), pod.metadata.name.clone());
            key(other).cmp(&key(one))
        });
        let (mut events, gap) = match events {
            Ok((events, has_more)) => {
                let gap = format!(
                    "there are more than {} events; verdicts do without the others",
                    events.len()
                );
                (by_pod(&events), has_more.then_some(gap))
            }
            Err(gap) => (HashMap::new(), Some(gap)),
        };
        let now = convert::nanoseconds(self.client.now());
        let is_unread = events.is_empty() && gap.is_some();
        let mut records = Vec::new();
        for pod in &pods {
            let of_pod = events.remove(pod.metadata.uid.as_str()).unwrap_or_default();
            for (role, container) in pod.all_containers() {
                let id = ContainerId {
                    namespace: pod.metadata.namespace.clone(),
                    pod: pod.metadata.name.clone(),
                    container: container.name.clone(),
                    uid: Some(pod.metadata.uid.clone()),
                };
                let mut facts = pod_facts(pod, &container.name);
                facts.events = (!is_unread).then(|| of_pod.clone());
                let name = self.display_name(pod, &container.name);
                let mut record = convert::record(pod, container, id.to_string(), name, facts);
                record.facts.gaps.extend(gap.clone());
                record.facts.now = now;
                if is_listed(role, &record, filter, self.choice()) {
                    records.push(record);
                }
            }
        }
        Ok(records)
    }
}

/// Whether a container is listed. Without `--all`, the list has the main containers that have not
/// succeeded: those that run, and those that should run.
fn is_listed(
    role: Role,
    record: &ContainerRecord,
    filter: &ListFilter,
    choice: &ContainerChoice,
) -> bool {
    let state = &record.facts.state;
    match choice {
        ContainerChoice::Named(name) => {
            record.facts.pod.as_ref().is_some_and(|pod| pod.container == *name)
        }
        ContainerChoice::All => true,
        ContainerChoice::Default if filter.all => true,
        ContainerChoice::Default => {
            role == Role::Main && !(state.phase == Phase::Exited && state.exit_code == 0)
        }
    }
}

fn by_pod(events: &[ApiEvent]) -> HashMap<String, Vec<PodEvent>> {
    let mut by_pod: HashMap<String, Vec<ApiEvent>> = HashMap::new();
    for event in events {
        by_pod.entry(event.involved_object.uid.clone()).or_default().push(event.clone());
    }
    by_pod.into_iter().map(|(uid, events)| (uid, convert::pod_events(&events))).collect()
}

/// The API does not show the files of a container unless a program runs in that container.
impl FilesBackend for Cluster {
    async fn look_up(
        &self,
        _record: &ContainerRecord,
        wanted: &[Want],
    ) -> Result<Option<Vec<Found>>, Error> {
        Ok(Some(wanted.iter().map(|_| Found::Unknown).collect()))
    }

    async fn scan_file(
        &self,
        _record: &ContainerRecord,
        _path: &str,
        _visit: impl FnMut(&[u8]) -> bool + Send,
    ) -> Result<(), Error> {
        Err(no_images())
    }

    async fn hidden_paths(&self, _record: &ContainerRecord) -> Option<BTreeSet<String>> {
        None
    }
}

/// The API does not show the images of a node.
impl ImageBackend for Cluster {
    fn has_images(&self) -> bool {
        false
    }

    async fn image_record(&self, _reference: &str) -> Result<Option<ImageRecord>, Error> {
        Ok(None)
    }

    async fn save_image(
        &self,
        _reference: &str,
        _sink: &mut (dyn io::Write + Send),
    ) -> Result<(), Error> {
        Err(no_images())
    }

    async fn load_image<E: Into<BoxError>>(
        &self,
        _produce: impl FnOnce(&mut dyn io::Write) -> Result<(), E> + Send + 'static,
    ) -> Result<(), Error> {
        Err(no_images())
    }

    async fn with_twins(
        &self,
        _images: &[&str],
        _tools: impl Future<Output = Option<String>>,
    ) -> Result<BTreeSet<String>, Error> {
        Ok(BTreeSet::new())
    }
}

fn no_images() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "a Kubernetes cluster shows no images and files of its nodes",
    )
    .hint("an image is read in its registry: registry:REF")
}
