//! Parses an inspection into facts.

use std::collections::BTreeMap;

use scratchdbg_backend::ContainerRecord;
use scratchdbg_diagnose::capability;
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::container::{
    ContainerFacts, Health, Limits, Options, Phase, Probe, Restarts, State,
};
use serde::{Deserialize, Deserializer};

use super::mounts::{self, RawMount};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Inspection {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    created: String,
    #[serde(deserialize_with = "or_default")]
    image: String,
    #[serde(deserialize_with = "or_default")]
    restart_count: u64,
    #[serde(deserialize_with = "or_default")]
    state: RawState,
    #[serde(deserialize_with = "or_default")]
    config: serde_json::Value,
    #[serde(deserialize_with = "or_default")]
    host_config: RawHostConfig,
    #[serde(deserialize_with = "or_default")]
    mounts: Vec<RawMount>,
    #[serde(deserialize_with = "or_default")]
    network_settings: RawNetworkSettings,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawNetworkSettings {
    #[serde(deserialize_with = "or_default")]
    networks: BTreeMap<String, Option<RawNetwork>>,
    #[serde(deserialize_with = "or_default")]
    ports: BTreeMap<String, Option<Vec<RawPort>>>,
}

/// An address of the host at which a port is published.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawPort {
    #[serde(deserialize_with = "or_default")]
    host_ip: String,
    #[serde(deserialize_with = "or_default")]
    host_port: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawNetwork {
    #[serde(rename = "NetworkID", deserialize_with = "or_default")]
    id: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawState {
    #[serde(deserialize_with = "or_default")]
    status: String,
    #[serde(deserialize_with = "or_default")]
    exit_code: i64,
    #[serde(deserialize_with = "or_default")]
    error: String,
    #[serde(rename = "OOMKilled", deserialize_with = "or_default")]
    oom_killed: bool,
    #[serde(deserialize_with = "or_default")]
    started_at: String,
    #[serde(deserialize_with = "or_default")]
    finished_at: String,
    health: Option<RawHealth>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawHealth {
    #[serde(deserialize_with = "or_default")]
    status: String,
    #[serde(deserialize_with = "or_default")]
    failing_streak: u64,
    #[serde(deserialize_with = "or_default")]
    log: Vec<RawProbe>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawProbe {
    #[serde(deserialize_with = "or_default")]
    exit_code: i64,
    #[serde(deserialize_with = "or_default")]
    output: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawConfig {
    #[serde(deserialize_with = "or_default")]
    image: String,
    #[serde(deserialize_with = "or_default")]
    tty: bool,
    stop_timeout: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawHostConfig {
    memory: Option<i64>,
    pids_limit: Option<i64>,
    init: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    privileged: bool,
    #[serde(deserialize_with = "or_default")]
    readonly_rootfs: bool,
    #[serde(deserialize_with = "or_default")]
    pid_mode: String,
    #[serde(deserialize_with = "or_default")]
    cgroup_parent: String,
    #[serde(deserialize_with = "or_default")]
    network_mode: String,
    #[serde(deserialize_with = "or_default")]
    ipc_mode: String,
    #[serde(deserialize_with = "or_default")]
    cap_add: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    cap_drop: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    log_config: RawLogConfig,
    #[serde(deserialize_with = "or_default")]
    restart_policy: RawRestartPolicy,
    #[serde(deserialize_with = "or_default")]
    ulimits: Vec<RawUlimit>,
    #[serde(deserialize_with = "or_default")]
    tmpfs: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    mounts: Vec<RawMount>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawUlimit {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    soft: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawLogConfig {
    #[serde(rename = "Type", deserialize_with = "or_default")]
    driver: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawRestartPolicy {
    #[serde(deserialize_with = "or_default")]
    name: String,
    maximum_retry_count: Option<i64>,
}

/// Reads `null` as the default value: some engines write `null` where others omit a field.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Parses the response of `GET /containers/{id}/json`.
pub(super) fn read(json: &[u8], is_podman: bool) -> Result<ContainerRecord, serde_json::Error> {
    let inspection: Inspection = serde_json::from_slice(json)?;
    let config: ConfigFacts = serde_json::from_value(inspection.config.clone())?;
    let raw: RawConfig = serde_json::from_value(inspection.config)?;
    let (state, host) = (inspection.state, inspection.host_config);
    let positive = |value: Option<i64>| {
        value.and_then(|value| u64::try_from(value).ok()).filter(|&value| value > 0)
    };
    let ports = ports(&inspection.network_settings.ports);
    let facts = ContainerFacts {
        name: inspection.name.trim_start_matches('/').to_owned(),
        state: State {
            phase: phase(&state.status),
            exit_code: state.exit_code,
            error: state.error,
            oom_killed: state.oom_killed,
            started_at: time(&state.started_at),
            finished_at: time(&state.finished_at),
        },
        restarts: Restarts {
            count: inspection.restart_count,
            policy: host.restart_policy.name,
            at_most: positive(host.restart_policy.maximum_retry_count),
        },
        mounts: mounts::of(&inspection.mounts, &host.mounts, &host.tmpfs, is_podman),
        health: state.health.filter(|health| !matches!(health.status.as_str(), "" | "none")).map(
            |health| Health {
                status: health.status,
                failing_streak: health.failing_streak,
                log: health
                    .log
                    .into_iter()
                    .map(|probe| Probe { exit_code: probe.exit_code, output: probe.output })
                    .collect(),
            },
        ),
        limits: Limits {
            memory: positive(host.memory),
            pids: positive(host.pids_limit),
            user_processes: positive(soft_limit(&host.ulimits, "nproc")),
            cpu_seconds: positive(soft_limit(&host.ulimits, "cpu")),
        },
        options: Options {
            init: host.init.unwrap_or_default(),
            read_only: host.readonly_rootfs,
            pid_mode: host.pid_mode,
            pid_owner: None,
            network_mode: host.network_mode,
            networks: networks(inspection.network_settings.networks),
            ipc_mode: host.ipc_mode,
            log_driver: host.log_config.driver,
            stop_timeout: raw.stop_timeout.and_then(|seconds| u64::try_from(seconds).ok()),
        },
        ..ContainerFacts::default()
    };
    Ok(ContainerRecord {
        id: inspection.id,
        control_group_parent: host.cgroup_parent,
        image: raw.image,
        image_id: inspection.image,
        labels: raw.labels,
        tty: raw.tty,
        created_at: time(&inspection.created),
        config,
        ports,
        bounding_set: capability::bounding_set(host.privileged, &host.cap_add, &host.cap_drop),
        facts,
    })
}

/// Returns the name and id of each network.
fn networks(networks: BTreeMap<String, Option<RawNetwork>>) -> Vec<(String, String)> {
    networks.into_iter().map(|(name, network)| (name, network.unwrap_or_default().id)).collect()
}

/// Returns each port as docker writes it, in the order of their numbers.
fn ports(ports: &BTreeMap<String, Option<Vec<RawPort>>>) -> Vec<String> {
    let number = |port: &str| port.split('/').next().and_then(|number| number.parse::<u16>().ok());
    let mut ports: Vec<_> = ports.iter().collect();
    ports.sort_by_key(|(port, _)| number(port));
    let published = ports.into_iter().flat_map(|(port, places)| {
        let places: Vec<String> =
            places.iter().flatten().map(|place| written(port, place)).collect();
        if places.is_empty() { vec![port.clone()] } else { places }
    });
    published.collect()
}

fn written(port: &str, RawPort { host_ip, host_port }: &RawPort) -> String {
    // Podman leaves the address out that stands for all.
    let host = if host_ip.is_empty() { "0.0.0.0" } else { host_ip };
    if host.contains(':') {
        format!("[{host}]:{host_port}->{port}")
    } else {
        format!("{host}:{host_port}->{port}")
    }
}

/// Parses a state, in the spelling of Docker or Podman.
fn phase(word: &str) -> Phase {
    match word {
        "running" | "stopping" => Phase::Running,
        "paused" => Phase::Paused,
        "restarting" => Phase::Restarting,
        "removing" => Phase::Removing,
        "exited" | "stopped" => Phase::Exited,
        "dead" => Phase::Dead,
        _ => Phase::Created,
    }
}

/// Parses a time in RFC 3339. For an absent time, engines write year 1.
pub(super) fn time(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok().filter(|&nanoseconds| nanoseconds > 0)
}

/// Returns the soft limit of this name.
fn soft_limit(limits: &[RawUlimit], name: &str) -> Option<i64> {
    let is_wanted =
        |limit: &&RawUlimit| limit.name.trim_start_matches("RLIMIT_").eq_ignore_ascii_case(name);
    limits.iter().find(is_wanted).map(|limit| limit.soft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_writes_is_read() {
        let json = br#"{
            "Id": "abc", "Name": "/web", "Created": "2026-11-23T08:00:00.5Z", "Image": "sha256:1", "RestartCount": 2,
            "State": {"Status": "exited", "ExitCode": 137, "Error": "", "OOMKilled": true,
                "StartedAt": "2026-11-23T08:00:01Z", "FinishedAt": "0001-01-01T00:00:00Z",
                "Health": {"Status": "unhealthy", "FailingStreak": 4, "Log": [{"ExitCode": -1, "Output": "x"}]}},
            "Config": {"Image": "shop/app:1", "Entrypoint": ["/app"], "Cmd": null, "Env": null, "User": "1000",
                "Tty": true, "StopTimeout": 3, "StopSignal": "SIGINT", "Labels": {"a": "b"}},
            "HostConfig": {"Memory": 16777216, "PidsLimit": -1, "Init": null, "ReadonlyRootfs": true, "CapDrop": ["ALL"],
                "CapAdd": ["CAP_CHOWN"], "LogConfig": {"Type": "none"}, "RestartPolicy": {"Name": "always"}},
            "NetworkSettings": {"Ports": {"443/tcp": null, "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"},
                {"HostIp": "::", "HostPort": "8080"}]}, "Networks": {"shop": {"NetworkID": "0dcf"}, "odd": null}}
        }"#;
        let record = read(json, false).unwrap();
        let facts = &record.facts;
        assert_eq!(
            (facts.name.as_str(), facts.state.phase, facts.state.exit_code),
            ("web", Phase::Exited, 137)
        );
        assert!(facts.state.oom_killed && facts.state.finished_at.is_none() && record.tty);
        assert_eq!(facts.state.started_at, Some(1_795_420_801_000_000_000));
        assert_eq!((facts.limits.memory, facts.limits.pids), (Some(16 << 20), None));
        assert_eq!((facts.restarts.count, facts.restarts.policy.as_str()), (2, "always"));
        let health = facts.health.as_ref().unwrap();
        assert_eq!(
            (health.status.as_str(), health.failing_streak, health.log[0].exit_code),
            ("unhealthy", 4, -1)
        );
        assert_eq!(
            (facts.options.stop_timeout, facts.options.log_driver.as_str()),
            (Some(3), "none")
        );
        assert_eq!(
            (record.config.user.as_str(), record.config.stop_signal.as_str()),
            ("1000", "SIGINT")
        );
        assert_eq!(record.bounding_set, 1);
        assert_eq!(record.ports, ["0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp", "443/tcp"]);
        let networks = [("odd".to_owned(), String::new()), ("shop".to_owned(), "0dcf".to_owned())];
        assert_eq!(facts.options.networks, networks);
    }

    #[test]
    fn answers_with_little_in_them_are_read() {
        for json in [&b"{}"[..], br#"{"State": null, "Config": {}, "HostConfig": null}"#] {
            let record = read(json, false);
            assert!(record.is_ok() || json == b"{}", "{record:?}");
        }
        assert!(read(b"7", false).is_err());
    }
}
