//! Pods that were ended, are being deleted, or have lost their node.

use super::error;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::pod::{NodeState, PodContainer, PodFacts};
use crate::why::evidence::in_words;

/// After so much time beyond the grace period, a deletion is late: the API tells whole seconds, and
/// statuses lag.
const LATE: i64 = 30_000_000_000;

/// Returns the finding that explains the state of the whole pod.
pub(super) fn verdict(pod: &PodFacts) -> Option<Finding> {
    if pod.phase == "Failed"
        && let Some(finding) = ended_by_kubelet(pod)
    {
        return Some(
            finding.evidence(format!("status: {}", super::with_message(&pod.reason, &pod.message))),
        );
    }
    node_lost(pod)
}

/// A pod that its kubelet ended or refused. Its reason is the kubelet's own word.
fn ended_by_kubelet(pod: &PodFacts) -> Option<Finding> {
    let name = &pod.name;
    Some(match pod.reason.as_str() {
        "Evicted" if pod.message.contains("low on resource: memory") => {
            error(Code::EvictedMemory, format!("pod {name} was evicted because its node ran low on memory"))
                .fix("set memory requests to what the pod needs, so that it gets a node with room; see what else uses the node's memory")
        }
        "Evicted" if is_about_disk(&pod.message) => {
            error(Code::EvictedDisk, format!("pod {name} was evicted because it used more disk than it may, or its node ran low on it"))
                .fix("write less, or to a volume; raise the ephemeral-storage limit, or the sizeLimit of the emptyDir")
        }
        "Evicted" => error(Code::KilledFromOutside, format!("pod {name} was evicted from its node"))
            .fix(format!("the message tells why; see the node: kubectl describe node {}", pod.node)),
        "DeadlineExceeded" => {
            error(Code::DeadlineExceeded, format!("pod {name} ran longer than its activeDeadlineSeconds allow, and was ended"))
                .fix("raise activeDeadlineSeconds, or find out what takes so long: scratchdbg logs")
        }
        "NodeLost" => silent_node(pod),
        "NodeAffinity" => error(Code::UnschedulableAffinity, format!("the node of pod {name} refused it: it does not match the pod's node selector or affinity"))
            .fix("compare nodeSelector and affinity with `kubectl get nodes --show-labels`; a pod of a workload is made again"),
        reason if reason.starts_with("OutOf") => {
            error(Code::UnschedulableResources, format!("the node of pod {name} refused it: it had no room left"))
                .fix("lower its requests, or leave the choice of the node to the scheduler; a pod of a workload is made again")
        }
        "Terminated" | "NodeShutdown" | "Shutdown" | "Preempting" => {
            error(Code::KilledFromOutside, format!("pod {name} was ended by its node, not by its program"))
                .fix("a pod of a workload is made again elsewhere; the message tells why it was ended")
        }
        _ => return None,
    })
}

/// The kubelet's words for evictions because of disk: of the node, of the pod, of a container, of a
/// volume.
fn is_about_disk(message: &str) -> bool {
    let resources = ["ephemeral-storage", "inodes", "nodefs", "imagefs"];
    let low = |resource| message.contains(&format!("low on resource: {resource}"));
    resources.into_iter().any(low)
        || message.contains("ephemeral local storage usage exceeds")
        || message.contains("exceeded its local ephemeral storage limit")
        || message.contains("Usage of EmptyDir volume")
}

/// A pod whose node does not report: what its containers do is unknown.
fn node_lost(pod: &PodFacts) -> Option<Finding> {
    match &pod.node_state {
        Some(NodeState::Gone) => Some(
            error(
                Code::NodeLost,
                format!("node {} of pod {} is no longer in the cluster: the pod is lost with it", pod.node, pod.name),
            )
            .evidence(format!("the cluster has no node {}", pod.node))
            .fix("a pod of a workload is made again elsewhere after some minutes; delete another one yourself"),
        ),
        Some(NodeState::Silent(message)) => Some(silent_node(pod).evidence(format!("node {}: {message}", pod.node))),
        _ if pod.phase == "Unknown" => Some(silent_node(pod).evidence("phase Unknown")),
        _ => None,
    }
}

fn silent_node(pod: &PodFacts) -> Finding {
    let at = if pod.node.is_empty() { String::new() } else { format!(" {}", pod.node) };
    error(
        Code::NodeLost,
        format!("node{at} of pod {} does not report: what its containers do now is unknown", pod.name),
    )
    .fix(format!(
        "see the node: kubectl describe node{at}; a pod of a workload is made again elsewhere after some minutes, once it is evicted"
    ))
}

/// A container of a pod that is being deleted.
pub(super) fn being_deleted(
    pod: &PodFacts,
    container: &PodContainer,
    now: Option<i64>,
) -> Option<Finding> {
    let deletion = pod.deletion.as_ref()?;
    let name = &pod.name;
    let late =
        now.zip(deletion.due).map(|(now, due)| now.saturating_sub(due)).filter(|late| *late > LATE);
    let finding = match late {
        Some(late) if !deletion.finalizers.is_empty() => Finding::new(
            Code::NotRunning,
            Severity::Warning,
            format!("pod {name} was deleted {} ago, and finalizers keep it", in_words(late)),
        )
        .evidence(format!("finalizers: {}", deletion.finalizers.join(", ")))
        .fix("what set the finalizers must remove them: see whether that controller runs"),
        Some(late) if container.is_running => error(
            Code::NodeLost,
            format!(
                "pod {name} should have ended {} ago, and its node has not ended it",
                in_words(late)
            ),
        )
        .fix(format!("see the node: kubectl describe node {}", pod.node)),
        _ => Finding::new(Code::NotRunning, Severity::Info, format!("pod {name} is being deleted"))
            .fix("nothing, if it was to be deleted; a pod of a workload is replaced"),
    };
    Some(
        finding
            .evidence(format!("deletion was requested, with {} s to end", deletion.grace_seconds)),
    )
}
