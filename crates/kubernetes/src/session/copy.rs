//! Copies of pods: created for a session, and removed at its end.

use jiff::{SignedDuration, Timestamp};
use scratchdbg_backend::{Error, ErrorKind};

use super::keeper::{KeeperName, open_session};
use super::link::{Link, Opening};
use super::wait::{self, Awaited};
use super::{PodSessions, random_name};
use crate::call::Call;
use crate::kind::Kind;
use crate::model::Pod;
use crate::plan::copy::{CopyPlan, KnownCopy, LABEL_SESSION, recognize};
use crate::plan::session::SessionPlan;
use crate::plan::waiting;

/// The longest start of a copy whose client is unknown. The copy may wait for a node, and for an
/// image.
const MAX_START: SignedDuration = SignedDuration::from_mins(15);

/// Creates the copy, waits until it runs, and opens the session in it. Leaves nothing behind on
/// failure.
pub(super) async fn start(
    sessions: &PodSessions,
    plan: &SessionPlan,
    planned: &CopyPlan,
    session: &str,
) -> Result<(KeeperName, Link), Error> {
    let client = &sessions.cluster.client;
    let mut name = KeeperName {
        namespace: plan.namespace.clone(),
        pod: planned.name(session),
        pod_uid: String::new(),
        container: planned.container.clone(),
        is_copy: true,
    };
    let call = Call::create(Kind::Pod, Some(&plan.namespace));
    client.expect_sendable(&call)?;
    (sessions.report)(&format!(
        "making pod {}, a copy of {}, which is removed at the end. It is not the original: {}",
        name.pod,
        plan.pod,
        planned.differences.join("; ")
    ));
    client.scope.made(&name.mark());
    let made: Result<Pod, _> = client.create(&call, &planned.manifest(session)).await;
    let pod = match made {
        Ok(pod) => pod,
        Err(error) => {
            // A refused request leaves nothing behind. The cluster's message names the profile or
            // the quota.
            if error.status().is_some() {
                client.scope.gone(&name.mark());
            }
            return Err(explain(error.into(), plan));
        }
    };
    // From here on, the `uid` distinguishes the copy from another pod of this name.
    client.scope.gone(&name.mark());
    name.pod_uid.clone_from(&pod.metadata.uid);
    client.scope.made(&name.mark());
    match open(sessions, plan, &name, session, pod).await {
        Ok(link) => Ok((name, link)),
        Err(error) => {
            if error.kind != ErrorKind::Interrupted
                && let Err(left) = remove(sessions, &name).await
            {
                tracing::debug!(error = %left, "the copy is left");
            }
            Err(error)
        }
    }
}

async fn open(
    sessions: &PodSessions,
    plan: &SessionPlan,
    name: &KeeperName,
    session: &str,
    pod: Pod,
) -> Result<Link, Error> {
    let (container, image) = (&*name.container, &*plan.keeper.image);
    let awaited = Awaited {
        namespace: &name.namespace,
        pod: &name.pod,
        pod_uid: &name.pod_uid,
        container,
        image,
    };
    let running = tokio::select! {
        running = wait::until(sessions, awaited, pod, |pod| waiting::judge_copy(pod, container, image)) => running?,
        () = sessions.cluster.client.scope.canceled() => {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted, before the copy ran"));
        }
    };
    let id = running.container_status(container).map_or("", |status| status.runtime_id());
    let random = random_name()?;
    open_session(
        sessions,
        name,
        Opening { session, name: &random, container: id, lingers: false, is_alone: true },
    )
    .await
}

/// Removes a copy.
pub(super) async fn remove(sessions: &PodSessions, name: &KeeperName) -> Result<(), Error> {
    let client = &sessions.cluster.client;
    let call = Call::delete(Kind::Pod, &name.namespace, &name.pod);
    let removed = client.delete(&call, &name.pod_uid).await;
    match removed {
        Err(error) if error.status() != Some(404) => Err(error.into()),
        _ => {
            client.scope.gone(&name.mark());
            Ok(())
        }
    }
}

/// Removes the copies whose client is gone. Returns their number.
pub(super) async fn collect(sessions: &PodSessions) -> Result<usize, Error> {
    let now = Timestamp::now();
    let mut count = 0;
    for pod in list(sessions).await? {
        let Some(known) = recognize(&pod).filter(|_| is_left(&pod, now)) else { continue };
        remove(sessions, &name_of(&pod, &known)).await?;
        count += 1;
    }
    Ok(count)
}

/// Lists the pods that may be copies.
async fn list(sessions: &PodSessions) -> Result<Vec<Pod>, Error> {
    let call =
        Call::list(Kind::Pod, sessions.cluster.namespaces()).with("labelSelector", LABEL_SESSION);
    Ok(sessions.cluster.client.list::<Pod>(&call).await?.items)
}

/// Returns the name of a copy's keeper.
pub(super) fn name_of(pod: &Pod, known: &KnownCopy<'_>) -> KeeperName {
    KeeperName {
        namespace: pod.metadata.namespace.clone(),
        pod: pod.metadata.name.clone(),
        pod_uid: pod.metadata.uid.clone(),
        container: known.container.to_owned(),
        is_copy: true,
    }
}

/// Whether a copy was left behind by its client. A running copy ends with its client. A copy that
/// has not started may belong to a client that still waits for it.
pub(super) fn is_left(pod: &Pod, now: Timestamp) -> bool {
    let made: Option<Timestamp> =
        pod.metadata.creation_timestamp.as_deref().and_then(|time| time.parse().ok());
    match &*pod.status.phase {
        "Succeeded" | "Failed" => true,
        "Running" | "Unknown" => false,
        _ => made.is_some_and(|made| now.duration_since(made) > MAX_START),
    }
}

/// Explains why a copy was refused. The refusal does not lead to another mode.
fn explain(error: Error, plan: &SessionPlan) -> Error {
    let namespace = &plan.namespace;
    let error = if error.message.contains("violates PodSecurity") {
        error.hint("the copy has what its original has and nothing more, but for -u, --cap-add and --same-rights")
    } else if error.message.contains("exceeded quota") {
        error.hint(format!(
            "`kubectl describe resourcequota --namespace {namespace}` shows what is used"
        ))
    } else {
        error
    };
    if error.is_exec_refusal() { Error { kind: ErrorKind::Refused, ..error } } else { error }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_no_client_waits_for_is_left() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        for (phase, made, expected) in [
            ("Succeeded", "2026-01-01T00:59:59Z", true),
            ("Failed", "2026-01-01T00:59:59Z", true),
            ("Running", "2025-01-01T00:00:00Z", false),
            ("Unknown", "2025-01-01T00:00:00Z", false),
            ("Pending", "2026-01-01T00:50:00Z", false),
            ("Pending", "2026-01-01T00:40:00Z", true),
            ("Pending", "no time", false),
        ] {
            let pod = json!({"metadata": {"creationTimestamp": made}, "status": {"phase": phase}});
            assert_eq!(
                is_left(&serde_json::from_value(pod).unwrap(), now),
                expected,
                "{phase} {made}"
            );
        }
    }
}
