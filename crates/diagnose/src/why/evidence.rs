//! What the facts tell about a container's last run, in the form that rules ask for.

use crate::container::{ContainerFacts, Event};
use crate::exit_code;

/// The last lines that rules look at: what killed a program is said at the end.
const LAST_LINES: usize = 60;
const SECOND: i64 = 1_000_000_000;

/// The events of the last run.
pub(super) struct LastRun<'a> {
    pub(super) events: Vec<&'a Event>,
    /// The record reaches back to the run's start, so that what is not in it did not happen.
    pub(super) complete: bool,
}

pub(super) fn last_run<'a>(facts: &'a ContainerFacts<'_>) -> LastRun<'a> {
    let all = facts.events.as_deref().unwrap_or_default();
    match all.iter().rposition(|event| event.action == "start") {
        Some(start) => LastRun { events: all[start..].iter().collect(), complete: true },
        None => {
            let begin = facts.state.started_at.unwrap_or(i64::MIN);
            LastRun { events: all.iter().filter(|event| event.time >= begin).collect(), complete: false }
        }
    }
}

impl LastRun<'_> {
    /// The signals that were sent through the engine, in order.
    pub(super) fn signals(&self) -> Vec<u8> {
        self.events
            .iter()
            .filter(|event| event.action == "kill")
            .filter_map(|event| exit_code::signal_number(event.signal.as_deref()?))
            .collect()
    }

    /// Whether an event of that kind is in the record.
    pub(super) fn has(&self, action: &str) -> bool {
        self.events.iter().any(|event| event.action == action)
    }

    /// Why there is no proof, for a finding that lacks one.
    pub(super) fn gap(&self) -> &'static str {
        if self.complete {
            "no kill event in the engine's record of this run"
        } else {
            "no event evidence: the engine keeps some hundred events, and forgets them when it is restarted"
        }
    }
}

/// The last lines of the log.
pub(super) fn last_lines<'a>(facts: &'a ContainerFacts<'_>) -> &'a [String] {
    let lines = facts.log.as_deref().unwrap_or_default();
    &lines[lines.len().saturating_sub(LAST_LINES)..]
}

/// The same as one text; empty when there are none.
pub(super) fn log_text(facts: &ContainerFacts<'_>) -> String {
    last_lines(facts).join("\n")
}

/// The last line that says anything.
pub(super) fn last_line<'a>(facts: &'a ContainerFacts<'_>) -> Option<&'a str> {
    facts.log.as_deref()?.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty())
}

/// The last line of the log, or why there is none, as evidence.
pub(super) fn log_evidence(facts: &ContainerFacts<'_>) -> String {
    match (&facts.log, last_line(facts)) {
        (_, None) if facts.log_gap.is_some() => {
            format!("the log could not be read to its end: {}", facts.log_gap.as_deref().unwrap_or_default())
        }
        (None, _) => format!("the log cannot be read (log driver {})", name_or(&facts.options.log_driver, "unknown")),
        (Some(_), None) => "the log is empty".to_owned(),
        (Some(_), Some(line)) => format!("last log line: {line}"),
    }
}

pub(super) fn name_or<'a>(name: &'a str, other: &'a str) -> &'a str {
    if name.is_empty() { other } else { name }
}

/// Whether the last run was shorter than that many seconds; no when its times are not known.
pub(super) fn ran_less_than(facts: &ContainerFacts<'_>, seconds: i64) -> bool {
    match (facts.state.started_at, facts.state.finished_at) {
        (Some(start), Some(end)) => end.saturating_sub(start) < seconds.saturating_mul(SECOND),
        _ => false,
    }
}

/// How long the last run was, in words.
pub(super) fn duration(facts: &ContainerFacts<'_>) -> Option<String> {
    let nanoseconds = facts.state.finished_at?.checked_sub(facts.state.started_at?)?;
    (nanoseconds >= 0).then(|| in_words(nanoseconds))
}

/// Nanoseconds in words.
pub(super) fn in_words(nanoseconds: i64) -> String {
    let milliseconds = u64::try_from(nanoseconds).unwrap_or_default() / 1_000_000;
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..120_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        120_000..7_200_000 => format!("{} min", milliseconds / 60_000),
        7_200_000..172_800_000 => format!("{} h", milliseconds / 3_600_000),
        _ => format!("{} days", milliseconds / 86_400_000),
    }
}

/// The exit code with its usual meaning, as evidence.
pub(super) fn exit_evidence(facts: &ContainerFacts<'_>) -> String {
    let code = facts.state.exit_code;
    format!("exit code {code}: {}", exit_code::describe(code))
}

/// Bytes in words.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: &[(u64, &str)] = &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) => {
            let tenths = count / (unit / 10).max(1);
            if tenths.is_multiple_of(10) || tenths >= 1000 {
                format!("{} {name}", count / unit)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            }
        }
        None => format!("{count} bytes"),
    }
}
