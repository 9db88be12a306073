//! The overview of containers, for `ps`.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use scratchdbg_backend::{ContainerRecord, Error, ListFilter};
use scratchdbg_diagnose::container::Phase;
use scratchdbg_diagnose::{Severity, why};
use serde::Serialize;

use crate::Platform;
use crate::shells::shells;

/// A container in the list.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Its state, as Docker names states.
    pub state: &'static str,
    /// Since when it has that state, in RFC 3339.
    pub since: Option<String>,
    /// The result of its health check, if it has one.
    pub health: Option<String>,
    /// The exit code, if it has ended.
    pub exit_code: Option<i64>,
    /// The image, as it was named when the container was made.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// As configured; empty for root. Of a pod: as it runs, `null` if unknown.
    pub user: Option<String>,
    /// Whether it has a shell named `sh`; `null` if unknown.
    pub shell: Option<bool>,
    /// Whether its root filesystem is read-only.
    pub read_only: bool,
    /// Whether the engine has the verified debug twin of its image.
    pub twin: bool,
    /// How often it was restarted.
    pub restarts: u64,
    /// The code of the verdict.
    pub verdict: &'static str,
    /// Where it is, on Kubernetes.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// How bad the verdict is.
    #[serde(skip)]
    pub severity: Severity,
    /// For how long it has had its state.
    #[serde(skip)]
    pub age: Option<Duration>,
}

/// Where the container is, on Kubernetes.
#[derive(Debug, Serialize)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The node, once there is one.
    pub node: Option<String>,
}

/// What [`overview`] finds.
#[derive(Debug)]
pub struct Overview {
    /// The containers, in the platform's order.
    pub rows: Vec<Row>,
    /// What the platform did not show, where verdicts need it.
    pub gap: Option<String>,
}

/// Describes the containers that a filter leaves. `twin_layer` is the digest of the layer that
/// makes a debug twin of an image.
///
/// # Errors
///
/// Fails if the platform cannot list its containers.
pub async fn overview(
    platform: &impl Platform,
    filter: &ListFilter,
    twin_layer: impl Future<Output = Option<String>>,
) -> Result<Overview, Error> {
    let host = platform.host_facts().await?;
    let records = platform.list_records(filter, &host).await?;
    let images: BTreeSet<&str> = records.iter().map(|record| record.image_id.as_str()).collect();
    let images: Vec<&str> = images.into_iter().filter(|image| !image.is_empty()).collect();
    let twins = platform.with_twins(&images, twin_layer).await?;
    let shells = shells(platform, &records).await;
    let now = host.clock.or_else(now);
    let rows = records
        .iter()
        .map(|record| {
            let shell = shells.get(&record.image_id).copied().flatten();
            row(record, shell, twins.contains(&record.image_id), now)
        })
        .collect();
    let mut pods = records.iter().filter(|record| record.facts.pod.is_some());
    Ok(Overview { rows, gap: pods.find_map(|record| record.facts.gaps.first()).map(ToString::to_string) })
}

fn row(record: &ContainerRecord, shell: Option<bool>, twin: bool, now: Option<i64>) -> Row {
    let facts = &record.facts;
    let state = facts.state.phase;
    let verdict = why(facts);
    let begin = match state {
        Phase::Running | Phase::Paused => facts.state.started_at,
        Phase::Created => record.created_at,
        _ => facts.state.finished_at,
    };
    let ended = matches!(state, Phase::Exited | Phase::Dead | Phase::Restarting);
    // A pod may be over before all of its containers have run.
    let own = facts.pod.as_ref().and_then(|pod| pod.container(&pod.container));
    let ended = ended && own.is_none_or(|container| container.ended.is_some());
    Row {
        id: record.id.clone(),
        name: facts.name.clone(),
        state: state.as_str(),
        since: begin.and_then(rfc3339),
        health: facts.health.as_ref().map(|health| health.status.clone()),
        exit_code: ended.then_some(facts.state.exit_code),
        image: record.image.clone(),
        image_id: record.image_id.clone(),
        user: own.map_or_else(|| Some(record.config.user.clone()), |container| container.user.clone()),
        shell,
        read_only: facts.options.read_only,
        twin,
        restarts: facts.restarts.count,
        verdict: verdict.code.as_str(),
        place: facts.pod.as_ref().map(|pod| Place {
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            node: Some(pod.node.clone()).filter(|node| !node.is_empty()),
        }),
        severity: verdict.findings.first().map_or(Severity::Info, |finding| finding.severity),
        age: age(begin, now),
    }
}

fn now() -> Option<i64> {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().ok()?;
    i64::try_from(since_epoch.as_nanos()).ok()
}

fn age(begin: Option<i64>, now: Option<i64>) -> Option<Duration> {
    u64::try_from(now?.checked_sub(begin?)?).ok().map(Duration::from_nanos)
}

fn rfc3339(nanoseconds: i64) -> Option<String> {
    Some(jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_without_a_past_is_listed() {
        let facts = scratchdbg_diagnose::container::ContainerFacts { name: "web".into(), ..Default::default() };
        assert_eq!(why(&facts).code.as_str(), "never-started");
        assert_eq!(age(Some(5), Some(3)), None);
        assert_eq!(age(Some(3), Some(5)), Some(Duration::from_nanos(2)));
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
    }
}
