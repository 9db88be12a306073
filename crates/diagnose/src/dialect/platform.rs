//! Messages of engines, registries, clusters and Compose for their users. Not searched for in a
//! program's log.

use regex::Captures;

use super::{Meaning, Wording, exits, named, says};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

/// The docker client could not run its credential helper.
pub(super) fn credential_helper(captures: &Captures<'_>) -> Meaning {
    super::explanation(
        Code::ImagePullFailed,
        "the docker client's credential helper[ {p}] is not installed, or it fails",
        "remove credsStore or credHelpers from ~/.docker/config.json, or install the helper; then docker login again",
        false,
        captures,
    )
}

/// Wordings that must be recognized before their last words are taken for something else.
pub(super) const FIRST: &[Wording] = &[
    says!(
        LimitRefused,
        r"write /proc/self/oom_score_adj: permission denied",
        "the runtime may not set the container's --oom-score-adj: the engine has itself a higher one, or is rootless",
        "leave --oom-score-adj out, or ask for a higher value"
    ),
    says!(
        StartFailed,
        r"could not find bridge (?P<p>[\w.-]+)|no such network interface",
        "a network device of the engine is gone[: {p}]",
        "restart the engine, which makes its bridge anew; see what removes it on the host (a network manager)"
    ),
    says!(
        EntrypointMissing,
        r"Container command '(?P<p>[^'\n]+)' not found or does not exist",
        "there is no {p} in the container",
        "see where the program really is: scratchdbg check; a path on the host does not count"
    ),
    says!(
        StartFailed,
        r#"unable to retrieve OCI runtime error[^\n]*fork/exec (?P<p>\S+): no such file|exec: "(?P<q>containerd-shim[^"\n]*|runc|crun|/\S+/(?:runc|crun))": executable file not found"#,
        "the engine does not have its runtime {p}",
        "install it on the engine's host (packages runc, crun, containerd), where the engine's PATH leads to it"
    ),
    // Seen by the server. In a program's log, only the client's view is searched for.
    says!(
        LoginRefused,
        r#"FATAL: +(?:password authentication failed for user (?P<p>"[^"\n]+")|no pg_hba\.conf entry[^\n]*?user (?P<q>"[^"\n]+")|role (?P<r>"[^"\n]+") does not exist)|Access denied for user (?P<s>'[^'\n]*'@'[^'\n]*')"#,
        "the database refuses the login[ of {p}]",
        "see user, password and database name in the program's environment; a database in a volume keeps the password of its first \
         start, whatever the environment says now"
    ),
    says!(
        LimitRefused,
        r"(?:open|write) /proc/sys/(?P<p>\S+?): no such file or directory",
        "the kernel does not have the sysctl {p} that the container asks for, or not in a container",
        "take it out of --sysctl (Compose: sysctls), see its spelling, or load the kernel module that has it on the host"
    ),
    says!(
        StartFailed,
        r"(?i)(?P<p>unsafe procfs detected[^\n]*|bpf_prog_query[^\n]*|can't get final child's PID from pipe[^\n]*)",
        "the runtime and the host's kernel do not go together: {p}",
        "bring the runtime (runc, crun) and the kernel up to date, also where the engine runs within another container or a machine of \
         old age; dmesg and the engine's own log say more"
    ),
    Wording {
        pattern: r#"(?i)error (?:getting|saving|storing|listing|erasing) credentials(?:[^\n]*?exec: "(?P<p>docker-credential-[^"\n]+)")?"#,
        meaning: credential_helper,
    },
    plain!(OomKilled, r"container init was OOM-killed"),
    says!(
        OomKilled,
        r"killed by the OOM killer|(?:Failed with result|result) '?oom-kill'?|code=oom-kill",
        "the kernel killed a process of it for memory: its control group was at its limit, or the machine had none left",
        "see which: dmesg names the group or says that it was none; raise the limit (--memory, MemoryMax), or make the program use less"
    ),
    // For a control group at its limit, the kernel writes "Memory cgroup out of memory".
    says!(
        OomKilled,
        r"(?m)(?:^|[\s:\]])Out of memory: Kill(?:ed)? process \d+ \((?P<p>[^)\n]*)\)|oom-kill:constraint=CONSTRAINT_(?:NONE|CPUSET|MEMORY_POLICY)[^\n]*?\btask=(?P<q>[^,\n]+)",
        "the kernel killed {p} because the machine had no memory left",
        "see what takes the machine's memory, and limit it (--memory on each container); more memory or swap helps too"
    ),
    says!(
        ImagePullFailed,
        r"(?:response from daemon|failed to pull|error pulling|failed to do request|failed to resolve|pinging container registry|failed to fetch)[^\n]*(?:x509: |certificate signed by unknown|tls: failed to verify)",
        "the engine does not trust the registry's certificate",
        "put the registry's CA at /etc/docker/certs.d/HOST:PORT/ca.crt on the engine's host (containerd: certs.d/HOST/hosts.toml); \
         for a registry of one's own without TLS: insecure-registries"
    ),
    says!(
        ImagePullFailed,
        r"(?i)https://[^\s\x22]*/v2/[^\n]*server gave HTTP response to HTTPS client|(?:registry|manifest|\bpull|\bpush|login|daemon)[^\n]*server gave HTTP response to HTTPS client",
        "the registry speaks plain HTTP, and the engine asks for HTTPS",
        "give the registry a certificate, or name it under insecure-registries in the engine's daemon.json"
    ),
    says!(
        guess ImagePullFailed,
        r"(?m)^(?:http: )?server gave HTTP response to HTTPS client",
        "the other side, a registry as a rule, speaks plain HTTP, and is asked by https://",
        "give the registry a certificate, or name it under insecure-registries in the engine's daemon.json"
    ),
    says!(
        EngineUnreachable,
        r"(?i)permission denied while trying to connect to the docker|got permission denied while trying to connect|dial unix (?P<p>\S*(?:docker|podman|containerd|crio)\S*\.sock): connect: permission denied",
        "this user may not use the engine's socket[ {p}]",
        "use sudo, or have the user added to the docker group (usermod -aG docker USER, then log in again; it is as much as root); \
         or use a rootless engine"
    ),
    says!(
        EngineUnreachable,
        r#"(?i)cannot connect to the docker daemon(?: at (?P<p>\S+?))?\.(?:\s|$)|cannot connect to the docker daemon|dial unix (?P<q>\S*(?:docker|podman|containerd|crio)\S*\.sock): connect: (?:no such file or directory|connection refused)|unable to connect to podman|cannot connect to podman|couldn't connect to docker endpoint|error while fetching server api version|docker_engine: the system cannot find|error during connect|connection to \S+containerd\S+ failed|failed to dial "?(?P<r>\S*(?:docker|podman|containerd|crio)[^\s"]*\.sock)"#,
        "no engine answers[ at {p}]: it does not run, or its socket is somewhere else",
        "start it (systemctl start docker, Docker Desktop, podman system service), and see where it is looked for: docker context ls, \
         DOCKER_HOST"
    ),
    says!(
        ApiVersion,
        r"(?i)client version (?P<p>[\d.]+) is too (?:new|old)[^\n]*|client is newer than server|client and server don't have (?:the )?same version|API version (?P<q>[\d.]+) is (?:too|not supported)",
        "client and engine are of ages too far apart: one does not speak the API version[ {p}] of the other",
        "bring the older one up to date; until then name a version that both know: DOCKER_API_VERSION=1.44 (the message gives the \
         engine's limit)"
    ),
    says!(
        ImageNotFound,
        r#"[Nn]o such image:? ?"?(?P<p>[^\s"]+)?"#,
        "the engine has no image[ {p}]",
        "see what there is: docker images; pull or build it, and see the tag (latest is meant where none is named)"
    ),
    says!(
        ConfigMissing,
        r#"failed to (?:compute cache key|calculate checksum)[^\n]*"(?P<p>[^"\n]+)": not found|COPY failed: [^\n]*?stat (?P<q>[^\s:]+): |ADD failed: [^\n]*?stat (?P<r>[^\s:]+): |failed to read dockerfile: open (?P<s>[^\s:]+): no such file"#,
        "a file that the build needs is not in its context[: {p}]",
        "see the path, which counts from the context's root (the last argument of docker build), and .dockerignore"
    ),
    says!(
        OperationNotPermitted,
        r"violates PodSecurity (?P<p>[^\n]+)|\bis forbidden: (?P<q>User [^\n]+)|cannot (?:stop|kill) container[^\n]*permission denied",
        "the cluster or engine does not permit it[: {p}]",
        "see the rights of the account (kubectl auth can-i), the namespace's Pod Security level and what it asks of the pod; where a \
         container cannot be stopped, AppArmor"
    ),
    // Compose.
    says!(
        RunningUnhealthy,
        r#"dependency failed to start: container (?P<p>\S+) is unhealthy|dependency "?(?P<q>[\w.-]+)"? (?:is unhealthy|failed to become healthy)|\bcontainer (?P<r>\S+) is unhealthy"#,
        "the container[ {p}] that others wait for runs and its health check fails",
        "see what the check says: scratchdbg why NAME"
    ),
    Wording {
        pattern: r#"(?:service|container) "?(?P<p>[\w.-]+)"? (?:didn't complete successfully|did not complete successfully)[:,]? exit(?:ed)?(?: code)?:? (?P<n>\d+)|dependency failed to start: container (?P<q>\S+) exited \((?P<m>\d+)\)"#,
        meaning: |c| {
            let name = named(c, "p").or_else(|| named(c, "q")).unwrap_or_default();
            let exit_code = named(c, "n")
                .or_else(|| named(c, "m"))
                .and_then(|code| code.parse().ok())
                .unwrap_or(1);
            let mut explanation = exits::of_exit_code(exit_code);
            explanation.message =
                format!("{name}, which others wait for, has failed: {}", explanation.message);
            Meaning::Explanation(explanation)
        },
    },
];

