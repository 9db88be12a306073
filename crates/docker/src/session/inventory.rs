//! Finds all objects of scratchdbg in an engine by their labels, and verifies each.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerSummary, ImageInspect};
use futures_util::StreamExt as _;
use jiff::Timestamp;

use super::leftover::{self, Candidate};
use crate::client::{self, Client};
use crate::labels::LABEL_SESSION;
use crate::ours::{self, Marks, Role};
use crate::{ContainerName, Engine, Error, Phase, Target};

/// The number of concurrent requests.
const CONCURRENCY: usize = 8;

/// The time limit for inspecting one object, so that one cannot block all others.
const INSPECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The objects of scratchdbg in an engine.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) containers: Vec<OurContainer>,
    pub(super) images: Vec<OurImage>,
    /// Why an object that may be scratchdbg's could not be inspected.
    pub(super) failure: Option<Error>,
    /// The time of the inventory, by the engine's clock.
    pub(super) now: Option<Timestamp>,
}

/// A container of scratchdbg.
#[derive(Debug)]
pub(super) struct OurContainer {
    pub(super) id: ContainerName,
    pub(super) role: Role,
    pub(super) marks: Marks,
    pub(super) state: Phase,
    pub(super) created: Option<Timestamp>,
    pub(super) is_left: bool,
}

/// The image of a copy, or of the demo.
#[derive(Debug)]
pub(super) struct OurImage {
    pub(super) reference: String,
    pub(super) marks: Marks,
    pub(super) created: Option<Timestamp>,
    pub(super) size: u64,
    pub(super) is_left: bool,
}

/// The objects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    /// Objects that may be left over. Running sessions are not inspected one by one.
    Left,
}

impl Engine {
    /// Finds all objects of scratchdbg.
    pub(super) async fn inventory(&self, wanted: Wanted) -> Result<Inventory, Error> {
        // Images are listed first, because the keeper of a copy is created before its image.
        let images = self.list_images(Some(LABEL_SESSION)).await?;
        let (list, now) = self.list_containers_dated(true, &[LABEL_SESSION.to_owned()]).await?;
        let candidates: Vec<_> = list
            .iter()
            .filter_map(|container| Some((container, ours::may_be_ours(container)?)))
            .collect();
        let keepers: HashSet<&str> = candidates
            .iter()
            .filter(|(_, (role, _))| matches!(role, Role::Keeper { .. }))
            .map(|(_, (_, marks))| &*marks.session)
            .collect();
        let mut looks = Vec::new();
        for (container, (_, marks)) in &candidates {
            if wanted == Wanted::All || may_be_left(container, marks, now) {
                looks.push(self.verify(container, &keepers, now));
            }
        }
        let containers: Vec<_> =
            futures_util::stream::iter(looks).buffered(CONCURRENCY).collect().await;
        let mut unfinished = Vec::new();
        let mut known = Vec::new();
        for look in containers {
            match look {
                Ok(look) => known.extend(look),
                Err(Error::Unending { container }) => unfinished.push(container),
                Err(error) => return Err(error),
            }
        }
        let mut found = Vec::new();
        for image in &images {
            let demos = ours::is_demo(image);
            let is_demo = demos.is_some();
            let Some((reference, marks)) = demos.or_else(|| ours::may_be_copy(image)) else {
                continue;
            };
            let client = client::client(marks.client.as_deref());
            let is_left = if is_demo {
                client == Client::Gone
            } else {
                leftover::is_image_left(keepers.contains(&*marks.session), client)
            };
            if wanted == Wanted::Left && !is_left {
                continue;
            }
            let is_ours = if is_demo { Ok(true) } else { self.is_copy(&image.id, &marks).await };
            let is_ours = match is_ours {
                // Without its original, nothing proves that the image is scratchdbg's.
                Err(Error::Unending { container }) => {
                    unfinished.push(container);
                    false
                }
                is_ours => is_ours?,
            };
            if is_ours {
                // The images of the demo are the same in each run, and so are their dates.
                let created = if is_demo {
                    Some(marks.created_at)
                } else {
                    Timestamp::from_second(image.created).ok()
                };
                found.push(OurImage {
                    reference: reference.to_owned(),
                    marks,
                    created,
                    size: u64::try_from(image.size).unwrap_or_default(),
                    is_left,
                });
            }
        }
        unfinished.dedup();
        let failure =
            (!unfinished.is_empty()).then(|| Error::Unending { container: unfinished.join(", ") });
        Ok(Inventory { containers: known, images: found, failure, now })
    }

