//! The keepers that run in a cluster's pods.

use scratchdbg_backend::{Error, ErrorKind, Part, Phase, Session, SessionList, SessionState};

use super::keeper::{KeeperName, quit};
use super::{PodSessions, id_of};
use crate::call::Call;
use crate::kind::Kind;
use crate::model::{Container, Pod};
use crate::plan::{keeper, target};

impl SessionList for PodSessions {
    async fn sessions(&self) -> Result<(Vec<Session>, Option<Error>), Error> {
        let call = Call::list(Kind::Pod, self.cluster.namespaces());
        let pods = self.cluster.client.list::<Pod>(&call).await?.items;
        let mut sessions: Vec<_> = pods.iter().flat_map(of_pod).collect();
        sessions.sort_by(|one, other| one.created_at.cmp(&other.created_at));
        Ok((sessions, None))
    }

    async fn remove_session(&self, session: &Session) -> Result<(), Error> {
        let name = session.parts.first().and_then(|part| KeeperName::parse(&part.name));
        let name = name.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("{} has no keeper", session.id)))?;
        quit(self, &name, &session.id).await
    }
}

/// Lists the keepers of a pod that have not ended.
fn of_pod(pod: &Pod) -> Vec<Session> {
    pod.spec.ephemeral_containers.iter().filter_map(|container| session(pod, container)).collect()
}

fn session(pod: &Pod, container: &Container) -> Option<Session> {
    let known = keeper::recognize(container)?;
    let status = pod.container_status(&container.name);
    let phase = target::phase(pod, status);
    let is_over =
        matches!(phase, Phase::Exited | Phase::Removing) || matches!(&*pod.status.phase, "Succeeded" | "Failed");
    if is_over {
        return None;
    }
    let running = phase == Phase::Running;
    let started = status.and_then(|status| status.state.running.as_ref()?.started_at.clone());
    let name = KeeperName {
        namespace: pod.metadata.namespace.clone(),
        pod: pod.metadata.name.clone(),
        pod_uid: pod.metadata.uid.clone(),
        container: container.name.clone(),
    };
    Some(Session {
        id: known.session.to_owned(),
        target: id_of(pod, known.target).to_string(),
        target_name: format!("{}/{}", pod.metadata.name, known.target),
        mode: "exec".to_owned(),
        created_at: started.unwrap_or_default(),
        age: None,
        running,
        state: if running { SessionState::Running } else { SessionState::Changing },
        parts: vec![Part { kind: "container", role: "keeper", name: name.mark(), state: Some(phase), size: None }],
    })
}
