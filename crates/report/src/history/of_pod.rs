//! The runs of a pod's container: the API tells the last ones, in whole seconds.

use jiff::Timestamp;
use scratchdbg_diagnose::pod::{PodContainerEnd, PodFacts};

use super::{End, History, Mark, Run, time};

pub(super) fn history(pod: &PodFacts, ends: &[Timestamp]) -> History {
    let mut history = History::default();
    if let Some(container) = pod.container(&pod.container) {
        let ended = [&container.ended_before, &container.ended];
        history.runs.extend(ended.into_iter().flatten().map(run));
        // The last line of a run tells its end more exactly.
        for (run, exact) in history.runs.iter_mut().rev().zip(ends.iter().rev()) {
            if let Some(end) = &mut run.end
                && (0..1_000).contains(&exact.duration_since(end.at).as_millis())
            {
                end.at = *exact;
            }
        }
        if container.is_running {
            let start = container.running_since.and_then(time);
            history.runs.push(Run { start, ..Run::default() });
        }
        let known = history.runs.len() as u64;
        // A container that waits for its next run has ended once more than it was restarted.
        history.earlier = (container.restarts + 1).saturating_sub(known);
        if known == 0 && container.restarts == 0 {
            history.earlier = 0;
        }
    }
    let is_about = |of: &Option<String>| of.as_ref().is_none_or(|name| *name == pod.container);
    for event in pod.events.iter().flatten().filter(|event| is_about(&event.container)) {
        let Some(at) = event.time.and_then(time) else { continue };
        let count =
            if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
        let what = format!("{}: {}{count}", event.reason, event.message);
        history.marks.push(Mark { at, what, is_bad: is_bad(&event.reason) });
    }
    history
}

fn run(end: &PodContainerEnd) -> Run {
    let at = end.finished_at.or(end.started_at).and_then(time);
    Run {
        start: end.started_at.and_then(time),
        end: at.map(|at| End { at, exit_code: Some(end.exit_code) }),
        out_of_memory: end.reason == "OOMKilled",
        ..Run::default()
    }
}

/// Whether an event of a pod tells of a failure.
fn is_bad(reason: &str) -> bool {
    const WORDS: &[&str] =
        &["Failed", "BackOff", "Unhealthy", "Evicted", "OOM", "Err", "Killing", "Preempt"];
    WORDS.iter().any(|word| reason.contains(word))
}
