//! Converts API objects to facts. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scratchdbg_backend::{ContainerRecord, Phase};
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::container::{ContainerFacts, Limits, Options, Restarts, State};
use scratchdbg_diagnose::pod::{
    Deletion, NodeState, PodContainer, PodContainerEnd, PodEvent, PodFacts, PodRole,
    WorkloadCondition, WorkloadFacts, WorkloadKind,
};

use super::quantity::quantity;
use crate::kind::Kind;
use crate::logs::{RunFacts, time};
use crate::model::{Condition, Container, Event, Node, Pod, Probe, Quota, Terminated, Workload};
use crate::pods::Role;

/// The most bytes of a sentence that are kept. The API limits few of them.
const LONGEST: usize = 4096;

/// Returns a sentence of the API, truncated if it is very long.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    let cut = text.floor_char_boundary(LONGEST);
    if cut < text.len() { format!("{} …", &text[..cut]) } else { text.to_owned() }
}

pub(super) fn nanoseconds(at: Timestamp) -> Option<i64> {
    at.as_nanosecond().try_into().ok()
}

fn moment(text: Option<&str>) -> Option<i64> {
    time(text).and_then(nanoseconds)
}

/// Returns the facts about a pod, for a verdict about one of its containers.
pub(super) fn pod_facts(pod: &Pod, container: &str) -> PodFacts {
    let condition =
        |kind: &str| pod.status.conditions.iter().find(|condition| condition.kind == kind);
    let scheduled = condition("PodScheduled").filter(|condition| condition.status == "False");
    // Containers are started in this order.
    let roles = [Role::Init, Role::Main, Role::Ephemeral];
    let containers = roles
        .iter()
        .flat_map(|wanted| pod.all_containers().filter(move |(role, _)| role == wanted));
    PodFacts {
        name: pod.metadata.name.clone(),
        namespace: pod.metadata.namespace.clone(),
        node: pod.spec.node_name.clone(),
        phase: pod.status.phase.clone(),
        reason: sentence(&pod.status.reason),
        message: sentence(&pod.status.message),
        deletion: deletion(pod),
        not_scheduled: scheduled
            .map(|condition| (sentence(&condition.reason), sentence(&condition.message))),
        is_ready: condition("Ready").map(|condition| condition.status == "True"),
        containers: containers
            .map(|(role, container)| pod_container(pod, role, container))
            .collect(),
        container: container.to_owned(),
        events: None,
        node_state: None,
        workload: None,
    }
}

/// Returns the deletion of a pod. The API reports the end of the grace period. Once the containers
/// have ended, the kubelet sets the grace period to zero, and the time of the request is lost.
fn deletion(pod: &Pod) -> Option<Deletion> {
    let due = moment(Some(pod.metadata.deletion_timestamp.as_deref()?));
    let grace = unsigned(pod.metadata.deletion_grace_period_seconds.unwrap_or_default());
    let own = unsigned(pod.spec.termination_grace_period_seconds.unwrap_or_default());
    let nanoseconds = i64::try_from(grace)
        .ok()
        .filter(|grace| *grace > 0)
        .and_then(|grace| grace.checked_mul(1_000_000_000));
    Some(Deletion {
        requested_at: due.zip(nanoseconds).map(|(due, grace)| due.saturating_sub(grace)),
        due,
        grace_seconds: if grace > 0 { grace } else { own },
        finalizers: pod.metadata.finalizers.iter().map(|name| sentence(name)).collect(),
    })
}

