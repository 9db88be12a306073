//! `crash-loop` and `daemon-restarted`.

use super::evidence::{LastRun, exit_evidence, ran_less_than};
use crate::code::Code;
use crate::container::{ContainerFacts, Status};
use crate::finding::{Finding, Severity};

/// Restarts from which on a container that is not up is said to loop.
const MANY: u64 = 3;
/// The engine's word for an exit status that it could not learn.
const UNKNOWN_STATUS: i64 = 255;
/// How long after its start an engine needs at most to see what became of its containers.
const RECOVERY: i64 = 60 * 1_000_000_000;

/// Adds the loop: before a cause that says no more than an exit code, behind a better one.
pub(super) fn put_in(facts: &ContainerFacts<'_>, findings: &mut Vec<Finding>) {
    let by_policy = !matches!(facts.restarts.policy.as_str(), "" | "no");
    let waiting = facts.state.status == Status::Restarting;
    if !by_policy || !(waiting || facts.restarts.count >= MANY) {
        return;
    }
    // Stopped on request: the loop has ended.
    if findings.first().is_some_and(|finding| finding.code == Code::Stopped) {
        return;
    }
    let short = if ran_less_than(facts, 10) { ", each run shorter than 10 s" } else { "" };
    let finding = Finding::new(
        Code::CrashLoop,
        Severity::Error,
        format!(
            "the program ends again and again: {} restarts by the policy \"{}\"{short}; the engine waits up to a minute between them",
            facts.restarts.count, facts.restarts.policy
        ),
    )
    .evidence(format!("restart count: {}", facts.restarts.count))
    .evidence(exit_evidence(facts))
    .fix(format!("see each run's end: scratchdbg logs --run all {}; hold it still with docker update --restart no", facts.name));
    let at = usize::from(findings.first().is_some_and(|finding| finding.code != Code::AppExit));
    findings.insert(at.min(findings.len()), finding);
}

/// The engine was restarted, found the container dead, and wrote 255 for an exit code that it could not learn.
pub(super) fn daemon_restarted(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    let engine = facts.engine_started_at?;
    let ended = facts.state.finished_at?;
    let started = facts.state.started_at?;
    let at_recovery = ended >= engine.saturating_sub(RECOVERY) && ended <= engine.saturating_add(RECOVERY);
    if facts.state.exit_code != UNKNOWN_STATUS || run.has("die") || started >= engine || !at_recovery {
        return None;
    }
    Some(
        Finding::new(
            Code::DaemonRestarted,
            Severity::Error,
            "the engine or its host was restarted while the container ran: its true exit code is not known",
        )
        .evidence(exit_evidence(facts))
        .evidence("the engine was started after the container and about when it is said to have ended")
        .evidence("no die event")
        .fix("start it again, with a restart policy (--restart unless-stopped) or live-restore in the engine's daemon.json")
        .guessed(),
    )
}
