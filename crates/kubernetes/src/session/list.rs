//! Lists the sessions that run on a cluster's pods: their keepers, according to the pods' status.
//!
//! A keeper that has ended leaves an entry in its pod's record, and so does one that cannot be
//! started. Neither is a session.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scratchdbg_backend::{Error, ErrorKind, Part, Phase, Session, SessionList, SessionState};

use super::keeper::{KeeperName, quit};
use super::{PodSessions, copy, id_of};
use crate::call::Call;
use crate::kind::Kind;
use crate::model::{Container, Pod};
use crate::plan::copy::{KnownCopy, recognize};
use crate::plan::waiting::{self, Progress};
use crate::plan::{keeper, target};

impl SessionList for PodSessions {
    async fn sessions(&self) -> Result<(Vec<Session>, Option<Error>), Error> {
        let call = Call::list(Kind::Pod, self.cluster.namespaces());
        let pods = self.cluster.client.list::<Pod>(&call).await?.items;
        let now = Timestamp::now();
        let mut sessions: Vec<_> = pods.iter().flat_map(|pod| of_pod(pod, now)).collect();
        sessions
            .sort_by(|one, other| (&one.created_at, &one.id).cmp(&(&other.created_at, &other.id)));
        Ok((sessions, None))
    }

    async fn remove_session(&self, session: &Session) -> Result<(), Error> {
        let name = session.parts.first().and_then(|part| KeeperName::parse(&part.name));
        let name = name.ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("{} has no keeper", session.id))
        })?;
        if name.is_copy {
            return copy::remove(self, &name).await;
        }
        if session.state == SessionState::Changing {
            let message = format!(
                "session {} has not begun: its keeper `{}` does not run yet",
                session.id, name.container
            );
            return Err(Error::new(ErrorKind::Unsupported, message)
                .hint("nobody can remove an ephemeral container; this one ends by itself a minute after its start"));
        }
        match quit(self, &name, &session.id).await {
            // The keeper has ended in the meantime, by itself or at another client's request.
            Err(error) if !self.runs(&name).await.unwrap_or(true) => {
                tracing::debug!(%error, "it has ended");
                Ok(())
            }
            ended => ended,
        }
    }
}

