//! Probes: what the kubelet reports about them, and whom it killed because of them.
//!
//! A kubelet quotes in `Unhealthy` events what a probe wrote. So only the begin of such a message
//! is its own, and a kill is proved by its event `Killing` alone.

use super::{error, events};
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::pod::{PodContainer, PodContainerEnd, PodEvent, PodFacts};

/// A kind of probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Liveness,
    Readiness,
    Startup,
}

impl Probe {
    fn word(self) -> &'static str {
        match self {
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
            Self::Startup => "Startup",
        }
    }

    /// Returns the latest event of a failed probe of this kind in a run.
    pub(super) fn failure<'a>(
        self,
        pod: &'a PodFacts,
        container: &PodContainer,
        since: Option<i64>,
    ) -> Option<&'a PodEvent> {
        let begin = format!("{} probe failed", self.word());
        events::latest(pod, &container.name, "Unhealthy", since, |text| text.starts_with(&begin))
    }
}

/// Returns the probe because of which a kubelet kills, or killed, a run, and its event.
fn killing<'a>(
    pod: &'a PodFacts,
    container: &PodContainer,
    since: Option<i64>,
) -> Option<(Probe, &'a PodEvent)> {
    let name = &container.name;
    [(Probe::Liveness, "liveness"), (Probe::Startup, "startup")].into_iter().find_map(
        |(probe, word)| {
            let begin = format!("Container {name} failed {word} probe");
            let event =
                events::latest(pod, name, "Killing", since, |text| text.starts_with(&begin))?;
            Some((probe, event))
        },
    )
}

/// Returns the finding about a run that a kubelet is ending because of a probe.
pub(super) fn being_killed(pod: &PodFacts, container: &PodContainer) -> Option<Finding> {
    // The event may be about the end of the run before, in the same second.
    let since = container.running_since?;
    let (probe, event) = killing(pod, container, Some(since))?;
    let is_older = event.time == Some(since)
        && container.ended.as_ref().is_some_and(|end| end.finished_at >= event.time);
    (!is_older).then(|| killed(pod, container, probe, event, Some(since)))
}

/// Returns the finding about a run that a kubelet ended because of a probe.
pub(super) fn was_killed(
    pod: &PodFacts,
    container: &PodContainer,
    end: &PodContainerEnd,
) -> Option<Finding> {
    let (probe, event) = killing(pod, container, Some(end.started_at?))?;
    let before = container.ended_before.as_ref();
    let is_older = event.time == end.started_at
        && before.is_some_and(|before| before.finished_at >= event.time);
    if is_older {
        return None;
    }
    let finding = killed(pod, container, probe, event, end.started_at);
    Some(finding.evidence(format!("its last run ended with exit code {}", end.exit_code)))
}

fn killed(
    pod: &PodFacts,
    container: &PodContainer,
    probe: Probe,
    event: &PodEvent,
    since: Option<i64>,
) -> Finding {
    let name = &container.name;
    let finding = if probe == Probe::Startup {
        let time = container
            .startup_seconds
            .map(|seconds| format!(" within {seconds} s"))
            .unwrap_or_default();
        error(
            Code::StartupProbeTooTight,
            format!("the kubelet kills container {name} because its startup probe does not succeed{time}"),
        )
        .guessed()
        .fix("raise failureThreshold × periodSeconds of the startupProbe to the time that the program needs; or see whether it asks the right port and path")
    } else {
        error(Code::LivenessKilled, format!("the kubelet kills container {name} because its liveness probe fails"))
            .fix("see whether the probe asks the right port and path; give the program time: a startupProbe, or a higher failureThreshold")
    };
    let finding = finding.evidence(events::sentence(event));
    match probe.failure(pod, container, since) {
        Some(failure) => finding.evidence(events::sentence(failure)),
        None => finding,
    }
}

/// Words of runtimes for a program that they do not find.
const NOT_FOUND: &[&str] =
    &["executable file not found", "no such file or directory", "not found in $PATH"];

/// Returns the finding about a probe whose program is not in the image. Such a probe counts neither
/// as failed nor as passed: a container with one of liveness runs on unwatched, and one of
/// readiness is never ready.
pub(super) fn cannot_run(pod: &PodFacts, container: &PodContainer) -> Option<Finding> {
    let since = Some(container.running_since?);
    let name = &container.name;
    for probe in [Probe::Readiness, Probe::Startup, Probe::Liveness] {
        let begin = format!("{} probe errored", probe.word());
        let event = events::latest(pod, name, "Unhealthy", since, |text| {
            text.starts_with(&begin) && NOT_FOUND.iter().any(|words| text.contains(words))
        });
        let Some(event) = event else { continue };
        let is_named = |program: &&String| {
            event.text().contains(&format!("\"{program}\""))
                || event.text().contains(&format!("`{program}`"))
        };
        let Some(program) = container.probe_programs.iter().find(is_named) else { continue };
        let (severity, so) = match probe {
            Probe::Liveness => (Severity::Warning, "so nobody notices if it hangs"),
            Probe::Readiness => (Severity::Error, "so it is never ready"),
            Probe::Startup => (Severity::Error, "so it never counts as started"),
        };
        let word = probe.word().to_ascii_lowercase();
        return Some(
            Finding::new(
                Code::ProbeNeedsShell,
                severity,
                format!("the {word} probe of container {name} runs {program}, which is not in the image, {so}"),
            )
            .evidence(events::sentence(event))
            .fix(
                "use httpGet, tcpSocket or grpc, or a program that is in the image: this one has no shell and no tools",
            ),
        );
    }
    None
}
