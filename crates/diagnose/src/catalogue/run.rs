//! Codes of containers: how they ended, or how they are.

use super::Entry;
use crate::code::Code;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::OomKilled,
        shows: "Exit code 137 and `OOMKilled: true`; or false, where the engine missed it and the kernel's log has it: of a \
                program that is killed right after its start the engine does not hear.",
        fix: "A higher `--memory`, or less use: `GOMEMLIMIT`, `-Xmx`.",
        reproduce: "docker run --name web --memory 16m IMAGE; scratchdbg why web   # of a program that takes more",
    },
    Entry {
        code: Code::ChildOomKilled,
        shows: "`OOMKilled: true` with exit code 0 or one of the program's own: a child was killed, the program went on.",
        fix: "As for `oom-killed`; and see what the program does when a child of it dies.",
        reproduce: "docker run --name web --memory 16m busybox sh -c 'sh -c \"x=$(yes | head -c 64m)\"; exit 0'; scratchdbg why web",
    },
    Entry {
        code: Code::KilledFromOutside,
        shows: "Exit code 137 without a stop signal and without a lack of memory. Without an event, it may also be a limit of \
                CPU time, the code of a child that the program passed on, or, where an init process is PID 1, a process of \
                the container.",
        fix: "`docker kill` or an API client is in the events; else look at the host: `dmesg` (which `why` has looked into \
              where it may), the engine's log.",
        reproduce: "docker kill web; scratchdbg why web",
    },
    Entry {
        code: Code::StopSignalIgnored,
        shows: "`docker stop` takes 10 s and the exit code is 137: as PID 1 a program has no default action for SIGTERM.",
        fix: "Handle the signal, or `--init`, or `STOPSIGNAL`.",
        reproduce: "docker run -d --name web busybox sleep 1000; docker stop web; scratchdbg why web",
    },
    Entry {
        code: Code::SegfaultOrAbort,
        shows: "Exit code 139: a segmentation fault, or `abort()` in PID 1, where the kernel drops the SIGABRT.",
        fix: "`--init` tells them apart (134 is an abort); a core dump says from where.",
        reproduce: "docker run --name web busybox sh -c 'kill -SEGV $$'; scratchdbg why web",
    },
    Entry {
        code: Code::Aborted,
        shows: "Exit code 134, or 139 with `Assertion … failed`, `terminate called`, `has overflowed its stack` in the log.",
        fix: "The last log lines say why.",
        reproduce: "docker run --init --name web busybox sh -c 'kill -ABRT $$'; scratchdbg why web",
    },
    Entry {
        code: Code::IllegalInstruction,
        shows: "Exit code 132.",
        fix: "Build for the baseline of the architecture; a deliberate trap is a bug that the compiler turned into one.",
        reproduce: "docker run --init --name web busybox sh -c 'kill -ILL $$'; scratchdbg why web",
    },
    Entry {
        code: Code::ForbiddenSyscall,
        shows: "Exit code 159 (SIGSYS).",
        fix: "The audit log names the call; allow it in a profile of your own.",
        reproduce: "docker run --init --name web busybox sh -c 'kill -SYS $$'; scratchdbg why web",
    },
    Entry {
        code: Code::KilledBySignal,
        shows: "Exit code 128 and a signal's number.",
        fix: "Its last log lines.",
        reproduce: "docker run --init --name web busybox sh -c 'kill -FPE $$'; scratchdbg why web",
    },
    Entry {
        code: Code::RustPanic,
        shows: "Exit code 101 and `thread 'main' panicked at src/main.rs:2:5:`.",
        fix: "`RUST_BACKTRACE=1` says from where.",
        reproduce: "scratchdbg why --message \"thread 'main' panicked at src/main.rs:2:5:\"",
    },
    Entry {
        code: Code::GoPanic,
        shows: "Exit code 2 and `panic: …` or `fatal error: …` with the goroutines.",
        fix: "The first goroutine of the trace says where.",
        reproduce: "scratchdbg why --message 'panic: runtime error: index out of range [1] with length 1'",
    },
    Entry {
        code: Code::ReadOnlyFilesystem,
        shows: "`open /data/state.db: read-only file system` under `--read-only`.",
        fix: "A volume or tmpfs where it writes.",
        reproduce: "docker run --name web --read-only busybox touch /x; scratchdbg why web",
    },
    Entry {
        code: Code::PortInUse,
        shows: "`port is already allocated` from the engine, `address already in use` from the program.",
        fix: "Stop what holds the port, or use another.",
        reproduce: "docker run -d -p 80:80 IMAGE; docker run -p 80:80 IMAGE",
    },
    Entry {
        code: Code::ProcessLimit,
        shows: "`fork: Resource temporarily unavailable`, `failed to spawn thread`, `pthread_create failed`; health checks that cannot be started.",
        fix: "`--ulimit nproc` (all containers of one uid count together), `--pids-limit`; `--init` against zombies.",
        reproduce: "docker run --rm --user 4242 --ulimit nproc=1 busybox sh -c 'ls | wc'",
    },
    Entry {
        code: Code::FileLimit,
        shows: "`Too many open files`, `EMFILE`; `inotify … no space left on device`.",
        fix: "`--ulimit nofile`, or close files; for watches `fs.inotify.max_user_watches` on the host.",
        reproduce: "scratchdbg why --message 'accept4: too many open files'",
    },
    Entry {
        code: Code::NoSpace,
        shows: "`No space left on device`, `ENOSPC`, `Disk quota exceeded`.",
        fix: "`df -h`, `df -i`, `docker system df`; a larger tmpfs or `--shm-size`.",
        reproduce: "docker run --name web --tmpfs /data:size=4k busybox dd if=/dev/zero of=/data/x bs=1k count=9; scratchdbg why web",
    },
    Entry {
        code: Code::OutOfMemory,
        shows: "`Cannot allocate memory`, `JavaScript heap out of memory`, `java.lang.OutOfMemoryError`, `MemoryError`.",
        fix: "A larger heap, limit or machine; or find the leak.",
        reproduce: "scratchdbg why --message 'java.lang.OutOfMemoryError: Java heap space'",
    },
    Entry {
        code: Code::PathNotPermitted,
        shows: "`open /data/x: permission denied`, `EACCES: permission denied, open '/data/x'`.",
        fix: "Give the path to the user that runs the program, or run it as the owner.",
        reproduce: "docker run --name web --user 4242 busybox mkdir /data; scratchdbg why web",
    },
    Entry {
        code: Code::OperationNotPermitted,
        shows: "`Operation not permitted`, `EPERM`.",
        fix: "`--cap-add` what is needed, or a seccomp profile that allows it.",
        reproduce: "docker run --name web --user 4242 busybox chown 0 /bin/sh; scratchdbg why web",
    },
    Entry {
        code: Code::PortNotPermitted,
        shows: "`listen tcp :80: bind: permission denied`.",
        fix: "A port above 1023, published as the lower one; or `--cap-add NET_BIND_SERVICE`.",
        reproduce: "scratchdbg why --message 'listen tcp :80: bind: permission denied'",
    },
    Entry {
        code: Code::NameNotResolved,
        shows: "`no such host`, `Temporary failure in name resolution`, `getaddrinfo ENOTFOUND`.",
        fix: "A network of one's own for names of containers; `--dns`.",
        reproduce: "docker run --name web busybox wget http://nowhere.invalid; scratchdbg why web",
    },
    Entry {
        code: Code::ConnectionRefused,
        shows: "`connection refused`, `ECONNREFUSED`.",
        fix: "See that the other side listens; in a container localhost is the container itself.",
        reproduce: "scratchdbg why --message 'dial tcp 127.0.0.1:5432: connect: connection refused'",
    },
    Entry {
        code: Code::ConnectionTimedOut,
        shows: "`i/o timeout`, `connection timed out`, `context deadline exceeded`.",
        fix: "See networks, firewalls and proxies on the way.",
        reproduce: "scratchdbg why --message 'dial tcp 192.0.2.1:443: i/o timeout'",
    },
    Entry {
        code: Code::CertificateInvalid,
        shows: "`x509: certificate has expired or is not yet valid`, `certificate is valid for a.example, not b.example`.",
        fix: "Renew it, set the clock, or ask by a name that the certificate has.",
        reproduce: "scratchdbg why --message 'x509: certificate has expired or is not yet valid'",
    },
    Entry {
        code: Code::LoginRefused,
        shows: "`password authentication failed for user`, `Access denied for user`, `NOAUTH`, `WRONGPASS`.",
        fix: "See user and password; a database in a volume keeps those of its first start.",
        reproduce: "scratchdbg why --message 'pq: password authentication failed for user \"app\"'",
    },
    Entry {
        code: Code::DataUnusable,
        shows: "`database files are incompatible with server`, `could not locate a valid checkpoint record`.",
        fix: "The version that made the data, a dump and restore, or a backup; without data to keep, a new volume.",
        reproduce: "scratchdbg why --message 'FATAL:  database files are incompatible with server'",
    },
    Entry {
        code: Code::DataInUse,
        shows: "`lock file \"postmaster.pid\" already exists`, `Unable to lock ./ibdata1`, `database is locked`.",
        fix: "Stop the other container on the same volume.",
        reproduce: "scratchdbg why --message 'sqlite3.OperationalError: database is locked'",
    },
    Entry {
        code: Code::AppExit,
        shows: "An exit code of the program's own.",
        fix: "Read what it said: `scratchdbg logs`.",
        reproduce: "docker run --name web busybox sh -c 'exit 42'; scratchdbg why web",
    },
    Entry {
        code: Code::Stopped,
        shows: "The program got its stop signal and ended.",
        fix: "Nothing is wrong.",
        reproduce: "docker run -d --name web --init busybox sleep 1000; docker stop web; scratchdbg why web",
    },
    Entry {
        code: Code::CrashLoop,
        shows: "Status `restarting`, a restart count that grows; `CrashLoopBackOff` in Kubernetes.",
        fix: "Each run's end: `scratchdbg logs --run all`; hold it still with `docker update --restart no`.",
        reproduce: "docker run -d --name web --restart always busybox false; sleep 5; scratchdbg why web",
    },
    Entry {
        code: Code::RestartedAfterSuccess,
        shows: "Status `restarting`, or `running` for a moment, with exit code 0 each time and the policy `always` or `unless-stopped`.",
        fix: "`--restart on-failure` or `no` for a program that is meant to end; or keep it in the foreground: one that becomes a daemon ends as PID 1.",
        reproduce: "docker run -d --name web --restart always busybox true; sleep 5; scratchdbg why web",
    },
    Entry {
        code: Code::DaemonRestarted,
        shows: "Exit code 255 and an end at about the time at which the engine was started.",
        fix: "Start it again; a restart policy or live-restore keeps it up.",
        reproduce: "docker run -d --name web IMAGE; sudo kill -9 $(pidof dockerd containerd-shim-runc-v2); sudo systemctl start docker; scratchdbg why web",
    },
    Entry {
        code: Code::Paused,
        shows: "`Container web is paused, unpause the container before exec`.",
        fix: "`docker unpause`, or `scratchdbg attach --mode sidecar`.",
        reproduce: "docker pause web; scratchdbg why web",
    },
    Entry {
        code: Code::NotRunning,
        shows: "`Container web is not running`.",
        fix: "`scratchdbg why` says what it died of; `scratchdbg attach --mode copy` opens a copy.",
        reproduce: "docker stop web; docker exec web sh",
    },
    Entry {
        code: Code::Removed,
        shows: "`No such container: web`.",
        fix: "Start it without `--rm` to keep it when it ends.",
        reproduce: "docker run --rm --name web busybox sh -c 'exit 7'; scratchdbg why web",
    },
    Entry {
        code: Code::RunningUnhealthy,
        shows: "Status `running (unhealthy)`.",
        fix: "Run the check by hand: `scratchdbg attach`.",
        reproduce: "docker run -d --name web --health-cmd false --health-interval 1s busybox sleep 1000; sleep 5; scratchdbg why web",
    },
    Entry {
        code: Code::Zombies,
        shows: "Processes in state `Z` that `docker top` does not show; in the end `fork: Resource temporarily unavailable`.",
        fix: "`--init`, or wait for children in the program.",
        reproduce: "docker run -d --name web busybox sh -c 'sleep 1 & exec sleep 1000'; sleep 2; scratchdbg why web",
    },
    Entry {
        code: Code::NearLimit,
        shows: "Memory or processes at 90 % of their limit or more.",
        fix: "`docker update --memory` or `--pids-limit`, or less use.",
        reproduce: "docker run -d --name web --pids-limit 2 busybox sh -c 'sleep 1000 & wait'; scratchdbg why web",
    },
    Entry {
        code: Code::Running,
        shows: "The container runs, and nothing is known against it.",
        fix: "Nothing is wrong.",
        reproduce: "docker run -d --name web busybox sleep 1000; scratchdbg why web",
    },
];
