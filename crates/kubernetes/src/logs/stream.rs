//! Reads a container's log as one stream: the previous run, the current run, and with `follow` all
//! that is written later.

mod errors;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use scratchdbg_backend::{self as backend, LogRequest};

use self::errors::{node_says, not_started, rotated_away};
use super::framer::{Framer, Range, Words};
use super::missing_file::retried;
use super::newest_file::NewestFile;
use super::parts::Facts;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::container_id::ContainerId;
use crate::error::Error;
use crate::kind::Kind;

/// A log as frames.
pub(crate) type PodLog = BoxStream<'static, Result<Bytes, backend::Error>>;

/// A log as the API server sends it.
type RawLog = BoxStream<'static, Result<Bytes, Error>>;

/// How long to wait for a node that does not answer while a log is followed: its kubelet may be
/// restarting or updating.
const NODE_TIMEOUT: Duration = Duration::from_mins(1);

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the status of a container may lag behind the end of its log.
const STATUS_LAG: Duration = Duration::from_secs(6);

/// The pause between two reads of the status.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// The log of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Previous,
    Current,
}

/// A log that is being read.
struct Reading {
    cluster: Cluster,
    id: ContainerId,
    request: LogRequest,
    /// The current run when the log was opened: its restart count and its id in the runtime.
    run: (i64, String),
    left: VecDeque<Part>,
    open: Option<(Part, RawLog, Framer)>,
    /// The time of the last line of the previous parts.
    last: Option<Timestamp>,
    has_read_previous: bool,
    /// When the current run began.
    started_at: Option<Timestamp>,
    /// The number of bytes received of the current run's log.
    bytes: u64,
    /// The time of the first line, if lines before it are missing.
    rotated: Option<Timestamp>,
    frames: BytesMut,
}

