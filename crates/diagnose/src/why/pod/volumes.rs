//! Pods that wait for a volume or for their network.

use super::error;
use super::events::sentence;
use super::waiting::missing_object;
use crate::code::Code;
use crate::finding::Finding;
use crate::pod::{PodEvent, PodFacts};

/// Events that a kubelet makes once volumes and network are there.
const LATER: &[&str] = &["Pulling", "Pulled", "Created", "Started", "ErrImageNeverPull", "Failed"];

/// Returns why the pod's containers are not made. A problem that was solved since is not reported.
pub(super) fn verdict(pod: &PodFacts) -> Option<Finding> {
    let events: Vec<&PodEvent> = pod.events.iter().flatten().collect();
    let is_problem = |event: &&PodEvent| {
        matches!(
            event.reason.as_str(),
            "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" | "FailedCreatePodSandBox"
        )
    };
    let at = events.iter().rposition(is_problem)?;
    if events[at + 1..].iter().any(|event| LATER.contains(&event.reason.as_str())) {
        return None;
    }
    let mut event = events[at];
    // The same attempt may be told twice: once with the cause, and once with the names of the
    // volumes alone.
    if event.text().starts_with("Unable to attach or mount volumes")
        && let Some(cause) =
            events.iter().rev().find(|event| event.text().starts_with("MountVolume."))
    {
        event = cause;
    }
    let name = &pod.name;
    let finding = if event.reason == "FailedCreatePodSandBox" {
        error(
            Code::SandboxFailed,
            format!(
                "the node cannot make the sandbox of pod {name}: its namespaces and its network"
            ),
        )
        .fix("the message is the node's: see its network plugin and its container runtime")
    } else {
        of_mount(pod, event)
    };
    Some(finding.evidence(sentence(event)))
}

fn of_mount(pod: &PodFacts, event: &PodEvent) -> Finding {
    // `MountVolume.SetUp failed for volume "NAME" : CAUSE`
    let text = event.text();
    let volume = super::quoted(text, "for volume ");
    let cause = text.split_once("\" : ").map_or(text, |(_, cause)| cause);
    let who = match &volume {
        Some(volume) => format!("volume {volume} of pod {}", pod.name),
        None => format!("a volume of pod {}", pod.name),
    };
    if cause.contains("references non-existent config key")
        || cause.contains("references non-existent secret key")
    {
        return error(
            Code::ConfigKeyMissing,
            format!("{who} takes a key that its ConfigMap or Secret does not have"),
        )
        .fix("add the key, correct it in the pod, or mark it as optional");
    }
    missing_object(cause, &who).unwrap_or_else(|| {
        error(Code::VolumeMountFailed, format!("{who} cannot be mounted"))
            .fix("the message tells what is wrong with it")
    })
}
