//! A container whose program ended: the rules in the order in which one excludes the next.

use super::evidence::{LastRun, duration, exit_evidence, last_line, last_run, log_evidence, log_text};
use super::{killed, memory, restart, signalled, start};
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::dialect;
use crate::finding::{Finding, Severity};

/// Codes that a log proves whatever the exit code is: the program said itself what it died of.
const LAST_WORDS: &[Code] = &[
    Code::LibraryMissing,
    Code::LibraryTooOld,
    Code::LoaderMissing,
    Code::CpuLevel,
    Code::RustPanic,
    Code::GoPanic,
    Code::TruncatedBinary,
];

pub(super) fn ended(facts: &ContainerFacts<'_>) -> Vec<Finding> {
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
    let mut findings = last_words(facts);
    // A request to stop explains the end; what was logged before it is told beside.
    if let Some(stopped) = killed::stopped(facts, &run) {
        findings.insert(0, stopped);
        return findings;
    }
    if let Some(signalled) = signalled::check(facts) {
        let code = signalled.first().map(|finding| finding.code);
        findings.retain(|finding| signalled.iter().all(|other| other.code != finding.code));
        // A panic or an abort that was logged is what the signal came from.
        let logged_first = matches!(code, Some(Code::SegfaultOrAbort | Code::Aborted | Code::IllegalInstruction));
        if logged_first && findings.first().is_some_and(|finding| LAST_WORDS.contains(&finding.code)) {
            findings.extend(signalled);
            return findings;
        }
        return signalled.into_iter().chain(findings).collect();
    }
    if facts.state.exit_code == 0 {
        // What a program logs and survives is no cause.
        findings.clear();
    }
    let own = app_exit(facts, &run);
    if findings.is_empty() {
        return vec![own];
    }
    if let Some(first) = findings.first_mut() {
        first.evidence.push(exit_evidence(facts));
    }
    findings.push(own);
    findings
}

/// What the log says at its end. What is not in the very last lines may be long past.
fn last_words(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let mut findings = dialect::explain_message(&log_text(facts));
    let last = last_line(facts).map(dialect::explain_message).unwrap_or_default();
    findings
        .retain(|finding| !matches!(finding.code, Code::Paused | Code::NotRunning | Code::Removed | Code::CrashLoop));
    // The last line first: it is what the program died with.
    findings.sort_by_key(|finding| {
        let in_last_line = last.iter().any(|other| other.code == finding.code);
        (!LAST_WORDS.contains(&finding.code), !in_last_line)
    });
    for finding in &mut findings {
        let certain = LAST_WORDS.contains(&finding.code) || last.iter().any(|other| other.code == finding.code);
        if !certain {
            finding.confidence = crate::finding::Confidence::Guess;
        }
    }
    findings
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
