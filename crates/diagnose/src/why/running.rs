//! A running container: determines whether it is healthy.

use super::evidence::{bytes, last_lines};
use super::killed::stop_signal;
use super::last_words::explain_line;
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::dialect;
use crate::exit_code;
use crate::finding::{Finding, Severity};
use crate::rules::image;

/// The share of a limit, in percent, that counts as close to it.
const CLOSE: u64 = 90;

pub(super) fn running(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let mut findings = unhealthy(facts);
    let flapping = super::restart::flapping(facts);
    let healthy = findings.is_empty();
    // Zombies may be the reason why the limit is reached.
    let dangers: Vec<Finding> = zombies(facts).into_iter().chain(near_limits(facts)).collect();
    let (urgent, harmless): (Vec<_>, Vec<_>) =
        dangers.into_iter().partition(|finding| finding.severity >= Severity::Warning);
    // A problem that will end it soon is more important than the fact that it runs.
    findings.extend(urgent);
    if flapping.is_none() {
        findings
            .extend(super::memory::child_of_a_running(facts, &super::evidence::last_run(facts)));
    }
    let is_flapping = flapping.is_some();
    // Reported even for few restarts, until it has been up for a while.
    let is_restarted = facts.restarts.count > 0 && up_for_less_than_a_minute(facts);
    let is_loop = flapping.as_ref().map_or(is_restarted, |finding| finding.code == Code::CrashLoop);
    let killed = is_loop.then(|| super::memory::in_a_loop(facts)).flatten();
    let flapping = killed.into_iter().chain(flapping);
    // It will not be up long enough for other problems to matter.
    findings.splice(0..0, flapping);
    if healthy && !is_flapping {
        findings.push(runs(facts));
    }
    findings.extend(harmless);
    findings.extend(stop_signal_ignored(facts));
    findings.extend(complaints(facts, &findings));
    findings
}

fn up_for_less_than_a_minute(facts: &ContainerFacts<'_>) -> bool {
    const MINUTE: i64 = 60_000_000_000;
    facts
        .now
        .zip(facts.state.started_at)
        .is_some_and(|(now, started)| now.saturating_sub(started) < MINUTE)
}

pub(super) fn paused(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let finding = Finding::new(
        Code::Paused,
        Severity::Warning,
        "the container is paused: its processes are frozen, and engines start nothing in it",
    )
    .evidence("status paused")
    .fix(format!(
        "let it go on: docker unpause {0}; or look into it as it is: scratchdbg attach --mode sidecar {0}",
        facts.name
    ));
    vec![finding]
}

fn runs(facts: &ContainerFacts<'_>) -> Finding {
    let health = facts.health.as_ref().map(|health| format!("health: {}", health.status));
    let finding = Finding::new(Code::Running, Severity::Info, "the container runs")
        .evidence("status running");
    let finding = match health {
        Some(health) => finding.evidence(health),
        None => finding,
    };
    // Not unhealthy yet: the check has not failed often enough, or its start period is not over.
    let failing = facts
        .health
        .as_ref()
        .filter(|health| health.status != "unhealthy" && health.failing_streak > 0);
    let finding = match failing {
        Some(health) => {
            let said = health
                .log
                .last()
                .and_then(|probe| probe.output.lines().find(|line| !line.trim().is_empty()));
            let said =
                said.map(|line| format!("; the last said: {}", line.trim())).unwrap_or_default();
            finding.evidence(format!(
                "its health check has failed {} times in a row so far{said}",
                health.failing_streak
            ))
        }
        None => finding,
    };
    match facts.restarts.count {
        0 => finding,
        count => finding.evidence(format!("restarted {count} times by its policy")),
    }
}

fn unhealthy(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let Some(health) = facts.health.as_ref().filter(|health| health.status == "unhealthy") else {
        return Vec::new();
    };
    let last = health.log.last();
    let output = last.map(|probe| probe.output.trim()).unwrap_or_default();
    let mut finding = Finding::new(
        Code::RunningUnhealthy,
        Severity::Error,
        format!(
            "the container runs and its health check has failed {} times in a row",
            health.failing_streak
        ),
    )
    .fix(format!("run the check by hand: scratchdbg attach {}", facts.name));
    if let Some(probe) = last {
        finding = finding.evidence(format!("last probe: exit code {}", probe.exit_code));
    }
    for line in output.lines().filter(|line| !line.trim().is_empty()).take(3) {
        finding = finding.evidence(format!("it said: {}", line.trim()));
    }
    if let Some(limit) = process_limit(facts, output) {
        return vec![limit, finding];
    }
    // A probe that could not be started has a cause of its own.
    let could_not_start =
        !dialect::explain_message(&format!("Health check: {}", output.replace('\n', " ")))
            .is_empty()
            && last.is_some_and(|probe| {
                matches!(probe.exit_code, -1 | 126 | 127) || output.starts_with("exec /")
            });
    let cause = could_not_start.then(|| cause_of_probe(facts, output)).flatten();
    let cause = cause.or_else(|| missing_to_the_shell(output));
    let cause = cause.or_else(|| syntax_of_probe(facts));
    cause.into_iter().chain([finding]).collect()
}

