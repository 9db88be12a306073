//! Messages of Docker, containerd, Podman and the kubelet before or around a start.

use super::{Meaning, Wording, named, says};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

pub(super) const WORDINGS: &[Wording] = &[
    plain!(NoCommand, r"(?i)no command specified"),
    plain!(NoCommand, r"no command or entrypoint provided, and no CMD or ENTRYPOINT from image"),
    plain!(
        UserUnknown,
        r"unable to find user (?P<p>[^:\n]+): (?:no matching entries in passwd file|invalid|stat)"
    ),
    plain!(
        UserUnknown,
        r"[Uu]nable to find group (?P<p>[^:\n]+): no matching entries in group file"
    ),
    plain!(
        UserUnknown,
        r#"(?:unable to find user|can't get uid for user|failed to resolve user|failed to get user) "?(?P<p>[\w.-]+)"?: .*(?:no users found|no such file or directory)"#
    ),
    plain!(UserUnknown, r"mount callback failed on \S+: no users found|no users found$"),
    plain!(UserUnknown, r"no groups found$"),
    plain!(UserUnknown, r"Cannot find User '(?P<p>[^']+)' in passwd file"),
    plain!(UserUnknown, r"linux spec user: unable to find user (?P<p>[^:\n]+):"),
    says!(
        UserUnknown,
        r"uids and gids must be in range (?P<p>\d+-\d+)",
        "the number of the user or group is larger than the engine takes[: it must be in {p}]",
        "name a smaller number: --user 65532:65532, USER 65532:65532 in a Dockerfile"
    ),
    plain!(
        EnvironmentInvalid,
        r#"environment variable name can't be empty(?:: "(?P<p>[^"\n]*)")?"#
    ),
    plain!(EnvironmentInvalid, r"invalid environment variable: (?P<p>=[^\n]*)"),
    plain!(WorkdirNotADirectory, r"Cannot mkdir: (?P<p>\S+) is not a directory"),
    plain!(
        WorkdirNotADirectory,
        r#"chdir to cwd \("(?P<p>[^"\n]+)"\) set in config.json failed: not a directory"#
    ),
    plain!(WorkdirNotADirectory, r"mkdir (?P<p>\S+): not a directory"),
    plain!(WorkdirNotADirectory, r"chdir to `(?P<p>[^`\n]+)`: Not a directory"),
    plain!(
        WorkdirMissing,
        r#"chdir to cwd \("(?P<p>[^"\n]+)"\) set in config.json failed: no such file or directory"#
    ),
    plain!(WorkdirMissing, r"chdir(?: to)? `(?P<p>[^`\n]+)`: No such file or directory"),
    plain!(WorkdirMissing, r#"workdir "(?P<p>[^"\n]+)" does not exist on container"#),
    plain!(
        ParentNotSearchable,
        r#"chdir to cwd \("(?P<p>[^"\n]+)"\) set in config.json failed: permission denied"#
    ),
    // A start that fails because another object is gone.
    says!(
        DeviceMissing,
        r#"error gathering device information while adding custom device "(?P<p>[^"\n]+)": (?:no such file or directory|not a device node)|[Uu]nresolvable CDI devices? (?P<q>\S+)|Error: stat (?P<r>/dev/\S+): no such file or directory|adding (?:linux )?device[^\n]*?: stat (?P<s>/dev/[^\s:]+): no such file"#,
        "the device[ {p}] is not on the engine's host",
        "plug it in, load its driver, or start the container without it (a device is fixed when a container is made: docker rm, \
         and docker run with the right --device); a stable name such as /dev/serial/by-id/… survives replugging"
    ),
    says!(
        DeviceMissing,
        r#"could not select device driver "(?P<p>[^"\n]*)" with capabilities: \[\[gpu[^\n]*|could not select device driver "(?P<q>[^"\n]*)""#,
        "the engine has no driver for the devices that are asked for (--gpus): the NVIDIA container toolkit is not installed, or \
         the engine was not told of it",
        "install nvidia-container-toolkit on the engine's host, run nvidia-ctk runtime configure --runtime=docker, and restart the \
         engine"
    ),
    says!(
        DeviceMissing,
        r"nvidia-container-cli: (?P<p>[^\n]+)|failed to discover GPU[^\n]*|no CUDA-capable device is detected|CUDA driver version is insufficient|unknown or invalid runtime name: nvidia|[Uu]nknown runtime specified nvidia",
        "the GPU or its driver cannot be had on the engine's host[: {p}]",
        "see nvidia-smi on the host first: the driver must be loaded there and be as new as the image's CUDA; then the toolkit: \
         nvidia-ctk runtime configure --runtime=docker, and restart the engine"
    ),
    says!(
        PeerMissing,
        r"(?:cannot join|[Jj]oin(?:ing)?) (?:\w+|the \w+) (?:namespace )?of (?:a )?(?:non running )?container:? ?(?:No such container: )?(?P<p>[\w.-]+)?[^\n]*|cannot join network of a non running container: (?P<q>\S+)|Cannot link to (?:a )?non running container: (?P<r>\S+)|non-shareable IPC",
        "the container[ {p}] whose namespace this one joins does not run, or is gone",
        "start that one first; where it was made anew, this one must be too, since it knows the other by its id: docker compose up \
         --force-recreate"
    ),
    says!(
        NetworkMissing,
        r#"(?i)\bnetwork "?(?P<p>[\w.-]+)"? not found|could not find a network matching network mode (?P<q>\S+)|network (?P<r>\S+) declared as external, but could not be found|no such network(?:$|: ?"?(?P<s>[\w.-]+)?)|unable to find network with name or ID (?P<t>\S+)"#,
        "the network[ {p}] is not there, or not any more",
        "make it (docker network create NAME), then docker network connect it, or make the container anew: one that was made \
         while the old network was there knows it by its id"
    ),
    says!(
        LogDriverFailed,
        r"failed to initialize logging driver: (?P<p>[^\n]+)|error looking up logging plugin (?P<q>[^\n]+)|failed to create logging driver[^\n]*",
        "the container's log driver cannot be started[: {p}]",
        "start what takes the log (fluentd, syslog, …) first; or let the container not depend on it: --log-opt fluentd-async=true, \
         --log-driver local"
    ),
    says!(
        SecurityProfileMissing,
        r#"opening seccomp profile \((?P<p>[^)\n]+)\) failed|[Dd]ecoding seccomp profile failed|loading seccomp profile \((?P<q>[^)\n]+)\) failed|(?i:unable to apply apparmor profile|apparmor failed to apply profile|AppArmor profile "?(?P<r>[\w./-]+)"? (?:specified but )?(?:is )?not (?:loaded|found))|seccomp is not enabled in your kernel|failed to (?:read|load) seccomp profile[^\n]*"#,
        "the container's seccomp or AppArmor profile cannot be had[: {p}]",
        "see the profile's path (seccomp: on the machine of the docker client), or load it into the host's kernel (AppArmor: \
         apparmor_parser -r FILE; docker-default is made anew when the engine starts)"
    ),
    says!(
        LimitRefused,
        r"(?i)(?P<p>range of CPUs is from [^\n]+|requested CPUs are not available[^\n]*|requested memory nodes are not available[^\n]*|minimum memory limit (?:allowed )?(?:is|can)[^\n]*|error setting rlimits?[^\n]*|setrlimit `?\w+`?[^\n]*operation not permitted|invalid hugetlb[^\n]*|minimum memoryswap[^\n]*|sysctl \x22[^\n]+\x22 (?:is )?not allowed[^\n]*|cgroup-parent for systemd[^\n]*|the requested cgroup controller [^\n]+ is not available|your kernel does not support [^\n]*(?:capabilit|limit|cgroup)[^\n]*)",
        "a limit that the container asks for is refused: {p}",
        "ask for what the host has: --cpus, --cpuset-cpus, --memory, --ulimit (no more than the engine's own limits)"
    ),
    says!(
        LimitRefused,
        r"(?i)(?P<p>devices cgroup isn't mounted|sd-bus call: [^\n]+|exceeded quota: [^\n]+|cgroups in hybrid mode not supported|cgroups?: cgroup mountpoint does not exist|(?:failed to (?:write|create|apply|set ?up|initialize|find)|unable to (?:apply|start|create)|cannot (?:enter|create|set))[^\n]*\bcgroups?[^\n]*|writing? (?:file )?`?\S*/?cgroup\S*[^\n]*: (?:no such file|permission denied|invalid argument|device or resource busy)[^\n]*)",
        "the runtime could not set up the container's control group: {p}",
        "see that the host's cgroups are mounted and of the kind that the engine is set to (native.cgroupdriver, systemd or cgroupfs), \
         and that the limit is one that this kernel knows"
    ),
    says!(
        LimitRefused,
        r"write (?:sysctl key (?P<p>[\w./-]+)|/proc/sys/(?P<q>[\w./-]+)): invalid argument",
        "the kernel does not take the value that the container gives the sysctl[ {p}]",
        "correct the value in --sysctl (Compose: sysctls); on the host, sysctl NAME shows what one looks like"
    ),
    says!(
        ConfigInvalid,
        r"sethostname: (?P<p>[Ii]nvalid argument|[Ff]ile name too long)",
        "the container's hostname is longer than the 64 bytes that the kernel takes",
        "give it a shorter one: --hostname (Compose: hostname)"
    ),
    says!(
        ConfigInvalid,
        r"user specified IP address is supported (?P<p>on user defined networks only|only when connecting to networks with user configured subnets|on user configured subnets only)",
        "the container asks for a fixed IP address on a network that has none to give: it is supported {p}",
        "make a network with a subnet (docker network create --subnet 10.10.0.0/24 NAME) and use it: --network NAME --ip …; or leave \
         out --ip (Compose: ipv4_address)"
    ),
    says!(
        ConfigInvalid,
        r#"invalid tmpfs option \["?(?P<p>[^\]"\n]*)"#,
        "the tmpfs has an option that the engine does not know: {p}",
        "correct --tmpfs PLACE:OPTIONS; known are those of mount(8), such as size=64m, mode=1777, exec"
    ),
    says!(
        MountFailed,
        r"path (?P<p>/[^\n]*?) is mounted on /[^\n]* but it is not a shared (?:or slave )?mount",
        "{p} is to be mounted with a propagation that it does not have on the engine's host",
        "leave out bind-propagation (:shared, :rshared, :rslave), or make the host's mount shared: mount --make-rshared PLACE"
    ),
    says!(
        OperationNotPermitted,
        r"unable to apply (?P<p>caps|bounding set)[^\n]*: operation not permitted",
        "the engine cannot give the container the capabilities that it asks for: it does not have all of them itself",
        "leave out --privileged or the --cap-add of what the engine lacks (CapBnd in /proc/PID/status of the engine); an engine that \
         runs in a container needs them first"
    ),
    says!(
        ConfigInvalid,
        r"(?:userland proxy|external connectivity)[^\n]*?(?:tcp|udp)[46]? (?P<p>\S+): bind: cannot assign requested address",
        "a port is to be published at {p}, an address that the engine's host does not have",
        "publish it at an address of the host, or at all of them: -p 8080:80; see ip address on the host"
    ),
    says!(
        StartFailed,
        r"(?m)(?:^|response from daemon: |failed to set up container networking: )Address already in use$|Address already in use: container",
        "the container's fixed IP address is taken by another container",
        "docker network inspect NETWORK says by which; give one of them another address, or none (--ip)"
    ),
    says!(
        StartFailed,
        r"(?i)unknown (?:or invalid )?runtime(?: specified| name)?:? ?(?P<p>[\w.-]+)|default OCI runtime \S+ not found",
        "the engine does not have the container's runtime[ {p}]",
        "install it and name it under runtimes in the engine's daemon.json, or make the container without --runtime"
    ),
    plain!(MountFailed, r"error looking up volume plugin (?P<p>[^\n:]+)"),
    plain!(MountFailed, r#"\bplugin "?(?P<p>[\w./:-]+)"? not found"#),
    plain!(MountFailed, r"failed to mount local volume: mount (?P<p>[^,\n]*?):/[^:,\n]*(?:,|: )"),
    plain!(MountFailed, r"stat (?P<p>/[^:\n]+/_data): no such file"),
    plain!(MountFailed, r"crun: cannot stat `(?P<p>[^`\n]+)`: No such file"),
    says!(
        StartFailed,
        r#"could not find "?(?P<p>pasta|slirp4netns|netavark|aardvark-dns|conmon|fuse-overlayfs)"?"#,
        "the engine lacks a helper program of its own[: {p}]",
        "install it on the engine's host (packages passt, slirp4netns, netavark, aardvark-dns, conmon, fuse-overlayfs)"
    ),
    plain!(MountFailed, r#"mounting "(?P<p>[^"\n]+)" to rootfs"#),
    plain!(MountFailed, r"bind source path does not exist: (?P<p>[^\n]+)"),
    plain!(MountFailed, r"error while creating mount source path '(?P<p>[^'\n]+)'"),
    // Docker adds "Are you trying to mount a directory onto a file" to every "not a directory", so
    // that text alone means nothing.
    plain!(MountFailed, r"Error: statfs (?P<p>[^:\n]+): no such file or directory"),
    plain!(MountFailed, r"mount `(?P<p>[^`\n]+)` to `[^`\n]+`: "),
    plain!(MountFailed, r#"MountVolume\.SetUp failed for volume "(?P<p>[^"\n]+)""#),
    plain!(MountFailed, r"error while mounting volume '(?P<p>[^'\n]+)'"),
    plain!(PortInUse, r"Bind for (?P<p>\S+) failed: port is already allocated"),
    plain!(
        PortInUse,
        r"(?:listen|bind)(?: on)?:? ?(?:tcp|udp)[46]? (?P<p>\S+): bind: address already in use"
    ),
    plain!(PortInUse, r"(?:exposing port \w+|rootlessport) (?P<p>\S+).*address already in use"),
    plain!(Paused, r"[Cc]ontainer (?P<p>\S+) is paused"),
    plain!(Paused, r"cannot exec in a paused (?:container|state)"),
    plain!(NotRunning, r"[Cc]ontainer (?P<p>\S+) is not running"),
    plain!(NotRunning, r"can only create exec sessions on running containers"),
    plain!(NotRunning, r"cannot exec in a stopped container"),
    // A shim of containerd whose container has just ended.
    plain!(NotRunning, r"cannot exec in a (?:stopped|deleted) state"),
    plain!(NotRunning, r"cannot exec (?:in|a) container that (?:is not running|has stopped)"),
    plain!(Removed, r"No such container: (?P<p>\S+)"),
    plain!(Removed, r#"no container with name or ID "(?P<p>[^"\n]+)" found"#),
    plain!(Removed, r"No such (?:object|image): (?P<p>\S+)"),
    plain!(DuplicatePath, r"duplicates of file paths not supported"),
    plain!(WrongArchitecture, r"image's platform \((?P<p>[^)\n]+)\) does not match"),
    plain!(
        WrongArchitecture,
        r"image platform \((?P<p>[^)\n]+)\) does not match the expected platform"
    ),
    plain!(WrongArchitecture, r"no matching manifest for (?P<p>\S+) in the manifest list"),
    plain!(
        WrongArchitecture,
        r#"choosing image instance: no image found in (?:manifest list|image index) for architecture "?(?P<p>\w+)"#
    ),
    plain!(
        OomKilled,
        r"[Mm]emory cgroup out of memory: Kill(?:ed)? process \d+ \((?P<p>[^)\n]*)\)"
    ),
    // Does not match the `"OOMKilled": false` of an inspection.
    plain!(
        OomKilled,
        r#"(?m)\bOOMKilled\b["']?\s*[:=]\s*["']?true|[:=]\s*["']OOMKilled["']|\bOOMKilled\b(?:[^"'\w:=\s]|[ \t]+[^:=\s]|\s*$)"#
    ),
    plain!(CrashLoop, r"CrashLoopBackOff"),
    plain!(CrashLoop, r"\bRestarting \(\d+\)|is restarting, wait until the container is running"),
    plain!(Removed, r"[Cc]ontainer (?P<p>\S+)? ?is marked for removal"),
    plain!(CrashLoop, r"[Bb]ack-off (?:\S+ )?restarting failed container"),
    plain!(HealthcheckNeedsShell, r"executing health check command .*/bin/sh.*: no such file"),
];
