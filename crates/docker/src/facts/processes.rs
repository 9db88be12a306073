//! The usage and the processes of a running container, without entering it.

use scratchdbg_backend::ContainerRecord;
use scratchdbg_diagnose::container::{Processes, Usage};
use scratchdbg_diagnose::exit_code;
use serde_json::Value;

use crate::Engine;

impl Engine {
    /// Adds memory and processes in use, zombies, and PID 1's signal handlers as `ps` on the host
    /// sees them: `GET /top` passes its column list to `ps`.
    ///
    /// `ps` sees the processes in the container's cgroup, from which the kernel removes a process
    /// when it dies. The cgroup's count decreases when the process is reaped. The difference is the
    /// number of zombies.
    pub(super) async fn running_facts(
        &self,
        record: &ContainerRecord,
    ) -> (Option<Usage>, Option<Processes>) {
        const COLUMNS: &str = "-eLo%20pid,lwp,caught";
        let top = format!("/containers/{}/top?ps_args={COLUMNS}", record.id);
        let before = self.ask(&top).await;
        let stats =
            self.ask(&format!("/containers/{}/stats?stream=false&one-shot=true", record.id)).await;
        let after = self.ask(&top).await;
        let usage = stats.as_ref().and_then(read_usage);
        let stop_signal =
            exit_code::signal_number(&record.config.stop_signal).unwrap_or(exit_code::TERM);
        let processes = match (before, usage, after) {
            (Some(before), Some(usage), Some(after)) => {
                read_processes(&before, usage.pids, &after, stop_signal)
            }
            _ => None,
        };
        (usage, processes)
    }
}

fn read_usage(stats: &Value) -> Option<Usage> {
    let memory = &stats["memory_stats"];
    let used = memory["usage"].as_u64()?;
    // cgroup v1 and v2 use different names; see docker's `calculateMemUsageUnixNoCache`.
    let cache = memory["stats"]["total_inactive_file"]
        .as_u64()
        .or_else(|| memory["stats"]["inactive_file"].as_u64());
    Some(Usage {
        memory: used.saturating_sub(cache.unwrap_or_default()),
        pids: stats["pids_stats"]["current"].as_u64().unwrap_or_default(),
    })
}

/// Reads both lists of processes. The difference is the number of zombies only if no process
/// started or ended between them.
fn read_processes(before: &Value, count: u64, after: &Value, stop_signal: u8) -> Option<Processes> {
    let column = |name: &str| before["Titles"].as_array()?.iter().position(|title| title == name);
    let rows = before["Processes"].as_array()?;
    let still = before["Processes"] == after["Processes"];
    let zombies = if still { count.saturating_sub(rows.len() as u64) } else { 0 };
    // PID 1 of the container is its oldest process, so it has the lowest number on the host unless
    // the numbers wrapped around.
    let (pid, caught) = (column("PID")?, column("CAUGHT")?);
    let number = |row: &&Value| row[pid].as_str().and_then(|pid| pid.parse::<u64>().ok());
    let first = rows.iter().filter(|row| number(row).is_some()).min_by_key(|row| number(row));
    let mask = first.and_then(|row| u64::from_str_radix(row[caught].as_str()?, 16).ok());
    let bit = u32::from(stop_signal).checked_sub(1)?;
    let handles_stop_signal = mask.and_then(|mask| Some(mask.checked_shr(bit)? & 1 == 1));
    Some(Processes { zombies, handles_stop_signal })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn top(rows: &[[&str; 3]]) -> Value {
        json!({"Titles": ["PID", "LWP", "CAUGHT"], "Processes": rows})
    }

    #[test]
    fn zombies_are_what_the_count_has_more() {
        let one = top(&[["900", "900", "0000000000004000"]]);
        let two = top(&[["900", "900", "0000000000000000"], ["1000", "1000", "ffffffffffffffff"]]);
        for (before, count, after, zombies, handles) in [
            (&one, 4, &one, 3, Some(true)),
            (&one, 1, &one, 0, Some(true)),
            (&one, 4, &two, 0, Some(true)),
            (&two, 1, &two, 0, Some(false)),
        ] {
            let processes = read_processes(before, count, after, 15).unwrap();
            assert_eq!((processes.zombies, processes.handles_stop_signal), (zombies, handles));
        }
        let podman = json!({"Titles": ["PID"], "Processes": [["1"]]});
        assert!(read_processes(&podman, 1, &podman, 15).is_none());
    }

    #[test]
    fn the_cache_is_not_in_use() {
        let stats = json!({"pids_stats": {"current": 2}, "memory_stats": {"usage": 100, "stats": {"inactive_file": 30}}});
        let usage = read_usage(&stats).unwrap();
        assert_eq!((usage.memory, usage.pids), (70, 2));
        assert!(read_usage(&json!({})).is_none());
    }
}
