//! A container whose latest run has ended.

use super::running::MANY;
use super::{error, events, probes, waiting};
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::exit_code::{self, TERM};
use crate::finding::{Confidence, Finding, Severity};
use crate::pod::{PodContainer, PodContainerEnd, PodFacts, PodRole};
use crate::why::evidence::{bytes, exit_evidence, in_words, last_line};
use crate::why::last_words::{LastWords, is_death};
use crate::why::{signaled, start};

/// The exit code of a process that SIGKILL ended.
const KILLED: i64 = 137;
const SECOND: i64 = 1_000_000_000;
/// How much of a termination message is shown.
const SHOWN: usize = 300;

pub(super) fn findings(
    facts: &ContainerFacts<'_>,
    pod: &PodFacts,
    container: &PodContainer,
    end: &PodContainerEnd,
) -> Vec<Finding> {
    let mut findings = causes(facts, pod, container, end);
    if let Some(first) = findings.first_mut() {
        let words = end.message.trim();
        if !is_start_error(end) && !words.is_empty() {
            let cut = words.floor_char_boundary(SHOWN);
            let more = if cut < words.len() { " …" } else { "" };
            first.evidence.push(format!("its termination message: {}{more}", &words[..cut]));
        }
        if pod.deletion.is_some() {
            first.evidence.push("its pod is being deleted".to_owned());
        }
    }
    insert_loop(pod, container, end, &mut findings);
    if container.role == PodRole::Init && end.exit_code != 0 && !container.is_running {
        findings.insert(0, init_failed(pod, container, end));
    }
    findings
}

fn is_start_error(end: &PodContainerEnd) -> bool {
    // The runtime's own words: no program has run that could have written them.
    matches!(end.reason.as_str(), "StartError" | "ContainerCannotRun")
}

/// Returns why the run ended, the most certain reason first.
fn causes(
    facts: &ContainerFacts<'_>,
    pod: &PodFacts,
    container: &PodContainer,
    end: &PodContainerEnd,
) -> Vec<Finding> {
    let name = &container.name;
    if end.reason == "ContainerStatusUnknown" {
        let finding = error(
            Code::StatusUnknown,
            format!(
                "nobody knows how container {name} ended: exit code {} is made up",
                end.exit_code
            ),
        )
        .evidence(format!("container {name}: ContainerStatusUnknown"))
        .fix(format!(
            "its node was restarted or lost the container: kubectl describe node {}",
            pod.node
        ));
        return vec![finding];
    }
    if is_start_error(end) {
        let told = super::with_message(&end.reason, &end.message);
        return vec![
            waiting::start(container, &end.message).evidence(format!("container {name}: {told}")),
        ];
    }
    if end.reason == "OOMKilled" {
        return vec![out_of_memory(facts, container, end)];
    }
    if let Some(killed) = probes::was_killed(pod, container, end) {
        return vec![killed];
    }
    if let Some(stopped) = stopped_by_deletion(facts, pod, container, end) {
        return vec![stopped];
    }
    if end.exit_code == KILLED {
        return vec![killed(facts, pod, container)];
    }
    if let Some(findings) = start::refused_by_kernel(facts) {
        // The runtime writes so into the log, and a program could.
        return findings.into_iter().map(Finding::guessed).collect();
    }
    let LastWords { mut at_end, mut earlier } = LastWords::of(facts);
    at_end.retain(|finding| !is_about_another(finding));
    earlier.retain(|finding| !is_about_another(finding));
    if exit_code::signal(end.exit_code) == Some(TERM) {
        at_end.insert(0, terminated(facts, container));
        return at_end;
    }
    if let Some(mut signaled) = signaled::check(facts) {
        for finding in &mut signaled {
            adapt(finding);
        }
        return with_log(signaled, at_end);
    }
    let own = app_exit(facts, pod, container, end);
    if end.exit_code == 0 {
        return vec![own];
    }
    if let Some(first) = at_end.first_mut() {
        first.evidence.push(exit_evidence(facts));
    }
    at_end.push(own);
    at_end.extend(earlier);
    let mut known = Vec::new();
    at_end.retain(|finding| {
        let is_new = !known.contains(&finding.code);
        known.push(finding.code);
        is_new
    });
    at_end
}

/// Words of container runtimes.
const RUNTIME: &[&str] =
    &["OCI runtime ", "runc create failed", "shim task", "containerd task", "container_linux.go"];

/// Reports whether a line of the log is about another container: what happens to this one, its
/// kubelet and its runtime tell in the pod's status, and never in the log.
fn is_about_another(finding: &Finding) -> bool {
    if matches!(
        finding.code,
        Code::OomKilled | Code::ChildOomKilled | Code::KilledFromOutside | Code::Stopped
    ) {
        return true;
    }
    finding.evidence.iter().any(|line| RUNTIME.iter().any(|words| line.contains(words)))
}

