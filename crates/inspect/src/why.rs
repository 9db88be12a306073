//! Why a container ended, or what is wrong with it while it runs.

use std::ops::ControlFlow;
use std::time::Duration;

use scratchdbg_backend::{
    self as backend, ContainerName, ContainerRecord, ErrorKind, HostFacts, Phase,
};
use scratchdbg_diagnose::container::ContainerFacts;
use scratchdbg_diagnose::rules::image::ImageFacts;
use scratchdbg_diagnose::rules::template;
use scratchdbg_diagnose::template::ContainerTemplate;
use scratchdbg_diagnose::{Finding, Verdict, is_told_by_image, removed, with_image_of_pod};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::blocking::blocking;
use crate::evaluate::{Evaluation, evaluate};
use crate::open::open;
use crate::stored::{self, ImageContents};
use crate::twin::production_name;
use crate::{ImageLocation, Platform, RunningImage, Sources};

/// The largest image that is fetched from a registry for a verdict, compressed.
const LARGEST_IMAGE: u64 = 256 << 20;

/// How long a registry may take for that.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a container is as it is.
#[derive(Debug)]
pub struct Diagnosis {
    /// The container.
    pub container: ContainerSummary,
    /// The findings, the verdict first.
    pub findings: Vec<Finding>,
    /// Why the container's files could not be read. The findings do without them.
    pub failure: Option<backend::Error>,
    /// The facts that the findings follow from. Only the events of a removed container are known.
    pub record: Box<ContainerRecord>,
    /// The platform and its version, if it tells them.
    pub version: Option<String>,
}

/// The container of a [`Diagnosis`]. Only the name of a removed container is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerSummary {
    /// The full id.
    pub id: Option<String>,
    /// Its name, or the name that the user gave.
    pub name: String,
    /// The image as it was named when the container was made.
    pub image: Option<String>,
    /// Its phase.
    #[serde(rename = "state", serialize_with = "word")]
    pub phase: Option<Phase>,
    /// Its pod, on Kubernetes.
    #[serde(flatten)]
    pub pod: Option<PodSummary>,
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn word<S: Serializer>(phase: &Option<Phase>, serializer: S) -> Result<S::Ok, S::Error> {
    phase.map(Phase::as_str).serialize(serializer)
}

/// Where a container of a pod is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodSummary {
    /// The namespace.
    pub namespace: String,
    /// The pod's name; `None` if a workload has no pod.
    pub pod: Option<String>,
    /// The node's name; `None` before the pod has one.
    pub node: Option<String>,
}

/// The explanation of a container, an exit code or a message. Its serialization is the JSON output.
#[derive(Debug)]
pub struct Explanation {
    /// `None` if no container was asked about.
    pub container: Option<ContainerSummary>,
    /// The findings, the verdict first.
    pub findings: Vec<Finding>,
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_struct("Explanation", 3)?;
        answer.serialize_field("target", &self.container)?;
        answer.serialize_field("verdict", &self.findings.first().map(|finding| finding.code))?;
        answer.serialize_field("findings", &self.findings)?;
        answer.end()
    }
}

/// Finds out why a container is as it is. A removed container is diagnosed from the events that the
/// platform still has.
pub async fn why(
    name: &ContainerName,
    platform: &impl Platform,
) -> Result<Diagnosis, backend::Error> {
    let (record, host) = tokio::join!(platform.container_record(name), platform.host_facts());
    let host = host?;
    let mut record = match record {
        Err(error) if matches!(error.kind, ErrorKind::NotFound { .. }) => {
            return gone(name, error, &host, platform).await;
        }
        record => record?,
    };
    platform.observe(&mut record, &host).await;
    let Evaluation { value: verdict, failure } = verdict(&record, &host, platform).await;
    Ok(Diagnosis {
        container: summary(&record),
        findings: verdict.findings,
        failure,
        record: Box::new(record),
        version: host.version,
    })
}

/// Finds out why a container of a pod is as it is. Its platform shows no files: where the verdict
/// is about the program's file, the image is looked into in its registry.
pub async fn why_of_pod(
    record: ContainerRecord,
    template: ContainerTemplate,
    sources: &impl Sources,
) -> Diagnosis {
    let mut verdict = scratchdbg_diagnose::why(&record.facts);
    if verdict.findings.iter().any(|finding| is_told_by_image(finding.code)) {
        let read =
            tokio::time::timeout(REGISTRY_TIMEOUT, registry_contents(&record, &template, sources));
        match read.await.unwrap_or_else(|_| Err("its registry takes too long".to_owned())) {
            Ok(contents) => {
                let image = ImageFacts::new(&contents.config, &contents.rootfs);
                verdict = with_image_of_pod(verdict, &template, image);
            }
            Err(why) => {
                let words = format!("image {} was not looked into: {why}", record.image);
                verdict
                    .findings
                    .iter_mut()
                    .take(1)
                    .for_each(|finding| finding.evidence.push(words.clone()));
            }
        }
    }
    Diagnosis {
        container: summary(&record),
        findings: verdict.findings,
        failure: None,
        record: Box::new(record),
        version: None,
    }
}