pub(super) const WORDINGS: &[Wording] = &[
    // Messages of a network plugin about its own servers are not a registry's.
    says!(
        NetworkMissing,
        r#"plugin type="?(?P<p>[\w.-]+)"? failed"#,
        "the network plugin {p} could not connect the pod",
        "see the network plugin's pods and what they log (kubectl get pods -n kube-system), and /etc/cni/net.d on the node"
    ),
    // Registries.
    says!(
        RegistryRateLimited,
        r"(?i)\btoomanyrequests\b|pull rate limit|(?:registry|pull|push|manifests?|blobs|docker|/v2/)\b[^\n]*\btoo many requests|\b429\b[^\n]*(?:registry|\bpull|manifest)",
        "the registry answers no more pulls for now: its rate limit is reached",
        "log in (docker login), wait, or pull through a mirror or a registry of one's own"
    ),
    says!(
        ImageNameInvalid,
        r#"(?i)invalid reference format(?:: (?P<p>[^\n"]+))?|\bInvalidImageName\b|couldn't parse image (?:reference|name)|repository name (?:\S+ )?must be (?:lowercase|canonical)|invalid repository name|invalid tag format"#,
        "the image's name is not well formed[ ({p})]",
        "NAME[:TAG] in lower case, without spaces; an empty variable in it, or an option behind the image's name, does that too"
    ),
    says!(
        WrongArchitecture,
        r"no matching manifest for (?P<p>[\w./-]+)|no match for platform in manifest|image with reference \S+ was found but (?:its platform|does not (?:match|provide))[^\n]*|no image found in (?:manifest list|image index)",
        "the image is not there for this platform[: {p}]",
        "build or push it for that platform too (docker buildx build --platform …), or name one that is there: --platform linux/amd64"
    ),
    says!(
        ImageNotFound,
        r"pull access denied for (?P<p>[^\s,]+)|manifest (?:for (?P<q>\S+) )?(?:unknown|not found)|repository (?P<r>\S+) not found|\bMANIFEST_UNKNOWN\b|\bNAME_UNKNOWN\b|name unknown|repository does not exist|insufficient_scope: authorization failed|failed to resolve reference[^\n]*: not found|: failed to resolve source metadata[^\n]*not found|short-name [^\n]*did not resolve|\bErrImageNeverPull\b|is not present with pull policy of Never|reading manifest \S+ in \S+: (?:manifest unknown|requested access)",
        "the registry has no such image[: {p}], or shows it only to who is logged in",
        "see the name and the tag (docker.io is meant where no registry is named); docker login for a private one; in Kubernetes \
         imagePullSecrets"
    ),
    says!(
        RegistryDenied,
        r#"(?im)(?:response from daemon|\bpull|\bpush|registry|manifests?\b|/v2/|failed to (?:authorize|resolve|fetch)|error logging in)[^\n]*(?:\bunauthorized: |\bauthentication required|incorrect username or password|unexpected status[^\n]*: ?40[13]|\b40[13] (?:Unauthorized|Forbidden))|(?:^|[:"\]>] ?)unauthorized: (?:authentication required|incorrect username|access (?:to|token)|project|repository|not authorized|unauthorized to|you (?:do|are))|requested access to the resource is denied|no basic auth credentials|(?:^|[:"] ?)denied: (?:access|permission|requested)|response from daemon: denied\b|unexpected status[^\n]*(?:/v2/|/token|manifests|blobs)[^\n]*: ?40[13]"#,
        "the registry refuses: not logged in, or without the right to that repository",
        "docker login HOST with a user or token that may; see the repository's name, and ~/.docker/config.json"
    ),
    says!(
        ImagePullFailed,
        r"(?i)received unexpected HTTP status: (?P<p>[^\n]+)|unexpected status (?:code )?[^\n]*: (?P<q>5\d\d [^\n]+)|failed to (?:pull|resolve) [^\n]*: (?P<r>5\d\d [^\n]+)|filesystem layer verification failed|unexpected commit digest",
        "the registry or what it sent is broken[: {p}]",
        "try again later; a proxy between, or a damaged registry, does that too"
    ),
    // Names of the engine's objects.
    says!(
        NameInUse,
        r#"(?i)(?:container )?name "?/?(?P<p>[\w.-]+)"? is already in use|failed to reserve container name (?P<s>[^:\s]+)|endpoint with name (?P<q>\S+) already exists|network with name (?P<r>\S+) already exists"#,
        "the name[ {p}] is taken by another container or network",
        "remove or rename the other (docker rm NAME, docker rename), or choose another name; for an endpoint that was left behind: \
         docker network disconnect -f NETWORK NAME"
    ),
    // Kubernetes and Compose: missing configuration of a container.
    says!(
        ConfigMissing,
        r#"(?i)(?:secret|configmap) "?(?P<p>[\w.-]+)"? not found|couldn't find key (?P<q>\S+) in (?:Secret|ConfigMap)|references non-existent (?:secret|config) key: (?P<r>\S+)"#,
        "what the container is configured with is not there[: {p}]",
        "make the secret or config map in the container's own namespace, with that name and key; or mark it as optional"
    ),
    says!(
        ConfigMissing,
        r"(?i)env file (?P<p>\S+) not found|docker: open (?P<q>\S+): no such file or directory|no configuration file provided",
        "a file that the container is to be made from is not there[: {p}]",
        "see the path, which is relative to where the command is run (Compose: to the compose file)"
    ),
    says!(
        guess ConfigMissing,
        r"\bCreateContainerConfigError\b",
        "the pod's configuration names something that is not there: a secret, a config map, a key, or a user by name",
        "kubectl describe pod says in its events what it misses"
    ),
    says!(
        NeverStarted,
        r"\bFailedScheduling\b[^\n]*?(?:: (?P<p>\d+/\d+ nodes are available[^\n]*))?$|(?P<q>\d+/\d+ nodes are available: [^\n]*)",
        "no node can take the pod[: {p}]",
        "the reasons are counted in the message: ask for less cpu or memory, tolerate the taints, match a node's labels, or add a node"
    ),
    says!(
        guess NeverStarted,
        r"(?P<p>\bInsufficient (?:cpu|memory|ephemeral-storage|\S+/gpu)\b[^\n]*|node\(s\) had untolerated taint[^\n]*|didn't match Pod's node affinity[^\n]*)",
        "no node can take the pod: {p}",
        "ask for less cpu or memory, tolerate the taints, match a node's labels, or add a node"
    ),
    says!(
        KilledFromOutside,
        r"(?i)\bEvicted\b|node was low on resource: (?P<p>[\w-]+)",
        "the kubelet evicted the pod: its node ran low on a resource[: {p}]",
        "set requests that cover what the pod uses, and look at what fills the node: kubectl describe node"
    ),
    says!(
        MountFailed,
        r#"(?i)Unable to attach or mount volumes|MountVolume\.\w+ failed for volume "(?P<p>[^"\n]+)"|Mounts denied|path (?P<q>\S+) is not shared from the host|invalid (?:volume specification|mount config)[^\n]*|Duplicate mount point: (?P<r>\S+)|persistentvolumeclaim (?P<s>\S+) not found|unbound immediate PersistentVolumeClaims|Multi-Attach error for volume (?P<t>\S+)"#,
        "a volume or mount is refused[: {p}]",
        "see that its source exists, may be shared with the engine (Docker Desktop: file sharing), and that it is written as \
         SOURCE:TARGET"
    ),
    says!(
        RunningUnhealthy,
        r"(?:Liveness|Readiness|Startup) probe failed: (?P<p>[^\n]+)",
        "the container runs and its probe fails[: {p}]",
        "see that the program listens on the probe's port and path, on all addresses, and is given the time it needs to start"
    ),
    says!(
        NetworkMissing,
        r"cni plugin not initialized|cni config uninitialized|network plugin is not ready|failed to set ?up (?:sandbox|pod|network)[^\n]*(?:network|sandbox)[^\n]*",
        "the node's pod network is not there, or not ready",
        "see the network plugin's pods (kubectl get pods -n kube-system) and /etc/cni/net.d on the node"
    ),
    says!(
        StartFailed,
        r"(?i)iptables[^\n]*No chain/target/match by that name",
        "the engine's firewall chains are gone: something else has reloaded the firewall",
        "restart the engine, which makes them anew; and keep firewalld or iptables from flushing them"
    ),
    says!(
        StartFailed,
        r"(?i)(?P<p>failed to (?:create|add|set ?up|move)[^\n]*\bveth[^\n]*|(?:failed to|could not|unable to) \w+ (?:the )?(?:\w+ )?(?:nat|filter|DOCKER\S*) chain[^\n]*|failed to create NAT chain[^\n]*|netavark: [^\n]+|failed to start (?:the )?(?:docker-proxy|userland proxy)[^\n]*)",
        "the engine could not set up the container's network: {p}",
        "see that the host's kernel has the modules for it (veth, bridge, nf_tables, iptable_nat) and that docker-proxy and iptables \
         are installed; restart the engine, which makes its chains anew"
    ),
    says!(
        StartFailed,
        r"(?i)pool overlaps with other one on this address space",
        "the network's addresses overlap with those of another network of the engine",
        "choose another --subnet (Compose: ipam), or remove the other network: docker network ls, docker network inspect"
    ),
    says!(
        StartFailed,
        r"could not find an available, non-overlapping IPv4 address pool|no available (?:IPv4 )?addresses|all predefined address pools have been fully subnetted",
        "the engine has no address left to give to a network or container",
        "remove networks that are not used (docker network prune), or give it larger pools: default-address-pools in daemon.json"
    ),
];
