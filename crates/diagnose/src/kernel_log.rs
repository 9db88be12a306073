//! Parses the kernel log's records about processes that were killed for lack of memory.
//!
//! An engine learns of a lack of memory on another channel than of the end of a process, and misses
//! it if the program is killed right after its start: `OOMKilled` stays false. The kernel records
//! each such kill with the control group of the process, and every engine names that group by the
//! container's full id.

mod record;

pub use self::record::Group;
use self::record::{Killed, killed};
use crate::container::{KernelLog, MemoryKill, MemoryLimit};

/// The kernel's record of a killed process and the reason (`mm/oom_kill.c`, `dump_oom_victim`;
/// since Linux 5.0).
const KILL: &str = "oom-kill:constraint=";

/// The heading of the list of processes among which the kernel chose (`dump_tasks`).
const LIST: &str = "Tasks state";

/// By how many nanoseconds the log's clock and the engine's may differ initially.
const APART_AT_FIRST: i64 = 2_000_000_000;
/// The log's clock is not corrected by network time: it may drift by one part in this many.
const ACCURACY: i64 = 20_000;

impl KernelLog {
    /// Processes one record of `/dev/kmsg`, which may or may not concern the container. `boot` is
    /// the time of the log clock's zero, in nanoseconds since 1970.
    ///
    /// A record is `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];TEXT`, a newline, and lines for
    /// machines (`Documentation/ABI/testing/dev-kmsg`).
    pub fn add_record(&mut self, record: &str, container: &Group, boot: i64) {
        let Some((priority, microseconds, text)) = split(record) else { return };
        let since_boot = microseconds.saturating_mul(1_000);
        let time = boot.saturating_add(since_boot);
        self.reaches_back_to.get_or_insert(time);
        // A record with another facility was written by a program and may contain anything.
        let is_the_kernels = priority >> 3 == 0;
        if !is_the_kernels {
            return;
        }
        if text.starts_with(LIST) {
            self.listed.clear();
        }
        self.listed.extend(listed(text));
        let told = text.strip_prefix(KILL);
        if let Some(Killed { name: process, pid, limit, is_own }) =
            told.and_then(|told| killed(told, container))
        {
            let uncertainty = since_boot / ACCURACY + APART_AT_FIRST;
            // At the container's own limit, the kernel lists exactly the processes of the
            // container.
            let is_oldest = (limit == MemoryLimit::Container && self.listed.contains(&pid))
                .then(|| self.listed.iter().min() == Some(&pid));
            self.listed.clear();
            self.memory_kills.push(MemoryKill {
                time,
                uncertainty,
                process,
                pid,
                limit,
                is_own,
                is_oldest,
            });
        }
    }
}

/// Returns the process id in a line of the kernel's list: `[   3376]     0  3376      385 …`.
fn listed(text: &str) -> Option<u32> {
    let (number, rest) = text.strip_prefix('[')?.split_once(']')?;
    rest.starts_with(' ').then(|| number.trim_start().parse().ok())?
}

