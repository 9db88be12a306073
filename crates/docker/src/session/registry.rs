//! What sessions there are in an engine, and what is left of those that are over.

use std::time::Duration;

use jiff::Timestamp;
use scratchdbg_backend::{Part, Session, SessionState};

use super::inventory::{OurContainer, OurImage, Wanted};
use crate::ours::Role;
use crate::{Engine, Error, Phase};

/// How long the removal of one thing may take, lest it keeps us from all others.
const REMOVED_WITHIN: Duration = Duration::from_secs(30);

const IMAGE: &str = "image";

fn part_of_container(container: &OurContainer) -> Part {
    let (role, name) = (container.role.as_str(), container.id.to_string());
    Part { kind: "container", role, name, state: Some(container.state), size: None }
}

fn part_of_image(image: &OurImage) -> Part {
    let name = image.reference.clone();
    Part { kind: IMAGE, role: "filesystem", name, state: None, size: Some(image.size) }
}

impl Engine {
    /// All sessions and what is left of them, the oldest first; and why others are not among them, where the engine does not say
    /// how they are.
    pub(super) async fn list_sessions(&self) -> Result<(Vec<Session>, Option<Error>), Error> {
        let (ours, names) = tokio::try_join!(self.inventory(Wanted::All), self.names())?;
        let mut sessions: Vec<((Option<Timestamp>, Timestamp), Session)> = Vec::new();
        for (id, (containers, images)) in ours.by_session() {
            let mut marks = containers.iter().map(|each| &each.marks).chain(images.iter().map(|each| &each.marks));
            let Some(marks) = marks.next() else { continue };
            let created = containers.iter().map(|each| each.created).chain(images.iter().map(|each| each.created));
            let created = created.flatten().min();
            let age = ours
                .now
                .zip(created)
                .and_then(|(now, created)| (now.duration_since(created)).as_secs().try_into().ok());
            let all_left = containers.iter().all(|each| each.is_left) && images.iter().all(|each| each.is_left);
            let running = containers.iter().any(|each| each.state == Phase::Running);
            let state = match (all_left, running) {
                (true, _) => SessionState::Left,
                (false, true) => SessionState::Running,
                (false, false) => SessionState::Changing,
            };
            let name = names.iter().find_map(|(id, name)| (*id == marks.target).then(|| name.clone()));
            let session = Session {
                id: id.to_owned(),
                target_name: name.unwrap_or_else(|| marks.target.chars().take(12).collect()),
                target: marks.target.clone(),
                mode: marks.mode.clone(),
                created_at: created.unwrap_or(marks.created_at).to_string(),
                age,
                running,
                state,
                parts: (containers.iter().map(|each| part_of_container(each)))
                    .chain(images.iter().map(|each| part_of_image(each)))
                    .collect(),
            };
            sessions.push(((created, marks.created_at), session));
        }
        // The engine tells whole seconds. Within one, what the clients took for its time is all there is.
        sessions.sort_by(|(left, a), (right, b)| left.cmp(right).then_with(|| a.id.cmp(&b.id)));
        Ok((sessions.into_iter().map(|(_, session)| session).collect(), ours.failure))
    }

    /// Ends a session: its keeper is removed, and what it started ends with it.
    pub(super) async fn end_session(&self, session: &Session) -> Result<(), Error> {
        for part in &session.parts {
            if part.kind == IMAGE {
                self.remove_image(&part.name).await?;
            } else {
                self.remove_within(&part.name.parse()?, REMOVED_WITHIN).await?;
            }
        }
        Ok(())
    }

    /// Removes what is left of sessions that are over: containers whose clients were killed, and images of copies. How many
    /// things. One that cannot be removed keeps nobody from the others.
    pub(super) async fn remove_leftovers(&self) -> Result<usize, Error> {
        let ours = self.inventory(Wanted::Left).await?;
        let mut removed = 0;
        let mut failure = ours.failure;
        let mut note = |outcome: Result<(), Error>| match outcome {
            Ok(()) => removed += 1,
            Err(error) => failure = Some(error),
        };
        // What joins a keeper goes before it.
        let (keepers, others): (Vec<_>, Vec<_>) = (ours.containers.iter().filter(|each| each.is_left))
            .partition(|each| matches!(each.role, Role::Keeper { .. }));
        for container in others.into_iter().chain(keepers) {
            note(self.remove_within(&container.id, REMOVED_WITHIN).await);
        }
        for image in ours.images.iter().filter(|image| image.is_left) {
            note(self.remove_image(&image.reference).await);
        }
        failure.map_or(Ok(removed), Err)
    }
}
