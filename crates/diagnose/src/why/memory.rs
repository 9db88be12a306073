//! Lack of memory: reported by the engine, or by the kernel if the engine missed it.

use super::evidence::{LastRun, bytes, exit_evidence};
use super::killed::KILLED;
use crate::code::Code;
use crate::container::{ContainerFacts, MemoryKill, MemoryLimit};
use crate::exit_code;
use crate::finding::{Finding, Severity};

/// `oom-killed` and `child-oom-killed`.
pub(super) fn out_of_memory(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    let program_killed = facts.state.exit_code == KILLED;
    let engine = if facts.state.oom_killed {
        Some("OOMKilled: true")
    } else {
        (program_killed && run.has("oom")).then_some("event oom")
    };
    let kernel = kernel_record(facts);
    // A signal sent through the engine explains the end better than a child's lack of memory.
    let kernel_alone = kernel.as_ref().filter(|_| run.signals().is_empty());
    let limit = kernel.as_ref().map(|word| &word.kill.limit);
    let was_before = kernel.as_ref().is_some_and(|word| !word.at_the_end);
    if program_killed && was_before && engine.is_none() {
        // Something else killed the program.
        return None;
    }
    let killed = match &kernel {
        _ if !program_killed => Killed::Child,
        // The kernel kills a program before a signal can reach it, or not at all.
        _ if run.signals().contains(&exit_code::KILL) => Killed::Child,
        _ if was_before => Killed::Child,
        Some(word) if word.kill.is_oldest == Some(false) => Killed::ChildMostLikely,
        _ => Killed::Program,
    };
    let finding = finding(facts, limit, killed);
    let (finding, told) = match (engine, kernel_alone) {
        (Some(told), _) => (finding, told),
        (None, Some(word)) => (
            if word.certain { finding } else { finding.guessed() },
            "OOMKilled: false: the engine missed it, as it does right after a start",
        ),
        (None, None) => return None,
    };
    let kill = kernel.as_ref().map(|word| word.kill);
    Some(with_evidence(finding, Some(told), kill, facts).evidence(exit_evidence(facts)))
}

/// Which process the kernel killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Program,
    Child,
    /// The kernel's log names a process other than the oldest, and the program ended as if it had
    /// been killed.
    ChildMostLikely,
}

/// Describes the limit and the remedy. Only the kernel tells which limit was reached.
fn limit_in_words(limit: Option<&MemoryLimit>) -> (String, &'static str) {
    match limit {
        None | Some(MemoryLimit::Container) => (
            "the container was at its memory limit".to_owned(),
            "raise the limit (--memory), or make the program use less: GOMEMLIMIT for Go, -Xmx for Java",
        ),
        Some(MemoryLimit::Group(group)) => (
            format!("the group {group}, which the container is in, was at its memory limit"),
            "raise the limit of that group (of the pod, or of the slice), or make what is in it use less",
        ),
        Some(MemoryLimit::Within(group)) => (
            format!("a group inside the container was at its memory limit: {group}"),
            "raise the limit of that group, or make what is in it use less: it is of what runs inside the container, such as an engine",
        ),
        Some(MemoryLimit::Machine) => (
            "the machine had no memory left".to_owned(),
            "see what takes the machine's memory, and limit it (--memory)",
        ),
    }
}

/// Returns the finding without its evidence.
fn finding(facts: &ContainerFacts<'_>, limit: Option<&MemoryLimit>, killed: Killed) -> Finding {
    let (at_limit, fix) = limit_in_words(limit);
    let code = facts.state.exit_code;
    let finding = match killed {
        Killed::Program => {
            Finding::new(Code::OomKilled, Severity::Error, format!("the kernel killed the program because {at_limit}"))
        }
        Killed::Child => Finding::new(
            Code::ChildOomKilled,
            Severity::Error,
            format!(
                "the kernel killed a child of the program because {at_limit}; the program itself went on, and ended later with exit code {code}"
            ),
        ),
        Killed::ChildMostLikely => Finding::new(
            Code::ChildOomKilled,
            Severity::Error,
            format!("the kernel killed a child of the program because {at_limit}, and the program ended with exit code {code} itself"),
        )
        .guessed(),
    };
    finding.fix(fix)
}

