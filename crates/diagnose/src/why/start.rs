//! A container whose program never ran: refused by the engine or the runtime (status `created`), or
//! by the kernel after the engine had reported "started" (the error is only in the log).

mod configured;

use self::configured::{covers_the_kernels, network_name, peer_missing};
use super::evidence::{self, exit_evidence, log_evidence};
use super::runs;
use crate::code::Code;
use crate::container::{ContainerFacts, Phase};
use crate::dialect::{self, Meaning};
use crate::exit_code;
use crate::finding::{Confidence, Finding, Severity};
use crate::mounts;
use crate::rules::image;

/// Codes for a program that cannot be found or executed: two of these may describe one failure.
pub(super) const START_CODES: &[Code] = &[
    Code::EntrypointMissing,
    Code::EntrypointNotAbsolute,
    Code::EntrypointOneString,
    Code::ShellForm,
    Code::NotExecutableMode,
    Code::HiddenByMount,
    Code::MountNoexec,
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
        if let Some(missing) = source_missing(facts) {
            return vec![missing];
        }
        // Podman does not keep the error of a failed start. Whether or not there was one, what the
        // image proves comes first.
        let Some(proven) = proven_by_image(facts) else { return vec![finding] };
        let proven = proven.evidence("status created: no start is on record, and any would fail");
        return vec![proven];
    }
    let mut findings = of_error(facts, error);
    if findings.is_empty() && error.contains("OCI runtime") {
        // The runtime's message is unknown, but the image may prove why the program cannot start.
        findings.extend(
            proven_by_image(facts)
                .map(|finding| finding.evidence(format!("the engine says: {error}"))),
        );
    }
    if let Some(first) = findings.first_mut() {
        first.evidence.push(format!(
            "the container never ran: status created, exit code {}",
            facts.state.exit_code
        ));
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

/// A container that ran once and whose latest start failed: the engine keeps the earlier run's exit
/// code beside its error. The next successful start clears the error.
pub(super) fn latest_failed(facts: &ContainerFacts<'_>) -> Option<Vec<Finding>> {
    let error = facts.state.error.trim();
    if facts.state.phase != Phase::Exited || error.is_empty() {
        return None;
    }
    let mut findings = of_error(facts, error);
    if findings.is_empty() {
        let finding =
            Finding::new(Code::StartFailed, Severity::Error, "its program was not started")
                .evidence(format!("the engine says: {error}"))
                .fix("the engine's log says more: journalctl -u docker");
        findings.push(finding);
    }
    let first = findings.first_mut()?;
    first.message = format!("the latest start failed: {}", first.message);
    first.evidence.push(earlier_exit(facts, error));
    if evidence::last_line(facts).is_some() {
        first.evidence.push(format!("of that run: {}", log_evidence(facts)));
    }
    if facts.restarts.count > 0 {
        first.evidence.push(format!("restart count: {}", facts.restarts.count));
    }
    Some(findings)
}

/// Returns the exit code of the earlier run. For some failed starts, Docker overwrites it: with 126
/// or 127 for the runtime's errors about the program, and 0 with 128.
fn earlier_exit(facts: &ContainerFacts<'_>, error: &str) -> String {
    let code = facts.state.exit_code;
    if let Some(ended) = runs::ended_runs(facts).last().and_then(|run| run.exit_code) {
        return format!(
            "an older run ended with exit code {ended}: {}",
            exit_code::describe(ended)
        );
    }
    let may_be_of_the_start =
        code == 128 || (matches!(code, 126 | 127) && error.contains("OCI runtime"));
    if may_be_of_the_start {
        format!(
            "what an older run ended with is not on record: exit code {code} may be that of the start that failed"
        )
    } else {
        format!("an older run ended with {}", exit_evidence(facts))
    }
}

/// Returns the meaning of the engine's error for a start, with the names of missing objects.
fn of_error(facts: &ContainerFacts<'_>, error: &str) -> Vec<Finding> {
    let mut findings = with_image(facts, dialect::explain_message(error));
    for finding in &mut findings {
        match finding.code {
            // In the error of a start, this is not the container itself.
            Code::Removed | Code::NotRunning | Code::PeerMissing => {
                *finding = peer_missing(facts, finding);
            }
            // If its files are unavailable, a mount over the program's path is the best
            // explanation.
            Code::EntrypointMissing if facts.image.is_none() => {
                let program = finding
                    .evidence
                    .iter()
                    .flat_map(|line| line.split('"'))
                    .find(|word| word.starts_with('/'));
                let mount = program.and_then(|program| mounts::over(&facts.mounts, program));
                if let Some(mount) = mount {
                    finding.code = Code::HiddenByMount;
                    finding.message = format!("the program is not in {}", mount.describe());
                    finding.confidence = Confidence::Guess;
                }
            }
            Code::NetworkMissing => {
                if let Some(name) = network_name(facts, finding) {
                    finding.message = format!("the network {name} is not there, or not any more");
                }
            }
            _ => {
                if let Some(covered) = covers_the_kernels(facts, finding) {
                    *finding = covered;
                }
            }
        }
    }
    // Two sentences of one error may have the same meaning.
    let mut codes = Vec::new();
    findings.retain(|finding| {
        let is_new = !codes.contains(&finding.code);
        codes.push(finding.code);
        is_new
    });
    findings
}

/// A program that the kernel refuses although its mode is correct.
fn denied_with_good_mode(facts: &ContainerFacts<'_>, said: &Finding) -> Option<Finding> {
    if let Some(mut finding) = image::interpreter_on_noexec(facts.image?) {
        finding.evidence.extend(said.evidence.iter().cloned());
        return Some(finding);
    }
    let (path, mode, mount) = image::program_file(facts.image?)?;
    if mode & 0o111 == 0 {
        return None;
    }
    let finding = match mount.filter(|mount| mount.no_exec.is_none()) {
        Some(mount) => Finding::new(
            Code::MountNoexec,
            Severity::Error,
            format!("{path} has a mode that lets it be executed, and {} may be noexec: from here that cannot be seen", mount.describe()),
        )
        .fix(format!("see it on the engine's host: findmnt -T {}; chmod does not help", mount.source)),
        None => Finding::new(
            Code::NotExecutableMode,
            Severity::Error,
            format!("{path} may not be executed although its mode allows it: a security module (AppArmor, SELinux) or a filesystem mounted noexec forbids it"),
        )
        .fix("see the host's audit log (dmesg | grep -i denied), and how the engine's data folder is mounted; chmod does not help"),
    };
    let mut finding = finding.evidence(format!("{path}: mode {:04o}", mode & 0o7777)).guessed();
    finding.evidence.extend(said.evidence.iter().cloned());
    Some(finding)
}

/// A mount whose source is gone: whatever happened in the last run, the next start will fail.
pub(super) fn source_missing(facts: &ContainerFacts<'_>) -> Option<Finding> {
    let mount = facts.mounts.iter().find(|mount| mount.is_source_missing)?;
    Some(
        Finding::new(
            Code::MountFailed,
            Severity::Error,
            format!(
                "the container cannot be started: {}, which is to be mounted at {}, is not on the engine's host",
                mount.source, mount.destination
            ),
        )
        .evidence(format!("{} is not there, and no start works without it", mount.source))
        .evidence(exit_evidence(facts))
        .fix("put it back, or make the container anew with another source"),
    )
}

/// Replaces what a message only suggests by what the image proves.
fn with_image(facts: &ContainerFacts<'_>, said: Vec<Finding>) -> Vec<Finding> {
    let mut proven: Vec<Finding> = match facts.image {
        Some(image) => image::check_start(image),
        None => Vec::new(),
    };
    proven.retain(|finding| finding.severity == Severity::Error);
    let Some(first) = said.first() else { return said };
    // A shell of the image that a mount hides must not be reported as missing.
    let hides_shell =
        |finding: &Finding| first.code == Code::ShellMissing && finding.code == Code::HiddenByMount;
    let same = proven
        .iter()
        .position(|finding| finding.code == first.code || hides_shell(finding))
        .or_else(|| {
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
        None => {
            let denied = (first.code == Code::NotExecutableMode)
                .then(|| denied_with_good_mode(facts, first))
                .flatten();
            denied.map_or(said, |finding| vec![finding])
        }
    }
}

/// Replaces a loader's "cannot open" of a library by what the image and the mounts prove.
pub(super) fn prove_library(facts: &ContainerFacts<'_>, said: &mut [Finding]) {
    let Some(image) = facts.image else { return };
    for finding in said.iter_mut().filter(|finding| finding.code == Code::LibraryMissing) {
        let name =
            finding.message.strip_prefix("the library ").and_then(|rest| rest.split(' ').next());
        if let Some(mut proven) = name.and_then(|name| image::library_proven(image, name)) {
            proven.evidence.append(&mut finding.evidence);
            *finding = proven;
        }
    }
}

/// A line of a log says that a file was not found. Whether the file is there, and only its loader
/// is not, is a fact of the image: a program can print any line.
pub(super) fn say_what_is_known(facts: &ContainerFacts<'_>, line: &str, findings: &mut [Finding]) {
    let is_suggested = |finding: &&mut Finding| {
        finding.code == Code::LoaderMissing && finding.confidence == Confidence::Guess
    };
    let Some(finding) = findings.iter_mut().find(is_suggested) else { return };
    let path = dialect::read_log(line).into_iter().find_map(|said| match said.meaning {
        Meaning::NotFoundByKernel(path) => path.filter(|path| path.starts_with('/')),
        _ => None,
    });
    let (Some(path), Some(image)) = (path, facts.image) else { return };
    if mounts::over(&facts.mounts, &path).is_some() {
        return;
    }
    let mut known = dialect::not_found_by_kernel(Some(&path), image.rootfs.exists(&path));
    known.evidence.append(&mut finding.evidence);
    *finding = known;
}

/// Exit codes of a run whose program could not be executed: runc ≤ 1.1 exits with 1, runc ≥ 1.2
/// with 255, crun with 126 or 127.
pub(super) fn may_be_failed_exec(exit_code: i64) -> bool {
    matches!(exit_code, 1 | 126 | 127 | 255)
}

/// More seconds than a runtime needs to end when the kernel refuses the program.
const AT_ONCE: i64 = 2;

/// Whether a line of the log says that the kernel refused the container's own program, although
/// that ran.
pub(super) fn is_refuted_by_run(facts: &ContainerFacts<'_>, line: &str) -> bool {
    let command = facts.image.map(|image| [&image.config.entrypoint, &image.config.command]);
    let program = command.and_then(|[entrypoint, command]| entrypoint.iter().chain(command).next());
    let is_of_program = |said: &dialect::Said| match &said.meaning {
        Meaning::NotFoundByKernel(path) | Meaning::Format(path) => path.as_ref() == program,
        _ => false,
    };
    program.is_some()
        && evidence::ran_at_least(facts, AT_ONCE)
        && dialect::read_log(line).iter().any(is_of_program)
}

/// A program that the kernel refused after the engine had started the container.
pub(super) fn refused_by_kernel(facts: &ContainerFacts<'_>) -> Option<Vec<Finding>> {
    if !may_be_failed_exec(facts.state.exit_code) {
        return None;
    }
    let last = evidence::last_line(facts);
    let said = last.map(dialect::read_log).unwrap_or_default();
    let by_kernel = said.iter().any(|said| {
        matches!(
            said.meaning,
            Meaning::NotFoundByKernel(_)
                | Meaning::Format(_)
                | Meaning::Denied(_)
                | Meaning::NotPermitted(_)
                | Meaning::TooLong(_)
                | Meaning::Refused(..)
        )
    });
    // What ran for a while was started: the words are its own.
    if by_kernel && !evidence::ran_at_least(facts, AT_ONCE) {
        let mut findings = with_image(facts, dialect::explain_log(last.unwrap_or_default()));
        say_what_is_known(facts, last.unwrap_or_default(), &mut findings);
        if let Some(first) = findings.first_mut() {
            first.evidence.push(exit_evidence(facts));
        }
        return Some(findings);
    }
    // The runtime's error is in a log that cannot be read, or was never written. The image itself
    // may prove the cause.
    if last.is_some() || !evidence::ran_less_than(facts, AT_ONCE) {
        return None;
    }
    let finding = proven_by_image(facts)?;
    Some(vec![finding.evidence(log_evidence(facts)).evidence(exit_evidence(facts))])
}

/// Returns what the image proves about why its program cannot be executed.
fn proven_by_image(facts: &ContainerFacts<'_>) -> Option<Finding> {
    let is_proof = |finding: &Finding| {
        finding.severity == Severity::Error && START_CODES.contains(&finding.code)
    };
    image::check_start(facts.image?).into_iter().find(is_proof)
}