/// Joins the signal that a program died of with what its log says about that: a named cause comes
/// first, if it is one that programs bring about themselves.
fn with_log(mut signaled: Vec<Finding>, mut logged: Vec<Finding>) -> Vec<Finding> {
    let of_its_own_making = signaled.first().is_some_and(|first| {
        matches!(first.code, Code::SegfaultOrAbort | Code::Aborted | Code::IllegalInstruction)
            || is_death(first.code)
    });
    if !of_its_own_making {
        std::mem::swap(&mut signaled, &mut logged);
    } else if let (Some(cause), Some(signal)) = (logged.first_mut(), signaled.first()) {
        let told = signal.evidence.first().filter(|told| !cause.evidence.contains(told));
        cause.evidence.extend(told.cloned());
    }
    signaled.retain(|finding| logged.iter().all(|other| other.code != finding.code));
    logged.extend(signaled);
    logged
}

/// Advice that is about options of an engine.
fn adapt(finding: &mut Finding) {
    if finding.code == Code::SegfaultOrAbort && finding.confidence == Confidence::Guess {
        finding.fix = Some(
            "with shareProcessNamespace: true the program is not PID 1, and abort() ends with 134; the last log lines may tell more"
                .to_owned(),
        );
    }
    finding.evidence.retain(|line| !line.starts_with("the log cannot be read (log driver"));
}

fn out_of_memory(
    facts: &ContainerFacts<'_>,
    container: &PodContainer,
    end: &PodContainerEnd,
) -> Finding {
    let name = &container.name;
    let limit = match container.memory_limit {
        Some(limit) => format!("its memory limit of {}", bytes(limit)),
        None => "a memory limit: it has none of its own, so it was that of its pod or of the node"
            .to_owned(),
    };
    let finding = if end.exit_code == KILLED {
        error(
            Code::OomKilled,
            format!("the kernel killed container {name} because it reached {limit}"),
        )
    } else {
        let code = end.exit_code;
        error(
            Code::ChildOomKilled,
            format!(
                "the kernel killed a process of container {name} because it reached {limit}; its program ended with exit code {code} itself"
            ),
        )
    };
    finding
        .evidence("status: OOMKilled")
        .evidence(exit_evidence(facts))
        .fix("raise resources.limits.memory, or make the program use less: GOMEMLIMIT for Go, -Xmx for Java")
}

/// A run that ended after the deletion of its pod was requested.
fn stopped_by_deletion(
    facts: &ContainerFacts<'_>,
    pod: &PodFacts,
    container: &PodContainer,
    end: &PodContainerEnd,
) -> Option<Finding> {
    let deletion = pod.deletion.as_ref()?;
    let finished = end.finished_at?;
    let (name, code) = (&container.name, end.exit_code);
    // The kubelet tells when it began to stop a container.
    let begin = format!("Stopping container {name}");
    let event =
        events::latest(pod, name, "Killing", end.started_at, |text| text.starts_with(&begin));
    let asked_at = event.and_then(|event| event.time).or(deletion.requested_at);
    let grace = i64::try_from(deletion.grace_seconds).ok()?.checked_mul(SECOND)?;
    // Without that time: a kubelet gives up a pod soon after its containers have ended.
    let earliest = asked_at.or_else(|| deletion.due?.checked_sub(grace)?.checked_sub(10 * SECOND));
    if earliest.is_none_or(|earliest| finished < earliest) {
        return None;
    }
    let asked = format!("deletion was requested, with {} s to end", deletion.grace_seconds);
    // Times are whole seconds.
    let used = asked_at.map(|asked_at| finished.saturating_sub(asked_at));
    let had_all_its_time =
        grace > 0 && used.is_some_and(|used| used.saturating_add(SECOND) >= grace);
    let finding = if code == KILLED && had_all_its_time {
        Finding::new(
            Code::SigkillAfterGrace,
            Severity::Warning,
            format!(
                "container {name} was asked to end, did not, and was killed when its {} s were over",
                deletion.grace_seconds
            ),
        )
        .evidence(asked)
        .evidence(exit_evidence(facts))
        .fix("handle SIGTERM in the program: as PID 1 it has no default action; or raise terminationGracePeriodSeconds")
    } else {
        Finding::new(
            Code::Stopped,
            Severity::Info,
            format!(
                "container {name} ended with exit code {code} because its pod is being deleted"
            ),
        )
        .evidence(asked)
        .evidence(exit_evidence(facts))
    };
    Some(if asked_at.is_some() { finding } else { finding.guessed() })
}

/// A kill that nothing explains.
fn killed(facts: &ContainerFacts<'_>, pod: &PodFacts, container: &PodContainer) -> Finding {
    let known = if pod.events.is_some() {
        "no event tells why"
    } else {
        "events that could tell why are not known"
    };
    let finding = error(
        Code::KilledFromOutside,
        format!(
            "container {} was killed with SIGKILL: by a process of its node or by the kernel for lack of memory there, as nothing tells of a limit",
            container.name
        ),
    )
    .evidence(exit_evidence(facts))
    .evidence(known)
    .fix(format!("see the node: kubectl describe node {}, and dmesg there", pod.node));
    finding.guessed()
}

