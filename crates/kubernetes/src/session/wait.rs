//! Waits until an ephemeral container runs, and tells why it does not.

use std::time::{Duration, Instant};

use scratchdbg_backend::{Error, ErrorKind};

use super::PodSessions;
use crate::model::Pod;
use crate::plan::session::SessionPlan;
use crate::plan::waiting::{self, Progress};

/// How long the node's kubelet may take to notice the container.
const UNNOTICED: Duration = Duration::from_mins(1);

/// How long an image may take to be pulled.
const LIMIT: Duration = Duration::from_mins(10);

/// After this time the user is told what is being waited for.
const REPORT_AFTER: Duration = Duration::from_secs(2);

const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Waits until the container runs. `pod` is the pod as it was last seen.
pub(super) async fn until_running(
    sessions: &PodSessions,
    plan: &SessionPlan,
    name: &str,
    mut pod: Pod,
) -> Result<(), Error> {
    let began = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    let mut told: Option<String> = None;
    loop {
        let waits = match waiting::judge(&pod, name, &plan.keeper.image)? {
            Progress::Running => return Ok(()),
            Progress::Waits(words) => words,
        };
        let is_noticed = pod.container_status(name).is_some();
        let (node, image) = (&plan.node, &plan.keeper.image);
        if !is_noticed && began.elapsed() > UNNOTICED {
            let seconds = UNNOTICED.as_secs();
            let message = format!("node `{node}` has not noticed the keeper for {seconds} s");
            return Err(Error::new(ErrorKind::Unreachable, message).hint(format!(
                "`kubectl get node {node}` shows whether it is ready; the keeper ends by itself if it starts later"
            )));
        }
        if began.elapsed() > LIMIT {
            let message = format!("node `{node}` has not started the keeper for {} min", LIMIT.as_secs() / 60);
            return Err(Error::new(ErrorKind::Unreachable, message));
        }
        let words = match waits {
            None if began.elapsed() < REPORT_AFTER => None,
            None if is_noticed => {
                Some(format!("waiting for node {node} to start the keeper; it may have to pull {image}"))
            }
            None => Some(format!("waiting for node {node} to notice the keeper")),
            words => words,
        };
        if words.is_some() && words != told {
            (sessions.report)(words.as_deref().unwrap_or_default());
            told = words;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        pod = sessions.pod(&plan.namespace, &plan.pod, Some(&plan.pod_uid)).await?;
    }
}
