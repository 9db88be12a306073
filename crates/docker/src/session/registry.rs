//! Lists the sessions in an engine, and removes the remains of ended ones.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use scratchdbg_backend::launcher::LAUNCHER_NAME;
use scratchdbg_backend::{Mode, Part, Session, SessionState};
use serde_json::Value;

use super::exec::Polls;
use super::inventory::{OurContainer, OurImage, Wanted};
use crate::ours::{self, Role};
use crate::{ContainerName, Engine, Error, Phase, Target};

/// The time limit for removing one object, so that one cannot block all others.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a session's processes may take to end after its keeper is gone, which the launcher
/// notices at once.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a sidecar may take to end after its keeper.
const SIDECAR_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the engine may take to describe a session's target.
const INSPECT_TIMEOUT: Duration = Duration::from_secs(5);

const IMAGE: &str = "image";
const KEEPER: &str = "keeper";

fn part_of_container(container: &OurContainer) -> Part {
    let (role, name) = (container.role.as_str(), container.id.to_string());
    Part { kind: "container", role, name, state: Some(container.state), size: None }
}

fn part_of_image(image: &OurImage) -> Part {
    let name = image.reference.clone();
    let role = if image.marks.mode == ours::MODE_DEMO { "demo" } else { "filesystem" };
    Part { kind: IMAGE, role, name, state: None, size: Some(image.size) }
}

/// Whether the launcher of a session of this keeper is among the processes that an engine lists:
/// its command line names the keeper's process.
fn is_served_among(processes: &Value, keeper: u32) -> bool {
    let served = format!(" run {keeper} ");
    launchers_among(processes).any(|line| line.contains(&served))
}

/// Whether the launcher of a session is among the processes that an engine lists: its command line
/// names the session.
fn is_launcher_among(processes: &Value, session: &str) -> bool {
    launchers_among(processes).any(|line| line.contains(session))
}

/// Returns command lines that may be those of launchers. Any process can have such a command line.
fn launchers_among(processes: &Value) -> impl Iterator<Item = &str> {
    let rows = processes["Processes"].as_array().into_iter().flatten();
    let cells = rows.flat_map(|row| row.as_array().into_iter().flatten()).filter_map(Value::as_str);
    cells.filter(|cell| cell.contains(LAUNCHER_NAME))
}

