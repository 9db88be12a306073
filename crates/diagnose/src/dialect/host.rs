//! Messages of the host's kernel, systemd and drivers: in a journal, in the kernel's log, or passed
//! on by a program.

use super::{Meaning, Wording, named, says};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

/// Found in a journal or the kernel's log. A container's program does not write these.
pub(super) const JOURNAL: &[Wording] = &[
    says!(
        OomKilled,
        r"\boom-kill:constraint=CONSTRAINT_MEMCG\b[^\n]*?\btask=(?P<p>[^,\n]+)",
        "the kernel killed {p} because its control group was at its memory limit",
        "raise the limit (--memory), or make the program use less: GOMEMLIMIT for Go, -Xmx for Java"
    ),
    says!(
        OomKilled,
        r"(?P<p>\S+) invoked oom-killer: ",
        "{p} asked for memory that was not there, and the kernel killed a process for it: of a control group at its limit, or of the \
         whole machine",
        "the lines that follow say which: oom-kill:constraint=CONSTRAINT_MEMCG is the limit of a group (--memory), CONSTRAINT_NONE the \
         machine's memory"
    ),
    plain!(OomKilled, r"exit code: 137: [^\n]*OOM killed|\bOOM killed$"),
    says!(
        EntrypointMissing,
        r"Failed at step EXEC spawning (?P<p>\S+): No such file or directory|Unable to locate executable '(?P<q>[^'\n]+)'",
        "systemd could not execute the unit's program {p}: it is not there, or its loader or interpreter is missing",
        "see the path in ExecStart; `scratchdbg check` on the file says more"
    ),
    says!(
        NotExecutableMode,
        r"Failed at step EXEC spawning (?P<p>\S+): Permission denied",
        "systemd may not execute the unit's program {p}",
        "give it mode 0755 and see that its disk is not mounted with noexec; SELinux says the same (ausearch -m avc)"
    ),
    says!(
        WorkdirMissing,
        r"Changing to the requested working directory failed: No such file|Failed at step CHDIR spawning",
        "systemd could not change to the unit's working directory",
        "see WorkingDirectory in the unit"
    ),
    says!(
        UserUnknown,
        r"Failed to determine (?:user|group) credentials: No such process|Failed at step (?:USER|GROUP) spawning",
        "systemd does not know the unit's user or group",
        "see User and Group in the unit"
    ),
    says!(
        CrashLoop,
        r"Start request repeated too quickly|Failed with result '?start-limit-hit",
        "the unit ends again and again, and systemd gives up",
        "read what it said last: journalctl -u UNIT; then systemctl reset-failed UNIT"
    ),
    says!(
        StopSignalIgnored,
        r"State '(?:final-|stop-)sig\w+' timed out|State '(?:stop|final)-\w+' timed out\. Killing",
        "the program did not react to its stop signal in time, and systemd killed it",
        "handle SIGTERM in the program, or give it longer: TimeoutStopSec"
    ),
    Wording {
        pattern: r"code=exited, status=(?P<n>\d{1,3})(?:/FAILURE|/n/a|\b[^/])",
        meaning: |c| {
            let code = named(c, "n").and_then(|code| code.parse().ok()).unwrap_or(1);
            Meaning::Explanation(super::exits::of_exit_code(code))
        },
    },
    says!(
        OperationNotPermitted,
        r#"apparmor="DENIED" operation="(?P<p>[^"\n]+)""#,
        "AppArmor forbids what the program does[: {p}]",
        "see the profile that the line names; --security-opt apparmor=unconfined tells whether it is that"
    ),
    says!(
        PathNotPermitted,
        r"avc:\s+denied\s+\{ (?P<p>[^}\n]+?) \} for",
        "SELinux forbids what the program does with a file[: {p}]",
        "a folder that is mounted needs the label of containers: -v SOURCE:TARGET:Z (:z where several share it)"
    ),
    plain!(IllegalInstruction, r"\btrap invalid opcode ip:|traps: \S+ trap invalid opcode"),
    plain!(ForbiddenSyscall, r"type=1326 audit[^\n]*\bsig=31\b"),
    says!(
        ProcessLimit,
        r"cgroup: fork rejected by pids controller",
        "no further process or thread can be started: the container's limit on their number is reached",
        "raise --pids-limit, or find what leaves processes behind (zombies: --init)"
    ),
    says!(
        DeviceMissing,
        r"modprobe: (?:FATAL: Module (?P<p>\S+) not found|can't change directory to '/lib/modules')",
        "the host's kernel has no module[ {p}], or the container does not see the host's modules",
        "load it on the host (modprobe NAME): a container cannot"
    ),
    says!(
        OperationNotPermitted,
        r"System has not been booted with systemd as init system|Failed to connect to bus: (?:No such file|Host is down|No medium found)",
        "systemctl is called where no systemd runs: a container has none",
        "start the program itself in the foreground, one in a container; a unit is no entrypoint"
    ),
];