/// A program that SIGTERM ended: the signal by which kubelets ask programs to end.
fn terminated(facts: &ContainerFacts<'_>, container: &PodContainer) -> Finding {
    Finding::new(
        Code::Stopped,
        Severity::Info,
        format!(
            "container {} was ended by SIGTERM, which is how it is asked to stop",
            container.name
        ),
    )
    .evidence(exit_evidence(facts))
    .guessed()
}

fn app_exit(
    facts: &ContainerFacts<'_>,
    pod: &PodFacts,
    container: &PodContainer,
    end: &PodContainerEnd,
) -> Finding {
    let (name, code) = (&container.name, end.exit_code);
    let lived = end.finished_at.zip(end.started_at).map(|(end, start)| end.saturating_sub(start));
    // Whole seconds: a short run has none.
    let lived = lived
        .filter(|lived| *lived > 0)
        .map(|lived| format!(" after {}", in_words(lived)))
        .unwrap_or_default();
    let mut finding = if code == 0 {
        Finding::new(
            Code::AppExit,
            Severity::Info,
            format!("the program of container {name} ended by itself{lived}, with success"),
        )
    } else {
        error(
            Code::AppExit,
            format!(
                "the program of container {name} ended by itself{lived}, with exit code {code}"
            ),
        )
        .fix(format!("read what it said: scratchdbg logs {}", pod.arguments(name)))
    };
    finding = finding.evidence(exit_evidence(facts));
    match (last_line(facts), &facts.log) {
        (Some(line), _) => finding.evidence(format!("last log line: {line}")),
        (None, Some(_)) => finding.evidence("the log is empty"),
        (None, None) => finding,
    }
}

/// Adds the loop: before a cause that is only an exit code, after a more specific one.
fn insert_loop(
    pod: &PodFacts,
    container: &PodContainer,
    end: &PodContainerEnd,
    findings: &mut Vec<Finding>,
) {
    let is_restarted = match container.restart_policy.as_str() {
        "Always" => true,
        "OnFailure" => end.exit_code != 0,
        _ => false,
    };
    let backs_off =
        container.waiting.as_ref().is_some_and(|(reason, _)| reason == "CrashLoopBackOff");
    let is_over = matches!(pod.phase.as_str(), "Succeeded" | "Failed") || pod.deletion.is_some();
    if !is_restarted || is_over {
        return;
    }
    let succeeded = |end: &PodContainerEnd| end.exit_code == 0 && end.reason != "OOMKilled";
    let evidence = format!("restart count: {}", container.restarts);
    let name = &container.name;
    if succeeded(end)
        && container.restarts > 0
        && container.ended_before.as_ref().is_none_or(succeeded)
    {
        let is_probe = findings.first().is_some_and(|first| first.severity == Severity::Error);
        if !is_probe {
            findings.retain(|finding| finding.code != Code::AppExit);
            let finding = Finding::new(
                Code::CompletedRestartLoop,
                Severity::Warning,
                format!("the program of container {name} ends with success each time, and restartPolicy Always starts it again"),
            )
            .evidence(evidence)
            .evidence("exit code 0: success")
            .fix("make it a Job, or set restartPolicy: OnFailure; a program that goes into the background must stay in the foreground");
            findings.insert(0, finding);
        }
        return;
    }
    // Each restart came after an end, and one that does not run has ended once more.
    let ends = container.restarts + u64::from(!container.is_running);
    if !backs_off && ends < MANY {
        return;
    }
    let wait =
        if backs_off { "; its kubelet waits up to five minutes before the next start" } else { "" };
    let finding = error(
        Code::CrashLoop,
        format!("container {name} ends again and again: {} restarts{wait}", container.restarts),
    )
    .evidence(evidence)
    .evidence(format!(
        "the latest run ended with exit code {}: {}",
        end.exit_code,
        exit_code::describe(end.exit_code)
    ))
    .fix(format!("see the end of its last run: scratchdbg logs {}", pod.arguments(name)));
    let at = usize::from(findings.first().is_some_and(|finding| finding.code != Code::AppExit));
    findings.insert(at.min(findings.len()), finding);
}

fn init_failed(pod: &PodFacts, container: &PodContainer, end: &PodContainerEnd) -> Finding {
    let (name, code) = (&container.name, end.exit_code);
    error(
        Code::InitFailed,
        format!(
            "init container {name} of pod {} fails with exit code {code}, so the containers after it are not started",
            pod.name
        ),
    )
    .evidence(format!("container {name}: {} with exit code {code}, {} restarts", end.reason, container.restarts))
    .fix(format!("see why: scratchdbg logs {}", pod.arguments(name)))
}
