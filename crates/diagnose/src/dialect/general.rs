//! Messages that name a state and no cause. Reported only if nothing else in a message is
//! recognized.

use regex::Captures;

use super::{Meaning, Wording, exits, named, says};
use crate::code::Code;

/// A command of a build, with the usual meaning of its exit code.
fn step_of_a_build(captures: &Captures<'_>) -> Meaning {
    let command = named(captures, "p").or_else(|| named(captures, "q")).unwrap_or_default();
    let exit_code = named(captures, "n")
        .or_else(|| named(captures, "m"))
        .and_then(|code| code.parse().ok())
        .unwrap_or(1);
    let mut explanation = exits::of_exit_code(exit_code);
    explanation.message = format!("a step of the build failed, {command}: {}", explanation.message);
    explanation.fix = "what it said stands above in the build's output (docker build --progress plain); it runs in the image so far, without \
                what a later step adds";
    Meaning::Explanation(explanation)
}

pub(super) const WORDINGS: &[Wording] = &[
    // Messages of programs and libraries about their input.
    says!(
        ConfigInvalid,
        r"(?m)^(?:\S+: )?error: (?:unexpected argument '(?P<p>[^'\n]+)' found|unrecognized arguments?: (?P<q>[^\n]+)|unrecognized (?:option|subcommand) '?(?P<r>[^'\n]+)'?|the following (?:required )?arguments (?:were not provided|are required):? ?(?P<s>[^\n]*)|invalid value '(?P<t>[^'\n]*)' for)",
        "the program does not know what it is given on its command line, or misses something there[: {p}]",
        "see the option's spelling and whether this version of the program (the image's tag) knows it: its --help; CMD and the command line \
         of docker run are added to ENTRYPOINT"
    ),
    says!(
        guess ConfigMissing,
        r#"(?i)FATAL:\s+database "(?P<p>[^"\n]+)" does not exist|Unknown database '(?P<q>[^'\n]+)'|database (?P<r>"[^"\n]+") not found"#,
        "the database server has no database {p}",
        "make it (createdb, CREATE DATABASE), or name the one that is there; POSTGRES_DB and MYSQL_DATABASE count at the first start of an \
         empty volume alone"
    ),
    says!(
        guess FileLimit,
        r"(?i)FATAL:\s+sorry, too many clients already|remaining connection slots are reserved|\bToo many connections\b|max number of clients reached|too many connections for role",
        "the server has as many connections as it takes",
        "see who holds them and closes none (pools that are too large, programs that crash and come again); raise max_connections, or put a \
         pool before it"
    ),
    says!(
        guess ConfigMissing,
        r#"(?i)\bENOENT: no such file or directory, (?:open|scandir|access|l?stat) '(?P<p>/[^'\n]+)'|\bFileNotFoundError: [^\n]*No such file or directory: '(?P<q>[^'\n]*[/.][^'\n]*)'|\bFileNotFoundException: (?P<r>/\S+) \(No such file|\b(?:open|read|stat|lstat) (?P<s>/[^\s:]+): no such file or directory|(?:cannot|could not|failed to|unable to) (?:open|read|load|find|stat)[^\n]*?[\s'"`](?P<t>/[^\s:'"`]+\.\w+)['"`]?:? [^\n]*no such file or directory"#,
        "the program needs the file {p}, which is not there",
        "see that it is in the image, or mounted at that path (scratchdbg attach NAME -- ls -la); a path on the host does not count"
    ),
    says!(
        guess LibraryTooOld,
        r"error:0308010C:digital envelope routines::unsupported|ERR_OSSL_EVP_UNSUPPORTED",
        "the image's OpenSSL 3 refuses an algorithm that the program's libraries ask for: they are made for an older Node.js",
        "bring the build tools up to date (webpack 5.61 or later), or set NODE_OPTIONS=--openssl-legacy-provider"
    ),
    says!(
        guess DataInUse,
        r"A server is already running\.? (?:\()?[^\n]*?(?P<p>/\S+\.pid)|(?:pid|PID) file (?P<q>/\S+) (?:already )?exists",
        "a file of an earlier run says that the program runs already: {p}",
        "remove it before the start (rm -f), and keep it out of volumes: a container that was killed leaves it behind"
    ),
    says!(
        guess NotAnExecutable,
        r"Invalid or corrupt jarfile (?P<p>\S+)",
        "{p} is no jar, or is damaged",
        "see what the file is (unzip -l): an empty file, an HTML answer or a git-lfs pointer is left by a download that failed"
    ),
    says!(
        guess OutOfMemory,
        r"Failed to create CoreCLR, HRESULT: 0x8007000E",
        "the .NET runtime got no memory at its start",
        "raise the limit (--memory), or lower what it reserves: DOTNET_GCHeapHardLimit; a ulimit on virtual memory does the same"
    ),
    says!(
        guess NoSpace,
        r"MISCONF Redis is configured to save RDB snapshots",
        "Redis cannot write its snapshot to disk, and therefore takes no writes",
        "see its log for the reason: the disk of its volume is full (df -h), or the directory is not its user's; vm.overcommit_memory"
    ),
    says!(
        ArgumentTooLong,
        r"(?i)argument list too long|\bE2BIG\b",
        "the arguments and environment of a program are together longer than the kernel takes, or one alone is (128 KiB)",
        "put the values in a file, or give them in portions: find … -exec, xargs"
    ),
    says!(
        guess MountFailed,
        r"Are you trying to mount a directory onto a file",
        "a mount failed: a directory is mounted onto a file, or the other way round",
        "see that the source exists on the engine's host and is of the same kind as its target: a source that is missing is made \
         as a directory by -v"
    ),
    says!(
        ImagePullFailed,
        r"\b(?:ErrImagePull|ImagePullBackOff|ImageInspectError|RegistryUnavailable)\b|Back-off pulling image(?: (?P<p>\S+))?|\bFailed to pull image(?: (?P<q>\S+))?",
        "the node cannot pull the image[ {p}]",
        "kubectl describe pod tells why in its events: a name or tag that does not exist, a private registry without \
         imagePullSecrets, a rate limit, or no way to the registry"
    ),
    says!(
        ImagePullFailed,
        r"(?i)error processing tar file\((?P<p>[^\n]+)|(?P<q>archive/tar: [^\n]+)|\bApplyLayer\b[^\n]*?(?:stderr: |: )(?P<r>[^\n]+)|failed to (?:extract|unpack|apply) (?:layer|image)[^\n]*: (?P<s>[^:\n]+)$",
        "an archive of an image or layer could not be unpacked[: {p}]",
        "pull, build or save it again; where that does not help, see the disk (df -h) and that the engine is not too old for it"
    ),
    Wording {
        pattern: r#"The command '(?P<p>[^\n]+)' returned a non-zero code: (?P<n>\d+)|process "(?P<q>[^\n]+)" did not complete successfully: exit code: (?P<m>\d+)"#,
        meaning: step_of_a_build,
    },
    says!(
        ImagePullFailed,
        r"failed to register layer: (?P<p>[^\n]+)",
        "a layer of the image could not be unpacked[: {p}]",
        "pull it again; where that does not help, see the disk (df -h) and that the engine is not too old for the image's compression"
    ),
    says!(
        guess NeverStarted,
        r"\b(?:CreateContainerError|RunContainerError|ContainerCannotRun|CreatePodSandboxError|PostStartHookError|PreCreateHookError)\b",
        "the kubelet could not create or start the container",
        "kubectl describe pod has the runtime's words in its events: give them to scratchdbg why --message"
    ),
    says!(
        guess ConnectionTimedOut,
        r"(?i)context deadline exceeded|\bdeadline exceeded\b|DEADLINE_EXCEEDED",
        "something did not answer in the time that was given to it",
        "what stands before it in the message says what was waited for; see whether that is up and reachable, or give it more time"
    ),
    says!(
        RunningUnhealthy,
        r"\((?:health: )?unhealthy\)|\bunhealthy\b",
        "the container runs and its health check fails",
        "see what the check says: scratchdbg why NAME"
    ),
    // The name of a signal, from a shell or Go's os/exec.
    says!(
        guess KilledFromOutside,
        r"(?m)^(?:\S+\s+\|\s+)?Killed$|^[^\n]*: line \d+:\s+\d+ Killed\b|signal: killed|(?im:^SIGKILL$|\bSIGKILL (?:received|caught)|\b(?:received|got|caught|sent|by|with|signal:?)\b[^\n]{0,20}\bSIGKILL\b)|killed by signal 9\b|signal 9\b",
        "the process got SIGKILL: nearly always the kernel's memory killer, else docker kill, or a stop whose grace period ended",
        "see which: docker inspect --format '{{.State.OOMKilled}}', dmesg; raise --memory; scratchdbg why CONTAINER tells them apart"
    ),
    says!(
        guess Stopped,
        r"(?m)^(?:\S+\s+\|\s+)?Terminated$|signal: terminated|(?im:^SIGTERM$|\bSIGTERM (?:received|caught)|\b(?:received|got|caught|sent|by|with|signal:?)\b[^\n]{0,20}\bSIGTERM\b)|killed by signal 15\b",
        "the process got SIGTERM, which is how one is asked to stop",
        "nothing, where a stop was meant; else see who asked: docker events"
    ),
    says!(
        guess WrongArchitecture,
        r"(?i)exec format error",
        "the kernel does not know the program's format: it is built for another architecture, or is no program (an empty file, a script without a #! line)",
        "`scratchdbg check` on the image or the binary says which; build for the host's platform, such as linux/amd64"
    ),
    says!(
        guess OperationNotPermitted,
        r"(?i)\bseccomp\b[^\n]*(?:error|fail|not |unable|denied)|(?:error|fail\w*|unable)[^\n]*\bseccomp\b",
        "the runtime could not set up the container's seccomp filter, or the filter forbids a call",
        "update runc and libseccomp (old ones do not know new system calls), or try --security-opt seccomp=unconfined to see \
         whether it is the profile"
    ),
];