impl PodSessions {
    /// Whether a keeper runs.
    async fn runs(&self, name: &KeeperName) -> Result<bool, Error> {
        match self.pod(&name.namespace, &name.pod, Some(&name.pod_uid)).await {
            Ok(pod) => Ok(pod
                .container_status(&name.container)
                .is_some_and(|status| status.state.running.is_some())),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Lists the keepers of a pod that run, or may still run. If the pod is a copy, lists the pod
/// itself.
fn of_pod(pod: &Pod, now: Timestamp) -> Vec<Session> {
    if let Some(known) = recognize(pod) {
        return vec![session_of_copy(pod, &known, now)];
    }
    let is_over = pod.metadata.deletion_timestamp.is_some()
        || matches!(&*pod.status.phase, "Succeeded" | "Failed");
    if is_over {
        return Vec::new();
    }
    pod.spec
        .ephemeral_containers
        .iter()
        .filter_map(|container| session(pod, container, now))
        .collect()
}

fn session(pod: &Pod, container: &Container, now: Timestamp) -> Option<Session> {
    let known = keeper::recognize(container)?;
    // A keeper that has ended, or cannot be started, is an error here.
    let running = match waiting::judge(pod, &container.name, known.image).ok()? {
        Progress::Running => true,
        Progress::Waits(_) => false,
    };
    let status = pod.container_status(&container.name);
    let started = status.and_then(|status| status.state.running.as_ref()?.started_at.clone());
    let name = KeeperName {
        namespace: pod.metadata.namespace.clone(),
        pod: pod.metadata.name.clone(),
        pod_uid: pod.metadata.uid.clone(),
        container: container.name.clone(),
        is_copy: false,
    };
    let phase: Phase = target::phase(pod, status);
    Some(Session {
        id: known.session.to_owned(),
        target: id_of(pod, known.target).to_string(),
        target_name: format!("pod/{}/{}", pod.metadata.name, known.target),
        mode: "exec".to_owned(),
        age: started.as_deref().and_then(|time| age(time, now)),
        created_at: started.unwrap_or_default(),
        running,
        state: if running { SessionState::Running } else { SessionState::Changing },
        parts: vec![Part {
            kind: "container",
            role: "keeper",
            name: name.mark(),
            state: Some(phase),
            size: None,
        }],
        places: places(pod),
    })
}

/// Returns the session in a copy of a pod, or its remains.
fn session_of_copy(pod: &Pod, known: &KnownCopy<'_>, now: Timestamp) -> Session {
    let created_at = pod.metadata.creation_timestamp.clone().unwrap_or_default();
    let status = pod.container_status(known.container);
    let running = status.is_some_and(|status| status.state.running.is_some());
    let state = match (copy::is_left(pod, now), running) {
        (true, _) => SessionState::Left,
        (false, true) => SessionState::Running,
        (false, false) => SessionState::Changing,
    };
    let name = copy::name_of(pod, known).mark();
    Session {
        id: known.session.to_owned(),
        target: String::new(),
        target_name: known.target.to_owned(),
        mode: "copy".to_owned(),
        age: age(&created_at, now),
        created_at,
        running,
        state,
        parts: vec![Part {
            kind: "pod",
            role: "shell",
            name,
            state: Some(target::phase(pod, status)),
            size: None,
        }],
        places: places(pod),
    }
}

/// Returns the age of something in seconds.
fn age(since: &str, now: Timestamp) -> Option<u64> {
    let since: Timestamp = since.parse().ok()?;
    now.duration_since(since).as_secs().max(0).try_into().ok()
}

/// Returns the location of a pod.
fn places(pod: &Pod) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("namespace", pod.metadata.namespace.clone()),
        ("pod", pod.metadata.name.clone()),
        ("node", pod.spec.node_name.clone()),
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(phase: &str, deleted: Option<&str>, state: Value) -> Pod {
        let keeper = |name: &str| {
            json!({
                "name": name,
                "image": "registry.example/toolkit:1",
                "command": ["/bin/scratchdbg-launcher"],
                "args": ["keep", "--asked", "0123456789abcdef"],
                "targetContainerName": "app",
            })
        };
        let name = "scratchdbg-0123456789abcdef";
        serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "deletionTimestamp": deleted},
            "spec": {"nodeName": "n1", "ephemeralContainers": [keeper(name), keeper("debugger-abcde")]},
            "status": {
                "phase": phase,
                "ephemeralContainerStatuses": [
                    {"name": name, "state": state},
                    {"name": "debugger-abcde", "state": {"running": {}}},
                ],
            },
        }))
        .unwrap()
    }

    #[test]
    fn what_an_ended_keeper_leaves_is_no_session() {
        let now: Timestamp = "2026-01-01T00:01:30Z".parse().unwrap();
        let state = |phase: &str, deleted: Option<&str>, state: Value| {
            let sessions = of_pod(&pod(phase, deleted, state), now);
            assert!(sessions.len() <= 1, "another's ephemeral container is none of ours");
            sessions.first().map(|session| session.state)
        };
        let running = || json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
        assert_eq!(state("Running", None, running()), Some(SessionState::Running));
        assert_eq!(state("Running", None, json!({})), Some(SessionState::Changing));
        let waits = |reason: &str| json!({"waiting": {"reason": reason}});
        assert_eq!(
            state("Running", None, waits("ContainerCreating")),
            Some(SessionState::Changing)
        );
        for (phase, deleted, told) in [
            ("Running", None, json!({"terminated": {"exitCode": 0}})),
            ("Running", None, waits("ImagePullBackOff")),
            ("Running", None, waits("RunContainerError")),
            ("Running", Some("2026-01-01T00:00:00Z"), running()),
            ("Succeeded", None, json!({})),
            ("Failed", None, running()),
        ] {
            assert_eq!(state(phase, deleted, told.clone()), None, "{phase} {told}");
        }
    }

    #[test]
    fn a_session_says_where_it_is() {
        let now: Timestamp = "2026-01-01T00:01:30Z".parse().unwrap();
        let running = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
        let sessions = of_pod(&pod("Running", None, running), now);
        let told = serde_json::to_value(&sessions[0]).unwrap();
        for (field, value) in [
            ("id", "0123456789abcdef"),
            ("target_name", "pod/web/app"),
            ("namespace", "shop"),
            ("pod", "web"),
            ("node", "n1"),
            ("state", "running"),
            ("created_at", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(told[field], value, "{field} in {told}");
        }
        assert_eq!(sessions[0].age, Some(90));
    }
}