impl Engine {
    /// Returns all sessions and the remains of ended ones, oldest first. If the engine does not
    /// report the state of all sessions, the error states why the list is incomplete.
    pub(super) async fn list_sessions(&self) -> Result<(Vec<Session>, Option<Error>), Error> {
        let (ours, names) = tokio::try_join!(self.inventory(Wanted::All), self.names())?;
        let mut sessions: Vec<((Option<Timestamp>, Timestamp), Session)> = Vec::new();
        for (id, (containers, images)) in ours.by_session() {
            let mut marks = containers
                .iter()
                .map(|each| &each.marks)
                .chain(images.iter().map(|each| &each.marks));
            let Some(marks) = marks.next() else { continue };
            let created = containers
                .iter()
                .map(|each| each.created)
                .chain(images.iter().map(|each| each.created));
            let created = created.flatten().min();
            let age = ours
                .now
                .zip(created)
                .and_then(|(now, created)| (now.duration_since(created)).as_secs().try_into().ok());
            let all_left = containers.iter().all(|each| each.is_left)
                && images.iter().all(|each| each.is_left);
            let running = containers.iter().any(|each| each.state == Phase::Running);
            let state = match (all_left, running) {
                (true, _) => SessionState::Left,
                (false, true) => SessionState::Running,
                (false, false) => SessionState::Changing,
            };
            let name =
                names.iter().find_map(|(id, name)| (*id == marks.target).then(|| name.clone()));
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
                places: BTreeMap::new(),
            };
            sessions.push(((created, marks.created_at), session));
        }
        // The engine's times have whole seconds. Within a second, only the clients' times can order
        // sessions.
        sessions.sort_by(|(left, a), (right, b)| left.cmp(right).then_with(|| a.id.cmp(&b.id)));
        Ok((sessions.into_iter().map(|(_, session)| session).collect(), ours.failure))
    }

    /// Ends a session by removing its keeper. The session's processes end with the keeper. Their
    /// end is checked, because no process ends in a paused container.
    pub(super) async fn end_session(&self, session: &Session) -> Result<(), Error> {
        // The keeper is removed first: its removal ends the session for the client and the
        // launcher.
        let (keepers, others): (Vec<_>, Vec<_>) =
            session.parts.iter().partition(|part| part.role == KEEPER);
        for part in keepers.into_iter().chain(others) {
            if part.kind == IMAGE {
                self.remove_unused_image(&part.name).await?;
                continue;
            }
            let is_sidecar = session.mode == Mode::Sidecar.as_str() && part.role != KEEPER;
            self.remove_container(&part.name.parse()?, is_sidecar).await?;
        }
        // A container of the session's own was removed with all its processes.
        if session.mode != Mode::Exec.as_str() {
            return Ok(());
        }
        let mut polls = Polls::until(END_TIMEOUT);
        while let Some(is_paused) = self.still_has(session).await {
            if is_paused || !polls.again().await {
                let (session, target) = (session.id.clone(), session.target_name.clone());
                return Err(Error::SessionStillRuns { session, target, is_paused });
            }
        }
        Ok(())
    }

    /// Removes a container of a session. A sidecar, whose keeper is gone, gets the time to end: its
    /// launcher reaps the session's processes. If the engine killed them all, they would stay in
    /// the target as zombies, because a program in the place of an init process often reaps none.
    async fn remove_container(
        &self,
        container: &ContainerName,
        is_sidecar: bool,
    ) -> Result<(), Error> {
        let mut polls = Polls::until(SIDECAR_TIMEOUT);
        while is_sidecar
            && matches!(self.inspect(container).await, Ok(target) if target.state == Phase::Running)
            && polls.again().await
        {}
        self.remove_to_the_end(container, REMOVAL_TIMEOUT).await
    }

    /// Returns whether the target is paused if a session's launcher is still in it. Returns `None`
    /// if there is no launcher, or no target.
    async fn still_has(&self, session: &Session) -> Option<bool> {
        let target = self.inspect_within(&session.target, INSPECT_TIMEOUT).await.ok()?;
        let is_paused = Target::from_inspect(target).state == Phase::Paused;
        let is_there = match self.processes_of(&session.target).await {
            Some(processes) => is_launcher_among(&processes, &session.id),
            // Podman lists no processes of a paused container.
            None => is_paused,
        };
        is_there.then_some(is_paused)
    }

    /// Whether a lingering keeper, by its process id, serves a session in its target, as far as the
    /// engine reports it.
    pub(super) async fn serves_session(&self, keeper: u32, target: &str) -> bool {
        match self.processes_of(target).await {
            Some(processes) => is_served_among(&processes, keeper),
            None => !matches!(
                self.inspect_within(target, INSPECT_TIMEOUT).await,
                Err(error) if error.is_no_such_container()
            ),
        }
    }

    /// Lists the processes of a container. Returns `None` if the engine does not list them.
    async fn processes_of(&self, container: &str) -> Option<Value> {
        let list = format!("/containers/{}/top", crate::files::percent_encode(container));
        tokio::time::timeout(INSPECT_TIMEOUT, self.ask(&list)).await.ok().flatten()
    }

    /// Removes an image of scratchdbg once the engine has released the container created from it.
    pub(super) async fn remove_unused_image(&self, reference: &str) -> Result<(), Error> {
        let mut polls = Polls::until(END_TIMEOUT);
        loop {
            match self.remove_image(reference).await {
                Err(error) if error.is_status(409) && polls.again().await => {}
                Err(error) if error.is_status(409) => {
                    return Err(Error::ImageInUse { image: reference.to_owned() });
                }
                removed => return removed,
            }
        }
    }

    /// Removes the remains of ended sessions: containers whose clients were killed, and images of
    /// copies. Returns the number of removed objects, and the failures. A failed removal does not
    /// prevent the others.
    pub(super) async fn remove_leftovers(&self) -> Result<(usize, Vec<Error>), Error> {
        let ours = self.inventory(Wanted::Left).await?;
        let mut removed = 0;
        let mut failures: Vec<Error> = ours.failure.into_iter().collect();
        let mut note = |outcome: Result<(), Error>| match outcome {
            Ok(()) => removed += 1,
            Err(error) => failures.push(error),
        };
        // A sidecar ends with its keeper. Other containers may join a keeper, so they come before
        // it.
        let kind = |each: &OurContainer| {
            (each.marks.mode == Mode::Sidecar.as_str(), matches!(each.role, Role::Keeper { .. }))
        };
        let mut left: Vec<_> = ours.containers.iter().filter(|each| each.is_left).collect();
        left.sort_by_key(|each| match kind(each) {
            (true, is_keeper) => u8::from(!is_keeper),
            (false, is_keeper) => 2 + u8::from(is_keeper),
        });
        for container in left {
            note(self.remove_container(&container.id, kind(container) == (true, false)).await);
        }
        for image in ours.images.iter().filter(|image| image.is_left) {
            // Without its image, a container cannot be proved to be scratchdbg's: the engine may
            // still be ending it.
            let of_session =
                ours.containers.iter().filter(|each| each.marks.session == image.marks.session);
            let mut is_used = false;
            for container in of_session {
                let found = self.inspect_within(container.id.as_str(), REMOVAL_TIMEOUT).await;
                is_used |= !matches!(found, Err(error) if error.is_no_such_container());
            }
            if is_used {
                continue;
            }
            note(self.remove_unused_image(&image.reference).await);
        }
        Ok((removed, failures))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_launcher_among, is_served_among};

    #[test]
    fn a_launcher_is_known_by_its_session() {
        let session = "0123456789abcdef";
        let launcher = format!(
            "/proc/7/root/session/ab/bin/scratchdbg-launcher run 7 {session} --tools last sleep 100"
        );
        let of = |command: &str| {
            is_launcher_among(
                &json!({"Titles": ["PID", "CMD"], "Processes": [["1", "/app"], ["9", command]]}),
                session,
            )
        };
        assert!(of(&launcher));
        assert!(
            !of("sleep 100") && !of(session) && !of(&launcher.replace(session, "fedcba9876543210"))
        );
        assert!(
            !is_launcher_among(&json!({"Processes": null}), session)
                && !is_launcher_among(&json!({}), session)
        );
        // A keeper is known by its process id.
        let list = json!({"Processes": [["1", "/app"], ["9", launcher]]});
        assert!(
            is_served_among(&list, 7) && !is_served_among(&list, 77) && !is_served_among(&list, 9)
        );
        assert!(!is_served_among(&json!({"Processes": [["9", "app run 7 x"]]}), 7));
    }
}
