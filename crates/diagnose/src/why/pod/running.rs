//! A container that runs: whether it is ready, and whether it stays.

use super::probes::{self, Probe};
use super::{end, error, events, life};
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::finding::{Finding, Severity};
use crate::pod::{NodeState, PodContainer, PodFacts};
use crate::why::evidence::in_words;
use crate::why::running::complaints;

const SECOND: i64 = 1_000_000_000;
/// A failed liveness probe counts for so long.
const RECENT: i64 = 60 * SECOND;
/// How many ends make a loop.
pub(super) const MANY: u64 = 3;

impl PodContainer {
    /// Reports whether it runs and was restarted so recently that its last end is still what
    /// matters.
    pub fn is_unsettled(&self, now: Option<i64>) -> bool {
        let (Some(since), Some(now), Some(end)) = (self.running_since, now, &self.ended) else {
            return false;
        };
        let length =
            end.finished_at.zip(end.started_at).map_or(0, |(end, start)| end.saturating_sub(start));
        let limit = if self.restarts >= MANY {
            length.saturating_mul(2).clamp(10 * SECOND, 300 * SECOND)
        } else {
            60 * SECOND
        };
        self.is_running && self.restarts > 0 && now.saturating_sub(since) < limit
    }
}

pub(super) fn findings(
    facts: &ContainerFacts<'_>,
    pod: &PodFacts,
    container: &PodContainer,
) -> Vec<Finding> {
    if let Some(deleted) = life::being_deleted(pod, container, facts.now) {
        return vec![deleted];
    }
    let mut findings: Vec<Finding> = Vec::new();
    let is_unsettled = container.is_unsettled(facts.now);
    if let Some(killed) = probes::being_killed(pod, container) {
        findings.push(killed);
    } else if let Some(end) = container.ended.as_ref().filter(|_| is_unsettled) {
        findings.extend(end::findings(facts, pod, container, end));
    }
    findings.extend(probes::cannot_run(pod, container));
    findings.extend(not_ready(facts, pod, container, &findings));
    findings.extend(unhealthy(facts, pod, container, &findings));
    let is_well = findings.iter().all(|finding| finding.severity < Severity::Warning);
    let runs = runs(facts, pod, container);
    findings.insert(if is_well { 0 } else { findings.len() }, runs);
    if !is_well {
        // That it runs is no news beside what is wrong with it.
        findings.retain(|finding| finding.code != Code::Running || is_unsettled);
    }
    // The log is that of the run that ended, if that one matters.
    if !is_unsettled {
        findings.extend(complaints(facts, &findings));
    }
    findings
}

fn runs(facts: &ContainerFacts<'_>, pod: &PodFacts, container: &PodContainer) -> Finding {
    let name = &container.name;
    let mut finding = Finding::new(
        Code::Running,
        Severity::Info,
        format!("container {name} of pod {} runs", pod.name),
    );
    if let Some(up) = up(facts, container) {
        finding = finding.evidence(format!("running for {}", in_words(up)));
    }
    if let (Some(end), 1..) = (&container.ended, container.restarts) {
        let reason = super::with_message(&end.reason, &format!("exit code {}", end.exit_code));
        finding = finding.evidence(format!(
            "restarted {} times; the last run before ended with {reason}",
            container.restarts
        ));
    }
    let finding = match (container.is_ready, container.has_started) {
        (true, _) if pod.is_ready == Some(false) => finding.evidence(
            "ready, but its pod is not: another container or a readiness gate is missing",
        ),
        (true, _) => finding.evidence("ready"),
        (false, Some(false)) => {
            finding.evidence("not ready: its startup probe has not succeeded yet")
        }
        (false, _) => finding.evidence("not ready yet"),
    };
    match &pod.node_state {
        Some(NodeState::NotReady(message)) => {
            finding.evidence(format!("node {} is not ready: {message}", pod.node))
        }
        _ => finding,
    }
}

fn up(facts: &ContainerFacts<'_>, container: &PodContainer) -> Option<i64> {
    Some(facts.now?.saturating_sub(container.running_since?).max(0))
}

/// A readiness probe that fails. The status proves that it has not succeeded; events tell why.
fn not_ready(
    facts: &ContainerFacts<'_>,
    pod: &PodFacts,
    container: &PodContainer,
    known: &[Finding],
) -> Option<Finding> {
    let first_result = container.readiness_seconds?;
    let is_explained = known
        .iter()
        .any(|finding| matches!(finding.code, Code::ProbeNeedsShell | Code::StartupProbeTooTight));
    if container.is_ready || container.has_started == Some(false) || is_explained {
        return None;
    }
    let failure = Probe::Readiness.failure(pod, container, container.running_since);
    let waited =
        i64::try_from(first_result).unwrap_or(i64::MAX).saturating_add(30).saturating_mul(SECOND);
    let is_late = up(facts, container).is_some_and(|up| up > waited);
    if failure.is_none() && !is_late {
        return None;
    }
    let finding = error(
        Code::ReadinessFailing,
        format!("container {} runs, but its readiness probe fails: services send nothing to it", container.name),
    )
    .fix(format!(
        "see whether the probe asks the right port and path, and what the program waits for: scratchdbg logs {}",
        pod.arguments(&container.name)
    ));
    Some(match failure {
        Some(failure) => finding.evidence(events::sentence(failure)),
        None => finding
            .guessed()
            .evidence("status: not ready, long after the probe's first result was due"),
    })
}

/// A liveness probe that fails, but has not failed often enough yet.
fn unhealthy(
    facts: &ContainerFacts<'_>,
    pod: &PodFacts,
    container: &PodContainer,
    known: &[Finding],
) -> Option<Finding> {
    let failure = Probe::Liveness.failure(pod, container, container.running_since)?;
    let is_recent =
        facts.now.zip(failure.time).is_some_and(|(now, time)| now.saturating_sub(time) < RECENT);
    if !is_recent || known.iter().any(|finding| finding.code == Code::LivenessKilled) {
        return None;
    }
    Some(
        Finding::new(
            Code::RunningUnhealthy,
            Severity::Warning,
            format!(
                "the liveness probe of container {} fails: the kubelet kills it if that goes on",
                container.name
            ),
        )
        .evidence(events::sentence(failure))
        .fix("see whether the probe asks the right port and path, and whether the program hangs"),
    )
}
