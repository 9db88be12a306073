//! `crash-loop`, `restarted-after-success` and `daemon-restarted`.

use super::evidence::{LastRun, exit_evidence, in_words, ran_less_than};
use super::memory;
use super::runs::{self, Run};
use crate::code::Code;
use crate::container::{ContainerFacts, Phase};
use crate::finding::{Confidence, Finding, Severity};

/// How many restarts make a loop.
const MANY: u64 = 3;
const SECOND: i64 = 1_000_000_000;
/// A container that has been up for less may end again.
const YOUNG: i64 = 10 * SECOND;
/// A container that has been up for longer is not in a loop, however long its earlier runs were.
const OLD: i64 = 300 * SECOND;
/// The shortest pause before a start that proves several short runs before it: the engine doubles
/// it from 100 ms on, and resets it after a run of ten seconds.
const LONG_PAUSE: i64 = 3 * SECOND / 2;
/// How many of the latest runs are considered.
const LATEST: usize = 3;
/// The exit code that the engine records if it could not learn the real one.
const UNKNOWN_STATUS: i64 = 255;
/// How long after its start an engine may take to find out what happened to its containers.
const RECOVERY: i64 = 60 * SECOND;

fn is_by_policy(facts: &ContainerFacts<'_>) -> bool {
    !matches!(facts.restarts.policy.as_str(), "" | "no")
}

/// Adds the loop: before a cause that is only an exit code, after a more specific one.
pub(super) fn insert_loop(facts: &ContainerFacts<'_>, findings: &mut Vec<Finding>) {
    let waiting = facts.state.phase == Phase::Restarting;
    if !is_by_policy(facts) {
        return;
    }
    if !waiting && facts.restarts.count < MANY {
        let gave_up =
            facts.restarts.at_most.filter(|&most| most > 0 && facts.restarts.count >= most);
        if let (Some(most), Some(first)) = (gave_up, findings.first_mut()) {
            let policy = &facts.restarts.policy;
            first.evidence.push(format!("the policy \"{policy}\" gave up after {most} restarts"));
        }
        return;
    }
    // `on-failure` ends with a success: the loop is over, and is reported as history.
    if !waiting && facts.state.exit_code == 0 && facts.restarts.policy == "on-failure" {
        if let Some(first) = findings.first_mut() {
            first.evidence.push(restart_count(facts));
            let earlier = earlier_than_the_last(facts);
            first.evidence.extend(runs::in_words(&earlier));
            first.evidence.push(
                "the policy \"on-failure\" starts nothing again that ended with success".to_owned(),
            );
        }
        return;
    }
    // The stop request ended the loop too, so it is reported as history.
    if let Some(first) = findings.first_mut()
        && (matches!(first.code, Code::Stopped | Code::StopSignalIgnored)
            || (!waiting
                && first.code == Code::KilledFromOutside
                && first.confidence != Confidence::Guess))
    {
        first.evidence.push(restart_count(facts));
        let before: Vec<Run> =
            runs::ended_runs(facts).into_iter().filter(|run| !run.on_request).collect();
        first.evidence.push(runs::in_words(&before).unwrap_or_else(|| {
            "how its runs before the stop ended is not on record: the engine keeps some hundred events".to_owned()
        }));
        return;
    }
    // One success among failures does not mean that the program is supposed to end.
    let only_successes = || {
        runs::ended_runs(facts).iter().rev().take(LATEST).all(|run| run.exit_code.unwrap_or(0) == 0)
    };
    if facts.state.exit_code == 0 && waiting && only_successes() {
        let finding = after_success(facts, exit_evidence(facts));
        findings.retain(|finding| finding.code != Code::AppExit);
        findings.insert(0, finding);
        return;
    }
    let lengths: Vec<i64> = runs::ended_runs(facts).iter().filter_map(|run| run.length).collect();
    let short = match (ran_less_than(facts, 10), lengths.len() >= LATEST) {
        (true, true) if lengths.iter().all(|&length| length < YOUNG) => {
            ", each run on record shorter than 10 s"
        }
        (true, _) => ", the latest run shorter than 10 s",
        (false, _) => "",
    };
    let count = facts.restarts.count;
    let policy = &facts.restarts.policy;
    let gave_up = facts.restarts.at_most.is_some_and(|most| most > 0 && count >= most) && !waiting;
    let then = if gave_up {
        "; with that many the policy gives up".to_owned()
    } else if waiting {
        "; the engine waits up to a minute between them".to_owned()
    } else {
        String::new()
    };
    let mut finding = Finding::new(
        Code::CrashLoop,
        Severity::Error,
        format!("the program ends again and again: {count} restarts by the policy \"{policy}\"{short}{then}"),
    )
    .evidence(restart_count(facts))
    .evidence(exit_evidence(facts))
    .fix(format!(
        "see each run's end: scratchdbg logs --run all {}; hold it still with docker update --restart no",
        facts.name
    ));
    finding.evidence.extend(runs::in_words(&runs::ended_runs(facts)));
    if !findings
        .iter()
        .any(|finding| matches!(finding.code, Code::OomKilled | Code::ChildOomKilled))
        && let Some(killed) = memory::in_a_loop(facts)
    {
        // If the engine missed the reason for the last run, use that of the previous one.
        findings.retain(|finding| {
            finding.code != Code::KilledFromOutside || finding.confidence != Confidence::Guess
        });
        findings.insert(0, killed);
    }
    let at = usize::from(findings.first().is_some_and(|finding| finding.code != Code::AppExit));
    findings.insert(at.min(findings.len()), finding);
}

