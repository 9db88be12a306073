//! A container whose program never came to run: refused by the engine or the runtime (status `created`), or by the kernel
//! after the engine had said "started" (the text is in the log alone).

use super::evidence::{self, exit_evidence, log_evidence};
use crate::code::Code;
use crate::container::{ContainerFacts, Status};
use crate::dialect::{self, Meaning};
use crate::finding::{Finding, Severity};
use crate::mounts;
use crate::rules::image;

/// What keeps a program from being found or executed: two of these may describe one failure.
const START_CODES: &[Code] = &[
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
        // Podman keeps no word of a start that failed. Whether or not there was one, what the image proves comes first.
        let Some(proven) = proven_by_image(facts) else { return vec![finding] };
        let proven = proven.evidence("status created: no start is on record, and any would fail");
        return vec![proven];
    }
    let mut findings = of_error(facts, error);
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

/// A container that ran once and whose latest start failed: the engine keeps the older run's exit code beside its error. It
/// forgets the error at the next start that works.
pub(super) fn latest_failed(facts: &ContainerFacts<'_>) -> Option<Vec<Finding>> {
    let error = facts.state.error.trim();
    if facts.state.status != Status::Exited || error.is_empty() {
        return None;
    }
    let mut findings = of_error(facts, error);
    if findings.is_empty() {
        let finding = Finding::new(Code::StartFailed, Severity::Error, "its program was not started")
            .evidence(format!("the engine says: {error}"))
            .fix("the engine's log says more: journalctl -u docker");
        findings.push(finding);
    }
    let first = findings.first_mut()?;
    first.message = format!("the latest start failed: {}", first.message);
    first.evidence.push(format!("an older run ended with {}", exit_evidence(facts)));
    if evidence::last_line(facts).is_some() {
        first.evidence.push(format!("of that run: {}", log_evidence(facts)));
    }
    if facts.restarts.count > 0 {
        first.evidence.push(format!("restart count: {}", facts.restarts.count));
    }
    Some(findings)
}

/// What the engine's error of a start means, with the names of what is gone.
fn of_error(facts: &ContainerFacts<'_>, error: &str) -> Vec<Finding> {
    let mut findings = with_image(facts, dialect::explain_message(error));
    for finding in &mut findings {
        match finding.code {
            // Of a start this is not the container itself.
            Code::Removed | Code::NotRunning | Code::PeerMissing => *finding = peer_missing(facts, finding),
            // Without its files at hand, a mount over the program's place is what explains it best.
            Code::EntrypointMissing if facts.image.is_none() => {
                let program =
                    finding.evidence.iter().flat_map(|line| line.split('"')).find(|word| word.starts_with('/'));
                let mount = program.and_then(|program| mounts::over(&facts.mounts, program));
                if let Some(mount) = mount {
                    finding.code = Code::HiddenByMount;
                    finding.message = format!("the program is not in {}", mount.describe());
                }
            }
            Code::NetworkMissing if !facts.options.network_mode.is_empty() => {
                finding.message = format!("the network {} is not there, or not any more", facts.options.network_mode);
            }
            _ => {}
        }
    }
    findings
}

/// A program that the kernel refuses although its mode is well.
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

/// A mount whose source is gone: whatever became of the last run, there will be no other.
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

/// The container whose namespaces this one joins, by what the configuration calls it.
fn peer_missing(facts: &ContainerFacts<'_>, said: &Finding) -> Finding {
    let modes = [
        ("network", &facts.options.network_mode),
        ("processes", &facts.options.pid_mode),
        ("IPC", &facts.options.ipc_mode),
    ];
    let joined: Vec<_> =
        modes.iter().filter_map(|(what, mode)| Some((*what, mode.strip_prefix("container:")?))).collect();
    // Of several, the one that the error names.
    let named = joined.iter().find(|(_, peer)| said.evidence.iter().any(|line| line.contains(*peer)));
    let Some((what, peer)) = named.or(joined.first()) else { return said.clone() };
    let short = if peer.len() == 64 { &peer[..peer.floor_char_boundary(12)] } else { peer };
    let mut finding = Finding::new(
        Code::PeerMissing,
        Severity::Error,
        format!("the container {short}, whose {what} this one shares, is gone or does not run"),
    )
    .fix(format!(
        "start that one first ({short}); where it was removed, this one must be made anew too, since it knows the other by its id"
    ));
    finding.evidence.clone_from(&said.evidence);
    finding
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
        None => {
            let denied = (first.code == Code::NotExecutableMode).then(|| denied_with_good_mode(facts, first)).flatten();
            denied.map_or(said, |finding| vec![finding])
        }
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
    if by_kernel {
        let mut findings = with_image(facts, dialect::explain_log(last.unwrap_or_default()));
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
