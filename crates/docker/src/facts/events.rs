//! The engine's record of a container's events.
//!
//! Docker keeps the last 256 events of all objects in memory. A replay needs `until`, or the
//! response has no end. Podman writes its events to a file or the journal.

use std::collections::HashMap;

use scratchdbg_backend::{ContainerRecord, HostFacts};
use scratchdbg_diagnose::container::Event;

use super::{TIMEOUT, host};
use crate::{Engine, event};

/// The events that matter for the end of a container. Events of execs (three for each probe of the
/// health) are left out.
const ACTIONS: &[&str] = &[
    "create", "start", "restart", "kill", "oom", "die", "died", "stop", "destroy", "remove",
    "pause", "unpause",
];

impl Engine {
    /// Returns the events of the container with that id or name, oldest first, or `None` if the
    /// engine does not report them.
    pub(crate) async fn events_of(&self, container: &str, host: &HostFacts) -> Option<Vec<Event>> {
        let (events, own) =
            tokio::join!(self.replay(Some(container), host), self.own_attributes(container));
        Some(facts(&events?, own))
    }

    /// Like [`events_of`](Self::events_of), for a container whose labels are known.
    pub(super) async fn events_of_record(
        &self,
        record: &ContainerRecord,
        host: &HostFacts,
    ) -> Option<Vec<Event>> {
        let own = event::Attributes::beside(record.labels.keys(), self.is_podman());
        Some(facts(&self.replay(Some(&record.id), host).await?, own))
    }

    /// Returns the events of all containers by id.
    pub(super) async fn all_events(
        &self,
        host: &HostFacts,
    ) -> Option<HashMap<String, Vec<event::Event>>> {
        let mut events: HashMap<String, Vec<event::Event>> = HashMap::new();
        for event in self.replay(None, host).await? {
            events.entry(event.actor.id.clone()).or_default().push(event);
        }
        Some(events)
    }

    async fn replay(
        &self,
        container: Option<&str>,
        facts: &HostFacts,
    ) -> Option<Vec<event::Event>> {
        let mut filters = serde_json::json!({"type": ["container"], "event": ACTIONS});
        if let Some(container) = container {
            // Docker tells changes of the health; Podman each probe.
            if !self.is_podman()
                && let Some(events) = filters["event"].as_array_mut()
            {
                events.push("health_status".into());
            }
            filters["container"] = serde_json::json!([container]);
        }
        let filters = crate::files::percent_encode(&filters.to_string());
        let end = if self.is_podman() {
            // Podman stops reading its record when its clock reaches `until`, however little it has
            // read by then.
            "stream=false".to_owned()
        } else {
            format!("until={}", host::now(facts))
        };
        let path = format!("/events?since=0&{end}&filters={filters}");
        let answer = tokio::time::timeout(TIMEOUT, self.get(&path)).await.ok()?;
        let mut events = event::read(&answer.ok()?);
        // The engine's filter also lets containers through whose names begin so.
        events.retain(|event| container.is_none_or(|container| is_of(container, event)));
        Some(events)
    }
}

/// Returns the events of one container as facts.
pub(super) fn facts(events: &[event::Event], own: event::Attributes) -> Vec<Event> {
    let own = events.iter().fold(own, event::Attributes::without_labels_of);
    events.iter().map(|event| event.fact(own)).collect()
}

/// Whether an event is of the container with this name, or whose id begins so.
fn is_of(container: &str, event: &event::Event) -> bool {
    event.actor.id.starts_with(container)
        || event.attribute("name").is_some_and(|name| name == container)
}

#[cfg(test)]
mod tests {
    #[test]
    fn events_of_similar_names_are_of_others() {
        let answer =
            br#"{"Type":"container","Action":"die","Actor":{"ID":"a1b2","Attributes":{"name":"web-1"}},"time":1}"#;
        let event = &crate::event::read(answer)[0];
        for (container, expected) in
            [("web-1", true), ("a1", true), ("a1b2", true), ("web", false), ("b2", false)]
        {
            assert_eq!(super::is_of(container, event), expected, "{container}");
        }
    }
}