/// A child that was killed in this run, while the program continues to run.
pub(super) fn child_of_a_running(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    let started = facts.state.started_at?;
    let kill = kills(facts)
        .iter()
        .rev()
        .find(|kill| kill.time >= started && !may_be_of_an_earlier_run(facts, kill, started));
    let event = run.complete && run.has("oom");
    if kill.is_none() && !event {
        return None;
    }
    let (at_limit, fix) = limit_in_words(kill.map(|kill| &kill.limit));
    let finding = Finding::new(
        Code::ChildOomKilled,
        Severity::Warning,
        format!("the kernel killed a child of the program because {at_limit}; the program itself runs on"),
    )
    .fix(fix);
    Some(with_evidence(finding, event.then_some("event oom in this run"), kill, facts))
}

/// Adds the source and the limit to the finding.
fn with_evidence(
    mut finding: Finding,
    event: Option<&str>,
    kill: Option<&MemoryKill>,
    facts: &ContainerFacts<'_>,
) -> Finding {
    if let Some(event) = event {
        finding = finding.evidence(event);
    }
    if let Some(kill) = kill {
        finding = finding.evidence(record_text(kill));
    }
    finding.evidence(limit_evidence(facts))
}

/// Returns the kernel log's records of kills for lack of memory, oldest first.
fn kills<'a>(facts: &'a ContainerFacts<'_>) -> &'a [MemoryKill] {
    facts.kernel_log.as_ref().map(|log| log.memory_kills.as_slice()).unwrap_or_default()
}

/// Returns the kernel's record of a kill as evidence.
fn record_text(kill: &MemoryKill) -> String {
    format!("the kernel's log: process {} ({}) was killed for memory", kill.pid, kill.process)
}

/// How many of the latest runs are considered.
const LATEST: usize = 3;
/// How far back to look if the start of those runs is not recorded.
const RECENT: i64 = 120_000_000_000;

/// Lack of memory that ended one of the latest runs of a program in a restart loop. The engine
/// clears its flag at each start, and sets it for some runs only.
pub(super) fn in_a_loop(facts: &ContainerFacts<'_>) -> Option<Finding> {
    let events = facts.events.as_deref().unwrap_or_default();
    let ends: Vec<_> = events.iter().filter(|event| event.action == "die").collect();
    let was_killed = ends.iter().rev().take(LATEST).any(|end| end.exit_code == Some(KILLED))
        || (ends.is_empty() && facts.state.exit_code == KILLED);
    if !was_killed {
        return None;
    }
    // The end of the run before those, or the first that is known.
    let begin = match ends.len().checked_sub(LATEST + 1).and_then(|at| ends.get(at)) {
        Some(end) => end.time,
        None => events
            .first()
            .map(|event| event.time)
            .or(facts.state.finished_at)?
            .saturating_sub(RECENT),
    };
    let event = events.iter().any(|event| event.action == "oom" && event.time >= begin);
    let ended_a_run = |kill: &&MemoryKill| {
        let killed = ends.iter().filter(|end| end.exit_code == Some(KILLED)).map(|end| end.time);
        kill.time.saturating_add(kill.uncertainty) >= begin
            && killed.chain(facts.state.finished_at).any(|end| is_near(kill, end))
    };
    let kill = kills(facts).iter().rev().find(ended_a_run);
    if !event && kill.is_none() {
        return None;
    }
    let (at_limit, fix) = limit_in_words(kill.map(|kill| &kill.limit));
    let finding = Finding::new(
        Code::OomKilled,
        Severity::Error,
        format!("the kernel killed the program in one of its latest runs because {at_limit}"),
    )
    .fix(fix);
    Some(with_evidence(
        finding,
        event.then_some("event oom in one of the latest runs"),
        kill,
        facts,
    ))
}

