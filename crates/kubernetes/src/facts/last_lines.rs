//! Reads the last lines of a run of a container.
//!
//! A kubelet returns the log of the run that it considers the current one. That run may be later
//! than the one in the pod's status. Lines are therefore selected by their times: only lines of the
//! requested run count.

use futures_util::TryStreamExt as _;
use jiff::Timestamp;

use super::optional::{Missed, reason, within};
use crate::call::Call;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::kind::Kind;

/// The number of lines that are read.
const LINES: &str = "60";

/// The most bytes of a line that are read.
const LONGEST_LINE: usize = 16 << 10;

/// The most bytes of a log that are read for the last lines.
const MOST: usize = 4 << 20;

/// The known times of a run. They are whole seconds. The time of a line may be slightly later than
/// the moment at which the line was written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RunTimes {
    pub(super) started_at: Option<i64>,
    /// The end of the run. `None` while the run lasts.
    pub(super) finished_at: Option<i64>,
    /// The run that follows.
    pub(super) next: NextRun,
}

/// The run that follows a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum NextRun {
    /// There is none: the run lasts, or was the last one.
    #[default]
    None,
    /// There may be one: the status has none, but the node may be ahead of the status.
    Possible,
    /// A run that began at this time.
    Began(i64),
}

/// The result of reading the last lines.
#[derive(Debug, Default)]
pub(super) struct LastLines {
    /// The lines. `None` if the log cannot be read.
    pub(super) lines: Option<Vec<String>>,
    /// Why the log, or its end, cannot be read.
    pub(super) gap: Option<String>,
}

impl LastLines {
    fn missed(missed: Missed) -> Self {
        Self { lines: None, gap: Some(reason(missed)) }
    }
}

/// A line with its time in nanoseconds.
type Line = (i64, String);

impl Cluster {
    /// Reads the last lines of a run.
    pub(super) async fn last_lines(
        &self,
        (namespace, pod, container): (&str, &str, &str),
        run: RunTimes,
    ) -> LastLines {
        let call = |previous: bool| {
            let call = Call::get(Kind::Pod, namespace, pod).of("log").with("container", container);
            let call = call.with("tailLines", LINES).with("timestamps", "true");
            if previous { call.with("previous", "true") } else { call }
        };
        let of_run = |lines: Vec<Line>| LastLines { lines: Some(inside(lines, run)), gap: None };
        if let NextRun::Began(_) = run.next {
            return match within(self.lines(&call(true))).await {
                Ok(lines) => of_run(lines),
                // The node has removed the log.
                Err(Missed::Error(error)) if error.status() == Some(400) => of_run(Vec::new()),
                Err(missed) => LastLines::missed(missed),
            };
        }
        let current = match within(self.lines(&call(false))).await {
            Ok(lines) => lines,
            Err(missed) => return LastLines::missed(missed),
        };
        let begins_late =
            run.finished_at.is_some_and(|end| current.first().is_none_or(|(time, _)| *time >= end));
        if run.next == NextRun::Possible && begins_late {
            match within(self.lines(&call(true))).await {
                Ok(before) => {
                    let before = inside(before, run);
                    return if before.is_empty() {
                        of_run(current)
                    } else {
                        LastLines { lines: Some(before), gap: None }
                    };
                }
                // There is no previous run, so the current log is the one of this run.
                Err(Missed::Error(error)) if error.status() == Some(400) => {
                    return LastLines {
                        lines: Some(inside(current, RunTimes { next: NextRun::None, ..run })),
                        gap: None,
                    };
                }
                // The node has removed the log of the previous run.
                Err(_) => {}
            }
        }
        of_run(current)
    }

    async fn lines(&self, call: &Call) -> Result<Vec<Line>, Error> {
        let Some(mut bytes) = self.client.stream(call).await? else { return Ok(Vec::new()) };
        let mut text = Vec::new();
        while let Some(chunk) = bytes.try_next().await? {
            text.extend_from_slice(&chunk);
            // Only the last lines matter.
            if text.len() > 2 * MOST {
                text.drain(..text.len() - MOST);
            }
        }
        read(&text).ok_or_else(|| {
            Error::broken(call, String::from_utf8_lossy(&text[..text.len().min(300)]))
        })
    }
}

/// Reads lines that begin with their times. Returns `None` if no line does: then the node reports
/// why there is no log.
fn read(text: &[u8]) -> Option<Vec<Line>> {
    let is_empty = text.iter().all(u8::is_ascii_whitespace);
    let lines: Vec<Line> = text.split(|byte| *byte == b'\n').filter_map(line).collect();
    (is_empty || !lines.is_empty()).then_some(lines)
}

fn line(line: &[u8]) -> Option<Line> {
    let space = line.iter().take(64).position(|byte| *byte == b' ')?;
    let time: Timestamp = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
    let words = &line[space + 1..];
    let words = String::from_utf8_lossy(&words[..words.len().min(LONGEST_LINE)]).into_owned();
    Some((time.as_nanosecond().try_into().ok()?, words))
}

/// Returns the lines of a run.
fn inside(lines: Vec<Line>, run: RunTimes) -> Vec<String> {
    const SECOND: i64 = 1_000_000_000;
    let end = match run.next {
        NextRun::None => None,
        NextRun::Possible => run.finished_at.map(|end| end.saturating_add(SECOND)),
        NextRun::Began(begin) => Some(begin.saturating_add(SECOND)),
    };
    let is_inside = |time: i64| {
        run.started_at.is_none_or(|start| time >= start) && end.is_none_or(|end| time < end)
    };
    lines
        .into_iter()
        .filter(|(time, words)| is_inside(*time) && !words.is_empty())
        .map(|(_, words)| words)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_begin_with_their_times() {
        let read = |text: &str| {
            read(text.as_bytes())
                .map(|lines| lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>())
        };
        assert_eq!(
            read("2026-11-27T04:03:12.5Z a b\n2026-11-27T04:03:13Z \n").unwrap(),
            ["a b", ""]
        );
        assert_eq!(read("").unwrap(), [""; 0]);
        assert_eq!(read("unable to retrieve container logs for containerd://1"), None);
        // The first line is the end of a line whose beginning was not read.
        assert_eq!(read("rest of a line\n2026-11-27T04:03:12Z x\n").unwrap(), ["x"]);
        let long = format!("2026-11-27T04:03:12Z {}", "é".repeat(20_000));
        assert!(read(&long).unwrap()[0].len() <= LONGEST_LINE + 3);
    }

    #[test]
    fn only_lines_of_the_run_count() {
        const SECOND: i64 = 1_000_000_000;
        let lines = || {
            [
                (5 * SECOND, "before"),
                (10 * SECOND, "in"),
                (20 * SECOND + 1, "at the end"),
                (22 * SECOND, "after"),
            ]
        };
        let lines = || lines().map(|(time, line)| (time, line.to_owned())).to_vec();
        let ended =
            |next| RunTimes { started_at: Some(10 * SECOND), finished_at: Some(20 * SECOND), next };
        assert_eq!(inside(lines(), ended(NextRun::Possible)), ["in", "at the end"]);
        assert_eq!(inside(lines(), ended(NextRun::Began(21 * SECOND))), ["in", "at the end"]);
        assert_eq!(
            inside(lines(), ended(NextRun::None)),
            ["in", "at the end", "after"],
            "stamped late"
        );
        let lasting = RunTimes { started_at: Some(10 * SECOND), ..RunTimes::default() };
        assert_eq!(inside(lines(), lasting), ["in", "at the end", "after"]);
        assert_eq!(inside(lines(), RunTimes::default()).len(), 4);
    }
}
