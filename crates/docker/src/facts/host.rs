//! Facts about the engine's machine.

use std::fs;

use scratchdbg_backend::{ContainerRecord, HostFacts};
use scratchdbg_diagnose::Platform;
use scratchdbg_diagnose::elf::IsaLevel;
use scratchdbg_diagnose::kernel_log::Group;

use super::inspection::time;
use super::kernel_log;
use crate::{Address, Engine, Error};

/// Reports whether the kernel recorded that it killed a process of the container with this full id
/// for lack of memory. Returns `false` if that cannot be seen.
pub(crate) fn saw_memory_kill(host: &HostFacts, id: &str) -> bool {
    let group = Group { id: id.to_owned(), path: None };
    host.is_this_machine && kernel_log::read(&group).is_some_and(|log| !log.memory_kills.is_empty())
}

/// Returns the control group that the engine makes for a container.
pub(super) fn group_of(record: &ContainerRecord, host: &HostFacts, is_podman: bool) -> Group {
    let id = record.id.clone();
    let given = Some(record.control_group_parent.as_str()).filter(|parent| !parent.is_empty());
    let path = host.has_systemd_groups.map(|by_systemd| match (by_systemd, is_podman) {
        (true, false) => format!("{}/docker-{id}.scope", slice(given.unwrap_or("system.slice"))),
        (true, true) => format!("{}/libpod-{id}.scope", slice(given.unwrap_or("machine.slice"))),
        (false, false) => format!("/{}/{id}", given.unwrap_or("docker").trim_matches('/')),
        (false, true) => {
            format!("/{}/libpod-{id}", given.unwrap_or("libpod_parent").trim_matches('/'))
        }
    });
    Group { id, path }
}

/// Returns the path of a slice of systemd: `a-b.slice` is in `a.slice`.
fn slice(name: &str) -> String {
    let name = name.trim_matches('/');
    let Some(stem) = name.strip_suffix(".slice").filter(|stem| !stem.contains('/')) else {
        return format!("/{name}");
    };
    let dashes = stem.match_indices('-').map(|(at, _)| at);
    let mut path = String::new();
    for end in dashes.chain([stem.len()]) {
        path.extend(["/", stem.get(..end).unwrap_or_default(), ".slice"]);
    }
    path
}

/// Returns the end time for a replay of events, by the engine's clock: for a time in its future,
/// the response would wait.
pub(super) fn now(host: &HostFacts) -> String {
    let clock = host
        .clock
        .or_else(|| i64::try_from(jiff::Timestamp::now().as_nanosecond()).ok())
        .unwrap_or_default();
    format!("{}.{:09}", clock / 1_000_000_000, clock % 1_000_000_000)
}

impl Engine {
    /// Requests the facts about the engine's machine.
    pub(crate) async fn host_facts(&self) -> Result<HostFacts, Error> {
        let (info, started) = tokio::join!(self.ask("/info"), self.engine_start());
        let info = info.unwrap_or_default();
        let text = |key: &str| info[key].as_str().unwrap_or_default();
        let platform = match (text("OSType"), text("Architecture")) {
            (os, architecture) if !os.is_empty() && !architecture.is_empty() => {
                Some(Platform::new(os, architecture, None))
            }
            _ => None,
        };
        let here = matches!(self.endpoint().address, Address::Unix(_))
            && is_this_kernel(text("KernelVersion"));
        let cpu = if here { level_of_this_processor() } else { None };
        let clock = time(text("SystemTime"));
        let has_systemd_groups = match text("CgroupDriver") {
            "systemd" => Some(true),
            "cgroupfs" => Some(false),
            _ => None,
        };
        let program = if self.is_podman() { "Podman" } else { "Docker" };
        let version = Some(text("ServerVersion")).filter(|version| !version.is_empty());
        let version = version.map(|version| format!("{program} {version}"));
        Ok(HostFacts {
            platform,
            is_this_machine: here,
            cpu,
            engine_started_at: started,
            clock,
            has_systemd_groups,
            version,
        })
    }

    /// Reports whether the machine that the engine describes is this one.
    pub(crate) fn is_described_by(&self, info: &serde_json::Value) -> bool {
        matches!(self.endpoint().address, Address::Unix(_))
            && is_this_kernel(info["KernelVersion"].as_str().unwrap_or_default())
    }

    /// Returns when the engine started: Docker recreates its default bridge at each start.
    async fn engine_start(&self) -> Option<i64> {
        if self.transport.is_podman() {
            return None;
        }
        time(self.ask("/networks/bridge").await?["Created"].as_str()?)
    }
}

/// Reports whether the kernel is this machine's. An engine in a virtual machine may have a socket
/// on this machine.
fn is_this_kernel(version: &str) -> bool {
    fs::read_to_string("/proc/sys/kernel/osrelease").is_ok_and(|own| own.trim() == version)
}

fn level_of_this_processor() -> Option<IsaLevel> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let flags =
        text.lines().find_map(|line| line.strip_prefix("flags")?.trim_start().strip_prefix(':'))?;
    // The kernel lists `lzcnt` as `abm`, and `xsave` implies OSXSAVE.
    IsaLevel::of_cpu_flags(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_where_the_engine_makes_it() {
        let group = |by_systemd, parent: &str, is_podman| {
            let record = ContainerRecord {
                id: "ab".to_owned(),
                control_group_parent: parent.to_owned(),
                ..ContainerRecord::default()
            };
            let host = HostFacts { has_systemd_groups: by_systemd, ..HostFacts::default() };
            group_of(&record, &host, is_podman).path.unwrap_or_default()
        };
        for (by_systemd, parent, is_podman, path) in [
            (Some(false), "", false, "/docker/ab"),
            (Some(false), "/custom/group", false, "/custom/group/ab"),
            (Some(true), "", false, "/system.slice/docker-ab.scope"),
            (Some(true), "a-b.slice", false, "/a.slice/a-b.slice/docker-ab.scope"),
            (Some(true), "", true, "/machine.slice/libpod-ab.scope"),
            (Some(true), "machine.slice", true, "/machine.slice/libpod-ab.scope"),
            (Some(false), "/libpod_parent", true, "/libpod_parent/libpod-ab"),
            (None, "", false, ""),
        ] {
            assert_eq!(group(by_systemd, parent, is_podman), path);
        }
    }
}
