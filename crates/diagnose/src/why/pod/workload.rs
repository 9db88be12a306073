//! What a workload reports: pods that cannot be made, and rollouts that do not finish.

use super::{error, quoted};
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::pod::{PodFacts, WorkloadCondition, WorkloadFacts, WorkloadKind};

impl WorkloadFacts {
    fn condition(&self, kind: &str) -> Option<&WorkloadCondition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Returns why the last attempt to make a pod failed, and where that is told. A later success
    /// settles it.
    fn refusal(&self) -> Option<(&'static str, &str)> {
        if let Some(failure) = self.condition("ReplicaFailure").filter(|failure| failure.holds) {
            return Some(("condition ReplicaFailure", &failure.message));
        }
        if self.ready >= self.wanted {
            return None;
        }
        let is_attempt = |reason: &str| matches!(reason, "FailedCreate" | "SuccessfulCreate");
        let last = self.events.iter().flatten().rev().find(|event| is_attempt(&event.reason))?;
        (last.reason == "FailedCreate").then(|| ("event FailedCreate", last.text()))
    }

    /// Reports whether its pods are refused because of a quota.
    pub fn is_refused_by_quota(&self) -> bool {
        self.refusal().is_some_and(|(_, message)| code(plain(message)) == Some(Code::QuotaExceeded))
    }
}

/// A workload some of whose pods cannot be made, such as those of a new template while those of the
/// old one run.
pub(super) fn not_created(pod: &PodFacts) -> Option<Finding> {
    refused(pod.workload.as_ref()?)
}

/// A workload that has no pod.
pub(super) fn without_pods(pod: &PodFacts) -> Finding {
    let Some(workload) = &pod.workload else {
        return Finding::new(Code::NeverStarted, Severity::Info, "there is no pod");
    };
    let name = &workload.name;
    let info = |code, message: String| Finding::new(code, Severity::Info, message);
    if let Some(finding) = job_over(workload) {
        return finding;
    }
    if workload.is_suspended && workload.kind == WorkloadKind::Job {
        return info(
            Code::NotRunning,
            format!("{name} is suspended: it has no pods until it is resumed"),
        )
        .evidence("spec.suspend is true")
        .fix("set spec.suspend to false");
    }
    if workload.wanted == 0 {
        return if workload.kind == WorkloadKind::DaemonSet {
            info(Code::NotRunning, format!("{name} has no pods because no node matches it"))
                .evidence("status: 0 pods are desired")
                .fix("compare its node selector and tolerations with the nodes: kubectl get nodes --show-labels")
        } else {
            info(Code::NotRunning, format!("{name} has no pods and should have none"))
                .evidence("spec.replicas is 0")
                .fix(format!(
                    "scale it up: kubectl scale {name} --replicas 1 --namespace {}",
                    pod.namespace
                ))
        };
    }
    refused(workload).unwrap_or_else(|| {
        let finding = info(
            Code::NeverStarted,
            format!("{name} has no pods yet, and nothing tells of a failure"),
        );
        finding.evidence(format!("{} wanted, {} ready", workload.wanted, workload.ready)).fix(
            format!("wait; if it stays so: kubectl describe {name} --namespace {}", pod.namespace),
        )
    })
}

/// A job that has ended, and whose pods are gone.
fn job_over(workload: &WorkloadFacts) -> Option<Finding> {
    let name = &workload.name;
    if workload.condition("Complete").is_some_and(|condition| condition.holds) {
        let finding = Finding::new(
            Code::AppExit,
            Severity::Info,
            format!("{name} has completed, and its pods are gone"),
        );
        return Some(finding.evidence("condition Complete"));
    }
    let failed = workload.condition("Failed").filter(|condition| condition.holds)?;
    let told =
        format!("condition Failed: {}", super::with_message(&failed.reason, &failed.message));
    let finding = if failed.reason == "DeadlineExceeded" {
        error(
            Code::DeadlineExceeded,
            format!("{name} took longer than its activeDeadlineSeconds allow, and was ended"),
        )
        .fix("raise activeDeadlineSeconds, or find out what takes so long")
    } else {
        error(Code::AppExit, format!("{name} has failed, and its pods are gone"))
            .fix("run it again and look at its pod: scratchdbg why, scratchdbg logs")
    };
    Some(finding.evidence(told))
}

/// Returns why the API server refuses the pods of a workload.
fn refused(workload: &WorkloadFacts) -> Option<Finding> {
    let (source, message) = workload.refusal()?;
    let name = &workload.name;
    let message = plain(message);
    let mut finding = match code(message) {
        Some(Code::PodSecurityRefused) => {
            let profile = quoted(message, "violates PodSecurity ").unwrap_or_default();
            error(Code::PodSecurityRefused, format!("pods of {name} cannot be made: the namespace enforces the pod security profile {profile}"))
                .fix("give the pod template the settings that the message names, or label the namespace with another profile")
        }
        Some(Code::QuotaExceeded) => error(
            Code::QuotaExceeded,
            format!("pods of {name} cannot be made: the quota of its namespace does not allow it"),
        )
        .fix("raise the quota, request less, or remove what is not needed; see it: kubectl describe quota"),
        _ => error(Code::StartFailed, format!("pods of {name} cannot be made"))
            .fix("the message tells what is wrong with the pod template, or who refuses it"),
    };
    finding = finding.evidence(format!("{source}: {message}"));
    if finding.code == Code::QuotaExceeded {
        finding.evidence.extend(workload.quotas.iter().cloned());
    }
    Some(finding)
}

/// What a controller writes before the API server's words.
fn plain(message: &str) -> &str {
    message.strip_prefix("Error creating: ").unwrap_or(message)
}

/// Returns the code of an API server's refusal of a pod. Its first words are its own; what follows
/// may quote others.
pub(crate) fn code(message: &str) -> Option<Code> {
    let (_, reason) = message.strip_prefix("pods \"")?.split_once("\" is forbidden: ")?;
    if reason.starts_with("violates PodSecurity ") {
        return Some(Code::PodSecurityRefused);
    }
    ["exceeded quota: ", "failed quota: "]
        .iter()
        .any(|words| reason.starts_with(words))
        .then_some(Code::QuotaExceeded)
}

/// A rollout that does not finish.
pub(super) fn rollout(pod: &PodFacts) -> Option<Finding> {
    let workload = pod.workload.as_ref()?;
    let stuck = workload.condition("Progressing").filter(|condition| !condition.holds)?;
    if stuck.reason != "ProgressDeadlineExceeded" {
        return None;
    }
    let WorkloadFacts { name, wanted, ready, .. } = workload;
    Some(
        error(Code::RolloutStuck, format!("the rollout of {name} does not finish: {ready} of {wanted} pods are ready"))
            .evidence(format!("condition Progressing: {}", super::with_message(&stuck.reason, &stuck.message)))
            .fix(format!(
                "mend what keeps its pods from being ready, or go back: kubectl rollout undo {name} --namespace {}",
                pod.namespace
            )),
    )
}
