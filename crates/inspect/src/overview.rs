//! The overview of containers, for `ps`.

mod fields;
pub(crate) mod registry;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use scratchdbg_backend::{ContainerRecord, Error, HostFacts, ListFilter};
use scratchdbg_diagnose::container::Phase;
use scratchdbg_diagnose::{Severity, why};
use serde::Serialize;

use self::registry::Seen;

pub use self::registry::Tools;
use crate::shells::shells;
use crate::{Platform, Sources};

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
    /// Whether the engine, or the registry of its image, has the verified debug twin of its image;
    /// `null` if unknown.
    pub twin: Option<bool>,
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
    /// More of it, for templates.
    #[serde(skip)]
    pub details: Details,
}

/// What templates can show of a container besides its row.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// The program and its arguments.
    pub command: String,
    /// When it was made, in nanoseconds since 1970.
    pub created: Option<i64>,
    /// How long ago it was made.
    pub created_ago: Option<Duration>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The names of volumes and the paths of other mounts.
    pub mounts: Vec<String>,
    /// The names of the networks.
    pub networks: Vec<String>,
    /// The ports: `80/tcp`, or `0.0.0.0:8080->80/tcp` if published.
    pub ports: Vec<String>,
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

/// Describes the containers that a filter leaves, without looking into their images: nothing is
/// said about shells and twins.
///
/// # Errors
///
/// Fails if the platform cannot list its containers.
pub async fn quick_overview(
    platform: &impl Platform,
    filter: &ListFilter,
) -> Result<Overview, Error> {
    let host = platform.host_facts().await?;
    let records = platform.list_records(filter, &host).await?;
    Ok(describe(&records, &host, |_| Seen::default()))
}

/// Describes the containers that a filter leaves. `twin_layer` is the digest of the layer that
/// makes a debug twin of an image. Of a platform that shows no images, those of the containers are
/// looked at in their registries, among `sources`, as far as limits of time and size allow; `tools`
/// are those of twins there.
///
/// # Errors
///
/// Fails if the platform cannot list its containers.
pub async fn overview(
    platform: &impl Platform,
    filter: &ListFilter,
    twin_layer: impl Future<Output = Option<String>>,
    sources: &impl Sources,
    tools: &Tools,
) -> Result<Overview, Error> {
    let host = platform.host_facts().await?;
    let records = platform.list_records(filter, &host).await?;
    if !platform.has_images() {
        let seen = registry::look(&records, sources, tools).await;
        let of = |record: &ContainerRecord| seen.get(&(&*record.image, &*record.image_id)).copied();
        return Ok(describe(&records, &host, |record| of(record).unwrap_or_default()));
    }
    let images: BTreeSet<&str> = records.iter().map(|record| record.image_id.as_str()).collect();
    let images: Vec<&str> = images.into_iter().filter(|image| !image.is_empty()).collect();
    let twins = platform.with_twins(&images, twin_layer).await?;
    let shells = shells(platform, &records).await;
    Ok(describe(&records, &host, |record| Seen {
        shell: shells.get(&record.image_id).copied().flatten(),
        twin: Some(twins.contains(&record.image_id)),
    }))
}

fn describe(
    records: &[ContainerRecord],
    host: &HostFacts,
    seen: impl Fn(&ContainerRecord) -> Seen,
) -> Overview {
    let now = host.clock.or_else(now);
    let row = |record: &ContainerRecord| row(record, seen(record), now);
    let mut pods = records.iter().filter(|record| record.facts.pod.is_some());
    Overview {
        rows: records.iter().map(row).collect(),
        gap: pods.find_map(|record| record.facts.gaps.first()).map(ToString::to_string),
    }
}

fn row(record: &ContainerRecord, seen: Seen, now: Option<i64>) -> Row {
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
        user: own
            .map_or_else(|| Some(record.config.user.clone()), |container| container.user.clone()),
        shell: seen.shell,
        read_only: facts.options.read_only,
        twin: seen.twin,
        restarts: facts.restarts.count,
        verdict: verdict.code.as_str(),
        place: facts.pod.as_ref().map(|pod| Place {
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            node: Some(pod.node.clone()).filter(|node| !node.is_empty()),
        }),
        severity: verdict.findings.first().map_or(Severity::Info, |finding| finding.severity),
        age: age(begin, now),
        details: Details {
            command: command(record),
            created: record.created_at,
            created_ago: age(record.created_at, now),
            labels: record.labels.clone(),
            mounts: facts
                .mounts
                .iter()
                .map(|mount| mount.source.clone())
                .filter(|name| !name.is_empty())
                .collect(),
            networks: facts.options.networks.iter().map(|(name, _)| name.clone()).collect(),
            ports: record.ports.clone(),
        },
    }
}

/// Returns the program and its arguments. As in docker, an argument with a blank has quotes.
fn command(record: &ContainerRecord) -> String {
    let words = record.config.entrypoint.iter().chain(&record.config.command).enumerate();
    let quoted = |(index, word): (usize, &String)| {
        if index > 0 && word.contains(' ') { format!("'{word}'") } else { word.clone() }
    };
    words.map(quoted).collect::<Vec<_>>().join(" ")
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
pub(crate) mod tests {
    use super::*;

    /// Returns a row about a container of which little is known.
    pub(crate) fn row() -> Row {
        super::row(&ContainerRecord::default(), Seen::default(), None)
    }

    #[test]
    fn commands_are_written_as_docker_writes_them() {
        let mut record = ContainerRecord::default();
        record.config.entrypoint = vec!["/my app".into(), "-c".into()];
        record.config.command = vec!["a b".into(), "c".into()];
        assert_eq!(command(&record), "/my app -c 'a b' c");
    }

    #[test]
    fn a_container_without_a_past_is_listed() {
        let facts = scratchdbg_diagnose::container::ContainerFacts {
            name: "web".into(),
            ..Default::default()
        };
        assert_eq!(why(&facts).code.as_str(), "never-started");
        assert_eq!(age(Some(5), Some(3)), None);
        assert_eq!(age(Some(3), Some(5)), Some(Duration::from_nanos(2)));
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
    }
}
