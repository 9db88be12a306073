//! Events of a pod that belong to one container and one run.

use crate::pod::{PodEvent, PodFacts};

/// What a kubelet writes before an event that stands for several.
const COMBINED: &str = "(combined from similar events): ";

impl PodEvent {
    /// Returns the message without the words that say that it stands for several.
    pub(super) fn text(&self) -> &str {
        self.message.strip_prefix(COMBINED).unwrap_or(&self.message)
    }
}

/// Returns the latest event of a container with this reason whose message begins so, not older than
/// `since`. An event without a time is of no use: it may be of any run.
pub(super) fn latest<'a>(
    pod: &'a PodFacts,
    container: &str,
    reason: &str,
    since: Option<i64>,
    begins: impl Fn(&str) -> bool,
) -> Option<&'a PodEvent> {
    pod.events.iter().flatten().rev().find(|event| {
        event.reason == reason
            && event.container.as_deref() == Some(container)
            && begins(event.text())
            && event.time.is_some_and(|time| since.is_none_or(|since| time >= since))
    })
}

/// Returns an event as evidence.
pub(super) fn sentence(event: &PodEvent) -> String {
    let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
    format!("event {}{times}: {}", event.reason, event.text().trim())
}
