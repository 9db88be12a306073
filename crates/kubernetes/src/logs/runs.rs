//! Determines when the runs of a container ended.
//!
//! The API reports ends in whole seconds, rounded down. The run may have written lines after the
//! reported end, and the next run may have begun in the same second. The last line that the node
//! has of a run has an exact time, which is not later than the end of the run and earlier than each
//! line of the next run.

use std::sync::PoisonError;

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use scratchdbg_backend::{RunEnd, RunHistory};

use super::framer::{Framer, Range};
use super::parts::{Facts, time};
use crate::call::Call;
use crate::cluster::Cluster;
use crate::container_id::ContainerId;
use crate::error::Error;
use crate::kind::Kind;

impl Cluster {
    /// Returns the runs that the API server still reports: the last one that ended, and the one
    /// before it while the container's state is the end of the last one.
    pub(crate) async fn runs_of(&self, id: &ContainerId) -> Result<RunHistory, Error> {
        let pod = self.fresh_pod(id).await?;
        let facts = Facts::of(&pod, &id.container);
        // The node has no log of any earlier run.
        let mut history =
            RunHistory { ends: Vec::new(), is_whole: is_whole(&facts), begins_the_log: true };
        let count = facts.ended.len();
        for (index, run) in facts.ended.iter().enumerate() {
            let Some(finished) = time(run.finished_at.as_deref()) else { continue };
            // While a container waits for its next run, the current log is that of the last run.
            let is_previous = facts.phase.has_processes() || index + 1 < count;
            let known = self
                .run_ends
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&run.container_id)
                .copied();
            let at = match known {
                Some(at) => at,
                None => self.exact_end(id, finished, is_previous).await,
            };
            self.run_ends
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(run.container_id.clone(), at);
            history.ends.push(RunEnd { at, exit_code: Some(run.exit_code) });
        }
        Ok(history)
    }

    /// Returns the exact end of a run. The kubelet and the status may disagree on which run is the
    /// current one, so the time of the last line must be within the reported second.
    async fn exact_end(
        &self,
        id: &ContainerId,
        finished: Timestamp,
        is_previous: bool,
    ) -> Timestamp {
        const SECOND: SignedDuration = SignedDuration::from_secs(1);
        for is_previous in [is_previous, !is_previous] {
            if let Some(last) = self.last_line(id, is_previous).await
                && last < finished + SECOND
            {
                return last.max(finished);
            }
        }
        finished
    }

    /// Returns the time of the last line of a run. Returns `None` if the log is gone, is empty, or
    /// cannot be read.
    async fn last_line(&self, id: &ContainerId, is_previous: bool) -> Option<Timestamp> {
        let call = Call::get(Kind::Pod, &id.namespace, &id.pod)
            .of("log")
            .with("container", id.container.clone());
        let mut call = call.with("timestamps", "true").with("tailLines", "1");
        if is_previous {
            call = call.with("previous", "true");
        }
        let mut bytes = self.client.stream(&call).await.ok()??;
        let (mut reader, mut frames) = (Framer::new(Range::default()), BytesMut::new());
        while let Ok(Some(chunk)) = bytes.try_next().await {
            reader.push(&chunk, &mut frames).ok()?;
            frames.clear();
        }
        reader.last
    }
}

/// Whether all runs that ended are known.
fn is_whole(facts: &Facts) -> bool {
    let ended =
        facts.restart_count + i64::from(!facts.phase.has_processes() && !facts.ended.is_empty());
    i64::try_from(facts.ended.len()) == Ok(ended)
}
