//! Implements the trait.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use scratchdbg_backend::{
    self as backend, Completeness, ContainerName, ErrorKind, LogBackend, LogRequest, LogSource,
    RunEnd, RunHistory, Selector, Storage,
};
use scratchdbg_logs::line::Joining;

use super::parts::Facts;
use super::stream::PodLog;
use crate::cluster::Cluster;
use crate::container_id::ContainerId;
use crate::error::Error;

impl LogBackend for Cluster {
    type Log = PodLog;

    fn word(&self) -> &'static str {
        "cluster"
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn log_source(&self, container: &ContainerName) -> Result<LogSource, backend::Error> {
        let asked = read_id(container.as_str())?;
        let pod = self.recent_pod(&asked).await?;
        pod.chosen_container(Some(&asked.container))?;
        let facts = Facts::of(&pod, &asked.container);
        let id = ContainerId { uid: Some(pod.metadata.uid.clone()), ..asked.clone() };
        Ok(LogSource {
            id: id.to_string(),
            name: self.display_name(&pod, &asked.container),
            is_found_by_name: asked.uid.is_none(),
            state: facts.log_phase(),
            waits_for: facts.waits_for,
            tty: false,
            joining: Joining::UntilNewline,
            storage: storage(),
            started_at: facts.started_at,
            finished_at: facts.finished_at,
            restart_count: facts.restart_count,
        })
    }

    async fn read_log(&self, id: &str, request: &LogRequest) -> Result<PodLog, backend::Error> {
        self.pod_log(&read_id(id)?, request).await
    }

    async fn live_output(
        &self,
        _container: &ContainerName,
    ) -> Result<BoxStream<'static, Result<Bytes, backend::Error>>, backend::Error> {
        Err(backend::Error::new(
            ErrorKind::Unsupported,
            "the begins of lines are not shown of pods",
        ))
    }

    async fn run_history(&self, id: &str) -> Result<RunHistory, backend::Error> {
        Ok(self.runs_of(&read_id(id)?).await?)
    }

    /// Returns an empty stream. The caller requests the history whenever a log ends, so nothing
    /// needs to be reported in between.
    async fn run_ends(
        &self,
        _id: &str,
    ) -> Result<BoxStream<'static, Result<RunEnd, backend::Error>>, backend::Error> {
        Ok(futures_util::stream::pending().boxed())
    }

    async fn select(&self, selector: &Selector) -> Result<Vec<String>, backend::Error> {
        Ok(self.selected(selector).await?)
    }

    async fn starts(
        &self,
        selector: &Selector,
    ) -> Result<BoxStream<'static, Result<String, backend::Error>>, backend::Error> {
        Ok(self.selected_later(selector).await?)
    }
}

fn read_id(text: &str) -> Result<ContainerId, Error> {
    Ok(text.parse::<ContainerId>()?)
}

/// Kubelets rotate every log. A stream that follows a log loses nothing at a rotation. A stream
/// that does not follow contains the newest file only.
fn storage() -> Storage {
    Storage {
        driver: "kubelet".to_owned(),
        may_drop: false,
        rotates: true,
        loses_lines_at_rotation: false,
        follow_ends_early: false,
        since_is_incomplete: false,
        completeness: Completeness::Unknown,
        files: Err("the log files are on the node of the pod".to_owned()),
        cannot_follow_files: None,
    }
}
