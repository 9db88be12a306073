//! A container's earlier runs, as the engine's events tell of them.

use super::killed::stop_signal;
use crate::container::{ContainerFacts, Event};
use crate::exit_code::{self, KILL};

/// A run that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How long it was, in nanoseconds; `None` where its start is not on record.
    pub(super) length: Option<i64>,
    /// What it ended with, where that is on record.
    pub(super) exit_code: Option<i64>,
    /// Somebody asked for its end.
    pub(super) on_request: bool,
}

/// The runs that have ended, oldest first. An engine forgets: there may have been more.
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

/// Earlier ends in words: how many of the last runs ended with which codes.
pub(super) fn in_words(runs: &[Run]) -> Option<String> {
    const SHOWN: usize = 5;
    let codes: Vec<i64> = runs.iter().rev().filter_map(|run| run.exit_code).take(SHOWN).collect();
    let latest = *codes.first()?;
    // What one code means says nothing of others.
    let meaning = if codes.iter().all(|&code| code == latest) {
        exit_code::describe(latest)
    } else {
        "not the same each time".to_owned()
    };
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    Some(format!("earlier runs ended with exit codes {} (the latest first): {meaning}", codes.join(", ")))
}
