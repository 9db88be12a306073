//! Waits until an ephemeral container runs, and reports why it does not.

use std::time::{Duration, Instant};

use scratchdbg_backend::{Error, ErrorKind};

use super::PodSessions;
use crate::model::Pod;
use crate::plan::session::SessionPlan;
use crate::plan::waiting::{self, Progress};

/// How long the node's kubelet may take to report the container.
const UNNOTICED: Duration = Duration::from_mins(1);

/// How long pulling an image may take.
const LIMIT: Duration = Duration::from_mins(10);

/// After this time, the user is notified of the wait.
const REPORT_AFTER: Duration = Duration::from_secs(2);

const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A container that is being waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Awaited<'a> {
    pub(super) namespace: &'a str,
    pub(super) pod: &'a str,
    pub(super) pod_uid: &'a str,
    pub(super) container: &'a str,
    pub(super) image: &'a str,
}

/// Waits until the keeper runs in the target's pod. `pod` is the most recently read pod.
pub(super) async fn until_running(
    sessions: &PodSessions,
    plan: &SessionPlan,
    name: &str,
    pod: Pod,
) -> Result<Pod, Error> {
    let awaited = Awaited {
        namespace: &plan.namespace,
        pod: &plan.pod,
        pod_uid: &plan.pod_uid,
        container: name,
        image: &plan.keeper.image,
    };
    until(sessions, awaited, pod, |pod| waiting::judge(pod, name, awaited.image)).await
}

/// Waits until a container runs according to `judge`.
pub(super) async fn until(
    sessions: &PodSessions,
    awaited: Awaited<'_>,
    mut pod: Pod,
    judge: impl Fn(&Pod) -> Result<Progress, Error>,
) -> Result<Pod, Error> {
    let Awaited { image, container, .. } = awaited;
    let began = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    let mut told: Option<String> = None;
    loop {
        let waits = match judge(&pod)? {
            Progress::Running => return Ok(pod),
            Progress::Waits(words) => words,
        };
        let is_noticed = pod.container_status(container).is_some();
        let node = match &*pod.spec.node_name {
            "" => "a node".to_owned(),
            node => format!("node `{node}`"),
        };
        if !is_noticed && began.elapsed() > UNNOTICED {
            return Err(unnoticed(&pod, waits));
        }
        if began.elapsed() > LIMIT {
            let message =
                format!("{node} has not started the keeper for {} min", LIMIT.as_secs() / 60);
            return Err(Error::new(ErrorKind::Unreachable, message));
        }
        let words = match waits {
            None if began.elapsed() < REPORT_AFTER => None,
            None if is_noticed => {
                Some(format!("waiting for {node} to start the keeper; it may have to pull {image}"))
            }
            None => Some(format!("waiting for {node} to notice the keeper")),
            words => words,
        };
        if words.is_some() && words != told {
            (sessions.report)(words.as_deref().unwrap_or_default());
            told = words;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        pod = sessions.pod(awaited.namespace, awaited.pod, Some(awaited.pod_uid)).await?;
    }
}

/// Returns the error if no node has begun to start the container.
fn unnoticed(pod: &Pod, why: Option<String>) -> Error {
    let seconds = UNNOTICED.as_secs();
    let why = why.map(|words| format!(": {words}")).unwrap_or_default();
    let node = &pod.spec.node_name;
    if node.is_empty() {
        let name = &pod.metadata.name;
        return Error::new(
            ErrorKind::Unreachable,
            format!("no node has taken pod `{name}` for {seconds} s{why}"),
        );
    }
    Error::new(ErrorKind::Unreachable, format!("node `{node}` has not noticed the keeper for {seconds} s{why}")).hint(
        format!("`kubectl get node {node}` shows whether it is ready; the keeper ends by itself if it starts later"),
    )
}
