//! The engine's record of what happened to a container.
//!
//! Docker holds the last 256 events of everything, in memory; a replay needs `until`, or the answer has no end. Podman writes
//! its events to a file or the journal.

use std::collections::HashMap;

use scratchdbg_backend::HostFacts;
use scratchdbg_diagnose::container::Event;
use serde::Deserialize;

use super::{PATIENCE, host};
use crate::Engine;

/// What matters for the end of a container. The events of health checks and execs, three a probe, are left out.
const ACTIONS: &[&str] =
    &["create", "start", "restart", "kill", "oom", "die", "died", "stop", "destroy", "remove", "pause", "unpause"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawEvent {
    action: String,
    actor: RawActor,
    #[serde(rename = "timeNano", default)]
    time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawActor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    attributes: HashMap<String, String>,
}

impl Engine {
    /// The events of the container with that id or name, oldest first; `None` when the engine does not tell.
    pub(crate) async fn events_of(&self, container: &str, host: &HostFacts) -> Option<Vec<Event>> {
        let events = self.replay(Some(container), host).await?;
        Some(events.into_iter().map(|(_, event)| event).collect())
    }

    /// The events of every container by its id.
    pub(super) async fn all_events(&self, host: &HostFacts) -> Option<HashMap<String, Vec<Event>>> {
        let mut events: HashMap<String, Vec<Event>> = HashMap::new();
        for (id, event) in self.replay(None, host).await? {
            events.entry(id).or_default().push(event);
        }
        Some(events)
    }

    async fn replay(&self, container: Option<&str>, facts: &HostFacts) -> Option<Vec<(String, Event)>> {
        let mut filters = serde_json::json!({"type": ["container"], "event": ACTIONS});
        if let Some(container) = container {
            filters["container"] = serde_json::json!([container]);
        }
        let filters = crate::files::percent_encode(&filters.to_string());
        let end = if self.is_podman() {
            // Podman stops reading its record when the clock is at `until`, however little of it is read by then.
            "stream=false".to_owned()
        } else {
            format!("until={}", host::now(facts))
        };
        let path = format!("/events?since=0&{end}&filters={filters}");
        let answer = tokio::time::timeout(PATIENCE, self.get(&path)).await.ok()?;
        Some(read(&answer.ok()?))
    }
}

/// One JSON value after the other. One that cannot be read ends the list.
fn read(answer: &[u8]) -> Vec<(String, Event)> {
    let values = serde_json::Deserializer::from_slice(answer).into_iter::<RawEvent>();
    values.map_while(Result::ok).map(|raw| (raw.actor.id.clone(), event(raw))).collect()
}

fn event(raw: RawEvent) -> Event {
    let attribute = |name: &str| raw.actor.attributes.get(name).cloned();
    // Podman's words for them.
    let action = match raw.action.as_str() {
        "died" => "die".to_owned(),
        "remove" => "destroy".to_owned(),
        _ => raw.action,
    };
    let code = attribute("exitCode").or_else(|| attribute("containerExitCode"));
    Event { time: raw.time, action, signal: attribute("signal"), exit_code: code.and_then(|code| code.parse().ok()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_read() {
        let answer = br#"{"status":"kill","id":"a1","Type":"container","Action":"kill","Actor":{"ID":"a1","Attributes":{"signal":"9"}},"time":1,"timeNano":1000000001}
{"Type":"container","Action":"died","Actor":{"ID":"b2","Attributes":{"containerExitCode":"137"}},"time":2,"timeNano":2}
{"Action": 7}"#;
        let events = read(answer);
        assert_eq!(events.len(), 2);
        assert_eq!(
            (events[0].0.as_str(), events[0].1.signal.as_deref(), events[0].1.time),
            ("a1", Some("9"), 1_000_000_001)
        );
        assert_eq!((events[1].1.action.as_str(), events[1].1.exit_code), ("die", Some(137)));
    }
}