    /// Inspects a container that may be scratchdbg's, and returns it if it is.
    async fn verify(
        &self,
        listed: &ContainerSummary,
        keepers: &HashSet<&str>,
        now: Option<Timestamp>,
    ) -> Result<Option<OurContainer>, Error> {
        let Some(id) = listed.id.as_deref() else { return Ok(None) };
        let container = match self.inspect_within(id, INSPECT_TIMEOUT).await {
            Ok(container) => container,
            Err(error) if error.is_no_such_container() => return Ok(None),
            Err(Error::Unending { .. }) => {
                return Err(Error::Unending { container: shown(listed) });
            }
            Err(error) => return Err(error),
        };
        let image = self.image_of(&container).await?;
        let Some((role, marks)) = ours::is_ours(&container, image.as_ref()) else {
            tracing::debug!(container = id, "it has our label, and is not ours");
            return Ok(None);
        };
        let created = created(listed);
        let finished =
            container.state.as_ref().and_then(|state| state.finished_at.as_deref()?.parse().ok());
        let state = Target::from_inspect(container).state;
        let is_over_time = is_over_time(&marks, created, now);
        let is_overdue = match role {
            Role::Keeper { pid: Some(pid) } if is_over_time && state.has_processes() => {
                !self.serves_session(pid, &marks.target).await
            }
            _ => false,
        };
        let candidate = Candidate {
            role,
            lingers: marks.lingers.is_some(),
            state,
            created,
            // A container that has not ended has an end in the year 1.
            finished: finished.filter(|time| *time > Timestamp::UNIX_EPOCH),
            client: client::client(marks.client.as_deref()),
            has_keeper: matches!(role, Role::Keeper { .. }) || keepers.contains(&*marks.session),
            is_overdue,
        };
        let is_left = leftover::is_left(&candidate, now);
        Ok(Some(OurContainer { id: id.parse()?, role, marks, state, created, is_left }))
    }

    /// Whether an image that may be a copy is a copy of its original.
    async fn is_copy(&self, image: &str, marks: &Marks) -> Result<bool, Error> {
        let original = match self.inspect_within(&marks.target, INSPECT_TIMEOUT).await {
            Ok(original) => self.image_of(&original).await?,
            Err(error) if error.is_no_such_container() => None,
            Err(error) => return Err(error),
        };
        let grown = match (original, self.image_facts(image).await?) {
            (_, None) => return Ok(false),
            (Some(base), Some(image)) => Some(ours::is_grown_from(&image, &base)),
            (None, Some(_)) => None,
        };
        Ok(ours::is_copy(marks, grown))
    }

    pub(super) async fn image_of(
        &self,
        container: &ContainerInspectResponse,
    ) -> Result<Option<ImageInspect>, Error> {
        match container.image.as_deref() {
            Some(image) if !image.is_empty() => self.image_facts(image).await,
            _ => Ok(None),
        }
    }
}

/// Whether inspecting the container could show that it is left over.
fn may_be_left(container: &ContainerSummary, marks: &Marks, now: Option<Timestamp>) -> bool {
    use bollard::models::ContainerSummaryStateEnum as EngineState;
    !matches!(container.state, Some(EngineState::RUNNING | EngineState::PAUSED))
        || client::client(marks.client.as_deref()) == Client::Gone
        || is_over_time(marks, created(container), now)
}

/// Whether the container is a lingering keeper whose time is over.
fn is_over_time(marks: &Marks, created: Option<Timestamp>, now: Option<Timestamp>) -> bool {
    // The keeper's client and the engine may have read different clocks. The later time counts.
    let began = created.map(|created| created.max(marks.created_at));
    marks.lingers.as_ref().is_some_and(|(time, _)| leftover::is_over_time(*time, began, now))
}

/// Returns a container's name and id, for a message.
fn shown(container: &ContainerSummary) -> String {
    let id: String = container.id.iter().flat_map(|id| id.chars()).take(12).collect();
    match container.names.iter().flatten().next() {
        Some(name) => format!("`{}` ({id})", name.trim_start_matches('/')),
        None => id,
    }
}

/// Returns when a container was created, by the engine's clock.
fn created(container: &ContainerSummary) -> Option<Timestamp> {
    container.created.and_then(|second| Timestamp::from_second(second).ok())
}

impl Inventory {
    /// Groups the objects by session, in no particular order.
    pub(super) fn by_session(&self) -> HashMap<&str, (Vec<&OurContainer>, Vec<&OurImage>)> {
        let mut sessions: HashMap<&str, (Vec<_>, Vec<_>)> = HashMap::new();
        for container in &self.containers {
            sessions.entry(&container.marks.session).or_default().0.push(container);
        }
        for image in &self.images {
            sessions.entry(&image.marks.session).or_default().1.push(image);
        }
        sessions
    }
}
