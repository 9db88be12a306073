//! A container whose program never came to run: refused by the engine or the runtime (status `created`), or by the kernel
//! after the engine had said "started" (the text is in the log alone).

use super::evidence::{self, exit_evidence, log_evidence};
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::dialect::{self, Meaning};
use crate::finding::{Finding, Severity};
use crate::rules::image;

/// What keeps a program from being found or executed: two of these may describe one failure.
const START_CODES: &[Code] = &[
    Code::EntrypointMissing,
    Code::EntrypointNotAbsolute,
    Code::EntrypointOneString,
    Code::ShellForm,
    Code::NotExecutableMode,
    Code::ParentNotSearchable,
    Code::LoaderMissing,
    Code::InterpreterMissing,
    Code::CrlfShebang,
    Code::WrongArchitecture,
    Code::NotAnExecutable,
    Code::TruncatedBinary,
    Code::ExecNotPermitted,
    Code::ArgumentTooLong,
];

pub(super) fn never_started(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let error = facts.state.error.trim();
    if error.is_empty() {
        let finding = Finding::new(
            Code::NeverStarted,
            Severity::Info,
            "the container was created and never started: nothing has failed",
        )
        .evidence("status created, no error")
        .fix(format!("start it: docker start {}", facts.name));
        // Podman keeps no word of a start that failed. Whether or not there was one, what the image proves comes first.
        let Some(proven) = proven_by_image(facts) else { return vec![finding] };
        let proven = proven.evidence("status created: no start is on record, and any would fail");
        return vec![proven];
    }
    let mut findings = with_image(facts, dialect::explain_message(error));
    if findings.is_empty() && error.contains("OCI runtime") {
        // The runtime's words are new; what keeps the program from starting may be plain to see.
        findings.extend(proven_by_image(facts).map(|finding| finding.evidence(format!("the engine says: {error}"))));
    }
    if let Some(first) = findings.first_mut() {
        first.evidence.push(format!("the container never ran: status created, exit code {}", facts.state.exit_code));
    } else {
        findings.push(
            Finding::new(Code::NeverStarted, Severity::Error, "the container could not be started")
                .evidence(format!("the engine says: {error}"))
                .evidence(format!("status created, exit code {}", facts.state.exit_code))
                .fix("the engine's log says more: journalctl -u docker"),
        );
    }
    findings
}

/// Puts what the image proves in place of what a message only suggests.
fn with_image(facts: &ContainerFacts<'_>, said: Vec<Finding>) -> Vec<Finding> {
    let mut proven: Vec<Finding> = match facts.image {
        Some(image) => image::check_start(image),
        None => Vec::new(),
    };
    proven.retain(|finding| finding.severity == Severity::Error);
    let Some(first) = said.first() else { return said };
    let same = proven.iter().position(|finding| finding.code == first.code).or_else(|| {
        START_CODES
            .contains(&first.code)
            .then(|| proven.iter().position(|finding| START_CODES.contains(&finding.code)))?
    });
    match same {
        Some(index) => {
            let mut finding = proven.swap_remove(index);
            finding.evidence.extend(first.evidence.iter().cloned());
            vec![finding]
        }
        None => said,
    }
}

/// Codes of a run whose program could not be executed: runc ≤ 1.1 ends with 1, runc ≥ 1.2 with 255, crun with 126 or 127.
pub(super) fn may_be_failed_exec(exit_code: i64) -> bool {
    matches!(exit_code, 1 | 126 | 127 | 255)
}

/// A program that the kernel refused after the engine had started the container.
pub(super) fn refused_by_kernel(facts: &ContainerFacts<'_>) -> Option<Vec<Finding>> {
    if !may_be_failed_exec(facts.state.exit_code) {
        return None;
    }
    let last = evidence::last_line(facts);
    let said = last.map(dialect::read).unwrap_or_default();
    let by_kernel = said.iter().any(|said| {
        matches!(
            said.meaning,
            Meaning::NotFoundByKernel(_)
                | Meaning::Format(_)
                | Meaning::Denied(_)
                | Meaning::NotPermitted(_)
                | Meaning::TooLong(_)
        )
    });
    if by_kernel {
        let mut findings = with_image(facts, dialect::explain_message(last.unwrap_or_default()));
        if let Some(first) = findings.first_mut() {
            first.evidence.push(exit_evidence(facts));
        }
        return Some(findings);
    }
    // The runtime's word went to a log that cannot be read, or was never written. The image itself may prove it.
    if last.is_some() || !evidence::ran_less_than(facts, 2) {
        return None;
    }
    let finding = proven_by_image(facts)?;
    Some(vec![finding.evidence(log_evidence(facts)).evidence(exit_evidence(facts))])
}

/// What the image itself says of why its program cannot be executed.
fn proven_by_image(facts: &ContainerFacts<'_>) -> Option<Finding> {
    let is_proof = |finding: &Finding| finding.severity == Severity::Error && START_CODES.contains(&finding.code);
    image::check_start(facts.image?).into_iter().find(is_proof)
}
