//! Evidence about a container's last run, in the form that rules need.

use crate::container::{ContainerFacts, Event};
use crate::exit_code;

/// How many lines of the log rules examine. The reason for the end of a program is in its last
/// lines.
const LAST_LINES: usize = 60;
const SECOND: i64 = 1_000_000_000;

/// The events of the last run.
pub(super) struct LastRun<'a> {
    pub(super) events: Vec<&'a Event>,
    /// Whether the events reach back to the run's start, so that all of them are known.
    pub(super) complete: bool,
}

pub(super) fn last_run<'a>(facts: &'a ContainerFacts<'_>) -> LastRun<'a> {
    let all = facts.events.as_deref().unwrap_or_default();
    match all.iter().rposition(|event| event.action == "start") {
        Some(start) => LastRun { events: all[start..].iter().collect(), complete: true },
        None => {
            let begin = facts.state.started_at.unwrap_or(i64::MIN);
            LastRun {
                events: all.iter().filter(|event| event.time >= begin).collect(),
                complete: false,
            }
        }
    }
}

impl LastRun<'_> {
    /// Returns the signals that were sent through the engine, in order.
    pub(super) fn signals(&self) -> Vec<u8> {
        self.events
            .iter()
            .filter(|event| event.action == "kill")
            .filter_map(|event| exit_code::signal_number(event.signal.as_deref()?))
            .collect()
    }

    /// Reports whether there is an event with that action.
    pub(super) fn has(&self, action: &str) -> bool {
        self.events.iter().any(|event| event.action == action)
    }

    /// Returns why there is no proof, for a finding without one.
    pub(super) fn gap(&self) -> &'static str {
        if self.complete {
            "no kill event in the engine's record of this run"
        } else {
            "no event evidence: the engine keeps some hundred events, and forgets them when it is restarted"
        }
    }
}

/// Returns the last lines of the log.
pub(super) fn last_lines<'a>(facts: &'a ContainerFacts<'_>) -> &'a [String] {
    let lines = facts.log.as_deref().unwrap_or_default();
    &lines[lines.len().saturating_sub(LAST_LINES)..]
}

/// Returns the last lines as one text; empty if there are none.
pub(super) fn log_text(facts: &ContainerFacts<'_>) -> String {
    last_lines(facts).join("\n")
}

/// Returns the last line that is not blank.
pub(super) fn last_line<'a>(facts: &'a ContainerFacts<'_>) -> Option<&'a str> {
    facts.log.as_deref()?.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty())
}

/// Returns the last line of the log as evidence, or why there is none.
pub(super) fn log_evidence(facts: &ContainerFacts<'_>) -> String {
    match (&facts.log, last_line(facts)) {
        (_, None) if facts.log_gap.is_some() => {
            format!(
                "the log could not be read to its end: {}",
                facts.log_gap.as_deref().unwrap_or_default()
            )
        }
        (None, _) => format!(
            "the log cannot be read (log driver {})",
            name_or(&facts.options.log_driver, "unknown")
        ),
        (Some(_), None) => "the log is empty".to_owned(),
        (Some(_), Some(line)) => format!("last log line: {line}"),
    }
}

pub(super) fn name_or<'a>(name: &'a str, other: &'a str) -> &'a str {
    if name.is_empty() { other } else { name }
}

/// Reports whether the last run was shorter than that many seconds; `false` if its times are
/// unknown.
pub(super) fn ran_less_than(facts: &ContainerFacts<'_>, seconds: i64) -> bool {
    match (facts.state.started_at, facts.state.finished_at) {
        (Some(start), Some(end)) => end.saturating_sub(start) < seconds.saturating_mul(SECOND),
        _ => false,
    }
}

/// Reports whether the last run is known to have lasted so many seconds or more.
pub(super) fn ran_at_least(facts: &ContainerFacts<'_>, seconds: i64) -> bool {
    facts.state.started_at.is_some()
        && facts.state.finished_at.is_some()
        && !ran_less_than(facts, seconds)
}

/// Describes the length of the last run.
pub(super) fn duration(facts: &ContainerFacts<'_>) -> Option<String> {
    let nanoseconds = facts.state.finished_at?.checked_sub(facts.state.started_at?)?;
    (nanoseconds >= 0).then(|| in_words(nanoseconds))
}

/// Describes a number of nanoseconds.
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

/// Returns the exit code with its usual meaning, as evidence.
pub(super) fn exit_evidence(facts: &ContainerFacts<'_>) -> String {
    let code = facts.state.exit_code;
    format!("exit code {code}: {}", exit_code::describe(code))
}

/// Describes a number of bytes.
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
