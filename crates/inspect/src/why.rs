//! What a container died of, or what is wrong with it while it runs.

use std::ops::ControlFlow;

use scratchdbg_backend::{self as backend, ContainerName, ContainerRecord, ErrorKind, HostFacts, Phase};
use scratchdbg_diagnose::container::ContainerFacts;
use scratchdbg_diagnose::rules::image::ImageFacts;
use scratchdbg_diagnose::{Finding, Verdict, removed};

use crate::Platform;
use crate::evaluate::{Evaluation, evaluate};

/// What there is to say of a container.
#[derive(Debug)]
pub struct Answer {
    /// Which container it is.
    pub subject: Subject,
    /// The verdict first.
    pub findings: Vec<Finding>,
    /// Why its files could not be read: less is known then.
    pub failure: Option<backend::Error>,
}

/// Which container an answer is about. Of one that is gone, no more than its name is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its full id.
    pub id: Option<String>,
    /// Its name, or what was asked for.
    pub name: String,
    /// The image as it was named when the container was made.
    pub image: Option<String>,
    /// What it is doing.
    pub phase: Option<Phase>,
}

/// Says why a container is as it is. Of one that is gone, the platform may still remember its end.
pub async fn why(name: &ContainerName, platform: &impl Platform) -> Result<Answer, backend::Error> {
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
    let subject = Subject {
        phase: Some(record.facts.state.phase),
        id: Some(record.id),
        name: record.facts.name,
        image: Some(record.image),
    };
    Ok(Answer { subject, findings: verdict.findings, failure })
}

async fn verdict(record: &ContainerRecord, host: &HostFacts, platform: &impl Platform) -> Evaluation<Verdict> {
    evaluate(platform, record, |rootfs, mounts| {
        let image = ImageFacts {
            mounts: Some(mounts),
            host: host.platform.as_ref(),
            cpu: host.cpu,
            bounding_set: record.bounding_set,
            ..ImageFacts::new(&record.config, rootfs)
        };
        ControlFlow::Continue(scratchdbg_diagnose::why(&ContainerFacts { image: Some(image), ..record.facts.clone() }))
    })
    .await
}

/// A container that is not there.
async fn gone(
    name: &ContainerName,
    error: backend::Error,
    host: &HostFacts,
    platform: &impl Platform,
) -> Result<Answer, backend::Error> {
    let events = platform.events_of(name.as_str(), host).await;
    if events.as_ref().is_none_or(Vec::is_empty) {
        return Err(error);
    }
    let verdict = removed(name.as_str(), events.as_deref());
    let subject = Subject { id: None, name: name.to_string(), image: None, phase: None };
    Ok(Answer { subject, findings: verdict.findings, failure: None })
}
