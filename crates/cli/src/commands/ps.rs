//! `ps`: an overview of containers.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use scratchdbg_backend::{ContainerRecord, ListFilter};
use scratchdbg_console::terminal;
use scratchdbg_diagnose::container::Phase;
use scratchdbg_diagnose::{Severity, why};
use scratchdbg_inspect::{Platform, shells};
use serde::Serialize;

use crate::args::{Format, PsArgs};
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::platform::on_platform;

/// A container in the list.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    state: &'static str,
    /// Since when it has that state, in RFC 3339.
    since: Option<String>,
    /// The result of its health check, if it has one.
    health: Option<String>,
    /// The exit code, if it has ended.
    exit_code: Option<i64>,
    image: String,
    image_id: String,
    /// As configured; empty for root. Of a pod: as it runs, `null` if unknown.
    user: Option<String>,
    /// Whether it has a shell named `sh`; `null` if unknown.
    shell: Option<bool>,
    read_only: bool,
    /// Whether the engine has the verified debug twin of its image.
    twin: bool,
    restarts: u64,
    verdict: &'static str,
    #[serde(flatten)]
    place: Option<Place>,
    #[serde(skip)]
    severity: Severity,
    #[serde(skip)]
    age: Option<Duration>,
}

/// Where the container is, on Kubernetes.
#[derive(Debug, Serialize)]
struct Place {
    namespace: String,
    pod: String,
    node: Option<String>,
}

pub(crate) async fn ps(mut args: PsArgs, context: &Context) -> Outcome {
    args.kubernetes.all_namespaces |= args.all_of_the_cluster;
    let mut filter = ListFilter { all: args.all, filters: filters(&args.filters)? };
    if let Some(labels) = &args.kubernetes.selector {
        filter.filters.insert("selector".to_owned(), vec![labels.clone()]);
    }
    let platform = context.platform_of(&[], &args.kubernetes).await?;
    on_platform!(platform, platform => list(&filter, args.format, platform, context).await)
}

async fn list(filter: &ListFilter, format: Format, engine: &impl Platform, context: &Context) -> Outcome {
    let host = engine.host_facts().await?;
    let records = engine.list_records(filter, &host).await?;
    let images: BTreeSet<&str> = records.iter().map(|record| record.image_id.as_str()).collect();
    let images: Vec<&str> = images.into_iter().filter(|image| !image.is_empty()).collect();
    let twins = engine.with_twins(&images, context.host_toolkit.twin_layer()).await?;
    let shells = shells(engine, &records).await;
    let now = host.clock.or_else(now);
    let rows: Vec<Row> = records
        .iter()
        .map(|record| {
            let shell = shells.get(&record.image_id).copied().flatten();
            row(record, shell, twins.contains(&record.image_id), now)
        })
        .collect();
    if let Some(gap) =
        records.iter().filter(|record| record.facts.pod.is_some()).find_map(|record| record.facts.gaps.first())
    {
        context.printer.note(&format!("verdicts may be incomplete: {gap}"));
    }
    match format {
        Format::Json => context.printer.json(&rows)?,
        Format::Text => {
            for line in table::lines(&rows, terminal::columns()) {
                context.printer.line(&line)?;
            }
        }
    }
    Ok(0)
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

/// Parses filters of the form `KEY=VALUE`, which the engine interprets.
fn filters(texts: &[String]) -> Result<BTreeMap<String, Vec<String>>, CommandError> {
    let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in texts {
        let (key, value) =
            text.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty()).ok_or_else(|| {
                CommandError::usage(format!("--filter {text}: not KEY=VALUE")).hint("such as --filter status=exited")
            })?;
        filters.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_pairs() {
        let filters = filters(&["status=exited".into(), "status=dead".into(), "label=a=b".into()]).unwrap();
        assert_eq!(filters["status"], ["exited", "dead"]);
        assert_eq!(filters["label"], ["a=b"]);
        for bad in ["status", "=x", "status="] {
            assert!(super::filters(&[bad.into()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_container_without_a_past_is_listed() {
        let facts = scratchdbg_diagnose::container::ContainerFacts { name: "web".into(), ..Default::default() };
        assert_eq!(why(&facts).code.as_str(), "never-started");
        assert_eq!(age(Some(5), Some(3)), None);
        assert_eq!(age(Some(3), Some(5)), Some(Duration::from_nanos(2)));
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
    }
}