/// Reads the image that a container runs, with the settings of the container over it.
async fn registry_contents(
    record: &ContainerRecord,
    settings: &ContainerTemplate,
    sources: &impl Sources,
) -> Result<ImageContents, String> {
    let running = RunningImage { name: record.image.clone(), id: record.image_id.clone() };
    let reference = production_name(&running).0;
    let opened = open(ImageLocation::Registry(reference), sources)
        .await
        .map_err(|error| error.to_string())?;
    let settings = settings.clone();
    let read = blocking(move || {
        let images = opened.images()?;
        let [image] = &images[..] else {
            let platforms = format!("it is for {} platforms", images.len());
            return Ok(Err(platforms));
        };
        let size: u64 = image.layers.iter().map(|layer| layer.size).sum();
        if size > LARGEST_IMAGE {
            return Ok(Err(format!("it has {} MiB", size >> 20)));
        }
        let contents =
            stored::read(&opened.source, image, |config| template::applied(&settings, config));
        Ok(match contents.map_err(|error| opened.explain(error))? {
            Ok(mut contents) => {
                template::hide_mounts(&settings, &mut contents.rootfs);
                Ok(contents)
            }
            Err(broken) => Err(broken.message),
        })
    });
    read.await.map_err(|error| error.to_string())?
}

fn summary(record: &ContainerRecord) -> ContainerSummary {
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let pod = record.facts.pod.as_ref().map(|pod| PodSummary {
        namespace: pod.namespace.clone(),
        pod: given(&pod.name),
        node: given(&pod.node),
    });
    // A workload without pods has no container.
    let is_container = !record.id.is_empty();
    ContainerSummary {
        phase: is_container.then_some(record.facts.state.phase),
        id: is_container.then(|| record.id.clone()),
        name: record.facts.name.clone(),
        image: is_container.then(|| record.image.clone()),
        pod,
    }
}

async fn verdict(
    record: &ContainerRecord,
    host: &HostFacts,
    platform: &impl Platform,
) -> Evaluation<Verdict> {
    evaluate(platform, record, |rootfs, mounts| {
        let image = ImageFacts {
            mounts: Some(mounts),
            host: host.platform.as_ref(),
            cpu: host.cpu,
            bounding_set: record.bounding_set,
            ..ImageFacts::new(&record.config, rootfs)
        };
        ControlFlow::Continue(scratchdbg_diagnose::why(&ContainerFacts {
            image: Some(image),
            ..record.facts.clone()
        }))
    })
    .await
}

/// Diagnoses a container that has been removed.
async fn gone(
    name: &ContainerName,
    error: backend::Error,
    host: &HostFacts,
    platform: &impl Platform,
) -> Result<Diagnosis, backend::Error> {
    let events = platform.events_of(name.as_str(), host).await;
    if events.as_ref().is_none_or(Vec::is_empty) {
        return Err(error);
    }
    // A container keeps its id when it is renamed.
    let id = events.iter().flatten().rev().find_map(|event| event.container.parse().ok());
    if let Some(id) = id {
        match platform.container_record(&id).await {
            Ok(record) => {
                let now = record.facts.name;
                let message = format!("{}: it is called `{now}` now", error.message);
                return Err(
                    backend::Error { message, ..error }.hint(format!("`scratchdbg why {now}`"))
                );
            }
            Err(error) if matches!(error.kind, ErrorKind::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let verdict = removed(name.as_str(), events.as_deref());
    let container =
        ContainerSummary { id: None, name: name.to_string(), image: None, phase: None, pod: None };
    let facts = ContainerFacts {
        name: name.to_string(),
        events,
        now: host.clock,
        ..ContainerFacts::default()
    };
    let record = Box::new(ContainerRecord { facts, ..ContainerRecord::default() });
    let version = host.version.clone();
    Ok(Diagnosis { container, findings: verdict.findings, failure: None, record, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_shape_is_the_contract() {
        let container = ContainerSummary {
            id: Some("0a".into()),
            name: "web".into(),
            image: Some("app:1".into()),
            phase: Some(Phase::Exited),
            pod: None,
        };
        let pod = PodSummary { namespace: "shop".into(), pod: Some("web-0".into()), node: None };
        let in_pod = ContainerSummary { pod: Some(pod), phase: None, ..container.clone() };
        let json = |container| {
            serde_json::to_value(Explanation { container, findings: Vec::new() }).unwrap()
        };
        assert_eq!(
            json(Some(container)),
            serde_json::json!({
                "target": {"id": "0a", "name": "web", "image": "app:1", "state": "exited"},
                "verdict": null,
                "findings": [],
            })
        );
        assert_eq!(
            json(Some(in_pod))["target"],
            serde_json::json!({
                "id": "0a", "name": "web", "image": "app:1", "state": null, "namespace": "shop", "pod": "web-0", "node": null,
            })
        );
        assert_eq!(json(None)["target"], serde_json::Value::Null);
    }
}