impl Cluster {
    /// Opens the log of a container.
    pub(crate) async fn pod_log(
        &self,
        id: &ContainerId,
        request: &LogRequest,
    ) -> Result<PodLog, backend::Error> {
        let pod = match self.fresh_pod(id).await {
            Ok(pod) => pod,
            // The log of this removed pod was already read to its end.
            Err(error)
                if error.is_absent() && self.clean_ends.has(id) && request.since.is_some() =>
            {
                return Ok(futures_util::stream::empty().boxed());
            }
            Err(error) => return Err(error.into()),
        };
        let facts = Facts::of(&pod, &id.container);
        if !facts.has_log() {
            if request.follow {
                return Ok(futures_util::stream::empty().boxed());
            }
            return Err(not_started(id, &facts));
        }
        if let Some(lines) = request.tail {
            return self.tail(id, request, lines, &facts).await;
        }
        let container_id =
            pod.container_status(&id.container).map(|status| status.container_id.clone());
        let previous =
            (facts.may_have_previous() || request.since.is_some()).then_some(Part::Previous);
        let mut reading = Reading {
            cluster: self.clone(),
            id: id.clone(),
            request: request.clone(),
            run: (facts.restart_count, container_id.unwrap_or_default()),
            left: previous.into_iter().chain([Part::Current]).collect(),
            open: None,
            last: None,
            has_read_previous: false,
            started_at: facts.started_at,
            bytes: 0,
            rotated: None,
            frames: BytesMut::new(),
        };
        self.clean_ends.forget(id);
        // A log that cannot be opened is reported here, and not as an error of the stream.
        reading.advance().await?;
        let stream = futures_util::stream::try_unfold(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|frames| (frames, reading)))
        });
        Ok(stream.boxed())
    }

    /// Returns the last records. Lines of the previous run come first. They are only needed if the
    /// current run has too few lines.
    async fn tail(
        &self,
        id: &ContainerId,
        request: &LogRequest,
        lines: u64,
        facts: &Facts,
    ) -> Result<PodLog, backend::Error> {
        let range = range(request, None);
        let current = self.open(id, request, Part::Current, Some(lines), None).await?;
        if !facts.may_have_previous() {
            let framed = current.map_or_else(
                || futures_util::stream::empty().boxed(),
                |bytes| framed(bytes, range),
            );
            return Ok(framed);
        }
        let (reader, frames) =
            collect(current, Framer::new(range)).await.map_err(|words| node_says(&words))??;
        let missing = lines.saturating_sub(reader.lines);
        let mut all = VecDeque::from([frames.freeze()]);
        if missing > 0 {
            // The same log is not read twice, whichever run the kubelet considers the current one.
            let before = reader.first.map(|first| first - SignedDuration::from_nanos(1));
            let until = before.into_iter().chain(range.until).min();
            let previous = self
                .open(id, request, Part::Previous, Some(missing), None)
                .await
                .unwrap_or_default();
            if let Ok(Ok((_, frames))) =
                collect(previous, Framer::new(Range { until, ..range })).await
            {
                all.push_front(frames.freeze());
            }
        }
        Ok(futures_util::stream::iter(all.into_iter().map(Ok)).boxed())
    }

    /// Opens the log of a run. Returns `None` if there is no log.
    async fn open(
        &self,
        id: &ContainerId,
        request: &LogRequest,
        part: Part,
        tail: Option<u64>,
        after: Option<Timestamp>,
    ) -> Result<Option<RawLog>, Error> {
        let call = call(id, request, part, tail, after);
        let begun = Instant::now();
        loop {
            // Limits how many streams are opened at a time, so that API server and kubelets are not
            // overloaded.
            let permit = self.opening.acquire().await;
            let opened = self.client.stream(&call).await;
            drop(permit);
            match opened {
                Ok(bytes) => {
                    return Ok(bytes.map(|bytes| retried(self.client.clone(), call, bytes)));
                }
                // There is no previous run, or its log is gone.
                Err(error)
                    if part == Part::Previous && matches!(error.status(), Some(400 | 404)) =>
                {
                    return Ok(None);
                }
                Err(error)
                    if request.follow && error.is_passing() && begun.elapsed() < NODE_TIMEOUT =>
                {
                    tracing::debug!(%error, "the log is opened again");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the status of a container reports the end of its run, if the run has ended.
    /// Kubelets also end streams when they restart: then the status reports a running container
    /// until the time limit.
    async fn confirm_end(&self, id: &ContainerId, run: &(i64, String)) {
        let begun = Instant::now();
        while begun.elapsed() < STATUS_LAG {
            let Ok(pod) = self.fresh_pod(id).await else { return };
            let Some(status) = pod.container_status(&id.container) else { return };
            if status.state.running.is_none()
                || (status.restart_count, &status.container_id) != (run.0, &run.1)
            {
                return;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        tracing::debug!(%id, "the log ended, and the container runs on");
    }
}

impl Reading {
    /// Returns the next frames, or `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, backend::Error> {
        loop {
            let Some((part, bytes, reader)) = &mut self.open else {
                if let Some(first) = self.rotated.take() {
                    return Err(rotated_away(&self.id, first));
                }
                if self.left.is_empty() {
                    return Ok(None);
                }
                self.advance().await?;
                continue;
            };
            let part = *part;
            let outcome = match bytes.next().await.transpose()? {
                Some(chunk) => {
                    self.bytes += if part == Part::Current { chunk.len() as u64 } else { 0 };
                    reader.push(&chunk, &mut self.frames)
                }
                None => {
                    let outcome = reader.finish(!self.left.is_empty(), &mut self.frames);
                    self.last = reader.last.max(self.last);
                    if part == Part::Current && outcome.is_ok() && !self.request.follow {
                        let newest = NewestFile {
                            begun: self.started_at,
                            first: reader.first,
                            last: reader.last,
                            bytes: self.bytes,
                        };
                        self.rotated = newest
                            .misses_lines_before()
                            .filter(|first| self.request.since.is_none_or(|since| since < *first));
                    }
                    self.open = None;
                    if part == Part::Current && self.request.follow && outcome.is_ok() {
                        self.cluster.confirm_end(&self.id, &self.run).await;
                        self.cluster.clean_ends.note(&self.id);
                    }
                    outcome
                }
            };
            match outcome {
                Ok(()) => {}
                // The log was removed before or while it was read.
                Err(words) if part == Part::Previous => {
                    tracing::debug!(words = words.0, "the log of the run before is not read");
                    self.open = None;
                }
                Err(words) => return Err(node_says(&words)),
            }
            if self.open.as_ref().is_some_and(|(_, _, reader)| reader.is_over()) {
                self.open = None;
                self.left.clear();
            }
            if !self.frames.is_empty() {
                return Ok(Some(self.frames.split().freeze()));
            }
        }
    }

    /// Opens the next part that exists.
    async fn advance(&mut self) -> Result<(), Error> {
        while let Some(part) = self.left.pop_front() {
            let opened = self.cluster.open(&self.id, &self.request, part, None, self.last).await;
            let Some(bytes) = opened? else { continue };
            if part == Part::Current && self.has_read_previous && self.has_restarted().await {
                // The run that was the current one is the previous one now.
                self.left = VecDeque::from([Part::Previous, Part::Current]);
                self.has_read_previous = false;
                continue;
            }
            self.has_read_previous |= part == Part::Previous;
            let reader = Framer::new(range(&self.request, self.last));
            self.open = Some((part, bytes, reader));
            return Ok(());
        }
        Ok(())
    }

    /// Whether the container was restarted since its runs were read.
    async fn has_restarted(&mut self) -> bool {
        let Ok(pod) = self.cluster.fresh_pod(&self.id).await else { return false };
        let Some(status) = pod.container_status(&self.id.container) else { return false };
        let run = (status.restart_count, status.container_id.clone());
        let is_later = run.0 > self.run.0;
        self.run = run;
        is_later
    }
}

/// Returns the request for the log of a run.
fn call(
    id: &ContainerId,
    request: &LogRequest,
    part: Part,
    tail: Option<u64>,
    after: Option<Timestamp>,
) -> Call {
    let call = Call::get(Kind::Pod, &id.namespace, &id.pod).of("log");
    let mut call = call.with("container", id.container.clone()).with("timestamps", "true");
    if part == Part::Previous {
        call = call.with("previous", "true");
    } else if request.follow {
        call = call.with("follow", "true");
    }
    if let Some(tail) = tail {
        call = call.with("tailLines", tail.to_string());
    }
    if let Some(since) = request.since.max(after) {
        call = call.with("sinceTime", wire_time(since));
    }
    call
}

/// Formats a time that is early enough for `sinceTime`. Kubelets round it down to the second, and
/// test each line. Lines of the two streams may be out of order by some microseconds.
fn wire_time(at: Timestamp) -> String {
    let at = at.checked_sub(SignedDuration::from_secs(1)).unwrap_or(at);
    let seconds = Timestamp::from_second(at.as_second()).unwrap_or(at);
    seconds.to_string()
}

fn range(request: &LogRequest, after: Option<Timestamp>) -> Range {
    Range { since: request.since, after, until: request.until, timestamps: request.timestamps }
}

/// Turns the stream of one run into frames.
fn framed(bytes: RawLog, range: Range) -> PodLog {
    let reader = Framer::new(range);
    let stream =
        futures_util::stream::try_unfold((bytes, reader), |(mut bytes, mut reader)| async move {
            let mut frames = BytesMut::new();
            while let Some(chunk) = bytes.next().await.transpose()? {
                reader.push(&chunk, &mut frames).map_err(|words| node_says(&words))?;
                if !frames.is_empty() {
                    return Ok(Some((frames.freeze(), (bytes, reader))));
                }
            }
            reader.finish(false, &mut frames).map_err(|words| node_says(&words))?;
            Ok::<_, backend::Error>(None)
        });
    stream.boxed()
}

/// Reads all frames of one run.
async fn collect(
    bytes: Option<RawLog>,
    mut reader: Framer,
) -> Result<Result<(Framer, BytesMut), Error>, Words> {
    let mut frames = BytesMut::new();
    if let Some(mut bytes) = bytes {
        loop {
            match bytes.try_next().await {
                Ok(Some(chunk)) => reader.push(&chunk, &mut frames)?,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            }
        }
        reader.finish(true, &mut frames)?;
    }
    Ok(Ok((reader, frames)))
}

#[cfg(test)]
mod tests;
