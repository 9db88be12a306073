//! Pods that have no node. The scheduler counts the nodes by the reason why each does not take the
//! pod.

use super::error;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::pod::PodFacts;

/// The scheduler's words by code, in the reverse order of its checks: a node that fails a later
/// check has passed those before, so it is the one that would take the pod but for this.
const WORDS: &[(Code, &[&str])] = &[
    (Code::PvcUnbound, &["persistentvolumeclaim", "PersistentVolumeClaim"]),
    (Code::UnschedulableAffinity, &["topology spread", "affinity rules", "volume node affinity"]),
    (Code::UnschedulableResources, &["Insufficient ", "Too many pods", "exceed max volume count"]),
    (Code::PortInUse, &["didn't have free ports"]),
    (
        Code::UnschedulableAffinity,
        &["node affinity/selector", "node affinity", "node selector", "requested node name"],
    ),
    (Code::UnschedulableTaint, &["untolerated taint", "were unschedulable"]),
];

/// Returns the code of the scheduler's message `0/N nodes are available: …`, and whether another
/// may be the true one.
pub(crate) fn code(message: &str) -> Option<(Code, bool)> {
    let reasons = message.split(" preemption: ").next().unwrap_or(message);
    let reasons =
        reasons.split_once("nodes are available: ").map_or(reasons, |(_, reasons)| reasons);
    let counts: Vec<u64> = WORDS
        .iter()
        .map(|(_, words)| {
            let says = |part: &&str| {
                // A taint in braces is an administrator's text.
                let own = part.split('{').next().unwrap_or(part);
                words.iter().any(|word| own.contains(word))
            };
            let of_it = parts(reasons).into_iter().filter(says);
            of_it
                .map(|part| {
                    part.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(1)
                })
                .sum()
        })
        .collect();
    let at = counts.iter().position(|count| *count > 0)?;
    let (code, taints) = (WORDS[at].0, counts.last().copied().unwrap_or_default());
    // Taints are checked before the affinity: a node with a taint may be the one that the pod
    // selects.
    let is_mixed = at + 2 == WORDS.len() && taints > 0;
    Some(if is_mixed && taints > counts[at] {
        (Code::UnschedulableTaint, true)
    } else {
        (code, is_mixed)
    })
}

/// The reasons, which commas separate. A taint in braces may have commas of its own.
fn parts(reasons: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    reasons
        .split(move |character| {
            match character {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == ',' && depth == 0
        })
        .map(str::trim)
        .collect()
}

/// Returns what to do about it.
pub(crate) fn advice(code: Option<Code>) -> &'static str {
    match code {
        Some(Code::PvcUnbound) => {
            "see what is missing, the claim or a class that makes volumes: kubectl get pvc,storageclass"
        }
        Some(Code::PortInUse) => {
            "leave hostPort out, or have fewer pods than nodes: each port exists once on a node"
        }
        Some(Code::UnschedulableResources) => {
            "lower its requests, remove other pods, or add a node; see what is in use: kubectl describe nodes"
        }
        Some(Code::UnschedulableAffinity) => {
            "compare nodeSelector, affinity and spread constraints with the nodes: kubectl get nodes --show-labels"
        }
        Some(Code::UnschedulableTaint) => {
            "give the pod a toleration, remove the taint, or `kubectl uncordon` the node; see them: kubectl describe nodes"
        }
        _ => "the message counts the nodes by the reason why each does not take the pod",
    }
}

/// Returns the reason in a sentence about `who`.
pub(crate) fn sentence(code: Option<Code>, who: &str) -> String {
    match code {
        Some(Code::PvcUnbound) => {
            format!("{who} waits for a volume that does not exist or is not bound")
        }
        Some(Code::PortInUse) => format!("no node has the host port free that {who} asks for"),
        Some(Code::UnschedulableResources) => format!("no node has room for what {who} requests"),
        Some(Code::UnschedulableAffinity) => {
            format!("no node matches the node selector, affinity or spread constraints of {who}")
        }
        Some(Code::UnschedulableTaint) => {
            format!("the nodes keep {who} away: by taints, or because they are cordoned")
        }
        _ => format!("no node takes {who}"),
    }
}

/// Returns why no node takes the pod.
pub(super) fn verdict(pod: &PodFacts) -> Option<Finding> {
    let (reason, message) = pod.not_scheduled.as_ref().filter(|_| pod.node.is_empty())?;
    let who = format!("pod {}", pod.name);
    let told = format!("condition PodScheduled: {}", super::with_message(reason, message));
    if reason == "SchedulingGated" {
        let finding = Finding::new(
            Code::NeverStarted,
            Severity::Info,
            format!("{who} waits until its scheduling gates are removed"),
        );
        return Some(
            finding
                .evidence(told)
                .fix("whatever set spec.schedulingGates removes them when the pod may run"),
        );
    }
    let code = code(message);
    let is_guess = code.is_some_and(|(_, is_guess)| is_guess);
    let code = code.map(|(code, _)| code);
    let finding = error(code.unwrap_or(Code::NeverStarted), sentence(code, &who))
        .evidence(told)
        .fix(advice(code));
    Some(if is_guess { finding.guessed() } else { finding })
}