fn pod_container(pod: &Pod, role: Role, container: &Container) -> PodContainer {
    let status = pod.container_status(&container.name).cloned().unwrap_or_default();
    let is_sidecar = role == Role::Init && container.restart_policy == "Always";
    let (state, last) = (status.state, status.last_state.terminated.as_ref().map(end));
    let (ended, ended_before) = match &state.terminated {
        Some(terminated) => (Some(end(terminated)), last),
        None => (last, None),
    };
    let probes = [&container.readiness_probe, &container.startup_probe, &container.liveness_probe];
    let programs =
        probes.into_iter().flatten().filter_map(|probe| probe.exec.as_ref()?.command.first());
    let policy = match role {
        Role::Ephemeral => "Never",
        _ if is_sidecar => "Always",
        // An init container that succeeds is not started again.
        Role::Init if pod.spec.restart_policy != "Never" => "OnFailure",
        _ => &pod.spec.restart_policy,
    };
    PodContainer {
        name: container.name.clone(),
        image: sentence(&container.image),
        role: match role {
            Role::Main => PodRole::Main,
            Role::Init if is_sidecar => PodRole::Main,
            Role::Init => PodRole::Init,
            Role::Ephemeral => PodRole::Ephemeral,
        },
        waiting: state
            .waiting
            .map(|waiting| (sentence(&waiting.reason), sentence(&waiting.message))),
        is_running: state.running.is_some(),
        running_since: state.running.and_then(|running| moment(running.started_at.as_deref())),
        is_ready: status.ready,
        has_started: status.started,
        ended,
        ended_before,
        restarts: unsigned(status.restart_count),
        restart_policy: policy.to_owned(),
        user: match status.user.and_then(|user| user.linux) {
            Some(user) => Some(format!("{}:{}", user.uid, user.gid)),
            None => asked_user(pod, container),
        },
        memory_limit: container.resources.limits.get("memory").and_then(|text| quantity(text)),
        readiness_seconds: container.readiness_probe.as_ref().map(first_result),
        startup_seconds: container.startup_probe.as_ref().map(|probe| {
            let tries = probe.failure_threshold.unwrap_or(3).max(1);
            let period = probe.period_seconds.unwrap_or(10).max(1);
            unsigned(
                probe
                    .initial_delay_seconds
                    .unwrap_or_default()
                    .saturating_add(tries.saturating_mul(period)),
            )
        }),
        probe_programs: programs.map(|program| sentence(program)).collect(),
        read_only: container.security_context.read_only_root_filesystem == Some(true),
    }
}

/// Returns the number of seconds until a probe has its first result.
fn first_result(probe: &Probe) -> u64 {
    let parts = [
        probe.initial_delay_seconds.unwrap_or(0),
        probe.period_seconds.unwrap_or(10),
        probe.timeout_seconds.unwrap_or(1),
    ];
    parts.into_iter().map(unsigned).fold(0, u64::saturating_add)
}

