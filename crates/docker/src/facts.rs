//! The engine's facts about containers, for rules. Parses raw responses, so that a field that only
//! one engine writes cannot make the rest unreadable.

mod backend;
mod events;
mod files;
mod host;
mod inspection;
mod kernel_log;
mod list;
mod log;
mod mounts;
mod processes;

pub(crate) use self::host::saw_memory_kill;

use std::time::Duration;

use hyper::Method;
use scratchdbg_backend::{ContainerRecord, HostFacts};
use scratchdbg_diagnose::container::Phase;

use crate::transport::full;
use crate::{ContainerName, Engine, Error};

/// The time limit of each additional request. Without a response, rules work with fewer facts.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Engine {
    /// Returns the facts of a container's inspection.
    async fn record_of(&self, container: &str) -> Result<ContainerRecord, Error> {
        let path = format!("/containers/{}/json", crate::files::percent_encode(container));
        let answer = self.get(&path).await?;
        inspection::read(&answer, self.is_podman()).map_err(|error| Error::transport(&path, error))
    }

    /// Adds facts that the inspection lacks: events, the end of the log, a running container's
    /// usage and processes, and the kernel's record of an ended container. Facts that the engine
    /// does not report remain unknown.
    async fn observe_container(&self, record: &mut ContainerRecord, host: &HostFacts) {
        let id = record.id.clone();
        let Ok(name) = id.parse::<ContainerName>() else { return };
        let running = record.facts.state.phase == Phase::Running;
        let owner = record.facts.options.pid_mode.strip_prefix("container:").filter(|_| !running);
        let (events, (usage, processes), owner) = tokio::join!(
            self.events_of_record(record, host),
            async { if running { self.running_facts(record).await } else { (None, None) } },
            async { Some(Box::new(self.record_of(owner?).await.ok()?.facts.state)) },
        );
        record.facts.options.pid_owner = owner;
        record.facts.gaps =
            gaps(events.is_some(), running.then_some(usage.is_some() && processes.is_some()));
        record.facts.events = events;
        record.facts.usage = usage;
        record.facts.processes = processes;
        record.facts.engine_started_at = host.engine_started_at;
        record.facts.now = host.clock;
        self.describe_all_mounts(record, host).await;
        // A running container has records too: of its killed processes, and of the ends of its
        // earlier runs.
        if host.is_this_machine && record.facts.state.started_at.is_some() {
            let group = host::group_of(record, host, self.is_podman());
            record.facts.kernel_log = kernel_log::read(&group);
        }
        let log::LastLines { lines, gap } = self.last_lines(&name, record).await;
        record.facts.log = lines;
        record.facts.log_gap = gap;
    }

    pub(crate) async fn get(&self, path: &str) -> Result<bytes::Bytes, Error> {
        self.transport.fetch(self.transport.request(Method::GET, path, full(""))?).await
    }

    /// Describes a volume.
    pub(crate) async fn volume(&self, name: &str) -> Result<serde_json::Value, Error> {
        let path = format!("/volumes/{}", crate::files::percent_encode(name));
        Ok(serde_json::from_slice(&self.get(&path).await?).unwrap_or_default())
    }

    /// Requests JSON. Returns `None` on failure.
    pub(crate) async fn ask(&self, path: &str) -> Option<serde_json::Value> {
        let answer = tokio::time::timeout(TIMEOUT, self.get(path)).await;
        match answer {
            Ok(Ok(answer)) => serde_json::from_slice(&answer).ok(),
            Ok(Err(error)) => {
                tracing::debug!(%path, %error, "not answered");
                None
            }
            Err(_) => {
                tracing::debug!(%path, "not answered in time");
                None
            }
        }
    }
}

/// Describes the facts that the engine did not report, as far as they were requested.
fn gaps(has_events: bool, has_processes: Option<bool>) -> Vec<String> {
    let mut gaps = Vec::new();
    if !has_events {
        gaps.push(
            "the engine did not tell what happened to the container (its events): who ended it is not known".to_owned(),
        );
    }
    if has_processes == Some(false) {
        gaps.push("the engine did not tell all of what the container uses (top, stats)".to_owned());
    }
    gaps
}
