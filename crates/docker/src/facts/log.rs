//! The last lines of a container's last run.

use futures_util::StreamExt as _;
use scratchdbg_backend::{ContainerRecord, LogRequest};
use scratchdbg_logs::{Event, Framing, LineOptions, LogDecoder};

use super::TIMEOUT;
use crate::{ContainerName, Engine};

/// How many records of the log are requested. The reason for the end of a program is in its last
/// lines.
const RECORDS: u64 = 60;
/// The longest part of a line that is read.
const LONGEST: usize = 16 << 10;
/// How long before its start a run's first line may be: the runtime reports a failed exec before
/// the engine has recorded the start.
const SLACK: i64 = 2_000_000_000;

/// The end of a log, as far as it could be read.
pub(super) struct LastLines {
    pub(super) lines: Option<Vec<String>>,
    /// Why lines may be missing.
    pub(super) gap: Option<String>,
}

impl Engine {
    /// Returns the last lines that the container's last run wrote, oldest first, or none if the log
    /// cannot be read.
    pub(super) async fn last_lines(
        &self,
        container: &ContainerName,
        record: &ContainerRecord,
    ) -> LastLines {
        let read = tokio::time::timeout(TIMEOUT, self.read_last_lines(container, record)).await;
        read.unwrap_or_else(|_| LastLines {
            lines: None,
            gap: Some(format!("the engine did not send it within {} s", TIMEOUT.as_secs())),
        })
    }

    async fn read_last_lines(
        &self,
        container: &ContainerName,
        record: &ContainerRecord,
    ) -> LastLines {
        let request = LogRequest { tail: Some(RECORDS), timestamps: true, ..LogRequest::default() };
        let mut stream = match self.logs(container, &request).await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "the log cannot be read");
                // The driver's name shows that its logs cannot be read.
                return LastLines { lines: None, gap: None };
            }
        };
        let mut decoder = LogDecoder::new(LineOptions {
            framing: Framing::from_tty(record.tty),
            joining: self.log_joining(),
            timestamps: true,
            max_line: LONGEST,
            in_parts: false,
        });
        let begin = begin_of_run(record);
        let mut lines = Vec::new();
        let mut keep = |line: &scratchdbg_logs::Line<'_>| {
            let time =
                line.timestamp.as_ref().and_then(|stamp| super::inspection::time(stamp.as_str()));
            if begin.is_none_or(|begin| time.is_none_or(|time| time >= begin)) {
                lines.push(String::from_utf8_lossy(&line.text).into_owned());
            }
        };
        let mut gap = None;
        while gap.is_none()
            && let Some(chunk) = stream.next().await
        {
            match chunk {
                Ok(chunk) => {
                    let mut events = decoder.push(&chunk);
                    loop {
                        match events.next() {
                            Ok(Some(Event::Line(line))) => keep(&line),
                            Ok(Some(Event::DaemonError(text))) => gap = Some(text.clone()),
                            Ok(None) => break,
                            Err(error) => {
                                gap = Some(error.to_string());
                                break;
                            }
                        }
                    }
                }
                Err(error) => gap = Some(error.to_string()),
            }
        }
        while let Some(line) = decoder.finish_line() {
            keep(&line);
        }
        let gap = gap.or_else(|| decoder.finish().err().map(|error| error.to_string()));
        LastLines { lines: Some(lines), gap }
    }
}

/// Returns the start of the last run's lines: the end of the previous run if the engine remembers
/// it, otherwise a little before the last start.
fn begin_of_run(record: &ContainerRecord) -> Option<i64> {
    let events = record.facts.events.as_deref().unwrap_or_default();
    if let Some(start) = events.iter().rposition(|event| event.action == "start")
        && let Some(end) = events[..start].iter().rfind(|event| event.action == "die")
    {
        return Some(end.time);
    }
    record.facts.state.started_at.map(|start| start.saturating_sub(SLACK))
}