/// Returns the runs before the last.
fn earlier_than_the_last(facts: &ContainerFacts<'_>) -> Vec<Run> {
    let mut earlier = runs::ended_runs(facts);
    earlier.pop();
    earlier
}

fn restart_count(facts: &ContainerFacts<'_>) -> String {
    format!("restart count: {}", facts.restarts.count)
}

/// A program that is supposed to end, under a policy that restarts it.
fn after_success(facts: &ContainerFacts<'_>, evidence: String) -> Finding {
    let policy = &facts.restarts.policy;
    Finding::new(
        Code::RestartedAfterSuccess,
        Severity::Warning,
        format!("the program ends with success each time, and the policy \"{policy}\" starts it again: no crash"),
    )
    .evidence(restart_count(facts))
    .evidence(evidence)
    .fix(
        "use --restart on-failure, or no, for a program that is meant to end; one that goes into the background must stay in \
         the foreground, since a container ends with its first process",
    )
}

/// A container that is up only for a moment between two ends.
pub(super) fn flapping(facts: &ContainerFacts<'_>) -> Option<Finding> {
    // A manual start resets the count.
    if !is_by_policy(facts) || facts.restarts.count < MANY {
        return None;
    }
    let started = facts.state.started_at?;
    let up = facts.now?.saturating_sub(started).max(0);
    let ends = runs::ended_runs(facts);
    let own: Vec<Run> = ends.iter().copied().filter(|run| !run.on_request).collect();
    let latest = &own[own.len().saturating_sub(LATEST)..];
    let longest = latest.iter().filter_map(|run| run.length).max();
    let pause = facts.state.finished_at.map(|ended| started.saturating_sub(ended));
    let proven_after = match longest {
        Some(longest) => longest.saturating_mul(2).clamp(YOUNG, OLD),
        None if pause.is_some_and(|pause| (LONG_PAUSE..=2 * RECOVERY).contains(&pause)) => {
            6 * YOUNG
        }
        None => YOUNG,
    };
    if up >= proven_after {
        return None;
    }
    let codes: Vec<i64> = latest.iter().filter_map(|run| run.exit_code).collect();
    let known = runs::in_words(&own).unwrap_or_else(|| {
        "what its earlier runs ended with is not on record: the engine keeps some hundred events, and forgets them when it is \
         restarted"
            .to_owned()
    });
    let now = format!("up for {} now", in_words(up));
    if !codes.is_empty() && codes.iter().all(|&code| code == 0) {
        return Some(after_success(facts, known).evidence(now));
    }
    let lengths =
        longest.map(|longest| format!(", none of the latest longer than {}", in_words(longest)));
    Some(
        Finding::new(
            Code::CrashLoop,
            Severity::Error,
            format!(
                "the program ends again and again, and runs only in between: {} restarts by the policy \"{}\"{}; {now}",
                facts.restarts.count,
                facts.restarts.policy,
                lengths.unwrap_or_default()
            ),
        )
        .evidence(restart_count(facts))
        .evidence(known)
        .evidence(now)
        .fix(format!(
            "see each run's end: scratchdbg logs --run all {}; hold it still with docker update --restart no",
            facts.name
        )),
    )
}

/// The engine was restarted, found the container dead, and recorded 255 because it could not learn
/// the exit code.
pub(super) fn daemon_restarted(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    let engine = facts.engine_started_at?;
    let ended = facts.state.finished_at?;
    let started = facts.state.started_at?;
    let at_recovery =
        ended >= engine.saturating_sub(RECOVERY) && ended <= engine.saturating_add(RECOVERY);
    if facts.state.exit_code != UNKNOWN_STATUS
        || run.has("die")
        || started >= engine
        || !at_recovery
    {
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
