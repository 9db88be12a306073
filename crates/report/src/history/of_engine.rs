//! The runs of an engine's container: from its events, and from its state where they are forgotten.

use scratchdbg_diagnose::container::ContainerFacts;
use scratchdbg_diagnose::exit_code;

use super::{End, History, Mark, Run, lasts, time};

/// By how many nanoseconds an engine's event of a start or an end and its state may differ.
const SLACK: i64 = 1_000_000_000;

pub(super) fn history(facts: &ContainerFacts<'_>) -> History {
    let mut history = History::default();
    let mut open: Option<Run> = None;
    let mut is_whole = false;
    let mut health = String::new();
    for event in facts.events.iter().flatten() {
        let Some(at) = time(event.time) else { continue };
        let mut mark = |what: &str, is_bad| {
            history.marks.push(Mark { at, what: what.to_owned(), is_bad });
        };
        match event.action.as_str() {
            "create" => is_whole = true,
            "start" => {
                // An end that was forgotten, or is told late.
                history.runs.extend(open.take());
                open = Some(Run { start: Some(at), ..Run::default() });
            }
            "die" => {
                let mut run = open.take().unwrap_or_default();
                run.end = Some(End { at, exit_code: event.exit_code });
                history.runs.push(run);
            }
            "oom" => {
                if let Some(run) = &mut open {
                    run.out_of_memory = true;
                }
                mark("out of memory", true);
            }
            "kill" => {
                let signal = event.signal.as_deref().and_then(exit_code::signal_number);
                let signals = open.as_mut().map(|run| &mut run.signals);
                if let (Some(signals), Some(signal)) = (signals, signal)
                    && !signals.contains(&signal)
                {
                    signals.push(signal);
                }
            }
            "pause" => mark("paused", false),
            "unpause" => mark("resumed", false),
            action => {
                let status = action.strip_prefix("health_status: ");
                if let Some(status) = status.filter(|status| *status != health) {
                    mark(&format!("health: {status}"), status == "unhealthy");
                    status.clone_into(&mut health);
                }
            }
        }
    }
    history.runs.extend(open);
    add_state(facts, &mut history);
    if !is_whole {
        history.earlier = (facts.restarts.count + 1).saturating_sub(history.runs.len() as u64);
    }
    history
}

/// Adds what the state tells of the last run: events may have been forgotten.
fn add_state(facts: &ContainerFacts<'_>, history: &mut History) {
    let state = &facts.state;
    let Some(started) = state.started_at else { return };
    let lasts = lasts(state.phase);
    let end = state.finished_at.filter(|_| !lasts).and_then(time);
    let end = end.map(|at| End { at, exit_code: Some(state.exit_code) });
    let is_known = history.runs.last().is_some_and(|last| {
        let begun = last
            .start
            .is_none_or(|start| start.as_nanosecond() + i128::from(SLACK) >= started.into());
        match (&last.end, lasts) {
            (Some(ended), true) => ended.at.as_nanosecond() > i128::from(started),
            (Some(_), false) | (None, _) => begun,
        }
    });
    if !is_known {
        history.runs.push(Run { start: time(started), end, ..Run::default() });
    }
    if let Some(last) = history.runs.last_mut() {
        if last.end.is_none() && !lasts {
            last.end = end;
        }
        if let Some(end) = &mut last.end
            && end.exit_code.is_none()
            && !lasts
        {
            end.exit_code = Some(state.exit_code);
        }
        last.out_of_memory |= state.oom_killed && last.end.is_some();
    }
}
