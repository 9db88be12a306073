//! Explains a container's state: turns facts into one verdict and further findings.

mod ended;
mod evidence;
mod killed;
mod last_words;
mod memory;
mod pod;
mod refuted;
mod restart;
mod running;
mod runs;
mod signaled;
mod start;

pub(crate) use pod::{image_pull, schedule};

use crate::code::Code;
use crate::container::{ContainerFacts, Event, Phase};
use crate::finding::{Finding, Severity};
use crate::rules::image::{self, ImageFacts};
use crate::rules::template;
use crate::template::ContainerTemplate;

/// The answer to `why`: the first finding is the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The verdict's code.
    pub code: Code,
    /// The verdict, then other findings; never empty.
    pub findings: Vec<Finding>,
}

/// Explains the state of a container.
pub fn why(facts: &ContainerFacts<'_>) -> Verdict {
    if let Some(pod) = &facts.pod {
        return with_image(facts, with_gaps(facts, pod::findings(facts, pod)));
    }
    let findings = match facts.state.phase {
        Phase::Created => start::never_started(facts),
        Phase::Running => running::running(facts),
        Phase::Paused => running::paused(facts),
        Phase::Restarting | Phase::Removing | Phase::Exited | Phase::Dead => {
            if let Some(findings) = start::latest_failed(facts) {
                return with_image(facts, with_gaps(facts, findings));
            }
            let mut findings = ended::ended(facts);
            restart::insert_loop(facts, &mut findings);
            findings
        }
    };
    with_image(facts, with_gaps(facts, findings))
}

/// Adds requests that were not answered: their answers might have changed the verdict.
fn with_gaps(facts: &ContainerFacts<'_>, mut findings: Vec<Finding>) -> Vec<Finding> {
    const LOG: &str = "the log could not be read to its end: ";
    if let Some(first) = findings.first_mut() {
        if let Some(gap) = &facts.log_gap
            && !first.evidence.iter().any(|line| line.starts_with(LOG))
        {
            first.evidence.push(format!("{LOG}{gap}"));
        }
        first.evidence.extend(facts.gaps.iter().cloned());
    }
    findings
}

/// Adds the image's problems to the verdict.
fn with_image(facts: &ContainerFacts<'_>, mut findings: Vec<Finding>) -> Verdict {
    // Other problems of the image come after those that matter now.
    if let Some(image) = facts.image {
        let refuted = refuted::refuted(facts, image);
        for finding in image::check(image) {
            if !refuted.contains(&finding)
                && !findings.iter().any(|other| other.code == finding.code)
            {
                findings.push(finding);
            }
        }
    }
    let code = findings.first().map_or(Code::Running, |finding| finding.code);
    Verdict { code, findings }
}

/// Whether the files of an image decide about a finding with this code.
pub fn is_told_by_image(code: Code) -> bool {
    start::START_CODES.contains(&code) || code == Code::StartFailed
}

/// Replaces what the status of a pod only suggests by what its image proves. `image` has the
/// settings of the container over its own.
pub fn with_image_of_pod(
    mut verdict: Verdict,
    container: &ContainerTemplate,
    image: ImageFacts<'_>,
) -> Verdict {
    let Some(said) = verdict.findings.iter_mut().find(|finding| is_told_by_image(finding.code))
    else {
        return verdict;
    };
    let mut proven = image::check_start(image);
    proven.retain(|finding| finding.severity == Severity::Error && is_told_by_image(finding.code));
    let same = proven.iter().position(|finding| finding.code == said.code).unwrap_or_default();
    if same >= proven.len() {
        return verdict;
    }
    let mut finding = proven.swap_remove(same);
    template::in_words_of_manifests(&mut finding, container);
    finding.message =
        format!("container {} cannot be started: {}", container.name, finding.message);
    finding.evidence.append(&mut said.evidence);
    *said = finding;
    Verdict {
        code: verdict.findings.first().map_or(verdict.code, |finding| finding.code),
        ..verdict
    }
}

/// Explains, from the engine's events, a container that no longer exists. `events` are those of its
/// name or id, oldest first; `None` if they are unavailable.
pub fn removed(name: &str, events: Option<&[Event]>) -> Verdict {
    let events = events.unwrap_or_default();
    let mut finding =
        Finding::new(Code::Removed, Severity::Error, format!("there is no container {name}"));
    if let Some(death) = events.iter().rev().find(|event| event.action == "die") {
        let code = death.exit_code.unwrap_or_default();
        finding.message =
            format!("the container {name} ended with exit code {code} and was removed");
        finding = finding.evidence(format!(
            "event die: exit code {code} ({})",
            crate::exit_code::describe(code)
        ));
    }
    finding = if events.iter().any(|event| event.action == "destroy") {
        finding.evidence("event destroy: the container was removed")
    } else {
        finding.evidence(
            "the engine has no event of its removal; it keeps some hundred, until it is restarted",
        )
    };
    let finding =
        finding.fix("see what there is: scratchdbg ps -a; to keep a container that ended, start it without --rm");
    Verdict { code: Code::Removed, findings: vec![finding] }
}

#[cfg(test)]
mod tests;
