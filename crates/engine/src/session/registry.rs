//! What sessions there are in an engine: found by label, never by name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use serde::Serialize;

use crate::labels::{LABEL_CREATED_AT, LABEL_MODE, LABEL_SESSION, LABEL_TARGET};
use crate::{Engine, Error};

/// A container of ours that is older, and still not started, has nobody who would start it.
const ABANDONED_AFTER: Duration = Duration::from_secs(20);

/// A session, as its labels tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The full id of its target; empty for an image.
    pub target: String,
    /// The target's name; its id where the engine no longer knows it.
    pub target_name: String,
    /// `exec`, `sidecar` or `copy`.
    pub mode: String,
    /// When it began, in RFC 3339.
    pub created_at: String,
    /// It is running. One that is not was never started: what is left of a client that was killed.
    pub running: bool,
    /// The containers that belong to it.
    #[serde(skip)]
    pub containers: Vec<String>,
}

impl Engine {
    /// All sessions, the oldest first.
    pub async fn sessions(&self) -> Result<Vec<Session>, Error> {
        let (ours, names) = tokio::try_join!(self.our_containers(), self.names())?;
        let mut sessions: Vec<Session> = Vec::new();
        for container in ours {
            let label = |key: &str| container.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
            let Some((id, container_id)) = label(LABEL_SESSION).zip(container.id.clone()) else { continue };
            let running = container.state == Some(ContainerSummaryStateEnum::RUNNING);
            if let Some(session) = sessions.iter_mut().find(|session| session.id == id) {
                session.containers.push(container_id);
                session.running |= running;
                continue;
            }
            let target = label(LABEL_TARGET).unwrap_or_default();
            let name = names.iter().find_map(|(id, name)| (*id == target).then(|| name.clone()));
            sessions.push(Session {
                id,
                target_name: name.unwrap_or_else(|| target.chars().take(12).collect()),
                target,
                mode: label(LABEL_MODE).unwrap_or_default(),
                created_at: label(LABEL_CREATED_AT).unwrap_or_default(),
                running,
                containers: vec![container_id],
            });
        }
        sessions.sort_by(|left, right| left.created_at.cmp(&right.created_at));
        Ok(sessions)
    }

    /// Ends a session: its keeper is removed, and what it started ends with it.
    pub async fn remove_session(&self, session: &Session) -> Result<(), Error> {
        for container in &session.containers {
            self.remove(&container.parse()?).await?;
        }
        Ok(())
    }

    /// Removes what killed clients made and could not start, and images of copies that nobody uses: how many things.
    pub async fn collect_garbage(&self) -> Result<usize, Error> {
        let containers = self.remove_abandoned().await?;
        let images = self.remove_unused_copies().await?;
        Ok(containers + images)
    }

    /// The engine removes by itself only what has run.
    pub(super) async fn remove_abandoned(&self) -> Result<usize, Error> {
        let mut removed = 0;
        for container in self.our_containers().await? {
            let abandoned = container.state == Some(ContainerSummaryStateEnum::CREATED)
                && age(container.created.unwrap_or_default()) > ABANDONED_AFTER;
            if let (true, Some(id)) = (abandoned, container.id) {
                self.remove(&id.parse()?).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn our_containers(&self) -> Result<Vec<ContainerSummary>, Error> {
        self.list_containers(true, &[LABEL_SESSION.to_owned()]).await
    }
}

/// How long ago, by seconds since 1970.
pub(super) fn age(created: i64) -> Duration {
    let created = Duration::from_secs(u64::try_from(created).unwrap_or_default());
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(created)
}
