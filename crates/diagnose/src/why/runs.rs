//! A container's earlier runs, from the engine's events.

use super::killed::stop_signal;
use crate::container::{ContainerFacts, Event};
use crate::exit_code::{self, KILL};

/// A run that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Its length in nanoseconds; `None` if its start is not recorded.
    pub(super) length: Option<i64>,
    /// Its exit code, if recorded.
    pub(super) exit_code: Option<i64>,
    /// Whether its end was requested.
    pub(super) on_request: bool,
}

/// Returns the runs that have ended, oldest first. An engine forgets events, so there may have been
/// more.
pub(super) fn ended_runs(facts: &ContainerFacts<'_>) -> Vec<Run> {
    let events = facts.events.as_deref().unwrap_or_default();
    let stop = stop_signal(facts);
    let asks = |event: &Event| {
        let signal = event.signal.as_deref().and_then(exit_code::signal_number);
        event.action == "kill" && signal.is_some_and(|signal| signal == stop || signal == KILL)
    };
    let mut runs = Vec::new();
    let mut start = None;
    let mut on_request = false;
    for event in events {
        match event.action.as_str() {
            "start" => (start, on_request) = (Some(event.time), false),
            "die" => {
                let length = start.take().map(|start: i64| event.time.saturating_sub(start));
                runs.push(Run { length, exit_code: event.exit_code, on_request });
            }
            _ if asks(event) => on_request = true,
            _ => {}
        }
    }
    runs
}

/// Describes how many of the last runs ended with which codes.
pub(super) fn in_words(runs: &[Run]) -> Option<String> {
    const SHOWN: usize = 5;
    let codes: Vec<i64> = runs.iter().rev().filter_map(|run| run.exit_code).take(SHOWN).collect();
    let latest = *codes.first()?;
    // The meaning applies only if all codes are the same.
    let meaning = if codes.iter().all(|&code| code == latest) {
        exit_code::describe(latest)
    } else {
        "not the same each time".to_owned()
    };
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    Some(format!(
        "earlier runs ended with exit codes {} (the latest first): {meaning}",
        codes.join(", ")
    ))
}
