//! Errors of the command lines of docker, Compose, BuildKit and kubectl before anything is started.
//! Not searched for in a program's log.

use super::{Wording, says};
use crate::code::Code;

pub(super) const WORDINGS: &[Wording] = &[
    says!(
        ConfigInvalid,
        r"(?m)(?:^|: )(?P<p>unknown (?:shorthand )?flag: [^\n]+|unknown docker command: [^\n]+|'[^'\n]+' is not a docker command|invalid publish opts format[^\n]*|Invalid (?:containerPort|hostPort|ip address|proto|range format)\b[^\n]*|conflicting options: [^\n]+|flag needs an argument: [^\n]+|flag provided but not defined: [^\n]+|invalid (?:restart policy|logging opt)[^\n]*|bad format for [^\n]+)",
        "the command line is not understood: {p}",
        "see the option's spelling and form (docker run --help); options stand before the image's name, arguments of the program \
         behind it"
    ),
    says!(
        ConfigInvalid,
        r#"(?P<p>invalid argument "[^\n]*" for "[^\n]+" flag(?:: [^\n]+)?)"#,
        "the command line is not understood: {p}",
        "see the option's spelling and form (docker run --help)"
    ),
    says!(
        ConfigInvalid,
        r#"(?P<p>(?:"[^"\n]+" )?includes invalid characters for a local volume name|mount path must be absolute|invalid (?:volume specification|mount config|mode|spec)\b[^\n]*(?:invalid mode|rwx|must be absolute|: invalid volume specification)[^\n]*)"#,
        "the mount is written in a form that is not understood: {p}",
        "write -v SOURCE:TARGET[:ro], with an absolute path on both sides, or with a volume's name as SOURCE; or use --mount"
    ),
    says!(
        ConfigInvalid,
        r"unable to configure the Docker daemon with file (?P<p>[^\s:]+)|failed to (?:load|parse|validate) (?:the )?(?:daemon )?config(?:uration)?(?: file)? (?P<q>/[^\s:]+)",
        "the engine does not understand its configuration[ {p}]",
        "mend what the message names: dockerd --validate tells whether it is right; an option may stand in the file or on the \
         engine's command line, not on both (hosts: a systemd unit with -H)"
    ),
    // Compose.
    says!(
        ConfigInvalid,
        r#"(?P<p>services\.[^\s:]+ (?:additional propert\w+|must be|contains|is required)[^\n]*|[Aa]dditional propert(?:y|ies) [^\n]*(?:is|are)? ?not allowed|service "[^"\n]+" (?:has neither an image nor|depends on undefined|refers to undefined|can't be used with)[^\n]*|dependency cycle detected[^\n]*|[^\n:]*: invalid compose project|[Uu]nsupported config option for [^\n]+|top-level object must be a mapping|empty compose file)"#,
        "the compose file is not understood: {p}",
        "docker compose config checks it; see the name's spelling, its indentation, and what the file's services are called"
    ),
    says!(
        ConfigMissing,
        r"(?m)(?:^|: )no such service: (?P<p>[^\n]+)|required variable (?P<q>\w+) is missing a value|external volume (?P<r>\S+) not found|stat (?P<s>\S*compose\S*\.ya?ml): no such file|secret file (?P<t>\S+) does not exist",
        "what the command or the compose file names is not there[: {p}]",
        "see the name's spelling, and the folder in which docker compose is run; a variable is set in .env beside the compose file or \
         in the shell; an external volume is made by docker volume create"
    ),
    // Dockerfiles.
    says!(
        ConfigInvalid,
        r"(?i)dockerfile parse error[^\n]*?(?:line \d+)?: (?P<p>[^\n]+)|(?P<q>unknown instruction: [^\n]+)|(?P<r>invalid from flag value [^\s:]+)|(?P<s>the Dockerfile cannot be empty|file with no instructions)",
        "the Dockerfile is not understood: {p}",
        "mend the line; a continued line ends in a backslash; scratchdbg check Dockerfile says more"
    ),
    says!(
        OperationNotPermitted,
        r"granting entitlement (?P<p>\S+) is not allowed",
        "the builder may not give the build that right: {p}",
        "start the builder with it: docker buildx create --buildkitd-flags '--allow-insecure-entitlement …', and build with --allow"
    ),
    // Kubernetes.
    says!(
        NameInUse,
        r#"Error from server \(AlreadyExists\): (?P<p>[\w.]+ "[^"\n]+")|cannot re-use a name that is still in use"#,
        "the name[ {p}] is taken",
        "remove the other, choose another name, or change what is there: kubectl apply, helm upgrade"
    ),
    says!(
        LoginRefused,
        r"You must be logged in to the server",
        "the cluster refuses the login: no credentials, or ones that have expired",
        "log in again (the cloud's command line, kubectl config view), and see the context: kubectl config current-context"
    ),
    says!(
        ConfigMissing,
        r#"(?P<p>(?:serviceaccount|storageclass\.storage\.k8s\.io|priorityclass[\w.]*|ingressclass[\w.]*) "[^"\n]+") not found"#,
        "what the pod or volume names is not in the cluster: {p}",
        "make it, or name one that is there: kubectl get KIND"
    ),
    says!(
        MountFailed,
        r#"cannot find volume "(?P<p>[^"\n]+)" to mount|path "(?P<q>[^"\n]+)" is mounted on "[^"\n]+" but it is not a shared mount"#,
        "a volume cannot be mounted: {p}",
        "see that the pod has a volume of that name; where the mount is to be shared: mount --make-rshared on the node"
    ),
    says!(
        ConfigInvalid,
        r#"error (?:validating|parsing) "?(?P<p>[^\s":]+\.ya?ml|[^\s":]+\.json)"?: |(?m:^|error: )The (?P<q>\w+ "[^"\n]+" is invalid): |strict decoding error: (?P<r>[^\n]+)|error converting YAML to JSON"#,
        "the manifest is not understood[: {p}]",
        "mend the field that the message names: kubectl explain KIND.spec lists them, kubectl apply --dry-run=server checks it"
    ),
    says!(
        ApiVersion,
        r#"no matches for kind "(?P<p>[^"\n]+)" in version "[^"\n]+"|the server could not find the requested resource|doesn't have a resource type "(?P<q>[^"\n]+)""#,
        "the cluster does not know that kind of object, or not in that version[: {p}]",
        "kubectl api-resources lists what it knows: name a version that it has, or install the missing custom resource definition"
    ),
    says!(
        Removed,
        r#"Error from server \(NotFound\): (?P<p>[\w.]+ "[^"\n]+") not found|(?m:(?:^|: ))[Nn]o such volume:? ?(?P<q>[\w.-]+)?|Unit (?P<r>\S+) could not be found|removal of container (?P<s>\S+) is already in progress"#,
        "{p} does not exist, or not any more",
        "see what there is: docker ps -a, docker volume ls, kubectl get; in Kubernetes also the namespace (-n)"
    ),
    says!(
        NeverStarted,
        r"Pod was rejected: (?P<p>[^\n]+)|Node didn't have enough resource: (?P<q>[^\n]+)|Preempted in order to admit critical pod|(?P<r>\bOutOf(?:cpu|memory|pods)\b)",
        "the node does not take the pod[: {p}]",
        "ask for less cpu or memory, or add a node: kubectl describe node says what is taken"
    ),
    says!(
        StartFailed,
        r"volume is in use(?: - \[(?P<p>\w+))?|network[^\n]* has active endpoints|image is (?:being )?(?:used|referenced)[^\n]*(?:container|repositories)",
        "it cannot be removed: a container uses it[: {p}]",
        "remove or disconnect that container first: docker ps -a --filter volume=NAME, --filter network=NAME, --filter ancestor=IMAGE"
    ),
    says!(
        EngineUnreachable,
        r"unable to connect to buildkit|failed to start daemon, ensure docker is not running or delete (?P<p>\S+\.pid)|(?P<q>CRI v1 (?:runtime|image) API is not implemented for endpoint \S+)|no (?:builder|context) (?P<r>\S+) found",
        "no engine answers, or another one holds its place[: {p}]",
        "see whether it runs (systemctl status docker containerd) and where it is looked for: docker context ls, docker buildx ls; of \
         containerd that its configuration does not disable the cri plugin"
    ),
    says!(
        ImagePullFailed,
        r"(?P<p>unsupported manifest media type[^\n]*|Docker Image Format v1[^\n]*disabled by default|media type [^\n]*is no longer supported[^\n]*|unsupported compression[^\n]*|download failed after attempts=\d+: (?:EOF|unexpected EOF|net/http[^\n]*|connection reset[^\n]*)|unknown blob|error pulling image configuration: [^\n]*(?:EOF|reset))",
        "the registry or what it sent is of no use to this engine: {p}",
        "pull again; bring an old engine up to date, or have an old image pushed anew; a proxy on the way breaks downloads too"
    ),
    says!(
        RegistryDenied,
        r"login attempt to \S+ failed with status: 40[13]|[Yy]our authorization token has expired|denied: (?:installation not allowed|permission_denied|Unauthenticated request|[Yy]our )",
        "the registry refuses: not logged in, or without the right to that repository",
        "docker login HOST with a user or token that may; see the repository's name, and ~/.docker/config.json"
    ),
];
