//! Facts about the engine's machine.

use std::fs;

use scratchdbg_backend::HostFacts;
use scratchdbg_diagnose::Platform;
use scratchdbg_diagnose::elf::IsaLevel;

use super::inspection::time;
use super::kernel_log;
use crate::{Address, Engine, Error};

/// Reports whether the kernel recorded that it killed a process of the container with this full id
/// for lack of memory. Returns `false` if that cannot be seen.
pub(crate) fn saw_memory_kill(host: &HostFacts, id: &str) -> bool {
    host.is_this_machine && kernel_log::read(id).is_some_and(|log| !log.memory_kills.is_empty())
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
        Ok(HostFacts { platform, is_this_machine: here, cpu, engine_started_at: started, clock })
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