fn limit_evidence(facts: &ContainerFacts<'_>) -> String {
    match facts.limits.memory {
        Some(limit) => format!("memory limit: {}", bytes(limit)),
        None => {
            "the container has no memory limit of its own: the limit is its parent group's, or the host's".to_owned()
        }
    }
}

/// What the kernel's log tells of the last run.
struct KernelRecord<'a> {
    kill: &'a MemoryKill,
    /// Whether it cannot have been in an earlier run, and explains the end of this one.
    certain: bool,
    /// Whether it was so near the end that it may have been the end of the program.
    at_the_end: bool,
}

/// Returns the last kill for lack of memory that may have been in the last run.
fn kernel_record<'a>(facts: &'a ContainerFacts<'_>) -> Option<KernelRecord<'a>> {
    let started = facts.state.started_at?;
    let finished = facts.state.finished_at?;
    let of_earlier = |kill: &MemoryKill| may_be_of_an_earlier_run(facts, kill, started);
    let last = kills(facts).last()?;
    if facts.state.exit_code == KILLED {
        // What was killed at a limit within the container was not its program.
        let is_of_program = |kill: &&MemoryKill| !matches!(kill.limit, MemoryLimit::Within(_));
        let kill = kills(facts).iter().rev().find(is_of_program).unwrap_or(last);
        let begun = kill.time.saturating_add(kill.uncertainty) >= started;
        // A kill that appears to be later may still belong to this run: while a machine sleeps, the
        // log's clock stops.
        let over = kill.time.saturating_sub(kill.uncertainty) > finished;
        let at_the_end = is_of_program(&kill) && (over || is_near(kill, finished));
        if at_the_end {
            let certain = !over && kill.is_own && !of_earlier(kill);
            return begun.then_some(KernelRecord { kill, certain, at_the_end });
        }
    }
    // Nothing else indicates a lack of memory, so a kill in an earlier run must not be attributed
    // to this one.
    let is_in_run = (started..=finished).contains(&last.time) && !of_earlier(last);
    is_in_run.then_some(KernelRecord { kill: last, certain: false, at_the_end: false })
}

/// Reports whether the two clocks allow that the kill was at that time.
fn is_near(kill: &MemoryKill, time: i64) -> bool {
    kill.time.abs_diff(time) <= kill.uncertainty.unsigned_abs()
}

/// Reports whether the kill may have ended an earlier run than the one that began at that time.
fn may_be_of_an_earlier_run(facts: &ContainerFacts<'_>, kill: &MemoryKill, started: i64) -> bool {
    let is_surely_later = kill.time.saturating_sub(kill.uncertainty) >= started;
    let events = facts.events.as_deref().unwrap_or_default();
    let has =
        |action: &str| events.iter().any(|event| event.action == action && event.time <= started);
    // The engine's record reaches back to the beginning, and has no other run.
    let is_first = facts.restarts.count == 0 && has("create") && !has("die") && !has("died");
    !is_surely_later && !is_first
}

/// What the kernel's log says of a program that was killed otherwise, as evidence: of no lack of
/// memory in its last run, or of one before its end. `None` if a lack of memory is not excluded.
pub(super) fn excluded_by_kernel(facts: &ContainerFacts<'_>) -> Option<String> {
    let (log, started) = facts.kernel_log.as_ref().zip(facts.state.started_at)?;
    if log.reaches_back_to.is_none_or(|begin| begin >= started) {
        return None;
    }
    match kernel_record(facts) {
        None => Some("the kernel's log tells of no lack of memory in this run".to_owned()),
        Some(record) if record.at_the_end => None,
        Some(KernelRecord { kill, .. }) => {
            Some(format!("{}, but not at the end of this run", record_text(kill)))
        }
    }
}

#[cfg(test)]
mod tests;