fn end(terminated: &Terminated) -> PodContainerEnd {
    PodContainerEnd {
        exit_code: terminated.exit_code,
        reason: sentence(&terminated.reason),
        message: sentence(&terminated.message),
        // A start that failed has a start time in 1970.
        started_at: moment(terminated.started_at.as_deref()).filter(|at| *at > 0),
        finished_at: moment(terminated.finished_at.as_deref()).filter(|at| *at > 0),
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Returns the user that the pod specifies, or `None` if the image decides.
fn asked_user(pod: &Pod, container: &Container) -> Option<String> {
    let (own, common) = (&container.security_context, &pod.spec.security_context);
    let user = own.run_as_user.or(common.run_as_user)?;
    Some(match own.run_as_group.or(common.run_as_group) {
        Some(group) => format!("{user}:{group}"),
        None => user.to_string(),
    })
}

/// Converts an event. Returns `None` for events about the setup of the cluster.
pub(super) fn pod_event(event: &Event) -> Option<PodEvent> {
    if event.reason == "MissingClusterDNS" {
        return None;
    }
    let path = event.involved_object.field_path.as_str();
    let container =
        path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).map(ToOwned::to_owned);
    let series = event.series.as_ref();
    let times = [
        series.and_then(|series| series.last_observed_time.as_deref()),
        event.last_timestamp.as_deref(),
        event.event_time.as_deref(),
        event.first_timestamp.as_deref(),
    ];
    Some(PodEvent {
        reason: sentence(&event.reason),
        message: sentence(&event.message),
        container,
        time: times.into_iter().flatten().find_map(|text| moment(Some(text))),
        count: unsigned(series.map_or_else(|| event.count.unwrap_or(1), |series| series.count)),
    })
}

/// Converts events, in the order of their last occurrence. Events of the same second keep the order
/// of their creation, as far as it is known.
pub(super) fn pod_events(events: &[Event]) -> Vec<PodEvent> {
    let mut events: Vec<(Option<i64>, &str, PodEvent)> = events
        .iter()
        .filter_map(|event| {
            let told = pod_event(event)?;
            Some((
                told.time,
                event.metadata.creation_timestamp.as_deref().unwrap_or_default(),
                told,
            ))
        })
        .collect();
    events.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
    events.into_iter().map(|(.., event)| event).collect()
}

/// Returns the facts about a workload. `pods` is the number of its pods.
pub(super) fn workload_facts(kind: Kind, workload: &Workload, pods: usize) -> WorkloadFacts {
    let (spec, status) = (&workload.spec, &workload.status);
    let (kind, wanted, ready) = match kind {
        Kind::StatefulSet => {
            (WorkloadKind::StatefulSet, spec.replicas.unwrap_or(1), status.ready_replicas)
        }
        Kind::ReplicaSet => {
            (WorkloadKind::ReplicaSet, spec.replicas.unwrap_or(1), status.ready_replicas)
        }
        Kind::DaemonSet => {
            (WorkloadKind::DaemonSet, status.desired_number_scheduled, status.number_ready)
        }
        Kind::Job => (
            WorkloadKind::Job,
            spec.completions.or(spec.parallelism).unwrap_or(1),
            status.succeeded,
        ),
        _ => (WorkloadKind::Deployment, spec.replicas.unwrap_or(1), status.ready_replicas),
    };
    WorkloadFacts {
        kind,
        name: String::new(),
        wanted,
        ready,
        pods,
        is_suspended: spec.suspend,
        conditions: status.conditions.iter().map(workload_condition).collect(),
        events: None,
        quotas: Vec::new(),
    }
}

fn workload_condition(condition: &Condition) -> WorkloadCondition {
    WorkloadCondition {
        kind: condition.kind.clone(),
        holds: condition.status == "True",
        reason: sentence(&condition.reason),
        message: sentence(&condition.message),
    }
}

/// Returns the state that a node reports, or the state that the cluster assigned to a node that
/// does not report.
pub(super) fn node_state(node: &Node) -> NodeState {
    let ready = node.status.conditions.iter().find(|condition| condition.kind == "Ready");
    let told = |condition: &Condition| sentence(&condition.message);
    match ready {
        Some(condition) if condition.status == "True" => NodeState::Ready,
        Some(condition) if condition.status == "Unknown" => NodeState::Silent(told(condition)),
        Some(condition) => NodeState::NotReady(told(condition)),
        None => NodeState::NotReady("it has never reported".to_owned()),
    }
}

/// Formats a quota: the used and the allowed amount of each resource.
pub(super) fn quota(quota: &Quota) -> String {
    let used = |resource: &str| quota.status.used.get(resource).map_or("?", String::as_str);
    let parts: Vec<String> = quota
        .status
        .hard
        .iter()
        .map(|(resource, hard)| format!("{resource} {} of {hard}", used(resource)))
        .collect();
    sentence(&format!("quota {}: {}", quota.metadata.name, parts.join(", ")))
}

/// Returns the record of a container. `facts` are the facts about its pod. The caller adds the
/// time.
pub(super) fn record(
    pod: &Pod,
    container: &Container,
    id: String,
    name: String,
    facts: PodFacts,
) -> ContainerRecord {
    let run = RunFacts::of(pod, &container.name);
    let status = pod.container_status(&container.name);
    let own = facts.container(&container.name).cloned().unwrap_or_default();
    let end = own.ended.as_ref();
    // The record uses the terms of the platform.
    let policy = match own.restart_policy.as_str() {
        "Never" => "no",
        "OnFailure" => "on-failure",
        _ => "always",
    };
    let is_leaving = pod.metadata.deletion_timestamp.is_some() && own.is_running;
    let facts = ContainerFacts {
        name,
        state: State {
            phase: if is_leaving { Phase::Removing } else { run.phase },
            exit_code: end.map_or(0, |end| end.exit_code),
            oom_killed: end.is_some_and(|end| end.reason == "OOMKilled"),
            started_at: own.running_since.or_else(|| end?.started_at),
            finished_at: end.and_then(|end| end.finished_at),
            ..State::default()
        },
        restarts: Restarts { count: own.restarts, policy: policy.to_owned(), at_most: None },
        limits: Limits { memory: own.memory_limit, ..Limits::default() },
        options: Options {
            read_only: own.read_only,
            init: pod.spec.share_process_namespace,
            ..Options::default()
        },
        now: None,
        pod: Some(facts),
        ..ContainerFacts::default()
    };
    ContainerRecord {
        id,
        image: sentence(&container.image),
        image_id: status.map(|status| status.image_id.clone()).unwrap_or_default(),
        labels: pod.metadata.labels.clone(),
        created_at: moment(pod.metadata.creation_timestamp.as_deref()),
        config: ConfigFacts { user: own.user.unwrap_or_default(), ..ConfigFacts::default() },
        facts,
        ..ContainerRecord::default()
    }
}

/// Returns the record of a workload without pods.
pub(super) fn record_without_pod(
    namespace: &str,
    name: &str,
    workload: WorkloadFacts,
) -> ContainerRecord {
    let pod = PodFacts {
        namespace: namespace.to_owned(),
        workload: Some(workload),
        ..PodFacts::default()
    };
    ContainerRecord {
        facts: ContainerFacts {
            name: name.to_owned(),
            pod: Some(pod),
            ..ContainerFacts::default()
        },
        labels: BTreeMap::new(),
        ..ContainerRecord::default()
    }
}
