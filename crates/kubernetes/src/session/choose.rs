//! Finds the container that a user names.

use scratchdbg_backend::{Error, ErrorKind, SessionTarget};

use super::{PodSessions, PodTarget, id_of};
use crate::call::Call;
use crate::kind::Kind;
use crate::model::Pod;
use crate::target::TargetName;

/// A container to run a session in.
#[derive(Debug)]
pub struct Chosen {
    /// The target of the session.
    pub target: SessionTarget,
    /// The pod and the container that were found.
    pub seen: PodTarget,
    /// The choice that was made for the user: one pod of several, or a container.
    pub note: Option<String>,
}

impl PodSessions {
    /// Finds the container. For a workload, selects one of its running pods, or any pod if
    /// `takes_ended`.
    pub async fn choose(
        &self,
        target: &TargetName,
        container: Option<&str>,
        takes_ended: bool,
    ) -> Result<Chosen, Error> {
        if let (Some(one), Some(other)) = (container, &target.container)
            && one != other
        {
            let message = format!(
                "`{target}` names a container already, and --container names another: `{one}`"
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let container = container.or(target.container.as_deref());
        let namespace = self.cluster.namespace().to_owned();
        let (pod, note) = if target.is_pod() {
            (self.pod(&namespace, &target.name, None).await?, None)
        } else {
            self.pod_of(target, &namespace, takes_ended).await?
        };
        let container = pod.chosen_container(container)?.name.clone();
        let id = id_of(&pod, &container).to_string();
        Ok(Chosen {
            target: SessionTarget::Container(id.parse()?),
            seen: PodTarget { pod, container },
            note,
        })
    }

    /// Selects a pod of a workload, and returns a note about the choice.
    async fn pod_of(
        &self,
        target: &TargetName,
        namespace: &str,
        takes_ended: bool,
    ) -> Result<(Pod, Option<String>), Error> {
        let client = &self.cluster.client;
        let selector = client.selector_of(target, namespace).await?;
        let call = Call::list(Kind::Pod, Some(namespace)).with("labelSelector", selector);
        let pods = client.list::<Pod>(&call).await?.items;
        let count = pods.len();
        let Some(pod) = best(pods, takes_ended) else {
            let message = format!("none of the {count} pods of {target} runs");
            let message = if count == 0 { format!("{target} has no pods") } else { message };
            return Err(Error::new(ErrorKind::Unsupported, message)
                .hint(format!("`scratchdbg why {target} --namespace {namespace}` says why")));
        };
        let note = format!(
            "pod {} of {target}{}",
            pod.metadata.name,
            if count > 1 { format!(", one of {count}") } else { String::new() }
        );
        Ok((pod, Some(note)))
    }
}

/// Returns the newest of the pods that run, or of all pods if `takes_ended`. Pods with all
/// containers ready take precedence, or with `takes_ended` (for a copy) pods that are not ready.
fn best(pods: Vec<Pod>, takes_ended: bool) -> Option<Pod> {
    let runs = |pod: &Pod| {
        let is_kept = pod.metadata.deletion_timestamp.is_none();
        is_kept && (takes_ended || pod.status.phase == "Running")
    };
    let is_ready = |pod: &Pod| pod.status.container_statuses.iter().all(|status| status.ready);
    let running = pods.into_iter().filter(runs);
    running.max_by(|one, other| {
        let key = |pod: &Pod| {
            (
                is_ready(pod) != takes_ended,
                pod.metadata.creation_timestamp.clone(),
                pod.metadata.name.clone(),
            )
        };
        key(one).cmp(&key(other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_pods_the_newest_that_is_ready_is_taken() {
        let pod = |name: &str, phase: &str, ready: bool, made: &str, deleted: Option<&str>| {
            serde_json::from_value::<Pod>(serde_json::json!({
                "metadata": {"name": name, "creationTimestamp": made, "deletionTimestamp": deleted},
                "status": {"phase": phase, "containerStatuses": [{"name": "app", "ready": ready}]},
            }))
            .unwrap()
        };
        let old = pod("old", "Running", true, "2026-01-01T00:00:00Z", None);
        let new = pod("new", "Running", true, "2026-01-02T00:00:00Z", None);
        let unready = pod("unready", "Running", false, "2026-01-03T00:00:00Z", None);
        let gone =
            pod("gone", "Running", true, "2026-01-04T00:00:00Z", Some("2026-01-05T00:00:00Z"));
        let failed = pod("failed", "Failed", true, "2026-01-05T00:00:00Z", None);
        let name = |pods: &[&Pod]| {
            best(pods.iter().map(|&pod| pod.clone()).collect(), false).map(|pod| pod.metadata.name)
        };
        assert_eq!(name(&[&old, &new, &unready, &gone, &failed]).as_deref(), Some("new"));
        assert_eq!(name(&[&unready, &gone]).as_deref(), Some("unready"));
        assert_eq!(name(&[&gone, &failed]), None);
        assert_eq!(name(&[]), None);
        let copied = best(vec![old.clone(), failed.clone(), unready, gone], true)
            .map(|pod| pod.metadata.name);
        assert_eq!(copied.as_deref(), Some("unready"), "a copy is wanted of what does not work");
    }
}
