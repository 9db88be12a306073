//! Explains a pod: what Kubernetes reports about it, its containers and its workload.
//!
//! Only what the kubelet, the scheduler and the controllers wrote themselves is interpreted as
//! theirs. What a program can write (its log, its termination message, the output of its probes) is
//! evidence, and never read as their words.

mod end;
mod events;
pub(crate) mod image_pull;
mod life;
mod probes;
mod running;
pub(crate) mod schedule;
mod volumes;
mod waiting;
mod workload;

use crate::code::Code;
use crate::container::ContainerFacts;
use crate::finding::{Finding, Severity};
use crate::pod::{PodContainer, PodFacts, PodRole};

/// Returns the findings about a pod, the verdict first. Never empty.
pub(super) fn findings(facts: &ContainerFacts<'_>, pod: &PodFacts) -> Vec<Finding> {
    if pod.name.is_empty() {
        return vec![workload::without_pods(pod)];
    }
    let mut findings: Vec<Finding> = workload::not_created(pod).into_iter().collect();
    match life::verdict(pod).or_else(|| schedule::verdict(pod)) {
        Some(verdict) => findings.push(verdict),
        None => findings.extend(of_containers(facts, pod)),
    }
    if let Some(stuck) = workload::rollout(pod) {
        // What keeps a pod from being ready says more than that the rollout waits for it.
        let is_explained =
            findings.first().is_some_and(|first| first.severity >= Severity::Warning);
        findings.insert(if is_explained { findings.len() } else { 0 }, stuck);
    }
    findings
}

/// Returns the findings about the container in question, then one for each other container that has
/// failed.
fn of_containers(facts: &ContainerFacts<'_>, pod: &PodFacts) -> Vec<Finding> {
    let Some(container) = pod.container(&pod.container) else {
        return vec![being_started(pod, None)];
    };
    let mut findings = of_container(facts, pod, container);
    let others = pod
        .containers
        .iter()
        .filter(|other| other.name != container.name && other.role != PodRole::Ephemeral);
    for other in others {
        let facts_of_other = ContainerFacts { now: facts.now, ..status_alone(other) };
        let of_other = of_container(&facts_of_other, pod, other).into_iter().next();
        let Some(mut finding) = of_other.filter(|finding| finding.severity >= Severity::Warning)
        else {
            continue;
        };
        // Volumes and the network belong to the whole pod.
        if findings.iter().any(|known| known.message == finding.message) {
            continue;
        }
        finding.message = format!("container {}: {}", other.name, finding.message);
        findings.push(finding);
    }
    findings
}

/// The facts of a container whose log was not read.
fn status_alone(container: &PodContainer) -> ContainerFacts<'static> {
    let mut facts = ContainerFacts { name: container.name.clone(), ..ContainerFacts::default() };
    if let Some(end) = &container.ended {
        facts.state.exit_code = end.exit_code;
        facts.state.started_at = end.started_at;
        facts.state.finished_at = end.finished_at;
    }
    facts
}

fn of_container(
    facts: &ContainerFacts<'_>,
    pod: &PodFacts,
    container: &PodContainer,
) -> Vec<Finding> {
    if container.is_running {
        return running::findings(facts, pod, container);
    }
    if let Some((reason, message)) = &container.waiting
        && let Some(finding) = waiting::refused(pod, container, reason, message)
    {
        return vec![finding];
    }
    match &container.ended {
        Some(end) => end::findings(facts, pod, container, end),
        None => not_begun(facts, pod, container),
    }
}

/// A container that has not run yet: because of the pod's volumes or network, or of an init
/// container before it.
fn not_begun(facts: &ContainerFacts<'_>, pod: &PodFacts, container: &PodContainer) -> Vec<Finding> {
    let before = || {
        pod.containers
            .iter()
            .filter(|other| other.role == PodRole::Init && other.name != container.name)
    };
    if container.role == PodRole::Main {
        for other in before() {
            let found =
                of_container(&ContainerFacts { now: facts.now, ..status_alone(other) }, pod, other);
            if found.first().is_some_and(|first| first.severity == Severity::Error) {
                return found;
            }
        }
    }
    if let Some(deleted) = life::being_deleted(pod, container, facts.now) {
        return vec![deleted];
    }
    if matches!(pod.phase.as_str(), "Failed" | "Succeeded") {
        let message =
            format!("pod {} was over before container {} was started", pod.name, container.name);
        let told = with_message(&pod.reason, &pod.message);
        let finding = error(Code::NeverStarted, message).evidence(format!("phase {}", pod.phase));
        let finding =
            if told.is_empty() { finding } else { finding.evidence(format!("status: {told}")) };
        return vec![
            finding.fix(format!("kubectl describe pod {} --namespace {}", pod.name, pod.namespace)),
        ];
    }
    vec![volumes::verdict(pod).unwrap_or_else(|| being_started(pod, Some(container)))]
}

/// A pod that has only begun.
fn being_started(pod: &PodFacts, container: Option<&PodContainer>) -> Finding {
    let name = &pod.name;
    let mut finding = Finding::new(
        Code::NeverStarted,
        Severity::Info,
        format!("pod {name} is being started: nothing has failed"),
    );
    if let Some((reason, message)) = container.and_then(|container| container.waiting.as_ref()) {
        finding = finding.evidence(with_message(reason, message));
    }
    let before =
        pod.containers.iter().find(|other| other.role == PodRole::Init && other.is_running);
    if let Some(before) = before.filter(|before| Some(*before) != container) {
        finding.message =
            format!("pod {name} is being started: init container {} still runs", before.name);
    }
    if let Some(latest) = pod.events.iter().flatten().next_back() {
        finding = finding.evidence(events::sentence(latest));
    }
    finding.fix(format!(
        "wait; if it stays so: kubectl describe pod {name} --namespace {}",
        pod.namespace
    ))
}

fn error(code: Code, message: impl Into<String>) -> Finding {
    Finding::new(code, Severity::Error, message)
}

fn with_message(reason: &str, message: &str) -> String {
    let message = message.trim();
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

/// Returns the text in quotes that follows these words.
fn quoted(text: &str, words: &str) -> Option<String> {
    let rest = text.split_once(words)?.1.strip_prefix('"')?;
    Some(rest.split_once('"')?.0.to_owned())
}