/// Returns priority, microseconds since the start of the machine, and text.
fn split(record: &str) -> Option<(u32, i64, &str)> {
    let (head, text) = record.split_once(';')?;
    let mut head = head.split(',');
    let priority = head.next()?.parse().ok()?;
    let microseconds = head.nth(1)?.parse().ok()?;
    Some((priority, microseconds, text.lines().next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0b876cdcefbbecb64c1d471acbec93539fa119a4b53fd50b507571828ffd8759";
    const BOOT: i64 = 1_800_000_000_000_000_000;

    fn group(id: &str) -> Group {
        Group { id: id.to_owned(), path: Some(format!("/docker/{id}")) }
    }

    fn log(records: &[String]) -> KernelLog {
        let mut log = KernelLog::default();
        for record in records {
            log.add_record(record, &group(ID), BOOT);
        }
        log
    }

    fn kill(constraint: &str, group: &str, task: &str) -> String {
        format!(
            "6,1234,3315949487,-;oom-kill:constraint={constraint},task_memcg={group},task={task},pid=3376,uid=0\n SUBSYSTEM=memory\n"
        )
    }

    #[test]
    fn kills_are_told_with_their_limit() {
        // As Linux 6 writes it, with the groups of Docker on cgroup v1 and v2, Podman and
        // Kubernetes.
        let own = format!(
            "CONSTRAINT_MEMCG,nodemask=(null),cpuset={ID},mems_allowed=0,oom_memcg=/docker/{ID}"
        );
        let scope = format!("/system.slice/docker-{ID}.scope");
        let of_scope =
            format!("CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={scope}");
        let podman = format!("/machine.slice/libpod-{ID}.scope/container");
        let pod = "/kubepods/burstable/pod1234";
        let of_pod =
            format!("CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={pod}");
        let machine = "CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom";
        for (constraint, group, limit) in [
            (own.as_str(), format!("/docker/{ID}"), MemoryLimit::Container),
            (&of_scope, scope.clone(), MemoryLimit::Container),
            (machine, podman, MemoryLimit::Machine),
            (
                &of_pod,
                format!("{pod}/cri-containerd-{ID}.scope"),
                MemoryLimit::Group(pod.to_owned()),
            ),
        ] {
            let log = log(&[kill(constraint, &group, "eat")]);
            let [kill] = log.memory_kills.as_slice() else { panic!("one kill, not {log:?}") };
            assert_eq!((kill.process.as_str(), kill.pid, &kill.limit), ("eat", 3376, &limit));
            assert_eq!(kill.time, BOOT + 3_315_949_487_000);
            assert_eq!(kill.uncertainty, 2_000_000_000 + 3_315_949_487_000 / 20_000);
        }
    }

    #[test]
    fn the_list_before_a_kill_tells_whether_it_was_the_program() {
        let group = format!("/docker/{ID}");
        let own = kill(&format!("CONSTRAINT_MEMCG,oom_memcg={group}"), &group, "eat");
        let list = |numbers: &[u32]| {
            let head = [
                "6,1,1,-;Tasks state (memory values in pages):",
                "6,1,1,-;[  pid  ]   uid  tgid total_vm name",
            ];
            let rows = numbers
                .iter()
                .map(|number| format!("6,1,1,-;[{number:7}]     0 {number:5}      385 eat"));
            head.into_iter().map(ToOwned::to_owned).chain(rows).collect::<Vec<_>>()
        };
        for (numbers, is_oldest) in [
            (&[3376_u32][..], Some(true)),
            (&[3376, 3380], Some(true)),
            (&[3370, 3376], Some(false)),
            (&[], None),
            (&[9], None),
        ] {
            let records: Vec<String> =
                list(&[1]).into_iter().chain(list(numbers)).chain([own.clone()]).collect();
            assert_eq!(log(&records).memory_kills[0].is_oldest, is_oldest, "{numbers:?}");
        }
        // A line with the kernel's own timestamp is not an entry.
        assert_eq!(listed("[12345.678901] x"), None);
    }

    #[test]
    fn what_is_not_the_kernels_word_on_this_container_is_not_taken() {
        let group = format!("/docker/{ID}");
        let own = kill(&format!("CONSTRAINT_MEMCG,oom_memcg={group}"), &group, "eat");
        let other = ID.replace("0b", "0c");
        for record in [
            // Written by a program, through `/dev/kmsg` or the system's logger.
            own.replacen("6,", "14,", 1),
            // A process of another container, killed at this container's limit.
            own.replace(
                &format!("task_memcg=/docker/{ID}"),
                &format!("task_memcg=/docker/{other}"),
            ),
            own.replace("oom-kill:", "systemd[1]: oom-kill:"),
            own.replace(",pid=3376", ",pid=many"),
            own.replace(",pid=3376", ""),
            own.replace(';', ":"),
        ] {
            assert_eq!(log(std::slice::from_ref(&record)).memory_kills, [], "{record}");
        }
        let mut log = KernelLog::default();
        log.add_record(&own, &Group::default(), BOOT);
        assert_eq!(log.memory_kills, [], "no id is no container");
    }

    #[test]
    fn the_first_record_says_how_far_it_reaches_back() {
        assert_eq!(log(&[]).reaches_back_to, None);
        let records = [
            "6,1,250,-;Linux version 6".to_owned(),
            "nothing".to_owned(),
            "6,2,500,-;next".to_owned(),
        ];
        assert_eq!(log(&records).reaches_back_to, Some(BOOT + 250_000));
    }
}