/// Messages of programs about devices, limits and rights of the host.
pub(super) const WORDINGS: &[Wording] = &[
    says!(
        DeviceMissing,
        r"(?i)failed to initialize NVML: (?P<p>[^\n]+)|Found no NVIDIA driver on your system|no CUDA-capable device|NVIDIA-SMI has failed because it couldn't communicate|(?P<q>CUDA driver version is insufficient[^\n]*)|Could not load dynamic library 'libcuda|libcuda\.so\.1: cannot open shared object|No CUDA GPUs are available",
        "the GPU or its driver cannot be had from within the container[: {p}]",
        "start it with --gpus all (Compose: deploy.resources.reservations.devices); see nvidia-smi on the host: after an update of the \
         driver a reboot, after systemctl daemon-reload a restart of the container"
    ),
    says!(
        DeviceMissing,
        r#"(?i)(?:could not|failed to|cannot|can't|unable to) (?:open|access)(?: port)? ['"]?(?P<p>/dev/[^\s:'",]+)['"]?:[^\n]*no such (?:file|device)|\bopen ['"]?(?P<q>/dev/[^\s:'",]+)['"]?: no such (?:file|device)|ENOENT: no such file or directory, (?:open|access) '(?P<r>/dev/[^'\n]+)'|No such (?:file or directory|device): '(?P<s>/dev/[^'\n]+)'|\[Errno 19\] No such device|\bENODEV\b|cannot open (?P<t>/dev/[^\s:'",]+)"#,
        "the device[ {p}] is not in the container, or not on the host",
        "see it on the host (ls -l /dev/…), load its driver, and give it to the container: --device /dev/NAME"
    ),
    says!(
        FileLimit,
        r"user limit \(\d+\) on the number of inotify instances has been reached",
        "the user's limit on inotify watches or instances is reached, which the whole host shares",
        "raise it on the host: sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024"
    ),
    says!(
        LimitRefused,
        r"(?P<p>vm\.max_map_count \[\d+\] is too low|max (?:file descriptors|number of threads) \[\d+\][^\n]* is too low|memory locking requested for[^\n]*but memory is not locked)",
        "the program asks for a higher limit than the container or host gives: {p}",
        "sysctl -w vm.max_map_count=262144 on the host; --ulimit nofile=65536:65536, --ulimit memlock=-1:-1 for the container"
    ),
    says!(
        ProcessLimit,
        r"\[Errno 11\] Resource temporarily unavailable: fork",
        "no further process or thread can be started: a limit on their number is reached",
        "raise --pids-limit or --ulimit nproc, or find what leaves processes behind (zombies: --init)"
    ),
    says!(
        OutOfMemory,
        r"(?i)CUDA (?:error: )?out of memory|OutOfMemoryError: CUDA|CUDA_ERROR_OUT_OF_MEMORY|\bcudaErrorMemoryAllocation\b",
        "the GPU has no memory left",
        "use smaller batches, or see what else holds it: nvidia-smi on the host; --memory has no bearing on it"
    ),
    says!(
        OutOfMemory,
        r"ArrayMemoryError: (?P<p>[^\n]+)|System\.OutOfMemoryException\b|workers? (?:are|is) out of shared memory",
        "the program asked for memory and got none[: {p}]",
        "raise the limit (--memory; where it is shared memory, --shm-size or --ipc host), or make the program use less"
    ),
    says!(
        NoSpace,
        r"You don't have enough free space in (?P<p>\S+?)\.?(?:\s|$)|(?:flood stage|high) disk watermark \[[^\]\n]+\] exceeded|insufficient free space for journal files|available disk space of [^\n]*(?:below|less than)",
        "a disk is full, or nearly[: {p}]",
        "see which: df -h and df -i (in the container: scratchdbg attach NAME -- df -h); docker system df tells what the engine holds"
    ),
    says!(
        MountFailed,
        r"(?P<p>mount\.nfs\d?: [^\n]+|mount error\(\d+\): [^\n]+|mount: [^\n]*(?:wrong fs type|unknown filesystem type|special device \S+ does not exist)[^\n]*)|AttachVolume\.Attach failed for volume (?P<q>\x22[^\x22\n]+\x22)|Multi-Attach error for volume (?P<r>\x22[^\x22\n]+\x22)",
        "a mount is refused: {p}",
        "see the server's exports and its rights for this host, the user and password (CIFS), the kind of filesystem and the host's tools \
         for it (nfs-common, cifs-utils)"
    ),
    says!(
        MountFailed,
        r"(?:(?:/[^\s:'’]*|stat|scandir|readdir)['’]?: [Tt]ransport endpoint is not connected|[Ss]tale (?:NFS )?file handle|\bESTALE\b|\bENOTCONN\b[^\n]*(?:stat|open|scandir))",
        "a mount has lost what it shows: its server or its FUSE program is gone, or what was mounted was made anew",
        "mount it again on the host, then restart the container: it keeps the old mount until then"
    ),
    says!(
        OperationNotPermitted,
        r#"(?i)are you root\?\)|\(you must be root\)|^mount: \S+: permission denied|effective uid is not 0, is \S+ on a file system with the 'nosuid' option|"no new privileges" flag is set|insufficient 'lchown'[^\n]*user namespace|must be run as root\b|requires superuser privileges"#,
        "the program asks for rights that it has not: root in a container has few capabilities, and another user none",
        "--user 0 where it needs root, --cap-add NAME for a capability; sudo does not work under no-new-privileges; rootless engines \
         need ranges in /etc/subuid and /etc/subgid"
    ),
];