/// A probe that could not be started because no process can be: the probe itself is fine.
fn process_limit(facts: &ContainerFacts<'_>, output: &str) -> Option<Finding> {
    let said = dialect::explain_message(&output.replace('\n', " "));
    let mut finding = said.into_iter().find(|finding| finding.code == Code::ProcessLimit)?;
    let user = facts
        .image
        .map(|image| image.config.user.as_str())
        .filter(|user| !user.is_empty())
        .unwrap_or("root");
    if let Some(limit) = facts.limits.user_processes {
        finding.message = format!(
            "user {user} has as many processes as it may ({limit}, ulimit nproc): no health check can be started"
        );
        finding.evidence.push(format!(
            "ulimit nproc={limit}, which counts all processes of that uid on the host, of all containers together"
        ));
        finding.fix = Some(
            "raise it (--ulimit nproc=…) or give each container a uid of its own; and see what leaves so many processes behind"
                .to_owned(),
        );
    } else {
        "no further process can be started, not even a health check: a limit on their number is reached"
            .clone_into(&mut finding.message);
    }
    if let (Some(usage), limit) = (facts.usage, facts.limits.pids) {
        let of = limit.map(|limit| format!(" of {limit} (--pids-limit)")).unwrap_or_default();
        finding
            .evidence
            .push(format!("processes and threads of the container: {}{of}", usage.pids));
    }
    Some(finding)
}

fn cause_of_probe(facts: &ContainerFacts<'_>, output: &str) -> Option<Finding> {
    let is_probe = |finding: &Finding| match finding.code {
        Code::HealthcheckNeedsShell | Code::HealthcheckMissingProgram => true,
        code if code == Code::EntrypointOneString || is_refusal(code) => is_of_healthcheck(finding),
        _ => false,
    };
    let of_image = facts.image.map(image::check).unwrap_or_default();
    let of_text = dialect::explain_message(&format!("Health check: {}", output.replace('\n', " ")));
    let refused =
        of_text.iter().find(|finding| is_refusal(finding.code)).cloned().map(|mut finding| {
            finding.message = format!("the health check cannot be started: {}", finding.message);
            finding
        });
    of_image.into_iter().chain(of_text).find(is_probe).or(refused)
}

/// A program that the shell of the probe does not find, whatever exit code the probe then returns
/// (`curl … || exit 1`).
fn missing_to_the_shell(output: &str) -> Option<Finding> {
    let said = output.lines().flat_map(dialect::read_log);
    let finding = said.filter_map(|said| match (&said.meaning, said.line.contains("not found")) {
        (dialect::Meaning::Plain(Code::ProgramMissing, Some(program)), true) => {
            Some((program.clone(), said.line))
        }
        _ => None,
    });
    let (program, line) = finding.into_iter().next()?;
    Some(
        Finding::new(
            Code::HealthcheckMissingProgram,
            Severity::Error,
            format!("the health check calls {program}, which is not in the image"),
        )
        .evidence(line)
        .fix("let the program probe itself (HEALTHCHECK CMD [\"/app\", \"--healthcheck\"]), or add a static probe to the image"),
    )
}

/// Codes of a program that exists and cannot be started.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::NotExecutableMode
            | Code::ParentNotSearchable
            | Code::WrongArchitecture
            | Code::LoaderMissing
            | Code::InterpreterMissing
            | Code::CrlfShebang
            | Code::ArgumentTooLong
            | Code::ExecNotPermitted
            | Code::UserUnknown
            | Code::WorkdirMissing
    )
}

