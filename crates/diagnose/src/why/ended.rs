//! A container whose program ended: the rules in the order in which one excludes the next.

use super::evidence::{LastRun, duration, exit_evidence, last_run, log_evidence};
use super::last_words::{self, LastWords};
use super::{killed, memory, restart, signalled, start};
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::finding::{Finding, Severity};

pub(super) fn ended(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let mut findings = last_run_ended(facts);
    let error = facts.state.error.trim();
    if let (false, Some(first)) = (error.is_empty(), findings.first_mut()) {
        // Of a dead container: what the engine could not clean up.
        first.evidence.push(format!("the engine says: {error}"));
    }
    if let Some(missing) = start::source_missing(facts) {
        // A stop explains itself; what would keep it from starting again is told beside.
        let is_stop =
            findings.first().is_some_and(|first| matches!(first.code, Code::Stopped | Code::StopSignalIgnored));
        findings.insert(usize::from(is_stop), missing);
    }
    findings
}

fn last_run_ended(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let run = last_run(facts);
    if let Some(finding) = memory::out_of_memory(facts, &run) {
        return vec![finding];
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
    // A request to stop explains the end; what was logged before it is told beside.
    if let Some(stopped) = killed::stopped(facts, &run) {
        at_end.insert(0, stopped);
        return at_end;
    }
    if let Some(sent) = killed::signal_sent(facts, &run) {
        at_end.insert(0, sent);
        return at_end;
    }
    if let Some(signalled) = signalled::check(facts) {
        return with_signal(signalled, at_end);
    }
    let own = app_exit(facts, &run);
    if facts.state.exit_code == 0 {
        // What a program logs and survives is no cause.
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

/// What was logged at the end before the signal that it led to: a named cause, or the panic. A signal that programs do not
/// send themselves comes first.
fn with_signal(mut signalled: Vec<Finding>, mut logged: Vec<Finding>) -> Vec<Finding> {
    let code = signalled.first().map(|finding| finding.code);
    let of_its_own_making = matches!(code, Some(Code::SegfaultOrAbort | Code::Aborted | Code::IllegalInstruction))
        || signalled.first().is_some_and(|finding| last_words::is_death(finding.code));
    // What the image proves of the program explains its end better than any word.
    let proven = matches!(code, Some(Code::TruncatedBinary | Code::CpuLevel));
    if of_its_own_making && !proven && !logged.is_empty() {
        if let Some(evidence) = signalled.first().and_then(|finding| finding.evidence.first().cloned()) {
            logged[0].evidence.push(evidence);
        }
        signalled.retain(|finding| logged.iter().all(|other| other.code != finding.code));
        logged.extend(signalled);
        return logged;
    }
    logged.retain(|finding| signalled.iter().all(|other| other.code != finding.code));
    signalled.extend(logged);
    signalled
}

fn app_exit(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Finding {
    let code = facts.state.exit_code;
    let lived = duration(facts).map(|lived| format!(" after {lived}")).unwrap_or_default();
    let (severity, message) = if code == 0 {
        (Severity::Info, format!("the program ended by itself{lived}, with success"))
    } else {
        (Severity::Error, format!("the program ended by itself{lived}, with exit code {code}"))
    };
    let finding =
        Finding::new(Code::AppExit, severity, message).evidence(exit_evidence(facts)).evidence(log_evidence(facts));
    let finding = if run.complete && !run.has("kill") {
        finding.evidence("no signal was sent through the engine")
    } else {
        finding
    };
    if code == 0 { finding } else { finding.fix(format!("read what it said: scratchdbg logs {}", facts.name)) }
}
