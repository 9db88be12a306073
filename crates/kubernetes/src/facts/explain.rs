//! Collects the facts about a pod or a workload that `why` needs.

use std::time::Duration;

use scratchdbg_backend::{ContainerRecord, Error as BackendError, ErrorKind, Phase};
use scratchdbg_diagnose::pod::{PodFacts, WorkloadFacts};
use scratchdbg_diagnose::template::ContainerTemplate;

use super::blame::{ailing_container, ailing_pod, belongs, may_be_lost};
use super::convert::{self, nanoseconds, pod_facts};
use super::last_lines::{LastLines, NextRun, RunTimes};
use super::optional::Events;
use super::settings;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::container_id::ContainerId;
use crate::error::Error;
use crate::kind::Kind;
use crate::logs::RunFacts;
use crate::model::{Container, LabelSelector, Pod, Workload};
use crate::target::TargetName;

/// The facts about a container of a pod.
#[derive(Debug)]
pub struct Explained {
    /// The facts, as the cluster tells them.
    pub record: ContainerRecord,
    /// The settings of the container that take the place of those of its image.
    pub template: ContainerTemplate,
}

/// A run that ended less than this many nanoseconds ago may still lack lines of its log.
const JUST_NOW: i64 = 5_000_000_000;

impl Cluster {
    /// Collects the facts about a container of a pod. If the target is only a pod or a workload,
    /// selects the container with the worst state.
    pub async fn explain(
        &self,
        target: &TargetName,
        container: Option<&str>,
    ) -> Result<Explained, BackendError> {
        if let (Some(one), Some(other)) = (container, &target.container)
            && one != other
        {
            let message = format!(
                "`{target}` names a container already, and --container names another: `{one}`"
            );
            return Err(BackendError::new(ErrorKind::Invalid, message));
        }
        let container = container.or(target.container.as_deref());
        let namespace = self.namespace().to_owned();
        if target.is_pod() {
            let pod = self.client.pod(&namespace, &target.name).await?;
            return Ok(self.record_of(&pod, container, None, Vec::new()).await?);
        }
        let workload = self.client.workload(target.kind, &namespace, &target.name).await?;
        let mut pods = self.pods_of(target, &workload, &namespace).await?;
        let mut facts = convert::workload_facts(target.kind, &workload, pods.len());
        facts.name = format!("{}/{}", target.kind.word(), target.name);
        let mut gaps = Vec::new();
        if facts.ready < facts.wanted || pods.is_empty() {
            let Events { events, gap } =
                self.events_about(&namespace, &workload.metadata.uid).await;
            facts.events = events;
            gaps.extend(gap);
            if facts.is_refused_by_quota() {
                facts.quotas = self.quotas(&namespace).await;
            }
        }
        // Pods without the container are not considered if another pod has it.
        if let Some(name) = container {
            let has_one = pods.iter().any(|pod| pod.container(name).is_some());
            pods.retain(|pod| !has_one || pod.container(name).is_some());
        }
        match ailing_pod(pods, facts.ready >= facts.wanted) {
            Some(pod) => Ok(self.record_of(&pod, container, Some(facts), gaps).await?),
            None => {
                let mut record =
                    convert::record_without_pod(&namespace, &facts.name.clone(), facts);
                record.facts.gaps = gaps;
                Ok(Explained { record, template: ContainerTemplate::default() })
            }
        }
    }

    async fn pods_of(
        &self,
        target: &TargetName,
        workload: &Workload,
        namespace: &str,
    ) -> Result<Vec<Pod>, Error> {
        let expression = workload.spec.selector.as_ref().and_then(LabelSelector::expression);
        let call = Call::get(target.kind, namespace, &target.name);
        let expression = expression.ok_or_else(|| Error::broken(&call, "it selects no pods"))?;
        let listing = Call::list(Kind::Pod, Some(namespace)).with("labelSelector", expression);
        let mut pods = self.client.list::<Pod>(&listing).await?.items;
        pods.retain(|pod| belongs(pod, target.kind, workload));
        Ok(pods)
    }

    async fn record_of(
        &self,
        pod: &Pod,
        container: Option<&str>,
        workload: Option<WorkloadFacts>,
        mut gaps: Vec<String>,
    ) -> Result<Explained, Error> {
        let container = match container {
            Some(name) => pod.chosen_container(Some(name))?,
            None => ailing_container(pod).map_or_else(|| pod.chosen_container(None), Ok)?,
        };
        let mut facts = pod_facts(pod, &container.name);
        let namespace = &pod.metadata.namespace;
        let (events, log) = tokio::join!(
            self.events_about(namespace, &pod.metadata.uid),
            self.log_of(pod, container, &facts)
        );
        facts.events = events.events;
        gaps.extend(events.gap);
        let told_of_node =
            facts.events.iter().flatten().any(|event| event.reason == "NodeNotReady");
        if may_be_lost(pod, told_of_node) {
            match self.state_of_node(&pod.spec.node_name).await {
                Ok(state) => facts.node_state = Some(state),
                Err(gap) => gaps.push(gap),
            }
        }
        facts.workload = workload;
        let name = self.display_name(pod, &container.name);
        let id = ContainerId {
            namespace: namespace.clone(),
            pod: pod.metadata.name.clone(),
            container: container.name.clone(),
            uid: Some(pod.metadata.uid.clone()),
        };
        let mut record = convert::record(pod, container, id.to_string(), name, facts);
        record.facts.gaps = gaps;
        record.facts.now = nanoseconds(self.client.now());
        if let Some(log) = log {
            record.facts.log = log.lines;
            record.facts.log_gap = log.gap;
        }
        Ok(Explained { record, template: settings::template(pod, container) })
    }

    /// Returns the last lines of the run that matters, or `None` if the container never ran.
    async fn log_of(
        &self,
        pod: &Pod,
        container: &Container,
        facts: &PodFacts,
    ) -> Option<LastLines> {
        let own = facts.container(&container.name)?;
        let is_ended_run = !own.is_running || own.is_unsettled(nanoseconds(self.client.now()));
        let run = if is_ended_run {
            let end = own.ended.as_ref()?;
            let next = match own.running_since {
                Some(begin) => NextRun::Began(begin),
                None if RunFacts::of(pod, &container.name).phase == Phase::Restarting => {
                    NextRun::Possible
                }
                None => NextRun::None,
            };
            // A program that was not started has written nothing.
            RunTimes { started_at: Some(end.started_at?), finished_at: end.finished_at, next }
        } else {
            RunTimes { started_at: own.running_since, ..RunTimes::default() }
        };
        let place =
            (pod.metadata.namespace.as_str(), pod.metadata.name.as_str(), container.name.as_str());
        let lines = self.last_lines(place, run).await;
        let is_empty = lines.lines.as_ref().is_some_and(Vec::is_empty);
        let ended = run
            .finished_at
            .zip(nanoseconds(self.client.now()))
            .map(|(end, now)| now.saturating_sub(end));
        if is_empty && ended.is_some_and(|ended| ended < JUST_NOW) {
            // The node may still write the last lines.
            tokio::time::sleep(Duration::from_secs(1)).await;
            return Some(self.last_lines(place, run).await);
        }
        Some(lines)
    }
}