/// Shell syntax in a probe without a shell: it fails, or tests the wrong thing.
fn syntax_of_probe(facts: &ContainerFacts<'_>) -> Option<Finding> {
    let of_image = facts.image.map(image::check).unwrap_or_default();
    of_image.into_iter().find(|finding| {
        finding.code == Code::ExecFormShellSyntax
            && finding.severity >= Severity::Warning
            && is_of_healthcheck(finding)
    })
}

fn is_of_healthcheck(finding: &Finding) -> bool {
    finding.evidence.iter().any(|line| line.starts_with("HEALTHCHECK "))
}

fn near_limits(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let Some(usage) = facts.usage else { return Vec::new() };
    let close = |used: u64, limit: Option<u64>| {
        limit.filter(|&limit| limit > 0 && used.saturating_mul(100) >= limit.saturating_mul(CLOSE))
    };
    let mut findings = Vec::new();
    findings.extend(process_limit_of_user(facts, usage.pids));
    if let Some(limit) = close(usage.memory, facts.limits.memory) {
        findings.push(
            Finding::new(
                Code::NearLimit,
                Severity::Warning,
                "the container is close to its memory limit: the kernel kills a process of it when it gets there",
            )
            .evidence(format!("memory: {} of {}", bytes(usage.memory), bytes(limit)))
            .fix("raise the limit (docker update --memory), or make the program use less"),
        );
    }
    if let Some(limit) = close(usage.pids, facts.limits.pids) {
        findings.push(
            Finding::new(
                Code::NearLimit,
                Severity::Warning,
                "the container is close to its limit of processes: starting one more fails (\"resource temporarily unavailable\")",
            )
            .evidence(format!("processes and threads: {} of {limit}", usage.pids))
            .fix("raise the limit (docker update --pids-limit), and see whether zombies fill it"),
        );
    }
    findings
}

/// A user at its process limit, which this container's processes alone reach.
fn process_limit_of_user(facts: &ContainerFacts<'_>, processes: u64) -> Option<Finding> {
    let limit = facts.limits.user_processes?;
    let user = facts.image?.config.user.as_str();
    // The limit does not apply to root.
    let is_root = matches!(user.split(':').next().unwrap_or_default(), "" | "0" | "root");
    if is_root || processes < limit {
        return None;
    }
    Some(
        Finding::new(
            Code::ProcessLimit,
            Severity::Warning,
            format!(
                "user {user} has as many processes as it may (ulimit nproc): one more cannot be started, be it of a health check \
                 or of docker exec"
            ),
        )
        .evidence(format!("processes and threads of this container: {processes}"))
        .evidence(format!(
            "ulimit nproc={limit}, which counts all processes of that uid on the host, of all containers together"
        ))
        .fix("raise it (--ulimit nproc=…) or give each container a uid of its own; and see what leaves so many processes behind"),
    )
}

fn zombies(facts: &ContainerFacts<'_>) -> Option<Finding> {
    let count = facts.processes?.zombies;
    let (severity, few) = match count {
        0 => return None,
        1..10 => (Severity::Info, true),
        _ => (Severity::Warning, false),
    };
    let finding = Finding::new(
        Code::Zombies,
        severity,
        format!("{count} dead children wait for PID 1 to reap them, which it does not do; they fill the process limit"),
    )
    .evidence(format!("processes in state Z under PID 1: {count}"))
    .fix("start the container with --init, or wait for children in the program");
    Some(if few { finding.guessed() } else { finding })
}

fn stop_signal_ignored(facts: &ContainerFacts<'_>) -> Option<Finding> {
    if facts.processes?.handles_stop_signal? || facts.options.init {
        return None;
    }
    let name = exit_code::signal_name(stop_signal(facts));
    Some(
        Finding::new(
            Code::StopSignalIgnored,
            Severity::Warning,
            format!("PID 1 has no handler for {name}: stopping the container takes the whole grace period and ends in a kill"),
        )
        .evidence(format!("SigCgt of PID 1 lacks {name}"))
        .fix(format!("handle {name} in the program, or start the container with --init")),
    )
}

/// Errors that the program logs while it keeps running.
pub(super) fn complaints(facts: &ContainerFacts<'_>, known: &[Finding]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for finding in last_lines(facts).iter().rev().flat_map(|line| explain_line(line)) {
        if known.iter().chain(&findings).all(|other| other.code != finding.code) {
            findings.push(finding);
        }
    }
    for finding in &mut findings {
        finding.severity = Severity::Warning;
        finding.confidence = crate::finding::Confidence::Guess;
        finding.evidence.insert(0, "the log of the running program says:".to_owned());
    }
    findings
}
