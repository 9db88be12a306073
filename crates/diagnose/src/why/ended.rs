//! A container whose program ended. The order of the rules matters: one excludes the next.

use super::evidence::{LastRun, duration, exit_evidence, last_run, log_evidence};
use super::last_words::{self, LastWords};
use super::{killed, memory, restart, signaled, start};
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::finding::{Finding, Severity};

pub(super) fn ended(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let mut findings = last_run_ended(facts);
    let error = facts.state.error.trim();
    if let (false, Some(first)) = (error.is_empty(), findings.first_mut()) {
        // For a dead container: what the engine could not clean up.
        first.evidence.push(format!("the engine says: {error}"));
    }
    if let Some(missing) = start::source_missing(facts) {
        // A stop is its own explanation. Problems that would prevent the next start are reported
        // beside it.
        let is_stop = findings
            .first()
            .is_some_and(|first| matches!(first.code, Code::Stopped | Code::StopSignalIgnored));
        findings.insert(usize::from(is_stop), missing);
    }
    findings
}

fn last_run_ended(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let run = last_run(facts);
    if let Some(finding) = memory::out_of_memory(facts, &run) {
        // What was sent through the engine explains the end better than a child's lack of memory.
        let otherwise = match finding.code {
            Code::ChildOomKilled => on_request(facts, &run)
                .or_else(|| memory::excluded_by_kernel(facts).and(killed::killed(facts, &run))),
            _ => None,
        };
        return otherwise.into_iter().chain([finding]).collect();
    }
    if let Some(findings) = start::refused_by_kernel(facts) {
        return findings;
    }
    if let Some(finding) = killed::killed(facts, &run) {
        return vec![finding];
    }
    if let Some(finding) = restart::daemon_restarted(facts, &run) {
        return vec![finding];
    }
    let LastWords { mut at_end, earlier } = LastWords::of(facts);
    start::prove_library(facts, &mut at_end);
    // A stop request explains the end. Log messages before it are reported beside it.
    if let Some(stopped) = killed::stopped(facts, &run) {
        at_end.insert(0, stopped);
        return at_end;
    }
    if let Some(sent) = killed::signal_sent(facts, &run) {
        at_end.insert(0, sent);
        return at_end;
    }
    if let Some(signaled) = signaled::check(facts) {
        return with_signal(signaled, at_end);
    }
    let own = app_exit(facts, &run);
    if facts.state.exit_code == 0 {
        // An error that the program logged and survived is not the cause.
        return vec![own];
    }
    if let Some(first) = at_end.first_mut() {
        first.evidence.push(exit_evidence(facts));
    }
    at_end.push(own);
    for finding in earlier {
        if at_end.iter().all(|other| other.code != finding.code) {
            at_end.push(finding);
        }
    }
    at_end
}

/// An end that was asked for through the engine.
fn on_request(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    if run.signals().is_empty() && !run.has("stop") {
        return None;
    }
    killed::killed(facts, run)
        .or_else(|| killed::stopped(facts, run))
        .or_else(|| killed::signal_sent(facts, run))
}

/// Combines the end of the log with the signal that it led to: a named cause, or the panic. A
/// signal that programs do not send to themselves comes first.
fn with_signal(mut signaled: Vec<Finding>, mut logged: Vec<Finding>) -> Vec<Finding> {
    let code = signaled.first().map(|finding| finding.code);
    let of_its_own_making =
        matches!(code, Some(Code::SegfaultOrAbort | Code::Aborted | Code::IllegalInstruction))
            || signaled.first().is_some_and(|finding| last_words::is_death(finding.code));
    // What the image proves about the program is a better explanation than any message.
    let proven = matches!(code, Some(Code::TruncatedBinary | Code::CpuLevel));
    if of_its_own_making && !proven && !logged.is_empty() {
        if let Some(evidence) =
            signaled.first().and_then(|finding| finding.evidence.first().cloned())
        {
            logged[0].evidence.push(evidence);
        }
        signaled.retain(|finding| logged.iter().all(|other| other.code != finding.code));
        logged.extend(signaled);
        return logged;
    }
    logged.retain(|finding| signaled.iter().all(|other| other.code != finding.code));
    signaled.extend(logged);
    signaled
}

fn app_exit(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Finding {
    let code = facts.state.exit_code;
    let lived = duration(facts).map(|lived| format!(" after {lived}")).unwrap_or_default();
    let (severity, message) = if code == 0 {
        (Severity::Info, format!("the program ended by itself{lived}, with success"))
    } else {
        (Severity::Error, format!("the program ended by itself{lived}, with exit code {code}"))
    };
    let finding = Finding::new(Code::AppExit, severity, message)
        .evidence(exit_evidence(facts))
        .evidence(log_evidence(facts));
    let finding = if run.complete && !run.has("kill") {
        finding.evidence("no signal was sent through the engine")
    } else {
        finding
    };
    if code == 0 {
        finding
    } else {
        finding.fix(format!("read what it said: scratchdbg logs {}", facts.name))
    }
}
